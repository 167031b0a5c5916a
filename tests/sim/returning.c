#include "sim/returning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct address address_of(const struct world *world, const struct client *client, uint32_t generation)
{
    return (struct address){ .generation = generation & ADDRESS_GENERATION_MAX,
                             .slot = (uint32_t)(client - world->clients) & (ADDRESS_SLOTS - 1),
                             .thread = IO_THREAD };
}

bool returning_is(const struct world *world, const struct client *client)
{
    return world->node == NULL && ((client - world->clients) % 3 == 2 || world->seed % 4 == 1);
}

static struct address *open_at(struct client *client, uint32_t generation)
{
    return &client->open[generation % CONNECTIONS_KEPT];
}

static void say_gone(struct world *world, struct client *client, uint32_t generation, uint16_t code)
{
    struct address *actor = open_at(client, generation);
    world->sender = IO_THREAD;
    world_send(world, &(struct message){ .type = CONN_GONE,
                                         .to = *actor,
                                         .from = address_of(world, client, generation),
                                         .conn_close = { .code = code } });
    *actor = (struct address){ 0 };
}

static void open(struct world *world, struct client *client, unsigned thread, const struct resume_ask *ask)
{
    world->sender = IO_THREAD;
    client->generation++;
    client->credits = CREDITS;
    client->is_cut = false;
    client->is_connecting = true;
    struct message opened = { .type = CONN_OPENED,
                              .to = address_of_thread(thread),
                              .from = address_of(world, client, client->generation),
                              .payload = payload_copy(ask, sizeof *ask) };
    world_send(world, &opened);
}

void returning_connects(struct world *world, struct client *client)
{
    open(world, client, FIRST_SESSION_THREAD + (unsigned)world_pick(world, SESSION_THREADS), &(struct resume_ask){ .is_back = false });
}

static void come_back(struct world *world, struct client *client)
{
    /* As good as the connection before has brought it, if it has. */
    struct resume_ask ask = { .token = client->token, .seq = client->seq, .is_back = true };
    open(world, client, client->token.actor.thread, &ask);
}

static void say(struct world *world, struct client *client, const char *json)
{
    world->sender = IO_THREAD;
    client->credits--;
    world_send(world, &(struct message){ .type = CLIENT_TEXT,
                                         .to = client->actor,
                                         .from = address_of(world, client, client->generation),
                                         .payload = payload_copy(json, strlen(json)) });
}

static void acknowledge(struct world *world, struct client *client)
{
    char json[TEXT_MAX];
    snprintf(json, sizeof json, "{\"type\":\"ack\",\"ack\":%u%s}", client->seq, world_pick(world, 4) == 0 ? ",\"echo\":true" : "");
    client->has_acknowledged = client->seq;
    client->owes_ack = false;
    say(world, client, json);
}

bool returning_acts(struct world *world, struct client *client)
{
    const bool has_session = client->token.actor.generation != 0;
    if (client->is_cut) {
        if (world_pick(world, 3) > 0)
            come_back(world, client);
        return true;
    }
    if (has_session && world_pick(world, 25) == 0) {
        /* The server may not know for long; or the client has not heard that it was let in. */
        if (!address_is_nobody(*open_at(client, client->generation)) && world_pick(world, 3) > 0)
            say_gone(world, client, client->generation, (uint16_t)(world_pick(world, 2) == 0 ? 0 : 3001));
        client->is_cut = true;
        client->is_connecting = false;
        world->cuts++;
        return true;
    }
    if (client->is_connecting || client->barrier != 0)
        return true;
    if (client->owes_ack) {
        if (client->credits > 0)
            acknowledge(world, client);
        return true;
    }
    if (client->credits > 0 && client->has_acknowledged != client->seq && world_pick(world, 3) == 0) {
        acknowledge(world, client);
        return true;
    }
    return false;
}

void returning_writes(struct world *world, struct client *client, char json[TEXT_MAX], const char *message)
{
    const uint32_t n = ++client->n;
    if (client->queued == QUEUE_MAX)
        world_fail(world, "a client writes without being acknowledged");
    struct queued *text = &client->queue[client->queued++];
    text->n = n;
    snprintf(text->match, sizeof text->match, "%s", client->match);
    if (world_pick(world, 2) == 0)
        client->has_acknowledged = client->seq;
    snprintf(text->json, sizeof text->json, "{\"type\":\"chat_message\",\"n\":%u,\"ack\":%u,\"data\":{\"message\":\"%s\"}}", n,
             client->has_acknowledged, message);
    snprintf(json, TEXT_MAX, "%s", text->json);
}

void returning_is_accepted(struct world *world, struct client *client, const struct message *accepted)
{
    if (!address_equals(*open_at(client, accepted->to.generation), (struct address){ 0 }))
        world_fail(world, "too many connections of one client are open");
    *open_at(client, accepted->to.generation) = accepted->from;
    if (accepted->to.generation != client->generation || client->is_cut || client->view == VIEW_GONE) {
        say_gone(world, client, accepted->to.generation, 0); /* it has ended meanwhile */
        return;
    }
    client->actor = accepted->from; /* it will not write before it has been told who it is */
}

void returning_is_closed(struct world *world, struct client *client, const struct message *close)
{
    const bool is_current = close->to.generation == client->generation && !client->is_cut && client->view != VIEW_GONE;
    if (is_current && !client->is_connecting)
        world_fail(world, "the connection that there is was closed");
    if (!address_is_nobody(*open_at(client, close->to.generation)))
        say_gone(world, client, close->to.generation, 0);
}

/* Everything that was not taken, of the chat that is on. */
static void say_again(struct world *world, struct client *client, const json_t *data)
{
    const char *match = json_string_value(json_object_get(data, "match_id"));
    const json_int_t taken = json_integer_value(json_object_get(data, "n"));
    if (taken > client->n)
        world_fail(world, "a text was taken that nobody wrote");
    for (size_t i = 0; i < client->queued; i++) {
        if (client->queue[i].n > taken && match != NULL && strcmp(match, client->queue[i].match) == 0) {
            say(world, client, client->queue[i].json);
            world->said_again++;
        }
    }
}

static void hear_resumed(struct world *world, struct client *client, const json_t *data)
{
    char json[TEXT_MAX];
    if (!token_read(&client->token, json_string_value(json_object_get(data, "token")), TOKEN_DIGITS))
        world_fail(world, "a token that is none");
    world->returned++;
    say_again(world, client, data);
    client->barrier = ++client->barriers;
    snprintf(json, sizeof json, "{\"type\":\"barrier%u\"}", client->barrier);
    say(world, client, json);
}

/* Another session: nothing of the one before counts. */
static void hear_established(struct world *world, struct client *client, const json_t *data)
{
    const json_t *resume = json_object_get(data, "resume");
    if (json_is_false(json_object_get(data, "resumed")))
        world->lost++;
    struct client fresh = { .view = VIEW_NEW,
                            .generation = client->generation,
                            .actor = client->actor,
                            .credits = client->credits,
                            .barriers = client->barriers,
                            .seq = client->seq };
    memcpy(fresh.open, client->open, sizeof fresh.open);
    memcpy(fresh.id, world->actors[client->actor.slot].user_id, sizeof fresh.id);
    payload_free(&client->blocked);
    *client = fresh;
    if (!token_read(&client->token, json_string_value(json_object_get(resume, "token")), TOKEN_DIGITS))
        world_fail(world, "a token that is none");
    if (client->token.actor.slot != client->actor.slot)
        world_fail(world, "a token of another actor");
}

static void hear_ack(struct world *world, struct client *client, const json_t *data)
{
    const json_int_t n = json_integer_value(json_object_get(data, "n"));
    if (n < client->acknowledged_n || n > client->n)
        world_fail(world, "an acknowledgement that makes no sense");
    client->acknowledged_n = (uint32_t)n;
    size_t done = 0;
    while (done < client->queued && client->queue[done].n <= n)
        done++;
    client->queued -= done;
    memmove(client->queue, client->queue + done, client->queued * sizeof client->queue[0]);
    world->acknowledged += (long)done;
}

static bool is_barrier(const json_t *data)
{
    const char *request = json_string_value(json_object_get(data, "request"));
    return request != NULL && strncmp(request, "barrier", 7) == 0;
}

bool returning_hears(struct world *world, struct client *client, const json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    const json_t *data = json_object_get(event, "data");
    const json_int_t seq = json_integer_value(json_object_get(event, "seq"));
    client->is_connecting = false;
    if (strcmp(type, "resumed") == 0) {
        if (seq != client->seq)
            world_fail(world, "resumed elsewhere");
        hear_resumed(world, client, data);
        return false;
    }
    if (strcmp(type, "connection_established") == 0)
        client->seq = 0;
    if (seq != client->seq + 1)
        world_fail(world, "an event was lost, doubled or overtaken");
    client->seq++;
    if (strcmp(type, "connection_established") == 0) {
        hear_established(world, client, data);
    } else if (strcmp(type, "ack") == 0) {
        hear_ack(world, client, data);
    } else if (strcmp(type, "partner_away") == 0 || strcmp(type, "partner_back") == 0) {
        const bool is_away = strcmp(type, "partner_away") == 0;
        if (client->view != VIEW_CHATTING || client->is_partner_away == is_away)
            world_fail(world, "a partner goes or comes back twice, or in no chat");
        client->is_partner_away = is_away;
    } else if (strcmp(type, "error") == 0 && is_barrier(data)) {
        if (strtoul(json_string_value(json_object_get(data, "request")) + 7, NULL, 10) == client->barrier) {
            client->barrier = 0;
            client->asked_count = 0;
        }
    } else {
        if (strcmp(type, "success_matched") == 0) {
            client->is_partner_away = false;
            client->owes_ack = client->is_unasked;
        }
        client->is_unasked |= json_is_true(json_object_get(data, "no_show"));
        if (strcmp(type, "partner_left_chat") == 0)
            client->queued = 0; /* nobody will get these */
        return true;
    }
    return false;
}

void returning_ends(struct world *world, struct client *client)
{
    for (uint32_t i = 0; i < CONNECTIONS_KEPT; i++) {
        const uint32_t generation = client->generation - i;
        if (i <= client->generation && !address_is_nobody(*open_at(client, generation)))
            say_gone(world, client, generation, 1000);
    }
}

void returning_notes_loss(struct world *world, uint64_t match)
{
    ledger_break(world->ledger, match);
}

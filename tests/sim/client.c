#include "sim/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sim/returning.h"
#include "wire/request.h"

enum { TOPICS = 4, DEVICES = 12 };

/* So long a request has to wait for a turn of its actor (session.c), unless it is a chat message that jansson has nothing to do with: a list makes it
 * one that is jansson's. */
enum { LONG_BYTES = 2100 };
static const char list[] = "{\"list\":[],";

/* What one side of the client's last match has said: its own, or the other's. */
static struct said *said_by(const struct client *client, unsigned side)
{
    return &client->chat->said[side];
}

static bool ends_chats(enum request_type type)
{
    return type == REQUEST_END_CHAT || type == REQUEST_NEXT || type == REQUEST_BLOCK || type == REQUEST_REPORT;
}

static void client_writes(struct world *world, struct client *client, enum request_type type, const char *json)
{
    client->credits--;
    if (client->view == VIEW_CHATTING && type == REQUEST_CHAT_MESSAGE && !said_by(client, client->side)->is_leaving)
        said_by(client, client->side)->written++;
    if (client->view == VIEW_CHATTING && ends_chats(type))
        said_by(client, client->side)->is_leaving = true;
    if (type != REQUEST_CHAT_MESSAGE && type != REQUEST_START_MATCHING && type != REQUEST_NEXT && type != REQUEST_TYPING) {
        if (client->asked_count == REQUESTS_MAX)
            world_fail(world, "a client has more requests open than credits");
        client->asked[client->asked_count++] = type;
    }
    world->sender = IO_THREAD;
    struct address self = { .generation = client->generation,
                            .slot = (uint32_t)(client - world->clients) & (ADDRESS_SLOTS - 1),
                            .thread = IO_THREAD };
    const bool is_long = world_pick(world, 4) == 0;
    struct payload *text = payload_copy(is_long ? list : "{", is_long ? sizeof list - 1 : 1);
    payload_append(&text, json + 1, strlen(json) - 1);
    if (is_long) {
        char spaces[LONG_BYTES];
        memset(spaces, ' ', sizeof spaces);
        payload_append(&text, spaces, sizeof spaces);
    }
    world_send(world, &(struct message){ .type = CLIENT_TEXT, .to = client->actor, .from = self, .payload = text });
}

void client_acts(struct world *world, struct client *client)
{
    char json[256], message[64], id[USER_ID_TEXT];
    unsigned long topics;
    struct address self = { .slot = (uint32_t)(client - world->clients) & (ADDRESS_SLOTS - 1), .thread = IO_THREAD };
    struct message opened;
    if (client->view != VIEW_GONE && returning_is(world, client) && returning_acts(world, client))
        return;
    switch (client->view) {
    case VIEW_GONE:
        world->sender = IO_THREAD;
        payload_free(&client->blocked);
        if (returning_is(world, client)) {
            client->view = VIEW_CONNECTING;
            client->token = (struct token){ 0 };
            returning_connects(world, client);
            return;
        }
        *client = (struct client){ .view = VIEW_CONNECTING, .generation = client->generation + 1, .credits = CREDITS };
        self.generation = client->generation;
        opened = (struct message){ .type = CONN_OPENED,
                                   .to = address_of_thread(FIRST_SESSION_THREAD + (unsigned)world_pick(world, SESSION_THREADS)),
                                   .from = self };
        opened.conn_opened.identity.device[0] = (uint8_t)world_pick(world, DEVICES); /* 0: not known */
        world_send(world, &opened);
        return;
    case VIEW_CONNECTING:
        return;
    case VIEW_NEW:
    case VIEW_IDLE:
    case VIEW_SEARCHING:
    case VIEW_CHATTING:
        break;
    }
    if (client->credits <= 0)
        return;
    self.generation = client->generation;
    const bool is_plain = (client - world->clients) % 2 == 0; /* half of them know only the protocol without its extensions */
    const bool writes_on = returning_is(world, client) && client->view == VIEW_CHATTING && world_pick(world, 3) > 0;
    switch (writes_on ? 8 : world_pick(world, is_plain ? 12 : 16)) {
    case 0:
    case 1:
        topics = world_pick(world, TOPICS);
        snprintf(json, sizeof json, "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"t%lu\",\"T%lu\"]}}", topics,
                 (topics + 1) % TOPICS);
        client_writes(world, client, REQUEST_SUBMIT_INTERESTS, json);
        break;
    case 2:
    case 3:
    case 4:
        client_writes(world, client, REQUEST_START_MATCHING, "{\"type\":\"start_matching\"}");
        break;
    case 5:
        client_writes(world, client, REQUEST_END_MATCHING, "{\"type\":\"end_matching\"}");
        break;
    case 6:
        client_writes(world, client, REQUEST_END_CHAT, "{\"type\":\"end_chat\"}");
        break;
    case 7:
        if (world_pick(world, 4) == 0 && returning_is(world, client)) {
            client->view = VIEW_GONE;
            returning_ends(world, client);
        } else if (world_pick(world, 4) == 0) {
            world->sender = IO_THREAD;
            world_send(world, &(struct message){ .type = CONN_GONE, .to = client->actor, .from = self });
            client->view = VIEW_GONE;
        }
        break;
    case 12:
        client->has_asked_next = true;
        if (world_pick(world, 2) == 0) {
            client_writes(world, client, REQUEST_NEXT, "{\"type\":\"next\"}");
            break;
        }
        client->takes_anyone = true;
        snprintf(json, sizeof json, "{\"type\":\"next\",\"data\":{\"fallback_after_ms\":%d}}", world_pick(world, 2) == 0 ? 0 : 5000);
        client_writes(world, client, REQUEST_NEXT, json);
        break;
    case 13:
        client->takes_anyone = true;
        snprintf(json, sizeof json, "{\"type\":\"start_matching\",\"data\":{\"fallback_after_ms\":%d}}", world_pick(world, 2) == 0 ? 0 : 5000);
        client_writes(world, client, REQUEST_START_MATCHING, json);
        break;
    case 14:
        client_writes(world, client, REQUEST_TYPING, "{\"type\":\"typing\",\"data\":{\"active\":true}}");
        break;
    case 15:
        if (world_pick(world, 6) == 0)
            client_writes(world, client, REQUEST_BLOCK, "{\"type\":\"block\"}");
        else if (world_pick(world, 5) == 0)
            client_writes(world, client, REQUEST_REPORT, "{\"type\":\"report\",\"data\":{\"reason\":\"spam\"}}");
        break;
    default:
        if (returning_is(world, client) && (client->view != VIEW_CHATTING || said_by(client, client->side)->is_leaving))
            break; /* what it will say again is meant for one partner */
        user_id_print(id, client->id);
        snprintf(message, sizeof message, "%s %ld", id, ++client->written);
        if (returning_is(world, client))
            returning_writes(world, client, json, message);
        else
            snprintf(json, sizeof json, "{\"type\":\"chat_message\",\"data\":{\"message\":\"%s\"}}", message);
        client_writes(world, client, REQUEST_CHAT_MESSAGE, json);
        break;
    }
}

/* The oldest open request must be the one that is answered. */
static enum request_type take_asked(struct world *world, struct client *client)
{
    if (client->asked_count == 0)
        world_fail(world, "an answer without a request");
    enum request_type type = client->asked[0];
    client->asked_count--;
    memmove(client->asked, client->asked + 1, client->asked_count * sizeof client->asked[0]);
    return type;
}

static const char *text_of(const json_t *data, const char *member)
{
    const char *text = json_string_value(json_object_get(data, member));
    return text != NULL ? text : "";
}

static void client_hears_success(struct world *world, struct client *client)
{
    enum request_type asked = take_asked(world, client);
    if (asked == REQUEST_SUBMIT_INTERESTS && client->view == VIEW_NEW)
        client->view = VIEW_IDLE;
    if (asked == REQUEST_END_MATCHING) {
        if (client->view == VIEW_CHATTING)
            world_fail(world, "end_matching succeeded in a chat");
        client->view = client->view == VIEW_NEW ? VIEW_NEW : VIEW_IDLE;
    }
    if (asked == REQUEST_END_CHAT) {
        if (client->view != VIEW_CHATTING)
            world_fail(world, "end_chat succeeded outside of a chat");
        client->view = VIEW_IDLE;
    }
    if (asked == REQUEST_BLOCK || asked == REQUEST_REPORT) {
        if (client->view == VIEW_CHATTING)
            client->view = VIEW_IDLE;
        if (client->blocked == NULL)
            client->blocked = payload_new(USER_ID_BYTES);
        payload_append(&client->blocked, client->partner_id, USER_ID_BYTES);
        world->blocked++;
    }
}

static void client_hears_error(struct world *world, struct client *client, const json_t *data)
{
    const char *code = text_of(data, "code"), *request = text_of(data, "request");
    if (strcmp(request, "chat_message") == 0 || strcmp(request, "typing") == 0) {
        if (strcmp(code, "not_in_chat") != 0)
            world_fail(world, "a wrong error for what is relayed");
        return;
    }
    if (strcmp(request, "start_matching") == 0 || strcmp(request, "next") == 0) {
        if (strcmp(code, "matching_unavailable") == 0)
            client->view = VIEW_SEARCHING;
        if (strcmp(code, "server_busy") == 0)
            client->view = VIEW_IDLE;
        return;
    }
    enum request_type asked = take_asked(world, client);
    if (asked == REQUEST_END_MATCHING && (client->view != VIEW_CHATTING || strcmp(code, "already_chatting") != 0))
        world_fail(world, "end_matching was refused outside of a chat");
    if (ends_chats(asked) && client->is_unasked && strcmp(code, "not_in_chat") == 0)
        return; /* it was meant for the partner who had not come */
    if (asked == REQUEST_END_CHAT && (client->view == VIEW_CHATTING || strcmp(code, "not_in_chat") != 0))
        world_fail(world, "end_chat was refused in a chat");
    if ((asked == REQUEST_BLOCK || asked == REQUEST_REPORT) && (client->view == VIEW_CHATTING || strcmp(code, "not_in_chat") != 0))
        world_fail(world, "nobody to block although there is a partner");
    if (asked == REQUEST_SUBMIT_INTERESTS)
        world_fail(world, "submit_interests was refused");
}

/* Whom a store has paired the client with. */
static void set_partner(struct world *world, struct client *client)
{
    client->chat = ledger_find(world->ledger, strtoull(client->match, NULL, 16), client->id, &client->side);
    if (client->chat == NULL)
        world_fail(world, "a match that no store knows of");
    memcpy(client->partner_id, client->chat->ids[1 - client->side], USER_ID_BYTES);
    for (size_t at = 0; client->blocked != NULL && at < client->blocked->length; at += USER_ID_BYTES) {
        if (memcmp(client->blocked->bytes + at, client->partner_id, USER_ID_BYTES) == 0)
            world_fail(world, "a match with somebody whom the client has blocked");
    }
}

static void client_hears_match(struct world *world, struct client *client, const json_t *data)
{
    if ((client->view == VIEW_CHATTING && !client->has_asked_next) || client->view == VIEW_NEW)
        world_fail(world, "a match for a client that is in a chat or has no interests");
    bool is_stranger = json_array_size(json_object_get(data, "common_interests")) == 0;
    if (is_stranger && !client->takes_anyone)
        world_fail(world, "a match without a common interest");
    world->strangers += is_stranger;
    client->view = VIEW_CHATTING;
    client->heard = 0;
    if (strtoull(text_of(data, "match_id"), NULL, 16) <= strtoull(client->match, NULL, 16))
        world_fail(world, "the match ids of a user do not grow");
    snprintf(client->match, sizeof client->match, "%s", text_of(data, "match_id"));
    set_partner(world, client);
    /* What it wrote before it heard of the match may end it. */
    bool is_leaving = client->has_asked_next;
    for (size_t i = 0; i < client->asked_count; i++)
        is_leaving |= ends_chats(client->asked[i]);
    said_by(client, client->side)->is_leaving = is_leaving;
    world->matched++;
}

static void client_hears_chat(struct world *world, struct client *client, const json_t *data)
{
    char writer[USER_ID_TEXT], partner[USER_ID_TEXT];
    long number = 0;
    if (client->view != VIEW_CHATTING || sscanf(text_of(data, "message"), "%32s %ld", writer, &number) != 2)
        world_fail(world, "a message outside of a chat");
    user_id_print(partner, client->partner_id);
    if (strcmp(writer, partner) != 0)
        world_fail(world, "a message of somebody else than the partner");
    if (client->heard != 0 && number != client->heard + 1)
        world_fail(world, "a message was lost, doubled or overtaken");
    client->heard = number;
    said_by(client, 1 - client->side)->heard++;
    world->relayed++;
}

void client_hears(struct world *world, struct client *client, const struct payload *event)
{
    json_t *root = json_loadb((const char *)event->bytes, event->length, JSON_REJECT_DUPLICATES, NULL);
    const char *type = text_of(root, "type");
    const json_t *data = json_object_get(root, "data");
    if (root == NULL || strlen(text_of(root, "timestamp")) != 24)
        world_fail(world, "an event that is not an envelope");
    if (returning_is(world, client) && root != NULL && !returning_hears(world, client, root)) {
        json_decref(root);
        return;
    }
    if (strcmp(type, "success") == 0) {
        client_hears_success(world, client);
    } else if (strcmp(type, "error") == 0) {
        client_hears_error(world, client, data);
    } else if (strcmp(type, "success_matched") == 0) {
        client_hears_match(world, client, data);
    } else if (strcmp(type, "chat_message") == 0) {
        client_hears_chat(world, client, data);
    } else if (strcmp(type, "partner_left_chat") == 0) {
        if (client->view != VIEW_CHATTING || strcmp(client->match, text_of(data, "match_id")) != 0)
            world_fail(world, "the partner left a chat that the client is not in");
        said_by(client, 1 - client->side)->is_over = true;
        client->view = VIEW_IDLE;
    } else if (strcmp(type, "no_match") == 0) {
        if ((client->view == VIEW_CHATTING && !client->has_asked_next) || client->view == VIEW_NEW)
            world_fail(world, "no_match in a chat or without interests");
        client->view = VIEW_SEARCHING;
    } else if (strcmp(type, "typing") == 0) {
        if (client->view != VIEW_CHATTING || !json_is_true(json_object_get(data, "active")))
            world_fail(world, "somebody types outside of a chat");
        world->typed++;
    } else if (strcmp(type, "connection_established") != 0) {
        world_fail(world, "an event of an unknown type");
    }
    json_decref(root);
}

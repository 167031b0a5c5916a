/* sim.c: session and matcher actors under a seeded scheduler, with a fake store and simulated clients.
 *
 * Every queue between two threads, the store and each client may go next, in an order that only the seed decides; Redis goes
 * away and comes back at random. Clients check each event against what they asked and what their partners wrote. From time to time
 * everything is run until nothing moves, and then both sides of every chat, all credits and the store must agree.
 *
 *   sim [--seeds N] [--first S] [--steps N]      a failing seed is printed; --first S --seeds 1 replays it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fake_store.h"
#include "session.h"

enum { CLIENTS = 10, SESSION_THREADS = 3, IO_THREAD = 1, FIRST_SESSION_THREAD = 2 };
enum { MATCHER_THREAD = FIRST_SESSION_THREAD + SESSION_THREADS, THREADS = MATCHER_THREAD + 1 };
enum { ACTORS = 256, CREDITS = 16, REQUESTS_MAX = 64, TOPICS = 4, DEVICES = 12, MATCHES_KEPT = 4096 };

/* So much time passes in a step at most. */
enum { STEP_MS_MAX = 300 };

enum view { VIEW_GONE, VIEW_CONNECTING, VIEW_NEW, VIEW_IDLE, VIEW_SEARCHING, VIEW_CHATTING };

struct client {
    enum view view;        /* what the client may believe from the events it has seen */
    uint32_t generation;   /* of its connection */
    struct address actor;
    int credits;
    char match[MATCH_ID_TEXT];
    long written;          /* number of the last message, over all chats */
    long heard;            /* number of the partner's last message in this chat; 0: none yet */
    enum request_type asked[REQUESTS_MAX]; /* requests that await a direct answer, oldest first */
    size_t asked_count;
    bool has_asked_next;   /* its chats may end unannounced */
    bool takes_anyone;     /* it has said so in this connection */
    uint8_t partner_id[USER_ID_BYTES]; /* of the last match that it has heard of */
    struct payload *blocked;           /* ids, as far as it was told that the block holds */
};

/* session.h's: what an actor wants to be reminded of. */
struct reminder {
    struct address actor;
};

/* Over all seeds. */
struct totals {
    long relayed, matched, blocked, banned, typed, strangers;
};

struct sim {
    uint64_t random;
    uint64_t seed;
    long step;
    struct backlog queues[THREADS][THREADS];
    struct session actors[ACTORS];
    uint32_t actor_generation[ACTORS];
    bool actor_is_alive[ACTORS];
    unsigned sender; /* the thread whose turn it is */
    struct session_host hosts[SESSION_THREADS];
    struct metrics metrics;
    struct matcher matcher;
    struct fake_store store;
    struct client clients[CLIENTS];
    long relayed, matched, blocked, banned, typed, strangers;
    long reminders;
    uint8_t pairs[MATCHES_KEPT][2][USER_ID_BYTES]; /* by match: who the store has paired */
};

/* Payloads are counted: linked instead of actors/payload.c. */
static long payloads;

struct payload *payload_new(size_t capacity)
{
    struct payload *payload = malloc(sizeof *payload + capacity);
    if (payload == NULL)
        abort();
    *payload = (struct payload){ .capacity = (uint32_t)capacity };
    payloads++;
    return payload;
}

struct payload *payload_copy(const void *bytes, size_t length)
{
    struct payload *payload = payload_new(length);
    memcpy(payload->bytes, bytes, length);
    payload->length = (uint32_t)length;
    return payload;
}

void payload_free(struct payload **payload)
{
    if (*payload != NULL)
        payloads--;
    free(*payload);
    *payload = NULL;
}

static void fail(const struct sim *sim, const char *what)
{
    printf("sim: seed %llu, step %ld: %s\n", (unsigned long long)sim->seed, sim->step, what);
    exit(1);
}

static uint64_t pick(struct sim *sim, uint64_t below)
{
    /* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014 */
    uint64_t z = (sim->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

static void remind(void *self, struct reminder **reminder, struct address actor, uint32_t in_ms)
{
    struct sim *sim = self;
    (void)in_ms; /* chance decides when */
    if (*reminder == NULL) {
        sim->reminders++;
        *reminder = malloc(sizeof **reminder);
        if (*reminder == NULL)
            abort();
    }
    (*reminder)->actor = actor;
}

static void forget_reminder(void *self, struct reminder **reminder)
{
    struct sim *sim = self;
    sim->reminders -= *reminder != NULL;
    free(*reminder);
    *reminder = NULL;
}

static void send_message(void *self, const struct message *message)
{
    struct sim *sim = self;
    struct message sent = *message;
    if (address_is_nobody(sent.from))
        sent.from = address_of_thread(sim->sender);
    backlog_put(&sim->queues[sim->sender][sent.to.thread], &sent);
}

/* Clients: they write requests and judge events. */

static void client_writes(struct sim *sim, struct client *client, enum request_type type, const char *json)
{
    client->credits--;
    if (type != REQUEST_CHAT_MESSAGE && type != REQUEST_START_MATCHING && type != REQUEST_NEXT && type != REQUEST_TYPING) {
        if (client->asked_count == REQUESTS_MAX)
            fail(sim, "a client has more requests open than credits");
        client->asked[client->asked_count++] = type;
    }
    sim->sender = IO_THREAD;
    struct address self = { .generation = client->generation,
                            .slot = (uint32_t)(client - sim->clients) & 0xFFFFFFu,
                            .thread = IO_THREAD };
    send_message(sim, &(struct message){ .type = CLIENT_TEXT,
                                         .to = client->actor,
                                         .from = self,
                                         .payload = payload_copy(json, strlen(json)) });
}

static void client_acts(struct sim *sim, struct client *client)
{
    char json[256];
    unsigned long topics;
    struct address self = { .slot = (uint32_t)(client - sim->clients) & 0xFFFFFFu, .thread = IO_THREAD };
    struct message opened;
    switch (client->view) {
    case VIEW_GONE:
        sim->sender = IO_THREAD;
        payload_free(&client->blocked);
        *client = (struct client){ .view = VIEW_CONNECTING, .generation = client->generation + 1, .credits = CREDITS };
        self.generation = client->generation;
        opened = (struct message){ .type = CONN_OPENED,
                                   .to = address_of_thread(FIRST_SESSION_THREAD + (unsigned)pick(sim, SESSION_THREADS)),
                                   .from = self };
        opened.conn_opened.identity.device[0] = (uint8_t)pick(sim, DEVICES); /* 0: not known */
        send_message(sim, &opened);
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
    const bool is_plain = (client - sim->clients) % 2 == 0; /* half of them know only the protocol without its extensions */
    switch (pick(sim, is_plain ? 12 : 16)) {
    case 0:
    case 1:
        topics = pick(sim, TOPICS);
        snprintf(json, sizeof json, "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"t%lu\",\"T%lu\"]}}", topics,
                 (topics + 1) % TOPICS);
        client_writes(sim, client, REQUEST_SUBMIT_INTERESTS, json);
        break;
    case 2:
    case 3:
    case 4:
        client_writes(sim, client, REQUEST_START_MATCHING, "{\"type\":\"start_matching\"}");
        break;
    case 5:
        client_writes(sim, client, REQUEST_END_MATCHING, "{\"type\":\"end_matching\"}");
        break;
    case 6:
        client_writes(sim, client, REQUEST_END_CHAT, "{\"type\":\"end_chat\"}");
        break;
    case 7:
        if (pick(sim, 4) == 0) {
            sim->sender = IO_THREAD;
            send_message(sim, &(struct message){ .type = CONN_GONE, .to = client->actor, .from = self });
            client->view = VIEW_GONE;
        }
        break;
    case 12:
        client->has_asked_next = true;
        if (pick(sim, 2) == 0) {
            client_writes(sim, client, REQUEST_NEXT, "{\"type\":\"next\"}");
            break;
        }
        client->takes_anyone = true;
        snprintf(json, sizeof json, "{\"type\":\"next\",\"data\":{\"fallback_after_ms\":%d}}", pick(sim, 2) == 0 ? 0 : 5000);
        client_writes(sim, client, REQUEST_NEXT, json);
        break;
    case 13:
        client->takes_anyone = true;
        snprintf(json, sizeof json, "{\"type\":\"start_matching\",\"data\":{\"fallback_after_ms\":%d}}", pick(sim, 2) == 0 ? 0 : 5000);
        client_writes(sim, client, REQUEST_START_MATCHING, json);
        break;
    case 14:
        client_writes(sim, client, REQUEST_TYPING, "{\"type\":\"typing\",\"data\":{\"active\":true}}");
        break;
    case 15:
        if (pick(sim, 6) == 0)
            client_writes(sim, client, REQUEST_BLOCK, "{\"type\":\"block\"}");
        else if (pick(sim, 5) == 0)
            client_writes(sim, client, REQUEST_REPORT, "{\"type\":\"report\",\"data\":{\"reason\":\"spam\"}}");
        break;
    default:
        snprintf(json, sizeof json, "{\"type\":\"chat_message\",\"data\":{\"message\":\"%ld %lu %ld\"}}",
                 (long)(client - sim->clients), (unsigned long)client->generation, ++client->written);
        client_writes(sim, client, REQUEST_CHAT_MESSAGE, json);
        break;
    }
}

/* The oldest open request must be the one that is answered. */
static enum request_type take_asked(struct sim *sim, struct client *client)
{
    if (client->asked_count == 0)
        fail(sim, "an answer without a request");
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

static void client_hears_success(struct sim *sim, struct client *client)
{
    enum request_type asked = take_asked(sim, client);
    if (asked == REQUEST_SUBMIT_INTERESTS && client->view == VIEW_NEW)
        client->view = VIEW_IDLE;
    if (asked == REQUEST_END_MATCHING) {
        if (client->view == VIEW_CHATTING)
            fail(sim, "end_matching succeeded in a chat");
        client->view = client->view == VIEW_NEW ? VIEW_NEW : VIEW_IDLE;
    }
    if (asked == REQUEST_END_CHAT) {
        if (client->view != VIEW_CHATTING)
            fail(sim, "end_chat succeeded outside of a chat");
        client->view = VIEW_IDLE;
    }
    if (asked == REQUEST_BLOCK || asked == REQUEST_REPORT) {
        if (client->view == VIEW_CHATTING)
            client->view = VIEW_IDLE;
        if (client->blocked == NULL)
            client->blocked = payload_new(USER_ID_BYTES);
        payload_append(&client->blocked, client->partner_id, USER_ID_BYTES);
        sim->blocked++;
    }
}

static void client_hears_error(struct sim *sim, struct client *client, const json_t *data)
{
    const char *code = text_of(data, "code"), *request = text_of(data, "request");
    if (strcmp(request, "chat_message") == 0 || strcmp(request, "typing") == 0) {
        if (strcmp(code, "not_in_chat") != 0)
            fail(sim, "a wrong error for what is relayed");
        return;
    }
    if (strcmp(request, "start_matching") == 0 || strcmp(request, "next") == 0) {
        if (strcmp(code, "matching_unavailable") == 0)
            client->view = VIEW_SEARCHING;
        if (strcmp(code, "server_busy") == 0)
            client->view = VIEW_IDLE;
        return;
    }
    enum request_type asked = take_asked(sim, client);
    if (asked == REQUEST_END_MATCHING && (client->view != VIEW_CHATTING || strcmp(code, "already_chatting") != 0))
        fail(sim, "end_matching was refused outside of a chat");
    if (asked == REQUEST_END_CHAT && (client->view == VIEW_CHATTING || strcmp(code, "not_in_chat") != 0))
        fail(sim, "end_chat was refused in a chat");
    if ((asked == REQUEST_BLOCK || asked == REQUEST_REPORT) && (client->view == VIEW_CHATTING || strcmp(code, "not_in_chat") != 0))
        fail(sim, "nobody to block although there is a partner");
    if (asked == REQUEST_SUBMIT_INTERESTS)
        fail(sim, "submit_interests was refused");
}

/* Whom the store has paired the client with. */
static void set_partner(struct sim *sim, struct client *client)
{
    const uint8_t *own = sim->actors[client->actor.slot].user_id;
    uint8_t(*pair)[USER_ID_BYTES] = sim->pairs[strtoull(client->match, NULL, 16) % MATCHES_KEPT];
    bool is_first = memcmp(pair[0], own, USER_ID_BYTES) == 0;
    if (!is_first && memcmp(pair[1], own, USER_ID_BYTES) != 0)
        fail(sim, "a match that the store does not know of");
    memcpy(client->partner_id, pair[is_first ? 1 : 0], USER_ID_BYTES);
    for (size_t at = 0; client->blocked != NULL && at < client->blocked->length; at += USER_ID_BYTES) {
        if (memcmp(client->blocked->bytes + at, client->partner_id, USER_ID_BYTES) == 0)
            fail(sim, "a match with somebody whom the client has blocked");
    }
}

static void client_hears_match(struct sim *sim, struct client *client, const json_t *data)
{
    if ((client->view == VIEW_CHATTING && !client->has_asked_next) || client->view == VIEW_NEW)
        fail(sim, "a match for a client that is in a chat or has no interests");
    bool is_stranger = json_array_size(json_object_get(data, "common_interests")) == 0;
    if (is_stranger && !client->takes_anyone)
        fail(sim, "a match without a common interest");
    sim->strangers += is_stranger;
    client->view = VIEW_CHATTING;
    client->heard = 0;
    snprintf(client->match, sizeof client->match, "%s", text_of(data, "match_id"));
    set_partner(sim, client);
    sim->matched++;
}

static void client_hears_chat(struct sim *sim, struct client *client, const json_t *data)
{
    long writer = 0, number = 0;
    unsigned long generation = 0;
    if (client->view != VIEW_CHATTING ||
        sscanf(text_of(data, "message"), "%ld %lu %ld", &writer, &generation, &number) != 3)
        fail(sim, "a message outside of a chat");
    if (&sim->clients[writer] == client && generation == client->generation)
        fail(sim, "a client met itself");
    if (client->heard != 0 && number != client->heard + 1)
        fail(sim, "a message was lost, doubled or overtaken");
    client->heard = number;
    sim->relayed++;
}

static void client_hears(struct sim *sim, struct client *client, const struct payload *event)
{
    json_t *root = json_loadb((const char *)event->bytes, event->length, JSON_REJECT_DUPLICATES, NULL);
    const char *type = text_of(root, "type");
    const json_t *data = json_object_get(root, "data");
    if (root == NULL || strlen(text_of(root, "timestamp")) != 24)
        fail(sim, "an event that is not an envelope");
    if (strcmp(type, "success") == 0) {
        client_hears_success(sim, client);
    } else if (strcmp(type, "error") == 0) {
        client_hears_error(sim, client, data);
    } else if (strcmp(type, "success_matched") == 0) {
        client_hears_match(sim, client, data);
    } else if (strcmp(type, "chat_message") == 0) {
        client_hears_chat(sim, client, data);
    } else if (strcmp(type, "partner_left_chat") == 0) {
        if (client->view != VIEW_CHATTING || strcmp(client->match, text_of(data, "match_id")) != 0)
            fail(sim, "the partner left a chat that the client is not in");
        client->view = VIEW_IDLE;
    } else if (strcmp(type, "no_match") == 0) {
        if ((client->view == VIEW_CHATTING && !client->has_asked_next) || client->view == VIEW_NEW)
            fail(sim, "no_match in a chat or without interests");
        client->view = VIEW_SEARCHING;
    } else if (strcmp(type, "typing") == 0) {
        if (client->view != VIEW_CHATTING || !json_is_true(json_object_get(data, "active")))
            fail(sim, "somebody types outside of a chat");
        sim->typed++;
    } else if (strcmp(type, "connection_established") != 0) {
        fail(sim, "an event of an unknown type");
    }
    json_decref(root);
}

/* Threads: each takes one message. */

static void give_credits(struct sim *sim, struct address writer, uint32_t texts)
{
    struct client *client = &sim->clients[writer.slot];
    if (writer.generation == client->generation)
        client->credits += (int)texts;
    if (client->credits > CREDITS)
        fail(sim, "a credit was given back twice");
}

static void io_thread_takes(struct sim *sim, struct message *message)
{
    struct client *client = &sim->clients[message->to.slot];
    bool is_there = client->generation == message->to.generation && client->view != VIEW_GONE;
    switch ((enum message_type)message->type) {
    case CONN_ACCEPTED:
        client->actor = message->from;
        client->view = VIEW_NEW;
        break;
    case EVENT_TEXT:
        if (!address_is_nobody(message->event.writer))
            give_credits(sim, message->event.writer, 1);
        if (is_there)
            client_hears(sim, client, message->payload);
        break;
    case TEXT_DONE:
        give_credits(sim, message->to, message->credit.texts);
        break;
    case CONN_CLOSE: {
        if (message->conn_close.code != 4003)
            fail(sim, "a client without a fault is closed");
        if (is_there) {
            sim->banned++;
            client->view = VIEW_GONE;
            sim->sender = IO_THREAD;
            send_message(sim, &(struct message){ .type = CONN_GONE, .to = client->actor, .from = message->to });
        }
        break;
    }
    default:
        fail(sim, "a message that a client without a fault should not cause");
    }
    message_discard(message);
}

static void session_thread_takes(struct sim *sim, unsigned thread, struct message *message)
{
    struct session_host *host = &sim->hosts[thread - FIRST_SESSION_THREAD];
    if (message->type == CONN_OPENED) {
        uint32_t slot = 0;
        while (sim->actor_is_alive[slot])
            slot++;
        sim->actor_is_alive[slot] = true;
        uint8_t id[USER_ID_BYTES];
        for (size_t i = 0; i < sizeof id; i++)
            id[i] = (uint8_t)pick(sim, 256);
        struct address self = { .generation = ++sim->actor_generation[slot],
                                .slot = slot & 0xFFFFFFu,
                                .thread = (uint8_t)thread };
        session_init(&sim->actors[slot], host, self, message->from, &message->conn_opened.identity, id);
    } else if (message->type == RESYNC) {
        send_message(sim, &(struct message){ .type = RESYNCED,
                                             .to = address_of_thread(MATCHER_THREAD),
                                             .resync = { .epoch = message->resync.epoch } });
        for (uint32_t slot = 0; slot < ACTORS; slot++) {
            if (sim->actor_is_alive[slot] && sim->actors[slot].self.thread == thread)
                session_restate(&sim->actors[slot], host);
        }
    } else {
        uint32_t slot = message->to.slot;
        if (!sim->actor_is_alive[slot] || sim->actor_generation[slot] != message->to.generation) {
            session_on_undeliverable(host, message);
            return;
        }
        session_on_message(&sim->actors[slot], host, message);
        if (sim->actors[slot].state == SESSION_OVER) {
            session_fini(&sim->actors[slot], host);
            sim->actor_is_alive[slot] = false;
        }
    }
}

/* Deliver the oldest message of a queue that chance names. Returns false if that one is empty. */
static bool deliver(struct sim *sim, unsigned from, unsigned to)
{
    struct message message;
    if (!backlog_take(&sim->queues[from][to], &message))
        return false;
    sim->sender = to;
    if (to == IO_THREAD)
        io_thread_takes(sim, &message);
    else if (to == MATCHER_THREAD)
        matcher_on_message(&sim->matcher, &message);
    else
        session_thread_takes(sim, to, &message);
    return true;
}

/* If the call of this caller has made the match, remember who is in it. */
static void note_pair(struct sim *sim, uint64_t match, const uint8_t caller[USER_ID_BYTES])
{
    for (size_t i = 0; match != 0 && i < FAKE_USERS_MAX; i++) {
        const struct fake_user *user = &sim->store.users[i];
        if (user->is_there && user->match == match && user->partner != NULL && memcmp(user->id, caller, USER_ID_BYTES) == 0) {
            memcpy(sim->pairs[match % MATCHES_KEPT][0], user->id, USER_ID_BYTES);
            memcpy(sim->pairs[match % MATCHES_KEPT][1], user->partner->id, USER_ID_BYTES);
        }
    }
}

/* An actor that chance names has waited long enough. */
static void fire_reminder(struct sim *sim)
{
    struct session *actor = &sim->actors[pick(sim, 2 * CLIENTS)];
    if (actor->reminder == NULL || !sim->actor_is_alive[actor - sim->actors])
        return;
    struct session_host *host = &sim->hosts[actor->self.thread - FIRST_SESSION_THREAD];
    sim->sender = actor->self.thread;
    forget_reminder(sim, &actor->reminder);
    session_on_reminder(actor, host);
}

static bool step_store(struct sim *sim)
{
    if (fake_store_pending(&sim->store) == 0)
        return false;
    sim->sender = MATCHER_THREAD;
    const struct store_call *next = &sim->store.calls[sim->store.first_call % FAKE_CALLS_MAX];
    const uint64_t match = next->operation == STORE_START_MATCHING ? next->match : 0;
    uint8_t caller[USER_ID_BYTES];
    memcpy(caller, next->user_id, USER_ID_BYTES);
    fake_store_step(&sim->store);
    note_pair(sim, match, caller);
    return true;
}

static void toggle_store(struct sim *sim)
{
    sim->sender = MATCHER_THREAD;
    if (sim->store.is_up)
        fake_store_go_down(&sim->store, pick(sim, fake_store_pending(&sim->store) + 1));
    else
        fake_store_come_up(&sim->store);
}

static void run_until_quiet(struct sim *sim)
{
    bool is_moving = true;
    while (is_moving) {
        is_moving = false;
        for (unsigned from = 0; from < THREADS; from++) {
            for (unsigned to = 0; to < THREADS; to++)
                is_moving |= deliver(sim, from, to);
        }
        is_moving |= step_store(sim);
    }
}

/* Nothing moves and the store is up: everybody must agree. */
static void check_agreement(struct sim *sim)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct client *client = &sim->clients[i];
        if (client->view == VIEW_GONE)
            continue;
        const struct session *actor = &sim->actors[client->actor.slot];
        if (client->credits != CREDITS)
            fail(sim, "a credit was lost");
        if (client->asked_count != 0)
            fail(sim, "a request was never answered");
        if (actor->state == SESSION_CHATTING) {
            const struct session *partner = &sim->actors[actor->partner.slot];
            if (partner->state != SESSION_CHATTING || partner->match != actor->match || partner == actor ||
                !address_equals(partner->partner, actor->self))
                fail(sim, "the two sides of a chat disagree");
            if (client->view != VIEW_CHATTING)
                fail(sim, "a client does not know that it chats");
        }
        if (actor->is_starting || actor->is_cancelling || actor->early.first != NULL || actor->waiting_requests.first != NULL)
            fail(sim, "an actor still waits for something");
    }
    if (!fake_store_is_sound(&sim->store))
        fail(sim, "the store's pairs are not sound");
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        const struct fake_user *user = &sim->store.users[i];
        if (!user->is_there)
            continue;
        const struct session *actor = &sim->actors[user->actor.slot];
        if (!sim->actor_is_alive[user->actor.slot] || memcmp(actor->user_id, user->id, USER_ID_BYTES) != 0)
            fail(sim, "the store knows a user who is gone");
        if (user->is_waiting != (actor->state == SESSION_SEARCHING))
            fail(sim, "store and actor disagree about a search");
        if ((user->partner != NULL) != (actor->state == SESSION_CHATTING))
            fail(sim, "store and actor disagree about a chat");
    }
}

static void run(uint64_t seed, long steps, struct totals *total)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        abort();
    sim->seed = sim->random = seed;
    for (unsigned i = 0; i < SESSION_THREADS; i++) {
        sim->hosts[i] = (struct session_host){
            .self = sim, .send = send_message, .metrics = &sim->metrics, .matcher_thread = MATCHER_THREAD, .event_bytes_max = 131072,
            .remind = remind, .forget = forget_reminder
        };
        event_time_set(&sim->hosts[i].time, seed);
    }
    sim->store.matcher = &sim->matcher;
    matcher_init(&sim->matcher,
                 (struct matcher_host){ .self = sim,
                                        .send = send_message,
                                        .metrics = &sim->metrics,
                                        .first_session_thread = FIRST_SESSION_THREAD,
                                        .session_threads = SESSION_THREADS },
                 fake_store_interface(&sim->store), 12);

    for (sim->step = 0; sim->step < steps; sim->step++) {
        uint64_t choice = pick(sim, 100), passed_ms = pick(sim, STEP_MS_MAX);
        for (unsigned i = 0; i < SESSION_THREADS; i++)
            sim->hosts[i].now_ms += passed_ms;
        if (choice < 18)
            client_acts(sim, &sim->clients[pick(sim, CLIENTS)]);
        else if (choice < 30)
            step_store(sim);
        else if (choice == 30 && pick(sim, 8) == 0)
            toggle_store(sim);
        else if (choice < 34)
            fire_reminder(sim);
        else
            deliver(sim, (unsigned)pick(sim, THREADS), (unsigned)pick(sim, THREADS));
        if (pick(sim, 1500) == 0) {
            if (!sim->store.is_up)
                toggle_store(sim);
            run_until_quiet(sim);
            check_agreement(sim);
        }
    }

    /* Everybody leaves: nothing may remain. */
    if (!sim->store.is_up)
        toggle_store(sim);
    run_until_quiet(sim);
    check_agreement(sim);
    sim->sender = IO_THREAD;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (sim->clients[i].view != VIEW_GONE)
            send_message(sim, &(struct message){ .type = CONN_GONE, .to = sim->clients[i].actor });
        sim->clients[i].view = VIEW_GONE;
        payload_free(&sim->clients[i].blocked);
    }
    run_until_quiet(sim);
    if (fake_store_users(&sim->store) != 0)
        fail(sim, "the store knows users after everybody has left");
    if (sim->store.block_count != 0)
        fail(sim, "the store knows blocks after everybody has left");
    if (sim->reminders != 0)
        fail(sim, "a reminder has outlived its actor");
    if (payloads != 0)
        fail(sim, "payloads were lost or freed twice");
    for (enum metric gauge = METRIC_USERS; gauge <= METRIC_CHATTING; gauge++) {
        if (metrics_sum(&sim->metrics, 1, gauge) != 0)
            fail(sim, "a gauge is not 0 after everybody has left");
    }
    if (metrics_sum(&sim->metrics, 1, METRIC_SEARCHES_REPAIRED_TOTAL) != 0)
        fail(sim, "a search had to be repaired although nobody had tampered with the store");
    total->relayed += sim->relayed;
    total->matched += sim->matched;
    total->blocked += sim->blocked;
    total->banned += sim->banned;
    total->typed += sim->typed;
    total->strangers += sim->strangers;
    free(sim);
}

int main(int argc, char **argv)
{
    long seeds = 3000, first = 1, steps = 6000;
    struct totals total = { 0 };
    for (int i = 1; i + 1 < argc; i += 2) {
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = value;
        else if (strcmp(argv[i], "--first") == 0)
            first = value;
        else if (strcmp(argv[i], "--steps") == 0)
            steps = value;
    }
    for (long seed = first; seed < first + seeds; seed++)
        run((uint64_t)seed, steps, &total);
    printf("sim: %ld seeds of %ld steps, %ld matches (%ld without a common interest), %ld messages relayed, %ld blocks, %ld bans: sound\n",
           seeds, steps, total.matched / 2, total.strangers / 2, total.relayed, total.blocked, total.banned);
    /* A run in which something never happens proves nothing about it. */
    return total.matched > 0 && total.relayed > 0 && total.blocked > 0 && total.banned > 0 && total.typed > 0 && total.strangers > 0 ? 0 : 1;
}

#include "sim/threads.h"

#include <stdlib.h>
#include <string.h>

/* session.h's: what an actor wants to be reminded of. */
struct reminder {
    struct address actor;
};

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

static void forget(void *self, struct reminder **reminder)
{
    struct sim *sim = self;
    sim->reminders -= *reminder != NULL;
    free(*reminder);
    *reminder = NULL;
}

static void await_turn(void *self, struct address actor)
{
    struct sim *sim = self;
    backlog_put(&sim->turns[actor.thread - FIRST_SESSION_THREAD], &(struct message){ .to = actor });
}

void threads_send(void *self, const struct message *message)
{
    struct sim *sim = self;
    struct message sent = *message;
    if (address_is_nobody(sent.from))
        sent.from = address_of_thread(sim->sender);
    backlog_put(&sim->queues[sim->sender][sent.to.thread], &sent);
}

void threads_init(struct sim *sim)
{
    for (unsigned i = 0; i < SESSION_THREADS; i++) {
        sim->hosts[i] = (struct session_host){
            .self = sim, .send = threads_send, .metrics = &sim->metrics, .matcher_thread = MATCHER_THREAD, .event_bytes_max = 131072,
            .remind = remind, .forget = forget, .await_turn = await_turn
        };
        event_time_set(&sim->hosts[i].time, sim->seed);
    }
    sim->store.matcher = &sim->matcher;
    matcher_init(&sim->matcher,
                 (struct matcher_host){ .self = sim,
                                        .send = threads_send,
                                        .metrics = &sim->metrics,
                                        .first_session_thread = FIRST_SESSION_THREAD,
                                        .session_threads = SESSION_THREADS },
                 fake_store_interface(&sim->store), 12);
}

static void give_credits(struct sim *sim, struct address writer, uint32_t texts)
{
    struct client *client = &sim->clients[writer.slot];
    if (writer.generation == client->generation)
        client->credits += (int)texts;
    if (client->credits > CREDITS)
        sim_fail(sim, "a credit was given back twice");
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
            sim_fail(sim, "a client without a fault is closed");
        if (is_there) {
            sim->banned++;
            if (client->view == VIEW_CHATTING)
                sim->said[strtoull(client->match, NULL, 16) % MATCHES_KEPT][client->side].is_banned = true;
            client->view = VIEW_GONE;
            sim->sender = IO_THREAD;
            threads_send(sim, &(struct message){ .type = CONN_GONE, .to = client->actor, .from = message->to });
        }
        break;
    }
    default:
        sim_fail(sim, "a message that a client without a fault should not cause");
    }
    message_discard(message);
}

static struct session *find_actor(struct sim *sim, struct address address)
{
    bool is_alive = sim->actor_is_alive[address.slot] && sim->actor_generation[address.slot] == address.generation;
    return is_alive ? &sim->actors[address.slot] : NULL;
}

/* It has taken a message or a turn. */
static void after_actor(struct sim *sim, struct session_host *host, struct session *actor)
{
    if (actor->state != SESSION_OVER)
        return;
    session_fini(actor, host);
    sim->actor_is_alive[actor - sim->actors] = false;
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
            id[i] = (uint8_t)sim_pick(sim, 256);
        struct address self = { .generation = ++sim->actor_generation[slot],
                                .slot = slot & 0xFFFFFFu,
                                .thread = (uint8_t)thread };
        session_init(&sim->actors[slot], host, self, message->from, &message->conn_opened.identity, id);
    } else if (message->type == RESYNC) {
        threads_send(sim, &(struct message){ .type = RESYNCED,
                                             .to = address_of_thread(MATCHER_THREAD),
                                             .resync = { .epoch = message->resync.epoch } });
        for (uint32_t slot = 0; slot < ACTORS; slot++) {
            if (sim->actor_is_alive[slot] && sim->actors[slot].self.thread == thread)
                session_restate(&sim->actors[slot], host);
        }
    } else {
        struct session *actor = find_actor(sim, message->to);
        if (actor == NULL) {
            session_on_undeliverable(host, message);
            return;
        }
        session_on_message(actor, host, message);
        after_actor(sim, host, actor);
    }
}

bool threads_deliver(struct sim *sim, unsigned from, unsigned to)
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

void threads_fire_reminder(struct sim *sim)
{
    struct session *actor = &sim->actors[sim_pick(sim, 2 * CLIENTS)];
    if (actor->reminder == NULL || !sim->actor_is_alive[actor - sim->actors])
        return;
    struct session_host *host = &sim->hosts[actor->self.thread - FIRST_SESSION_THREAD];
    sim->sender = actor->self.thread;
    forget(sim, &actor->reminder);
    session_on_reminder(actor, host);
}

bool threads_give_turn(struct sim *sim, unsigned thread)
{
    struct message turn;
    if (!backlog_take(&sim->turns[thread - FIRST_SESSION_THREAD], &turn))
        return false;
    struct session *actor = find_actor(sim, turn.to);
    if (actor != NULL) {
        struct session_host *host = &sim->hosts[thread - FIRST_SESSION_THREAD];
        sim->sender = thread;
        sim->turns_taken++;
        host->parsed_bytes = 0;
        session_on_turn(actor, host);
        after_actor(sim, host, actor);
    }
    return true;
}

bool threads_step_store(struct sim *sim)
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

void threads_toggle_store(struct sim *sim)
{
    sim->sender = MATCHER_THREAD;
    if (sim->store.is_up)
        fake_store_go_down(&sim->store, sim_pick(sim, fake_store_pending(&sim->store) + 1));
    else
        fake_store_come_up(&sim->store);
}

void threads_run_until_quiet(struct sim *sim)
{
    bool is_moving = true;
    while (is_moving) {
        is_moving = false;
        for (unsigned from = 0; from < THREADS; from++) {
            for (unsigned to = 0; to < THREADS; to++)
                is_moving |= threads_deliver(sim, from, to);
        }
        for (unsigned thread = 0; thread < SESSION_THREADS; thread++)
            is_moving |= threads_give_turn(sim, FIRST_SESSION_THREAD + thread);
        is_moving |= threads_step_store(sim);
    }
}

#include "sim/threads.h"

#include <stdlib.h>
#include <string.h>

#include "actors/away.h"
#include "actors/blocklist.h"
#include "actors/relay.h"
#include "actors/relay_set.h"
#include "actors/restate.h"
#include "actors/session.h"
#include "sim/client.h"
#include "sim/returning.h"
#include "sim/trace.h"

/* session_state.h's: what an actor wants to be reminded of. */
struct reminder {
    struct address actor;
    uint64_t due_ms; /* by world.now_ms, where there is one */
};

/* A search is said again after so long, and not before; everything else that an actor is reminded of comes earlier. */
enum { AGAIN_MS = 8000 };

static void remind(void *self, struct reminder **reminder, struct address actor, uint32_t in_ms)
{
    struct world *world = self;
    if (*reminder == NULL) {
        world->reminders++;
        *reminder = malloc(sizeof **reminder);
        if (*reminder == NULL)
            abort();
    }
    (*reminder)->actor = actor;
    (*reminder)->due_ms = in_ms >= AGAIN_MS && world->says_nothing_again ? UINT64_MAX : world->now_ms + in_ms;
}

static void forget(void *self, struct reminder **reminder)
{
    struct world *world = self;
    world->reminders -= *reminder != NULL;
    free(*reminder);
    *reminder = NULL;
}

static void await_turn(void *self, struct address actor)
{
    struct world *world = self;
    backlog_put(&world->turns[actor.thread - FIRST_SESSION_THREAD], &(struct message){ .to = actor });
}

static void fill_random(void *self, void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)world_pick(self, 256);
}

void threads_init(struct world *world, struct store store, uint64_t first_match)
{
    for (unsigned i = 0; i < SESSION_THREADS; i++) {
        world->hosts[i] = (struct session_host){
            .self = world, .send = world_send, .metrics = &world->metrics, .matcher_thread = MATCHER_THREAD, .event_bytes_max = 131072,
            .remind = remind, .forget = forget, .await_turn = await_turn, .has_peers = world->node != NULL, .fill_random = fill_random,
            .resume_ms = RESUME_MS, .show_ms = SHOW_MS, .away_max = ACTORS
        };
        event_time_set(&world->hosts[i].time, world->seed);
    }
    matcher_init(&world->matcher,
                 (struct matcher_host){ .self = world,
                                        .send = world_send,
                                        .metrics = &world->metrics,
                                        .first_session_thread = FIRST_SESSION_THREAD,
                                        .session_threads = SESSION_THREADS,
                                        .first_match = first_match },
                 store, 12);
}

/* To the connection that the texts came from; or to the actor that keeps account of them. */
static void give_credits(struct world *world, struct address writer, uint32_t texts, bool is_awaited)
{
    if (writer.thread != IO_THREAD) {
        world->sender = IO_THREAD;
        world_send(world, &(struct message){ .type = TEXT_WRITTEN, .to = writer, .credit = { .texts = texts, .is_receipt = is_awaited } });
        return;
    }
    struct client *client = &world->clients[writer.slot];
    if (writer.generation == client->generation)
        client->credits += (int)texts;
    if (client->credits > CREDITS)
        world_fail(world, "a credit was given back twice");
}

static void io_thread_takes(struct world *world, struct message *message)
{
    struct client *client = &world->clients[message->to.slot];
    bool is_there = client->generation == message->to.generation && client->view != VIEW_GONE && !client->is_cut;
    switch ((enum message_type)message->type) {
    case CONN_ACCEPTED:
        if (returning_is(world, client)) {
            returning_is_accepted(world, client, message);
            break;
        }
        client->actor = message->from;
        memcpy(client->id, world->actors[message->from.slot].user_id, USER_ID_BYTES);
        client->view = VIEW_NEW;
        break;
    case EVENT_TEXT:
        if (!address_is_nobody(message->event.writer))
            give_credits(world, message->event.writer, message_texts(message), message->event.is_awaited);
        for (const struct payload *event = message->payload; is_there && event != NULL; event = event->next)
            client_hears(world, client, event);
        break;
    case TEXT_DONE:
        give_credits(world, message->to, message->credit.texts, false);
        break;
    case CONN_CLOSE: {
        const bool is_farewell = message->conn_close.code == 1012 && world->hosts[0].is_last_call;
        if (returning_is(world, client) && ((message->conn_close.code != 4003 && !is_farewell) || !is_there)) {
            returning_is_closed(world, client, message);
            break;
        }
        if (message->conn_close.code != 4003 && !is_farewell)
            world_fail(world, "a client without a fault is closed");
        if (is_there && is_farewell && client->view == VIEW_CHATTING && !client->has_asked_next)
            world_fail(world, "a chat was cut");
        if (is_there) {
            world->banned += !is_farewell;
            world->sent_away += is_farewell;
            if (client->view == VIEW_CHATTING)
                client->chat->said[client->side].is_banned = true;
            client->view = VIEW_GONE;
            if (returning_is(world, client)) {
                returning_ends(world, client);
                break;
            }
            world->sender = IO_THREAD;
            world_send(world, &(struct message){ .type = CONN_GONE, .to = client->actor, .from = message->to });
        }
        break;
    }
    default:
        world_fail(world, "a message that a client without a fault should not cause");
    }
    message_discard(message);
}

static struct session *find_actor(struct world *world, struct address address)
{
    bool is_alive = world->actor_is_alive[address.slot] && world->actor_generation[address.slot] == address.generation;
    return is_alive ? &world->actors[address.slot] : NULL;
}

/* It has taken a message or a turn. */
void threads_after_actor(struct world *world, struct session_host *host, struct session *actor)
{
    if (actor->state != SESSION_OVER)
        return;
    session_fini(actor, host);
    world->actor_is_alive[actor - world->actors] = false;
}

/* What somebody wrote before the ban may be lost, also if the client has gone meanwhile and does not hear of it. */
static void note_ban(struct world *world, const struct session *actor)
{
    unsigned side;
    struct chat *chat = actor->state == SESSION_CHATTING ? ledger_find(world->ledger, actor->match, actor->user_id, &side) : NULL;
    if (chat != NULL)
        chat->said[side].is_banned = true;
}

/* Hand MATCH_FOUND over, and note whether the match is taken: the two are of different ids, so this is a chat that the store has made. */
static void give_match(struct world *world, struct session_host *host, struct session *actor, struct message *message)
{
    uint8_t partner[USER_ID_BYTES];
    const uint64_t match = message->match_found.match, before = actor->match;
    const bool is_remote = message->match_found.partner.node != 0;
    memcpy(partner, message->payload->bytes, USER_ID_BYTES);
    const bool is_blocked = blocklist_has(actor->blocklist, partner);
    session_on_message(actor, host, message);
    if (is_blocked || actor->match == before || actor->match != match)
        return;
    if (!ledger_meet(world->ledger, match, actor->user_id, partner))
        world_fail(world, "an actor has taken a match that no store has made");
    world->remote += is_remote;
}

static void on_node_died(struct world *world, unsigned thread, unsigned node)
{
    struct session_host *host = &world->hosts[thread - FIRST_SESSION_THREAD];
    for (const struct relay *relay = host->relays.first; relay != NULL; relay = relay->next) {
        if (relay->partner.node != node)
            continue;
        ledger_break(world->ledger, relay->key.id);
        world->broken++;
    }
    relays_on_node_died(host, node);
    for (uint32_t slot = 0; slot < world->actor_slots; slot++) {
        if (world->actor_is_alive[slot] && world->actors[slot].self.thread == thread)
            session_on_node_died(&world->actors[slot], host, node);
    }
}

/* As src/threads/session_thread.c does it. */
static void give_restating_turn(struct world *world, unsigned thread, const struct message *turn)
{
    struct session_host *host = &world->hosts[thread - FIRST_SESSION_THREAD];
    uint32_t *slot = &world->restated[thread - FIRST_SESSION_THREAD];
    size_t calls_left = world->ignores_turns ? SIZE_MAX : turn->restate.calls;
    for (; *slot < world->actor_slots; ++*slot) {
        struct session *actor = &world->actors[*slot];
        if (!world->actor_is_alive[*slot] || actor->self.thread != thread)
            continue;
        const size_t calls = restate_calls(actor, host);
        if (calls > calls_left)
            break;
        calls_left -= calls;
        restate(actor, host);
    }
    world_send(world, &(struct message){ .type = RESTATED,
                                         .to = address_of_thread(MATCHER_THREAD),
                                         .restate = { .epoch = turn->restate.epoch, .is_done = *slot == world->actor_slots } });
}

static bool comes_back(struct world *world, struct session_host *host, const struct message *opened, const struct resume_ask *ask)
{
    struct session *actor = find_actor(world, ask->token.actor);
    if (actor == NULL || actor->self.thread != opened->to.thread)
        return false;
    const bool was_chatting = actor->state == SESSION_CHATTING;
    const bool is_back = session_come_back(actor, host, opened->from, ask);
    if (was_chatting && actor->state != SESSION_CHATTING) /* a gap */
        returning_notes_loss(world, actor->match);
    threads_after_actor(world, host, actor);
    return is_back;
}

static void session_thread_takes(struct world *world, unsigned thread, struct message *message)
{
    struct session_host *host = &world->hosts[thread - FIRST_SESSION_THREAD];
    if (message->type == CONN_OPENED) {
        uint32_t slot = 0;
        struct resume_ask ask = { 0 };
        const bool has_asked = message->payload != NULL;
        if (has_asked)
            memcpy(&ask, message->payload->bytes, sizeof ask);
        message_discard(message);
        if (ask.is_back && comes_back(world, host, message, &ask))
            return;
        while (world->actor_is_alive[slot])
            slot++;
        if (slot >= world->actor_slots)
            world->actor_slots = slot + 1;
        world->actor_is_alive[slot] = true;
        uint8_t id[USER_ID_BYTES];
        for (size_t i = 0; i < sizeof id; i++)
            id[i] = (uint8_t)world_pick(world, 256);
        struct address self = { .generation = ++world->actor_generation[slot],
                                .slot = slot & (ADDRESS_SLOTS - 1),
                                .thread = (uint8_t)thread };
        session_init(&world->actors[slot], host, self, message->from, &message->conn_opened.identity, id, has_asked ? &ask : NULL);
    } else if (message->type == RESYNC) {
        world->restated[thread - FIRST_SESSION_THREAD] = 0;
        host->epoch = (uint8_t)message->resync.epoch;
        world_send(world, &(struct message){ .type = RESYNCED,
                                             .to = address_of_thread(MATCHER_THREAD),
                                             .resync = { .epoch = message->resync.epoch } });
    } else if (message->type == RESTATE) {
        give_restating_turn(world, thread, message);
    } else if (message->type == PEER_NODE_DIED) {
        on_node_died(world, thread, message->peer_node.node);
    } else {
        struct session *actor = find_actor(world, message->to);
        if (actor == NULL) {
            session_on_undeliverable(host, message);
            return;
        }
        if (message->type == USER_BANNED)
            note_ban(world, actor);
        const bool was_chatting_away = session_is_away(actor) && actor->state == SESSION_CHATTING;
        if (message->type == MATCH_FOUND)
            give_match(world, host, actor, message);
        else
            session_on_message(actor, host, message);
        if (was_chatting_away && actor->state == SESSION_OVER) /* too much has piled up */
            returning_notes_loss(world, actor->match);
        threads_after_actor(world, host, actor);
    }
}

/* What could be one run is one, by chance. */
static void join_run(struct world *world, struct backlog *queue, struct message *run)
{
    const struct message *next;
    struct message joined;
    while ((next = backlog_first(queue)) != NULL && message_continues(run, next) && world_pick(world, 4) > 0) {
        struct payload **end = &run->payload;
        while (*end != NULL)
            end = &(*end)->next;
        backlog_take(queue, &joined);
        *end = joined.payload;
        run->more += (uint16_t)message_texts(&joined);
        world->joined++;
    }
}

/* As src/threads/matcher_thread.c does it. */
static void matcher_thread_takes(struct world *world, struct message *message)
{
    if (message->type == PEER_NODE_DIED)
        reachable_remove(&world->reachable, message->peer_node.node);
    else if (message->type != PEER_NODE_ALIVE)
        matcher_on_message(&world->matcher, message);
    else if (!reachable_add(&world->reachable, message->peer_node.incarnation, message->peer_node.node))
        world_fail(world, "more nodes than one can know");
}

bool threads_deliver(struct world *world, unsigned from, unsigned to)
{
    struct message message;
    if (!backlog_take(&world->queues[from][to], &message))
        return false;
    join_run(world, &world->queues[from][to], &message);
    if (world->is_traced)
        trace_message(world, to, &message);
    world->sender = to;
    if (to == IO_THREAD)
        io_thread_takes(world, &message);
    else if (to == MATCHER_THREAD)
        matcher_thread_takes(world, &message);
    else if (to == BUS_THREAD)
        world->on_for_bus(world, &message);
    else
        session_thread_takes(world, to, &message);
    return true;
}

/* Who has none, or is gone, is not reminded. */
static bool has_reminder(struct world *world, struct session *actor)
{
    return world->actor_is_alive[actor - world->actors] && *session_reminder(actor) != NULL;
}

static void fire(struct world *world, struct session *actor)
{
    struct session_host *host = &world->hosts[actor->self.thread - FIRST_SESSION_THREAD];
    world->sender = actor->self.thread;
    forget(world, session_reminder(actor));
    const bool was_chatting = actor->state == SESSION_CHATTING;
    session_on_reminder(actor, host);
    if (was_chatting && actor->state != SESSION_CHATTING)
        returning_notes_loss(world, actor->match);
    threads_after_actor(world, host, actor);
}

void threads_fire_reminder(struct world *world)
{
    struct session *actor = &world->actors[world_pick(world, 2 * world->client_count)];
    if (has_reminder(world, actor))
        fire(world, actor);
}

void threads_fire_due(struct world *world, unsigned thread)
{
    for (uint32_t slot = 0; slot < world->actor_slots; slot++) {
        struct session *actor = &world->actors[slot];
        if (has_reminder(world, actor) && actor->self.thread == thread && (*session_reminder(actor))->due_ms <= world->now_ms)
            fire(world, actor);
    }
}

void threads_drain(struct world *world)
{
    for (size_t slot = 0; slot < world->actor_slots; slot++) {
        struct session *actor = &world->actors[slot];
        if (!world->actor_is_alive[slot])
            continue;
        struct session_host *host = &world->hosts[actor->self.thread - FIRST_SESSION_THREAD];
        world->sender = actor->self.thread;
        host->is_draining = true;
        if (!session_is_away(actor))
            continue;
        away_end(actor, host);
        threads_after_actor(world, host, actor);
    }
}

bool threads_give_turn(struct world *world, unsigned thread)
{
    struct message turn;
    if (!backlog_take(&world->turns[thread - FIRST_SESSION_THREAD], &turn))
        return false;
    struct session *actor = find_actor(world, turn.to);
    if (actor != NULL) {
        struct session_host *host = &world->hosts[thread - FIRST_SESSION_THREAD];
        world->sender = thread;
        world->turns_taken++;
        host->parsed_bytes = 0;
        session_on_turn(actor, host);
        threads_after_actor(world, host, actor);
    }
    return true;
}

bool threads_step_store(struct world *world)
{
    if (fake_store_pending(world->store) == 0)
        return false;
    world->sender = MATCHER_THREAD;
    fake_store_step(world->store);
    return true;
}

void threads_toggle_store(struct world *world)
{
    world->sender = MATCHER_THREAD;
    if (world->store->is_up)
        fake_store_go_down(world->store, world_pick(world, fake_store_pending(world->store) + 1));
    else
        fake_store_come_up(world->store);
}

void threads_run_until_quiet(struct world *world)
{
    bool is_moving = true;
    while (is_moving) {
        is_moving = false;
        for (unsigned from = 0; from < THREADS; from++) {
            for (unsigned to = 0; to < THREADS; to++)
                is_moving |= threads_deliver(world, from, to);
        }
        for (unsigned thread = 0; thread < SESSION_THREADS; thread++)
            is_moving |= threads_give_turn(world, FIRST_SESSION_THREAD + thread);
        is_moving |= threads_step_store(world);
    }
}

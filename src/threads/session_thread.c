#include "threads/session_thread.h"

#include <openssl/rand.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/again.h"
#include "actors/away.h"
#include "actors/line.h"
#include "actors/neighbours.h"
#include "actors/relay.h"
#include "actors/session.h"
#include "actors/stand_in.h"
#include "bus/record.h"
#include "runtime/check.h"
#include "runtime/slab.h"
#include "threads/departures.h"
#include "threads/reminders.h"
#include "threads/restating.h"
#include "threads/user_ids.h"
#include "wire/json_arena.h"

/* An event may be so many times as long as the longest request. jansson writes 0.1 as 0.10000000000000001, so a list of such numbers grows
 * fivefold, and sixteen such events would overflow the partner's write queue: it would be closed for what somebody else wrote. */
enum { EVENT_GROWTH_MAX = 2 };

/* How often, a tick apart, a connection is put off whose token serves once the one that it has brought is gone: word of that may come from another I/O
 * thread, and so later. */
enum { PUT_OFF_MAX = 4 };

/* So long what takes long is worked on in a turn, before messages and sockets come to theirs again. */
enum { TURN_NS = 500 * 1000 };

_Static_assert(EVENT_GROWTH_MAX * OPTIONS_CLUSTER_MESSAGE_MAX <= RECORD_PAYLOAD_MAX, "what a client may write goes to another node in one batch");

struct session_thread {
    struct executor executor;
    struct session_thread_config config;
    struct session_host host;
    struct slab actors; /* struct session */
    struct reminders reminders;
    uv_timer_t repeat;  /* runs while something is going on with other nodes, or put off */
    struct backlog turns; /* that actors wait for: of each message, to whom it is alone matters */
    struct backlog put_off; /* CONN_OPENED, */
    uint32_t put_off_count; /* so many */
    bool is_time_set;   /* the host's time is that of this batch */
    struct restating restating;
    struct departures departures;
    struct json_arena json; /* what jansson allocates on this thread */
    struct user_ids user_ids;
};

static void send_message(void *self, const struct message *message)
{
    struct session_thread *thread = self;
    executor_send(&thread->executor, message);
}

/* One look at the clock serves a whole batch of messages. */
static void set_time(struct session_thread *thread)
{
    if (thread->is_time_set)
        return;
    thread->is_time_set = true;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    event_time_set(&thread->host.time, (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000);
    thread->host.now_ms = uv_hrtime() / 1000000;
}

/* OpenSSL's, which starts from the kernel's: a token must not be guessed. */
static void fill_random(void *self, void *bytes, size_t length)
{
    const struct session_thread *thread = self;
    if (RAND_bytes(bytes, (int)length) == 1)
        return;
    log_event(thread->config.log, LOG_ERROR, "no_random_bytes", "bytes=%zu", length);
    abort();
}

/* It has taken a message, a turn or a reminder. */
static void after_actor(struct session_thread *thread, struct session *session)
{
    if (session->state != SESSION_OVER)
        return;
    session_fini(session, &thread->host);
    slab_give_back(&thread->actors, session->self.slot);
}

static void forget_reminder(void *self, struct reminder **pointer)
{
    struct session_thread *thread = self;
    reminders_forget(&thread->reminders, pointer);
}

static void remind(void *self, struct reminder **pointer, struct address actor, uint32_t in_ms)
{
    struct session_thread *thread = self;
    reminders_set(&thread->reminders, pointer, actor, in_ms);
}

static void on_due(void *owner, struct address actor)
{
    struct session_thread *thread = owner;
    struct session *session = slab_find(&thread->actors, actor.slot, actor.generation);
    CHECK(session != NULL); /* session_fini() forgets its reminder */
    forget_reminder(thread, session_reminder(session));
    set_time(thread);
    session_on_reminder(session, &thread->host);
    after_actor(thread, session);
}

static bool needs_ticks(const struct session_thread *thread)
{
    return thread->host.relays.ends.count + thread->host.lines.ends.count + thread->put_off_count > 0;
}

static void await_turn(void *self, struct address actor)
{
    struct session_thread *thread = self;
    backlog_put(&thread->turns, &(struct message){ .to = actor });
}

/* Whom a token of this node is of; NULL: there is nobody. */
static struct session *find_owner(struct session_thread *thread, const struct token *token)
{
    const struct address actor = token->actor;
    if (actor.thread != mailbox_thread(thread->executor.mailbox) || token->home != thread->host.incarnation)
        return NULL;
    struct session *session = slab_find(&thread->actors, actor.slot, actor.generation);
    return session != NULL && !session->is_stand_in ? session : NULL;
}

/* Returns whether the connection has found its session again. */
static bool come_back(struct session_thread *thread, struct session *session, struct address connection, const struct resume_ask *ask)
{
    if (session == NULL) {
        metrics_add(thread->host.metrics, METRIC_RESUMES_REFUSED_TOTAL, 1);
        return false;
    }
    const bool is_back = session_come_back(session, &thread->host, connection, ask);
    after_actor(thread, session);
    return is_back;
}

static void open_actor(struct session_thread *thread, struct message *opened)
{
    uint32_t slot, generation;
    struct resume_ask ask = { 0 };
    const bool has_asked = opened->payload != NULL;
    if (has_asked)
        memcpy(&ask, opened->payload->bytes, sizeof ask);
    struct address actor = ask.token.actor;
    actor.node = has_asked && ask.is_back && !address_is_thread(actor) ? neighbours_find(&thread->host.neighbours, ask.token.home) & ADDRESS_NODE_MAX : 0;
    const bool is_back_here = has_asked && ask.is_back && actor.node == 0;
    struct session *owner = is_back_here ? find_owner(thread, &ask.token) : NULL;
    if (owner != NULL && ask.put_off < PUT_OFF_MAX && away_is_early(owner, opened->from, ask.token.secret)) {
        ask.put_off++;
        memcpy(opened->payload->bytes, &ask, sizeof ask);
        backlog_put(&thread->put_off, opened);
        thread->put_off_count++;
        return;
    }
    message_discard(opened);
    if (is_back_here && come_back(thread, owner, opened->from, &ask))
        return;
    struct session *session = slab_take(&thread->actors, &slot, &generation);
    if (session == NULL) {
        log_event(thread->config.log, LOG_ERROR, "session_slab_full", "actors=%u", thread->actors.used);
        abort(); /* --max-connections is far below this */
    }
    struct address self = { .generation = generation & ADDRESS_GENERATION_MAX,
                            .slot = slot & (ADDRESS_SLOTS - 1),
                            .thread = (uint8_t)mailbox_thread(thread->executor.mailbox) };
    if (actor.node != 0)
        stand_in_init(session, &thread->host, self, opened->from, &opened->conn_opened.identity, user_ids_take(&thread->user_ids, thread->config.log), &ask, actor);
    else
        session_init(session, &thread->host, self, opened->from, &opened->conn_opened.identity, user_ids_take(&thread->user_ids, thread->config.log), has_asked ? &ask : NULL);
}

static void on_repeat(uv_timer_t *timer)
{
    struct session_thread *thread = timer->data;
    struct message opened;
    set_time(thread);
    for (uint32_t left = thread->put_off_count; left > 0; left--) {
        CHECK(backlog_take(&thread->put_off, &opened));
        thread->put_off_count--;
        open_actor(thread, &opened);
    }
    relays_tick(&thread->host);
    lines_tick(&thread->host);
    if (!needs_ticks(thread))
        uv_timer_stop(timer);
}

static void on_node_died(struct session_thread *thread, unsigned node)
{
    neighbours_remove(&thread->host.neighbours, node);
    relays_on_node_died(&thread->host, node);
    lines_on_node_died(&thread->host, node);
    for (uint32_t slot = 0; slot < thread->actors.slots; slot++) {
        uint32_t generation;
        struct session *session = slab_at(&thread->actors, slot, &generation);
        if (session == NULL)
            continue;
        session_on_node_died(session, &thread->host, node);
        after_actor(thread, session);
    }
}

static void on_farewell(void *owner, struct session *session, enum farewell what)
{
    struct session_thread *thread = owner;
    set_time(thread);
    session_on_farewell(session, &thread->host, what);
    after_actor(thread, session);
}

static void on_node_alive(struct session_thread *thread, const struct message *alive)
{
    uint32_t searching = 0;
    neighbours_add(&thread->host.neighbours, alive->peer_node.incarnation, alive->peer_node.node);
    for (uint32_t slot = 0; slot < thread->actors.slots; slot++) {
        uint32_t generation;
        struct session *session = slab_at(&thread->actors, slot, &generation);
        if (session != NULL && session->state == SESSION_SEARCHING)
            again_on_new_peer(session, &thread->host, searching++);
    }
}

static void on_thread_message(struct session_thread *thread, struct message *message)
{
    switch ((enum message_type)message->type) {
    case CONN_OPENED:
        open_actor(thread, message);
        break;
    case RESYNC:
        restating_begin(&thread->restating, message->resync.epoch);
        break;
    case RESTATE:
        restating_take_turn(&thread->restating, message);
        break;
    case PEER_NODE_ALIVE:
        on_node_alive(thread, message);
        break;
    case PEER_NODE_DIED:
        on_node_died(thread, message->peer_node.node);
        break;
    case LAST_CALL:
        departures_begin(&thread->departures, FAREWELL_TURN);
        break;
    case CLOSING_TIME:
        departures_begin(&thread->departures, FAREWELL_CLOSING_TIME);
        break;
    case DRAIN:
        thread->executor.is_draining = true;
        departures_begin(&thread->departures, FAREWELL_DRAIN);
        break;
    case EXIT:
    case PROBE:
        executor_obey(&thread->executor, (enum message_type)message->type);
        break;
    default:
        session_on_undeliverable(&thread->host, message);
        break;
    }
}

static void on_message(void *owner, struct message *message)
{
    struct session_thread *thread = owner;
    set_time(thread);
    if (address_is_thread(message->to)) {
        on_thread_message(thread, message);
        return;
    }
    struct session *session = slab_find(&thread->actors, message->to.slot, message->to.generation);
    if (session == NULL) {
        session_on_undeliverable(&thread->host, message);
        return;
    }
    session_on_message(session, &thread->host, message);
    after_actor(thread, session);
}

/* One actor after the other, until time is up. */
static void give_turns(struct session_thread *thread)
{
    struct message turn;
    uint64_t begin_ns = uv_hrtime();
    do {
        if (!backlog_take(&thread->turns, &turn))
            return;
        struct session *session = slab_find(&thread->actors, turn.to.slot, turn.to.generation);
        if (session == NULL)
            continue;
        set_time(thread);
        session_on_turn(session, &thread->host);
        after_actor(thread, session);
    } while (uv_hrtime() - begin_ns < TURN_NS);
}

static bool has_work(void *owner)
{
    struct session_thread *thread = owner;
    return backlog_first(&thread->turns) != NULL;
}

static void on_turn_end(void *owner)
{
    struct session_thread *thread = owner;
    if (backlog_first(&thread->turns) != NULL) {
        mailbox_flush(thread->executor.mailbox); /* what the batch has caused need not wait for it */
        give_turns(thread);
    }
    if (needs_ticks(thread) && !uv_is_active((uv_handle_t *)&thread->repeat))
        uv_timer_start(&thread->repeat, on_repeat, RELAYS_TICK_MS, RELAYS_TICK_MS);
    thread->is_time_set = false;
    thread->host.parsed_bytes = 0;
    departures_settle(&thread->departures, thread->actors.used > 0 || needs_ticks(thread));
    /* Every connection's last message has come. */
    executor_drain(&thread->executor, thread->actors.used > 0);
}

static void on_start(void *owner)
{
    struct session_thread *thread = owner;
    json_arena_adopt(&thread->json);
    reminders_init(&thread->reminders, thread->executor.loop, on_due, thread);
    departures_init(&thread->departures);
    uv_timer_init(thread->executor.loop, &thread->repeat);
    thread->repeat.data = thread;
}

static void on_exit_loop(void *owner)
{
    struct session_thread *thread = owner;
    reminders_close(&thread->reminders);
    departures_close(&thread->departures);
    uv_close((uv_handle_t *)&thread->repeat, NULL);
}

static const struct executor_handler handler = {
    .on_start = on_start,
    .on_message = on_message,
    .on_turn_end = on_turn_end,
    .has_work = has_work,
    .on_exit = on_exit_loop,
};

/* As many sessions may wait for their clients as may have connections, in all; and there must be slots for both. */
static uint32_t away_max(const struct session_thread_config *config)
{
    const uint32_t share = config->max_connections / config->session_threads + 1;
    const uint32_t slots = config->max_connections < ADDRESS_SLOTS ? ADDRESS_SLOTS - config->max_connections : 0;
    return share < slots ? share : slots;
}

struct session_thread *session_thread_new(const struct session_thread_config *config, struct mailbox *mailbox)
{
    struct session_thread *thread = calloc(1, sizeof *thread);
    CHECK_MEMORY(thread);
    thread->config = *config;
    thread->host = (struct session_host){
        .self = thread,
        .send = send_message,
        .metrics = config->metrics,
        .matcher_thread = config->matcher_thread,
        .incarnation = config->incarnation,
        .resume_ms = (uint32_t)config->options->resume_time_ms,
        .show_ms = (uint32_t)config->options->show_time_ms,
        .away_max = away_max(config),
        .has_address_limits = config->options->address_connections > 0 || config->options->address_handshakes > 0,
        .first_io_thread = config->first_io_thread,
        .io_threads = config->io_threads,
        .fill_random = fill_random,
        .has_peers = config->options->cluster_secret_file[0] != '\0',
        .remind = remind,
        .forget = forget_reminder,
        .await_turn = await_turn,
        .rate_chat = (uint32_t)config->options->rate_chat,
        .rate_search = (uint32_t)config->options->rate_search,
        .event_bytes_max = EVENT_GROWTH_MAX * (uint32_t)config->options->max_message,
    };
    slab_init(&thread->actors, sizeof(struct session), ADDRESS_SLOTS);
    thread->restating = (struct restating){ .executor = &thread->executor, .host = &thread->host, .actors = &thread->actors };
    thread->departures = (struct departures){
        .executor = &thread->executor, .host = &thread->host, .actors = &thread->actors, .on_farewell = on_farewell, .owner = thread
    };
    if (!executor_init_or_log(&thread->executor, mailbox, &handler, thread, config->log, config->host)) {
        slab_fini(&thread->actors);
        free(thread);
        return NULL;
    }
    return thread;
}

struct executor *session_thread_executor(struct session_thread *thread)
{
    return &thread->executor;
}

void session_thread_free(struct session_thread **pointer)
{
    struct session_thread *thread = *pointer;
    if (thread == NULL)
        return;
    for (uint32_t slot = 0; slot < thread->actors.slots; slot++) {
        uint32_t generation;
        struct session *session = slab_at(&thread->actors, slot, &generation);
        if (session != NULL)
            session_fini(session, &thread->host);
    }
    relays_fini(&thread->host);
    lines_fini(&thread->host);
    neighbours_fini(&thread->host.neighbours);
    struct message message;
    while (backlog_take(&thread->turns, &message) || backlog_take(&thread->put_off, &message))
        message_discard(&message);
    slab_fini(&thread->actors);
    executor_fini(&thread->executor);
    free(thread);
    *pointer = NULL;
}

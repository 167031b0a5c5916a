#include "threads/bus_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/batch.h"
#include "bus/bytes.h"
#include "bus/links.h"
#include "bus/record.h"
#include "redis/pubsub.h"
#include "runtime/check.h"
#include "threads/bus_beat.h"
#include "threads/bus_drops.h"

/* A batch costs a publish and a wake-up of Redis and of threads on both sides, so under traffic they collect; those who talk alone do not wait. */
enum { REST_MICROSECONDS = 1000, REST_FROM = 4 };

enum { TICK_MS = 100, CHANNEL_BYTES = 96 };

enum channel { CHANNEL_ALL, CHANNEL_OWN };

/* A batch comes as one reply, with some bytes around it. */
_Static_assert(BATCH_LONGEST + 512 <= REDIS_REPLY_BYTES_MAX, "the longest batch is a reply that stream.h takes");

/* One Redis of the bus. */
struct way {
    struct bus_thread *thread;
    unsigned index;
    struct pubsub pubsub;
    uint64_t beat_ns; /* when the last beat went out */
};

struct bus_thread {
    struct executor executor;
    struct bus_thread_config config;
    struct metrics *metrics;
    struct bus_drops drops;
    struct way ways[PEERS_WAYS_MAX];
    char channel_all[CHANNEL_BYTES], channel_own[CHANNEL_BYTES];
    uv_timer_t tick;
    unsigned ticks;
    struct peers *peers;
    struct links *links;
    unsigned messages_this_turn, records_this_turn; /* from actors of this node; for them */
    bool has_left;
};

static uint64_t now_ms(const struct bus_thread *thread)
{
    return uv_now(thread->executor.loop);
}

static void drop(struct bus_thread *thread, enum bus_drop reason, unsigned count)
{
    bus_drops_count(&thread->drops, reason, count, now_ms(thread));
}

/* Sending. */

static void print_channel(const struct bus_thread *thread, char channel[CHANNEL_BYTES], uint64_t incarnation)
{
    snprintf(channel, CHANNEL_BYTES, "%sbus:%016" PRIx64, thread->config.options->redis_prefix, incarnation);
}

static void publish(void *self, unsigned way, uint64_t target, const uint8_t *bytes, size_t length, unsigned records)
{
    struct bus_thread *thread = self;
    const char *channel = thread->channel_all;
    char of_node[CHANNEL_BYTES];
    if (target != BATCH_FOR_ALL) {
        print_channel(thread, of_node, target);
        channel = of_node;
    }
    if (!pubsub_publish(&thread->ways[way].pubsub, channel, bytes, length))
        drop(thread, DROP_UNSENT, records);
    else
        metrics_add(thread->metrics, METRIC_BUS_RECORDS_OUT_TOTAL, records);
}

static void on_records_lost(void *self, unsigned records)
{
    drop(self, DROP_UNSENT, records);
}

/* By every way that there is; who waits for a beat waits for the next one. Who is cut off for a moment lives all the same, and says so; who has not
 * heard itself for longer must not be met. */
static void publish_to_all(struct bus_thread *thread, enum record_type type, const void *body, size_t length)
{
    for (unsigned way = 0; way < thread->config.cluster->bus_count; way++) {
        const struct pubsub *pubsub = &thread->ways[way].pubsub;
        if (!pubsub_speaks(pubsub) || (!pubsub_hears(pubsub) && !peers_is_way_up(thread->peers, way, now_ms(thread))))
            continue;
        thread->ways[way].beat_ns = uv_hrtime();
        links_publish(thread->links, way, BATCH_FOR_ALL, type, body, length);
    }
}

static void send_beat(struct bus_thread *thread)
{
    uint8_t body[BUS_BEAT_BYTES];
    bus_beat_write(body, thread->config.metrics_sets, thread->config.metrics_count);
    publish_to_all(thread, RECORD_BEAT, body, sizeof body);
}

/* Told each time that it beats: it goes on until it has begun a new life. */
static void tell_buried(struct bus_thread *thread, uint64_t incarnation, uint64_t life)
{
    uint8_t body[8];
    bytes_put_64(body, life);
    links_publish(thread->links, links_way_of(thread->links, incarnation), incarnation, RECORD_BURIED, body, sizeof body);
}

/* Who lives. */

static void tell_thread(struct bus_thread *thread, enum message_type type, unsigned to, const struct peers_news *news)
{
    executor_send(&thread->executor, &(struct message){ .type = (uint16_t)type,
                                                        .to = address_of_thread(to),
                                                        .peer_node = { .incarnation = news->incarnation, .node = (uint16_t)news->index } });
}

static void tell_threads(struct bus_thread *thread, enum message_type type, const struct peers_news *news)
{
    tell_thread(thread, type, thread->config.matcher_thread, news);
    for (unsigned i = 0; i < thread->config.session_threads; i++)
        tell_thread(thread, type, thread->config.first_session_thread + i, news);
}

static void part(struct bus_thread *thread, const struct peers_news *news)
{
    links_close(thread->links, news->index);
    tell_threads(thread, PEER_NODE_DIED, news);
}

static void begin_new_life(struct bus_thread *thread, const struct peers_news *news)
{
    static const char *const causes[] = { [PEERS_FROZEN] = "stood still",
                                          [PEERS_UNHEARD] = "own beats do not come back",
                                          [PEERS_OUT_OF_PATIENCE] = "the bus is down for too long",
                                          [PEERS_WAS_BURIED] = "taken for dead by another node" };
    log_event(thread->config.log, LOG_WARN, "bus_new_life", "life=%" PRIu64 " reason=\"%s\"", news->life, causes[news->cause]);
    links_set_life(thread->links, news->life);
    /* Whatever it is that swallows the beats, new connections may get past it. */
    for (unsigned way = 0; news->cause == PEERS_UNHEARD && way < thread->config.cluster->bus_count; way++)
        pubsub_reconnect(&thread->ways[way].pubsub, causes[PEERS_UNHEARD]);
}

/* After every call to peers. */
static void take_news(struct bus_thread *thread)
{
    struct peers_news news;
    while (peers_take_news(thread->peers, &news)) {
        const char *what = "peer_alive";
        switch (news.event) {
        case PEERS_ALIVE:
            links_open(thread->links, news.index, news.incarnation, news.life);
            tell_threads(thread, PEER_NODE_ALIVE, &news);
            break;
        case PEERS_DIED:
            metrics_add(thread->metrics, METRIC_PEER_DEATHS_TOTAL, 1);
            what = "peer_died";
            part(thread, &news);
            break;
        case PEERS_LEFT:
            what = "peer_left";
            part(thread, &news);
            break;
        case PEERS_PARTED:
            what = "peer_parted";
            part(thread, &news);
            break;
        case PEERS_NEW_LIFE:
            begin_new_life(thread, &news);
            continue;
        }
        log_event(thread->config.log, LOG_INFO, what, "node=%016" PRIx64 " life=%" PRIu64, news.incarnation, news.life);
    }
    metrics_set(thread->metrics, METRIC_PEERS_ALIVE, peers_alive(thread->peers));
    metrics_set(thread->metrics, METRIC_NODE_LIFE, (int64_t)peers_own_life(thread->peers));
}

/* Receiving. */

static void on_beat(struct bus_thread *thread, unsigned way, const struct batch_header *header, const struct batch_record *record)
{
    unsigned index;
    struct peers_crowd crowd;
    if (!bus_beat_read(&crowd, record)) {
        drop(thread, DROP_MALFORMED, 1);
        return;
    }
    enum peers_verdict verdict = peers_on_beat(thread->peers, way, header->source, header->life, header->number, &crowd, now_ms(thread), &index);
    if (verdict == PEERS_BURIED)
        tell_buried(thread, header->source, header->life);
    if (verdict == PEERS_ECHO)
        metrics_observe(thread->metrics, METRIC_BUS_ECHO_SECONDS_ALL, (int64_t)(uv_hrtime() - thread->ways[way].beat_ns) / 1000);
    drop(thread, bus_drop_of_peer(verdict), 1);
}

static void on_batch_for_all(struct bus_thread *thread, unsigned way, const struct batch_header *header, struct batch_reader *reader)
{
    struct batch_record record;
    while (batch_next(reader, &record)) {
        if (record.type == RECORD_BEAT)
            on_beat(thread, way, header, &record);
        else if (record.type == RECORD_LEAVE)
            peers_on_leave(thread->peers, header->source, header->life);
        else
            drop(thread, DROP_UNKNOWN, 1);
        take_news(thread);
    }
}

static void on_record(struct bus_thread *thread, const struct batch_record *record, unsigned index)
{
    struct message message;
    switch (record_read(&message, record, index)) {
    case RECORD_OK:
        if (message.to.thread >= thread->config.first_session_thread &&
            message.to.thread < thread->config.first_session_thread + thread->config.session_threads) {
            metrics_add(thread->metrics, METRIC_BUS_RECORDS_IN_TOTAL, message_texts(&message));
            executor_send(&thread->executor, &message);
            thread->records_this_turn++;
            return;
        }
        message_discard(&message);
        drop(thread, DROP_MALFORMED, 1);
        return;
    case RECORD_MALFORMED:
        drop(thread, DROP_MALFORMED, 1);
        return;
    case RECORD_UNKNOWN:
        drop(thread, DROP_UNKNOWN, 1);
    }
}

static void on_batch_for_us(struct bus_thread *thread, const struct batch_header *header, struct batch_reader *reader)
{
    struct batch_record record;
    unsigned index;
    enum peers_verdict verdict = peers_on_batch(thread->peers, header->source, header->life, header->number, now_ms(thread), &index);
    take_news(thread);
    bool is_of_peer = verdict == PEERS_TAKE;
    /* Two nodes that have buried each other are dead to each other, and hear this all the same. */
    bool may_tell_buried = is_of_peer || verdict == PEERS_BURIED || verdict == PEERS_STRANGER;
    bool has_told = false;
    while (batch_next(reader, &record)) {
        if (may_tell_buried && record.type == RECORD_BURIED && record.length == 8) {
            peers_on_buried(thread->peers, bytes_get_64(record.body), now_ms(thread));
            take_news(thread);
            has_told = true;
            is_of_peer = false; /* whatever it says next is to a life that is over, and its index too */
        } else if (is_of_peer) {
            on_record(thread, &record, index);
        }
    }
    if (!has_told)
        drop(thread, bus_drop_of_peer(verdict), 1);
}

static void on_bus_message(void *owner, unsigned channel, const void *bytes, size_t length)
{
    struct way *way = owner;
    struct bus_thread *thread = way->thread;
    struct batch_header header;
    struct batch_reader reader;
    enum batch_verdict verdict = batch_peek(&header, bytes, length);
    if (verdict == BATCH_OK)
        verdict = links_read(thread->links, &reader, &header, peers_index_of(thread->peers, header.source, header.life),
                             channel == CHANNEL_ALL ? BATCH_FOR_ALL : thread->config.cluster->incarnation, bytes, length);
    if (verdict != BATCH_OK)
        drop(thread, bus_drop_of_batch(verdict), 1);
    else if (channel == CHANNEL_ALL)
        on_batch_for_all(thread, way->index, &header, &reader);
    else
        on_batch_for_us(thread, &header, &reader);
}

static void on_lost(void *owner)
{
    struct way *way = owner;
    if (!pubsub_hears(&way->pubsub))
        peers_on_gap(way->thread->peers, way->index);
}

/* The loop ends by itself when all handles are closed. */
static void on_stopped(void *owner) { (void)owner; }

static const struct pubsub_handler pubsub_handler = {
    .on_message = on_bus_message,
    .on_lost = on_lost,
    .on_stopped = on_stopped,
};

/* The thread. */

static void on_tick(uv_timer_t *timer)
{
    struct bus_thread *thread = timer->data;
    bool is_connected = true;
    enum trouble trouble = TROUBLE_NONE;
    for (unsigned way = 0; way < thread->config.cluster->bus_count; way++) {
        is_connected &= pubsub_is_open(&thread->ways[way].pubsub);
        if (trouble == TROUBLE_NONE)
            trouble = thread->ways[way].pubsub.trouble;
    }
    metrics_set(thread->metrics, METRIC_BUS_TROUBLE, trouble);
    peers_tick(thread->peers, is_connected, now_ms(thread));
    take_news(thread);
    if (thread->ticks++ % (PEERS_BEAT_MS / TICK_MS) == 0 && !thread->has_left)
        send_beat(thread);
    metrics_set(thread->metrics, METRIC_BUSES_UP, peers_ways_up(thread->peers, now_ms(thread)));
    bus_beat_show(thread->metrics, peers_crowd(thread->peers));
}

/* The peer's incarnation is not known any more; session threads go by its index. */
static void on_message_for_peer(struct bus_thread *thread, struct message *message)
{
    if (!links_write(thread->links, message))
        tell_thread(thread, PEER_NODE_DIED, message->from.thread, &(struct peers_news){ .index = message->to.node });
    message_discard(message);
}

static void on_message(void *owner, struct message *message)
{
    struct bus_thread *thread = owner;
    thread->messages_this_turn++;
    if (message->to.node != 0) {
        on_message_for_peer(thread, message);
        return;
    }
    switch ((enum message_type)message->type) {
    case DRAIN:
    case EXIT:
    case PROBE:
        executor_obey(&thread->executor, (enum message_type)message->type);
        break;
    default: /* message.def has no other type for it */
        message_discard(message);
        break;
    }
}

static void rest(struct bus_thread *thread)
{
    const unsigned carried = thread->messages_this_turn + thread->records_this_turn;
    thread->messages_this_turn = thread->records_this_turn = 0;
    if (carried >= REST_FROM && !thread->executor.is_draining)
        executor_rest(&thread->executor, REST_MICROSECONDS);
}

static void on_turn_end(void *owner)
{
    struct bus_thread *thread = owner;
    links_flush(thread->links);
    /* A turn without messages has found all rings empty: what the actors said last is on its way. */
    if (thread->executor.is_draining && !thread->has_left && thread->messages_this_turn == 0) {
        publish_to_all(thread, RECORD_LEAVE, NULL, 0);
        thread->has_left = true;
    }
    bool is_sending = false;
    for (unsigned way = 0; way < thread->config.cluster->bus_count; way++) {
        pubsub_flush(&thread->ways[way].pubsub);
        is_sending |= thread->ways[way].pubsub.unsent_bytes > 0;
    }
    executor_drain(&thread->executor, !thread->has_left || is_sending);
    rest(thread);
}

static void on_start(void *owner)
{
    struct bus_thread *thread = owner;
    const struct bus_thread_config *config = &thread->config;
    uv_loop_t *loop = thread->executor.loop;
    uv_update_time(loop); /* it was made some time ago, and that is no time that stood still */
    thread->peers = peers_new(config->cluster->incarnation, config->cluster->bus_count, (uint64_t)config->options->bus_patience_ms, uv_now(loop));
    thread->links = links_new(&(struct links_host){ .self = thread, .publish = publish, .lost = on_records_lost }, &config->cluster->secrets,
                              config->cluster->incarnation, config->cluster->bus_count);
    snprintf(thread->channel_all, sizeof thread->channel_all, "%sbus:all", config->options->redis_prefix);
    print_channel(thread, thread->channel_own, config->cluster->incarnation);
    metrics_set(thread->metrics, METRIC_BUSES, config->cluster->bus_count);
    for (unsigned way = 0; way < config->cluster->bus_count; way++) {
        const struct pubsub_config pubsub = {
            .address = &config->cluster->buses[way],
            .timeout_ms = (uint64_t)config->options->redis_timeout_ms,
            .unsent_max = (size_t)config->options->bus_queue,
            .prefix = config->options->redis_prefix,
            .channels = { thread->channel_all, thread->channel_own },
            .channel_count = way == links_way_of(thread->links, config->cluster->incarnation) ? 2 : 1,
            .log = config->log,
            .handler = &pubsub_handler,
            .owner = &thread->ways[way],
        };
        thread->ways[way].thread = thread;
        thread->ways[way].index = way;
        pubsub_start(&thread->ways[way].pubsub, loop, &pubsub);
    }
    uv_timer_init(loop, &thread->tick);
    thread->tick.data = thread;
    uv_timer_start(&thread->tick, on_tick, TICK_MS, TICK_MS);
}

static void on_exit_loop(void *owner)
{
    struct bus_thread *thread = owner;
    thread->has_left = true;
    uv_close((uv_handle_t *)&thread->tick, NULL);
    for (unsigned way = 0; way < thread->config.cluster->bus_count; way++)
        pubsub_stop(&thread->ways[way].pubsub);
}

static const struct executor_handler handler = {
    .on_start = on_start,
    .on_message = on_message,
    .on_turn_end = on_turn_end,
    .on_exit = on_exit_loop,
};

struct bus_thread *bus_thread_new(const struct bus_thread_config *config, struct mailbox *mailbox)
{
    struct bus_thread *thread = calloc(1, sizeof *thread);
    CHECK_MEMORY(thread);
    thread->config = *config;
    thread->metrics = &config->metrics_sets[config->thread];
    thread->drops = (struct bus_drops){ .log = config->log, .metrics = thread->metrics };
    if (!executor_init_or_log(&thread->executor, mailbox, &handler, thread, config->log, NULL)) {
        free(thread);
        return NULL;
    }
    return thread;
}

struct executor *bus_thread_executor(struct bus_thread *thread)
{
    return &thread->executor;
}

void bus_thread_free(struct bus_thread **pointer)
{
    struct bus_thread *thread = *pointer;
    if (thread == NULL)
        return;
    executor_fini(&thread->executor);
    links_free(&thread->links);
    peers_free(&thread->peers);
    free(thread);
    *pointer = NULL;
}

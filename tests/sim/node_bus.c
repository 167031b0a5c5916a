#include "sim/node_bus.h"

#include <stdlib.h>

#include "actors/relay_set.h"
#include "bus/batch.h"
#include "bus/bytes.h"
#include "bus/record.h"
#include "sim/fake_bus.h"
#include "sim/threads.h"

enum { TICK_MS = 100, BEAT_BYTES = 12 };

/* As the bus thread sees it. Broken on purpose: it does not see that it stood still. */
static uint64_t clock_ms(const struct node *node)
{
    return node_clock_ms(node) - (node->cluster->broken == BROKEN_LIFE ? node->stood_still_ms : 0);
}

static void publish(void *self, unsigned way, uint64_t target, const uint8_t *bytes, size_t length, unsigned records)
{
    (void)way;
    (void)records;
    fake_bus_publish(self, target, bytes, length);
}

static void on_lost(void *self, unsigned records)
{
    struct node *node = self;
    node->cluster->tally->lost += records;
}

/* Who lives. */

static void tell_thread(struct node *node, enum message_type type, unsigned to, const struct peers_news *news)
{
    world_send(node->world, &(struct message){ .type = (uint16_t)type,
                                               .to = address_of_thread(to),
                                               .peer_node = { .incarnation = news->incarnation, .node = (uint16_t)news->index } });
}

static void part_from(struct node *node, const struct peers_news *news)
{
    links_close(node->links, news->index);
    tell_thread(node, PEER_NODE_DIED, MATCHER_THREAD, news);
    for (unsigned i = 0; i < SESSION_THREADS; i++)
        tell_thread(node, PEER_NODE_DIED, FIRST_SESSION_THREAD + i, news);
}

static void take_news(struct node *node)
{
    struct peers_news news;
    while (peers_take_news(node->peers, &news)) {
        switch (news.event) {
        case PEERS_ALIVE:
            links_open(node->links, news.index, news.incarnation, news.life);
            node->known[news.index] = news.incarnation;
            tell_thread(node, PEER_NODE_ALIVE, MATCHER_THREAD, &news);
            break;
        case PEERS_DIED:
            node->cluster->tally->deaths++;
            part_from(node, &news);
            break;
        case PEERS_LEFT:
        case PEERS_PARTED:
            part_from(node, &news);
            break;
        case PEERS_NEW_LIFE:
            node->cluster->tally->lives[news.cause]++;
            links_set_life(node->links, news.life);
            break;
        }
    }
}

/* Receiving. */

static void tell_buried(struct node *node, uint64_t incarnation, uint64_t life)
{
    uint8_t body[8];
    bytes_put_64(body, life);
    links_publish(node->links, 0, incarnation, RECORD_BURIED, body, sizeof body);
    node->cluster->tally->buried++;
}

static void take_batch_for_all(struct node *node, const struct batch_header *header, struct batch_reader *reader)
{
    struct batch_record record;
    unsigned index;
    while (batch_next(reader, &record)) {
        if (record.type != RECORD_BEAT || record.length != BEAT_BYTES)
            cluster_fail(node->cluster, "something else than a beat is for everybody");
        const struct peers_crowd crowd = { bytes_get(record.body, 4), bytes_get(record.body + 4, 4), bytes_get(record.body + 8, 4) };
        if (peers_on_beat(node->peers, 0, header->source, header->life, header->number, &crowd, clock_ms(node), &index) == PEERS_BURIED)
            tell_buried(node, header->source, header->life);
        take_news(node);
    }
}

/* Broken on purpose: as if everything came from the partner. */
static void look_not_at_sender(struct node *node, struct message *message)
{
    const struct session_host *host = &node->world->hosts[message->to.thread - FIRST_SESSION_THREAD];
    const struct relay *relay = relay_set_find(&host->relays, message->peer_left.match, message->to);
    if (relay != NULL)
        message->from = relay->partner;
}

static void take_record(struct node *node, const struct batch_record *record, unsigned index)
{
    struct message message;
    if (record_read(&message, record, index) != RECORD_OK)
        cluster_fail(node->cluster, "a record that is none");
    if (message.to.thread < FIRST_SESSION_THREAD || message.to.thread >= FIRST_SESSION_THREAD + SESSION_THREADS)
        cluster_fail(node->cluster, "a record for no session thread");
    if (node->cluster->broken == BROKEN_SENDER)
        look_not_at_sender(node, &message);
    node->cluster->tally->gaps += message.type == PEER_GAP;
    world_send(node->world, &message);
}

static void take_batch_for_us(struct node *node, const struct batch_header *header, struct batch_reader *reader)
{
    struct batch_record record;
    unsigned index;
    enum peers_verdict verdict = peers_on_batch(node->peers, header->source, header->life, header->number, clock_ms(node), &index);
    take_news(node);
    bool is_of_peer = verdict == PEERS_TAKE;
    bool may_tell_buried = is_of_peer || verdict == PEERS_BURIED || verdict == PEERS_STRANGER;
    while (batch_next(reader, &record)) {
        if (may_tell_buried && record.type == RECORD_BURIED && record.length == 8) {
            if (node->cluster->broken != BROKEN_LIFE)
                peers_on_buried(node->peers, bytes_get_64(record.body), clock_ms(node));
            take_news(node);
            is_of_peer = false;
        } else if (is_of_peer) {
            take_record(node, &record, index);
        }
    }
}

static void take_batch(struct node *node, const struct flying *flying)
{
    struct batch_header header;
    struct batch_reader reader;
    if (batch_peek(&header, flying->bytes, flying->length) != BATCH_OK)
        cluster_fail(node->cluster, "a batch that is none");
    const unsigned index = peers_index_of(node->peers, header.source, header.life);
    if (links_read(node->links, &reader, &header, index, flying->is_for_all ? BATCH_FOR_ALL : node->incarnation, flying->bytes, flying->length) !=
        BATCH_OK)
        cluster_fail(node->cluster, "a batch that does not open");
    if (flying->is_for_all)
        take_batch_for_all(node, &header, &reader);
    else
        take_batch_for_us(node, &header, &reader);
}

/* The thread. */

static void tick(struct node *node)
{
    static const uint8_t nobody[BEAT_BYTES];
    peers_tick(node->peers, node_is_linked(node), clock_ms(node));
    take_news(node);
    if (node->ticks++ % (PEERS_BEAT_MS / TICK_MS) == 0)
        links_publish(node->links, 0, BATCH_FOR_ALL, RECORD_BEAT, nobody, sizeof nobody);
}

void node_bus_turn(struct node *node)
{
    struct flying *flying;
    for (unsigned from = 0; from < THREADS; from++) {
        while (threads_deliver(node->world, from, BUS_THREAD)) {
        }
    }
    node->world->sender = BUS_THREAD;
    while ((flying = fake_bus_take(node)) != NULL) {
        take_batch(node, flying);
        free(flying);
    }
    if (node_clock_ms(node) >= node->tick_ms) {
        node->tick_ms = node_clock_ms(node) + TICK_MS;
        tick(node);
    }
    links_flush(node->links);
}

static void on_for_bus(struct world *world, struct message *message)
{
    struct node *node = world->node;
    if (!links_write(node->links, message)) {
        node->cluster->tally->told_again++;
        tell_thread(node, PEER_NODE_DIED, message->from.thread, &(struct peers_news){ .index = message->to.node });
    }
    message_discard(message);
}

void node_bus_start(struct node *node)
{
    node->world->on_for_bus = on_for_bus;
    node->peers = peers_new(node->incarnation, 1, PATIENCE_MS, clock_ms(node));
    node->links = links_new(&(struct links_host){ .self = node, .publish = publish, .lost = on_lost }, &node->cluster->secrets, node->incarnation, 1);
    node->tick_ms = node_clock_ms(node);
    node->ticks = 0;
}

void node_bus_free(struct node *node)
{
    fake_bus_lose(node);
    links_free(&node->links);
    peers_free(&node->peers);
}

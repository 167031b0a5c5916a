#include "sim/node.h"

#include <stdlib.h>
#include <string.h>

#include "actors/relay.h"
#include "actors/relay_set.h"
#include "sim/client.h"
#include "sim/node_bus.h"
#include "sim/node_store.h"
#include "sim/threads.h"

/* Match ids begin with the time, which nodes do not agree upon. It goes slower than they are used up, so that ids of different nodes meet. */
enum { MATCHES_PER_MS_INVERSE = 64, SKEW = 20 };

enum { CLIENTS_MIN = 3, CLIENTS_SPREAD = 4 };

/* In so many rounds one of its clients does something, and a thread gets no processor. */
enum { ACTS_ONE_OF = 4, WAITS_ONE_OF = 3, HELD_ONE_OF = 1500, HELD_MS = 400 };

void node_start(struct node *node)
{
    struct cluster *cluster = node->cluster;
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL)
        abort();
    node->world = world;
    node->incarnation = ++cluster->last_incarnation;
    node->ahead_ms = 100000 + cluster_pick(cluster, 1000000);
    node->stood_still_ms = 0;
    memset(node->held_until_ms, 0, sizeof node->held_until_ms);
    memset(node->repeat_ms, 0, sizeof node->repeat_ms);
    world->program = "sim_nodes";
    world->seed = cluster->seed;
    world->random = cluster_pick(cluster, UINT64_MAX);
    world->client_count = CLIENTS_MIN + cluster_pick(cluster, CLIENTS_SPREAD);
    world->ledger = &cluster->ledger;
    world->node = node;
    world->number = node->incarnation;
    world->says_nothing_again = cluster->broken == BROKEN_SEARCH;
    world->now_ms = node_clock_ms(node);
    threads_init(world, node_store_interface(node), 1 + cluster->now_ms / MATCHES_PER_MS_INVERSE + cluster_pick(cluster, SKEW));
    for (unsigned i = 0; i < SESSION_THREADS; i++)
        world->hosts[i].now_ms = world->now_ms;
    node_bus_start(node);
    node_store_start(node);
    cluster->tally->nodes++;
}

/* What it has counted. */
static void add_up(const struct node *node)
{
    struct tally *tally = node->cluster->tally;
    const struct world *world = node->world;
    tally->matches += world->matched;
    tally->remote += world->remote;
    tally->relayed += world->relayed;
    tally->bans += world->banned;
    tally->broken_chats += world->broken;
    tally->repeated += (long)metrics_sum(&world->metrics, 1, METRIC_PEER_TEXTS_REPEATED_TOTAL);
    tally->refused += (long)metrics_sum(&world->metrics, 1, METRIC_MATCHES_REFUSED_TOTAL);
    tally->repaired += (long)metrics_sum(&world->metrics, 1, METRIC_SEARCHES_REPAIRED_TOTAL);
}

void node_kill(struct node *node)
{
    add_up(node);
    struct world *world = node->world;
    for (unsigned i = 0; i < SESSION_THREADS; i++) {
        for (const struct relay *relay = world->hosts[i].relays.first; relay != NULL; relay = relay->next)
            ledger_break(world->ledger, relay->key.id);
    }
    node->world = NULL;
    node_store_free(node);
    node_bus_free(node);
    world_free(world);
}

/* A thread takes what has come, of whoever sends to it. */
static void take_messages(struct world *world, unsigned thread)
{
    enum { AT_ONCE = 4 };
    const unsigned first = (unsigned)world_pick(world, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        for (uint64_t count = 1 + world_pick(world, AT_ONCE); count > 0 && threads_deliver(world, (first + i) % THREADS, thread); count--) {
        }
    }
}

static void session_thread_turn(struct node *node, unsigned thread)
{
    struct world *world = node->world;
    struct session_host *host = &world->hosts[thread - FIRST_SESSION_THREAD];
    uint64_t *repeat_ms = &node->repeat_ms[thread - FIRST_SESSION_THREAD];
    host->now_ms = world->now_ms;
    take_messages(world, thread);
    threads_give_turn(world, thread);
    threads_fire_due(world, thread);
    if (host->relays.ends.count == 0 || world->now_ms < *repeat_ms || node->cluster->broken == BROKEN_REPEAT)
        return;
    *repeat_ms = world->now_ms + RELAYS_TICK_MS;
    world->sender = thread;
    relays_tick(host);
}

static void thread_turn(struct node *node, unsigned thread)
{
    switch (thread) {
    case 0:
        if (!node->cluster->are_clients_quiet && world_pick(node->world, ACTS_ONE_OF) == 0)
            client_acts(node->world, &node->world->clients[world_pick(node->world, node->world->client_count)]);
        break;
    case IO_THREAD:
        take_messages(node->world, thread);
        break;
    case MATCHER_THREAD:
        take_messages(node->world, thread);
        node_store_turn(node);
        break;
    case BUS_THREAD:
        node_bus_turn(node);
        break;
    default:
        session_thread_turn(node, thread);
        break;
    }
}

void node_round(struct node *node)
{
    struct cluster *cluster = node->cluster;
    const unsigned first = (unsigned)cluster_pick(cluster, THREADS);
    node->world->step = cluster->step;
    node->world->is_traced = cluster->step >= cluster->traced_from;
    node->world->now_ms = node_clock_ms(node);
    for (unsigned i = 0; i < THREADS; i++) {
        const unsigned thread = (first + i) % THREADS;
        if (cluster_pick(cluster, HELD_ONE_OF) == 0)
            node->held_until_ms[thread] = cluster->now_ms + cluster_pick(cluster, HELD_MS);
        if (node->held_until_ms[thread] <= cluster->now_ms && cluster_pick(cluster, WAITS_ONE_OF) > 0)
            thread_turn(node, thread);
    }
}

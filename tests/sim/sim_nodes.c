/* sim_nodes.c: several nodes under a seeded scheduler, with clients, two Redis, and a bus between them, of which nothing can be relied on.
 *
 * For a while nodes stand still and die, the bus loses, doubles, delays and reorders, Redis is away, forgets, or is two. Then all is well for a while, and
 * what must hold then is checked; what must hold at any time is checked after each step. Time is the simulation's: clocks of nodes differ.
 *
 *   sim_nodes [--seeds N] [--first S] [--steps N]   a failing seed is printed; --first S --seeds 1 replays it,
 *                                                   and with --trace STEP every message from there on is printed
 *   sim_nodes --failovers N                         nothing else goes wrong, N times a seed: the replica of Redis becomes the master, without what was
 *                                                   written last, and the old one may live on beside it for ten seconds
 *   sim_nodes --break NAME                          broken on purpose, which it must find: sender, repeat, search, behind, life, clear
 *
 * A step is a round of one node.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cluster.h"
#include "sim/cluster_invariants.h"
#include "sim/counted_payload.h"
#include "sim/faults.h"
#include "sim/node.h"
#include "sim/node_store.h"

/* So much time passes in a step, less one. */
enum { STEP_MS = 5 };

/* How long something goes wrong; after that: clients may go on for a while, what they are in is seen to an end, and who searches meets, which takes as long as
 * until a search is said again, and a second for a match that may be on its way (again.h). */
enum { FAULTY_MS = 12000, ACTIVE_MS = 3500, SETTLED_MS = 5000, FOUND_MS = 13500 };

/* So long after a match both sides know of it; and so long at most others come after each other. */
enum { MATCHED_MS = 1000, SETTLES_MS = 5000 };

/* How long a way up, a search in calm, and the reaping of the dead take at most: a lease, two heartbeats, and a node's users one after the other. */
enum { UP_MS = 2500, AGAIN_MS = 2000, CALM_SEARCH_MS = 1000, REAPED_MS = LEASE_MS + 3000 };

/* Of a failover: how long the old master lives on, how long at most all has been well before, and what the replica lacks. */
enum { OLD_WORLD_MS = 10000, BEFORE_MS = 1500, LAG_MS = 1000 };

static const char *const ways_to_break[BROKEN_WAYS] = {
    [BROKEN_NOTHING] = "nothing", [BROKEN_SENDER] = "sender", [BROKEN_REPEAT] = "repeat", [BROKEN_SEARCH] = "search",
    [BROKEN_BEHIND] = "behind",   [BROKEN_LIFE] = "life",     [BROKEN_CLEAR] = "clear",
};

static void step(struct cluster *cluster)
{
    cluster->step++;
    cluster->tally->steps++;
    cluster->now_ms += cluster_pick(cluster, STEP_MS);
    struct node *node = &cluster->nodes[cluster_pick(cluster, cluster->node_count)];
    if (node_runs(node)) {
        node_round(node);
        check_at_any_time(node);
    }
    node_store_carry_out(cluster, (unsigned)cluster_pick(cluster, REDISES));
}

static void run_until(struct cluster *cluster, uint64_t until_ms)
{
    while (cluster->now_ms < until_ms)
        step(cluster);
}

static void go_wrong(struct cluster *cluster)
{
    const uint64_t until_ms = cluster->now_ms + FAULTY_MS / 2 + cluster_pick(cluster, FAULTY_MS);
    while (cluster->now_ms < until_ms) {
        faults_step(cluster);
        step(cluster);
    }
}

static void fail_over(struct cluster *cluster)
{
    run_until(cluster, cluster->now_ms + cluster_pick(cluster, BEFORE_MS));
    faults_replicate(cluster);
    run_until(cluster, cluster->now_ms + cluster_pick(cluster, LAG_MS));
    faults_promote(cluster, OLD_WORLD_MS);
    const uint64_t until_ms = cluster->now_ms + OLD_WORLD_MS;
    while (cluster->now_ms < until_ms) {
        faults_follow(cluster);
        step(cluster);
    }
}

/* A search that is said again may end in a match at any time, also a moment before its two sides are looked at. */
static bool is_anybody_being_matched(const struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        for (size_t k = 0; k < node->world->client_count; k++) {
            const struct session *actor = node_find_actor(node, node->world->clients[k].actor);
            if (actor != NULL && actor->state == SESSION_CHATTING && (uint32_t)node_clock_ms(node) - actor->began_ms < MATCHED_MS)
                return true;
        }
    }
    return false;
}

static void settle(struct cluster *cluster, uint64_t until_ms)
{
    run_until(cluster, until_ms);
    while (is_anybody_being_matched(cluster) && cluster->now_ms < until_ms + SETTLES_MS)
        step(cluster);
}

/* All is well again, at once, and for long. */
static void be_well(struct cluster *cluster)
{
    faults_end(cluster);
    const uint64_t since_ms = cluster->now_ms;
    if (cluster_pick(cluster, 2) == 0) /* else nobody does anything that would mend by itself what has gone wrong */
        run_until(cluster, since_ms + cluster_pick(cluster, ACTIVE_MS));
    cluster->are_clients_quiet = true;
    settle(cluster, since_ms + SETTLED_MS);
    check_chats(cluster);
    if (cluster_pick(cluster, 2) == 0) {
        settle(cluster, since_ms + FOUND_MS);
        check_chats(cluster);
        check_searches(cluster);
        check_redis(cluster);
        faults_lose_a_store(cluster);
        run_until(cluster, cluster->now_ms + UP_MS);
        check_redis(cluster);
        cluster->are_clients_quiet = false;
        run_until(cluster, cluster->now_ms + AGAIN_MS);
        cluster->are_clients_quiet = true;
        settle(cluster, cluster->now_ms + CALM_SEARCH_MS);
        check_chats(cluster);
        check_searches(cluster);
        check_redis(cluster);
    }
    for (unsigned i = 0; i < REDISES; i++)
        cluster->redis[i].report_count = 0; /* no ban is for ever */
    cluster->are_clients_quiet = false;
}

static void leave(struct cluster *cluster)
{
    cluster->are_clients_quiet = true;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct world *world = cluster->nodes[i].world;
        world->sender = IO_THREAD;
        for (size_t k = 0; k < world->client_count; k++) {
            struct client *client = &world->clients[k];
            if (client->view != VIEW_GONE)
                world_send(world, &(struct message){ .type = CONN_GONE, .to = client->actor });
            client->view = VIEW_GONE;
            payload_free(&client->blocked);
        }
    }
    run_until(cluster, cluster->now_ms + REAPED_MS);
    check_that_nothing_remains(cluster);
}

static void finish(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++)
        node_kill(&cluster->nodes[i]);
    for (unsigned i = 0; i < REDISES; i++) {
        node_store_forget_orphans(cluster, i);
        fake_redis_clear(&cluster->redis[i]);
        cluster->tally->behind += cluster->redis[i].behind;
        cluster->tally->fenced += cluster->redis[i].fenced;
        cluster->tally->skipped += cluster->redis[i].skipped;
        cluster->tally->reaped += cluster->redis[i].reaped;
    }
    if (counted_payloads() != 0)
        cluster_fail(cluster, "payloads were lost or freed twice");
    ledger_free(&cluster->ledger);
    free(cluster);
}

static void run(uint64_t seed, long steps, long failovers, long traced_from, enum broken broken, struct tally *tally)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL)
        abort();
    cluster->seed = cluster->random = seed;
    cluster->broken = broken;
    cluster->traced_from = traced_from;
    cluster->tally = tally;
    cluster->secrets.count = 1;
    cluster->now_ms = 1000;
    cluster->node_count = 2 + (unsigned)cluster_pick(cluster, NODES_MAX - 1);
    for (unsigned i = 0; i < REDISES; i++) {
        cluster->redis[i].ledger = &cluster->ledger;
        cluster->redis[i].is_never_behind = broken == BROKEN_BEHIND;
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        cluster->nodes[i].cluster = cluster;
        cluster->nodes[i].place = i;
    }
    faults_end(cluster);
    if (failovers > 0)
        be_well(cluster);
    for (long i = 0; i < failovers; i++) {
        fail_over(cluster);
        be_well(cluster);
    }
    while (failovers == 0 && cluster->step < steps) {
        go_wrong(cluster);
        be_well(cluster);
    }
    leave(cluster);
    finish(cluster);
}

static enum broken way_to_break(const char *name)
{
    for (unsigned way = 0; way < BROKEN_WAYS; way++) {
        if (strcmp(ways_to_break[way], name) == 0)
            return (enum broken)way;
    }
    fprintf(stderr, "sim_nodes: --break %s: no such thing\n", name);
    exit(2);
}

/* A run in which something never happens proves nothing about it. */
static bool has_all(const struct tally *tally)
{
    const long *counts = (const long *)tally;
    for (size_t i = 0; i < sizeof *tally / sizeof *counts; i++) {
        if (counts[i] == 0)
            return false;
    }
    return true;
}

/* Of failovers alone. */
static bool has_failed_over(const struct tally *tally, long failovers)
{
    return tally->splits == failovers && tally->matches > failovers && tally->remote > failovers && tally->relayed > failovers && tally->refused > 0 &&
           tally->deaths > 0;
}

int main(int argc, char **argv)
{
    long seeds = 60, first = 1, steps = 25000, failovers = 0, traced_from = LONG_MAX;
    enum broken broken = BROKEN_NOTHING;
    struct tally tally = { 0 };
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--first") == 0)
            first = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--steps") == 0)
            steps = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--failovers") == 0)
            failovers = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--trace") == 0)
            traced_from = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--break") == 0)
            broken = way_to_break(argv[i + 1]);
    }
    for (long seed = first; seed < first + seeds; seed++)
        run((uint64_t)seed, steps, failovers, traced_from, broken, &tally);
    printf("sim_nodes: %ld seeds, %ld steps\n", seeds, tally.steps);
    printf("  users    %ld times matched, %ld of them with another node; %ld texts heard, %ld bans\n", tally.matches, tally.remote, tally.relayed, tally.bans);
    printf("  across   %ld texts repeated, %ld gaps, %ld matches refused, %ld searches repaired, %ld chats ended by a death, %ld begun "
           "after it\n", tally.repeated, tally.gaps, tally.refused, tally.repaired, tally.broken_chats, tally.told_again);
    printf("  nodes    %ld, of them %ld killed; %ld times stopped, %ld deaths declared, %ld told that they were buried; new lives: %ld stood still, %ld "
           "unheard, %ld out of patience, %ld buried\n",
           tally.nodes, tally.killed, tally.frozen, tally.deaths, tally.buried, tally.lives[PEERS_FROZEN], tally.lives[PEERS_UNHEARD],
           tally.lives[PEERS_OUT_OF_PATIENCE], tally.lives[PEERS_WAS_BURIED]);
    printf("  bus      %ld batches lost, %ld doubled, %ld overtaken\n", tally.lost, tally.doubled, tally.overtaken);
    printf("  Redis    %ld times two, %ld times emptied; %ld users reaped, %ld calls fenced off, %ld late ones, %ld behind, %ld waiters passed over, %ld could "
           "not be told, %ld rounds with users stated again\n",
           tally.splits, tally.emptied, tally.reaped, tally.fenced, tally.orphans, tally.behind, tally.skipped, tally.unreachable, tally.restated);
    const bool is_sound = failovers > 0 ? has_failed_over(&tally, seeds * failovers) : has_all(&tally);
    printf("%s\n", is_sound ? "sound" : "something has never happened");
    return is_sound ? 0 : 1;
}

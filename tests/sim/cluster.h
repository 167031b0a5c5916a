/* cluster.h: several nodes, each a world of its own (world.h), two Redis that each may be the one, the bus that goes through them, and the time that all
 * of it happens in.
 *
 * It only lies there: node.c says what a node does in a round, node_bus.c and node_store.c what goes between it and Redis, fake_bus.c how a batch fares on
 * its way, faults.c what goes wrong, cluster_invariants.c what must hold, and sim_nodes.c when.
 *
 * What a node is made of, as in the server: the session and matcher actors, who lives (bus/peers.h), what is on its way to each peer, sealed
 * (bus/links.h), whom the matcher can reach (redis/reachable.h). The rest is played here.
 *
 * Threads:   one in all.
 * Ownership: sim_nodes.c makes the cluster of each seed and frees it. Nodes are the cluster's; what is in one is made and freed by node.c.
 */
#ifndef CHATTERBOX_TESTS_SIM_CLUSTER_H
#define CHATTERBOX_TESTS_SIM_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/links.h"
#include "bus/peers.h"
#include "sim/fake_redis.h"
#include "sim/world.h"

enum { NODES_MAX = 5, REDISES = 2, PATIENCE_MS = 5000, LEASE_MS = 5000 };

/* A batch on its way: fake_bus.c's. */
struct flying;

/* What a node has asked of its Redis: node_store.c's. */
struct node_call;

/* A process, or the place of one: when it dies another one comes to its place. */
struct node {
    struct cluster *cluster;
    unsigned place;
    struct world *world;       /* NULL: there is no process */
    uint64_t incarnation;      /* of it, or of the last one */
    uint64_t ahead_ms;         /* its clock, of the cluster's */
    uint64_t stood_still_ms;   /* since it began: what a clock that does not go on meanwhile would be behind */
    uint64_t held_until_ms[THREADS]; /* by the cluster's clock: a thread that gets no processor */
    uint64_t repeat_ms[SESSION_THREADS]; /* by its own: when relays are ticked next */

    /* Faults, by the cluster's clock. */
    uint64_t frozen_until_ms;  /* SIGSTOP */
    uint64_t frozen_since_ms;
    uint64_t dead_until_ms;
    uint64_t cut_until_ms;     /* it does not reach its Redis, and what goes to and fro is lost */
    uint64_t deaf_until_ms[NODES_MAX]; /* what these publish does not come here; itself, perhaps */
    unsigned redis;            /* which one it takes for the one */
    uint64_t follows_ms;       /* when it hears of a failover; 0: there is none that it has not heard of */

    /* The bus. */
    struct peers *peers;
    struct links *links;
    struct flying *inbox;      /* by due time */
    uint64_t tick_ms;          /* by its own clock: the next tick */
    unsigned ticks;
    uint64_t known[PEERS_MAX + 1]; /* incarnations, by the index that each has or had */

    /* The store. */
    struct node_call *first_call, *last_call; /* unanswered, oldest first */
    uint64_t connection;       /* number of the last one, and the value of its lease */
    uint64_t retry_ms, beat_ms; /* by its own clock */
    unsigned failed_attempts;
    bool is_open, is_store_up, is_reaping;
};

/* How a batch fares: chances in 100, and how long it may take. */
struct weather {
    unsigned loss, doubling;
    unsigned delay_ms;
    bool is_ordered; /* what one node hears comes in the order published */
};

enum broken {
    BROKEN_NOTHING,
    BROKEN_SENDER,   /* who says something is not looked at */
    BROKEN_REPEAT,   /* nothing is said again to a partner */
    BROKEN_SEARCH,   /* no search is said again */
    BROKEN_BEHIND,   /* match ids need not grow */
    BROKEN_LIFE,     /* a node that stood still goes on as if nothing had been */
    BROKEN_CLEAR,    /* a node that comes up forgets everybody's users, not only its own */
    BROKEN_WAYS
};

/* How often it happened, over all seeds. */
struct tally {
    long steps, nodes, matches, remote, relayed, repeated, gaps, refused, repaired, broken_chats, told_again;
    long deaths, lives[4], buried, killed, frozen, splits, emptied;
    long lost, doubled, overtaken, reaped, fenced, behind, skipped, unreachable, orphans;
    long bans, restated;
};

struct cluster {
    uint64_t random, seed, now_ms;
    long step, traced_from; /* LONG_MAX: never */
    enum broken broken;
    struct node nodes[NODES_MAX];
    unsigned node_count;
    uint64_t last_incarnation;
    struct fake_redis redis[REDISES];
    uint64_t redis_stalled_until_ms[REDISES];
    uint64_t bus_stalled_until_ms[REDISES];
    struct node_call *orphans[REDISES]; /* of connections that were given up, and not carried out yet */
    unsigned true_redis;  /* the one that all take for the one when all is well */
    struct weather weather;
    uint64_t weather_until_ms;
    struct ledger ledger;
    bool are_clients_quiet;
    struct seal_secrets secrets;
    struct tally *tally;
};

/* Print the seed, the step and what is broken, and exit. */
_Noreturn void cluster_fail(const struct cluster *cluster, const char *what);

/* A number below the given one, which only the seed and the picks before it decide. */
uint64_t cluster_pick(struct cluster *cluster, uint64_t below);

/* Whether its process runs. */
bool node_runs(const struct node *node);

/* Its monotonic clock. */
uint64_t node_clock_ms(const struct node *node);

/* Whether it reaches its Redis. */
bool node_is_linked(const struct node *node);

/* NULL: the process is gone. */
struct node *cluster_find(struct cluster *cluster, uint64_t incarnation);

/* Freed with node_free(), in a world of its own. */
struct session *node_find_actor(const struct node *node, struct address actor);

#endif

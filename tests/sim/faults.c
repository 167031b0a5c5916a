#include "sim/faults.h"

#include <string.h>

#include "sim/fake_bus.h"
#include "sim/node.h"
#include "sim/node_store.h"

/* In so many steps one goes wrong. */
enum { FAULT_ONE_OF = 400, REPLICATED_ONE_OF = 400 };

static const struct weather fair = { .delay_ms = 5, .is_ordered = true };

static struct node *any_node(struct cluster *cluster)
{
    return &cluster->nodes[cluster_pick(cluster, cluster->node_count)];
}

/* Mostly short, now and then longer than anybody waits. */
static uint64_t for_a_while(struct cluster *cluster)
{
    const uint64_t most_ms = cluster_pick(cluster, 4) == 0 ? 8000 : 2500;
    return cluster->now_ms + 50 + cluster_pick(cluster, most_ms);
}

/* SIGSTOP. */
static void freeze(struct node *node)
{
    if (!node_runs(node))
        return;
    node->frozen_since_ms = node->cluster->now_ms;
    node->frozen_until_ms = for_a_while(node->cluster);
    node->cluster->tally->frozen++;
}

static void thaw(struct node *node)
{
    if (node->frozen_since_ms == 0)
        return;
    node->stood_still_ms += node->cluster->now_ms - node->frozen_since_ms;
    node->frozen_since_ms = node->frozen_until_ms = 0;
}

static void kill(struct node *node)
{
    if (node->world == NULL)
        return;
    thaw(node);
    node_kill(node);
    node->dead_until_ms = for_a_while(node->cluster);
    node->cluster->tally->killed++;
}

/* What was on its way to it is lost; what it has asked of Redis hangs. */
static void cut(struct node *node)
{
    fake_bus_lose(node);
    node->cut_until_ms = for_a_while(node->cluster);
}

static void change_weather(struct cluster *cluster)
{
    static const struct weather weathers[] = {
        { .loss = 10, .delay_ms = 20, .is_ordered = true },
        { .loss = 3, .doubling = 20, .delay_ms = 100 },
        { .loss = 40, .delay_ms = 10, .is_ordered = true },
        { .loss = 5, .doubling = 10, .delay_ms = 1500 },
    };
    cluster->weather = weathers[cluster_pick(cluster, sizeof weathers / sizeof weathers[0])];
    cluster->weather_until_ms = for_a_while(cluster);
}

/* It comes back as the same, or with nothing. */
static void restart_redis(struct cluster *cluster, unsigned redis)
{
    if (cluster_pick(cluster, 2) == 0) {
        fake_redis_clear(&cluster->redis[redis]);
        cluster->tally->emptied++;
    }
    node_store_forget_orphans(cluster, redis);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        if (node->world == NULL || node->redis != redis)
            continue;
        fake_bus_lose(node);
        if (node_runs(node))
            node_store_lose(node);
    }
}

static void move(struct node *node, unsigned redis)
{
    if (node->world == NULL || node->redis == redis)
        return;
    fake_bus_lose(node);
    node_store_lose(node);
    node->redis = redis;
}

/* The other one becomes what the true one is now, and falls behind from then on. One that is a replica takes no writes: whoever uses it still loses it. */
void faults_replicate(struct cluster *cluster)
{
    const unsigned from = cluster->true_redis, to = 1 - from;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        if (cluster->nodes[i].world != NULL && cluster->nodes[i].redis == to)
            node_store_lose(&cluster->nodes[i]);
    }
    node_store_forget_orphans(cluster, to);
    fake_redis_copy(&cluster->redis[to], &cluster->redis[from]);
}

/* The replica is made the master while the old one lives: each node believes one of them. Sooner or later all believe the new one. It lacks what was written
 * last; or it is a master of long ago. */
static void split(struct cluster *cluster)
{
    const unsigned other = 1 - cluster->true_redis;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        if (cluster_pick(cluster, 2) == 0 && node_runs(&cluster->nodes[i]))
            move(&cluster->nodes[i], other);
    }
    cluster->true_redis = other;
    cluster->tally->splits++;
}

static void unite(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        if (node_runs(&cluster->nodes[i]))
            move(&cluster->nodes[i], cluster->true_redis);
    }
}

/* Sentinels agree that it is down, and announce another, so long after it was heard last; each node asks them twice a second, but one that is cut off with
 * the old master is told by none of them. */
enum { ANNOUNCED_MS = 1000, ANNOUNCED_SPREAD_MS = 1500, ASKED_MS = 500 };

enum end_of_master { DIED, STOPPED, CUT_OFF, ENDS_OF_MASTER };

void faults_promote(struct cluster *cluster, uint64_t lives_ms)
{
    const unsigned old = cluster->true_redis;
    const enum end_of_master end = (enum end_of_master)cluster_pick(cluster, ENDS_OF_MASTER);
    const uint64_t announced_ms = cluster->now_ms + ANNOUNCED_MS + cluster_pick(cluster, ANNOUNCED_SPREAD_MS);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        node->follows_ms = announced_ms + cluster_pick(cluster, ASKED_MS);
        if (end == DIED) {
            fake_bus_lose(node);
            node_store_lose(node);
            node->cut_until_ms = node->follows_ms;
        } else if (cluster_pick(cluster, 2) == 0) {
            node->follows_ms += cluster_pick(cluster, cluster->now_ms + lives_ms - node->follows_ms);
        }
    }
    if (end == STOPPED) /* and comes back, to whoever is still there */
        cluster->redis_stalled_until_ms[old] = cluster->bus_stalled_until_ms[old] = announced_ms + cluster_pick(cluster, ANNOUNCED_MS);
    cluster->true_redis = 1 - old;
    cluster->tally->splits++;
}

void faults_follow(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        if (node->follows_ms == 0 || cluster->now_ms < node->follows_ms)
            continue;
        node->follows_ms = 0;
        move(node, cluster->true_redis);
    }
}

static void go_wrong(struct cluster *cluster)
{
    struct node *node = any_node(cluster), *other = any_node(cluster);
    switch (cluster_pick(cluster, 14)) {
    case 0:
    case 1:
    case 2:
        freeze(node);
        break;
    case 3:
        kill(node);
        break;
    case 4:
    case 5:
        change_weather(cluster);
        break;
    case 6:
        cluster->bus_stalled_until_ms[node->redis] = for_a_while(cluster);
        break;
    case 7:
        cluster->redis_stalled_until_ms[node->redis] = for_a_while(cluster);
        break;
    case 8:
        cut(node);
        break;
    case 9:
        restart_redis(cluster, node->redis);
        break;
    case 10:
        split(cluster);
        break;
    case 11:
        unite(cluster);
        break;
    case 12: /* itself, perhaps */
        node->deaf_until_ms[other->place] = for_a_while(cluster);
        break;
    case 13: /* the subscriber is closed for being slow, or the other connection is lost */
        if (cluster_pick(cluster, 2) == 0)
            fake_bus_lose(node);
        else if (node_runs(node))
            node_store_lose(node);
        break;
    }
}

void faults_step(struct cluster *cluster)
{
    if (cluster_pick(cluster, FAULT_ONE_OF) == 0)
        go_wrong(cluster);
    if (cluster_pick(cluster, REPLICATED_ONE_OF) == 0)
        faults_replicate(cluster);
    if (cluster->weather_until_ms <= cluster->now_ms)
        cluster->weather = fair;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        if (node->frozen_until_ms <= cluster->now_ms)
            thaw(node);
        if (node->world == NULL && node->dead_until_ms <= cluster->now_ms)
            node_start(node);
        if (node->redis != cluster->true_redis && node_runs(node) && cluster_pick(cluster, 2000) == 0)
            move(node, cluster->true_redis);
    }
}

void faults_end(struct cluster *cluster)
{
    cluster->weather = fair;
    memset(cluster->redis_stalled_until_ms, 0, sizeof cluster->redis_stalled_until_ms);
    memset(cluster->bus_stalled_until_ms, 0, sizeof cluster->bus_stalled_until_ms);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        thaw(node);
        node->cut_until_ms = 0;
        memset(node->deaf_until_ms, 0, sizeof node->deaf_until_ms);
        for (struct flying *flying = node->inbox; flying != NULL; flying = flying->next) {
            if (flying->due_ms > cluster->now_ms)
                flying->due_ms = cluster->now_ms;
        }
        if (node->world == NULL)
            node_start(node);
    }
    unite(cluster);
}

struct node *faults_lose_a_store(struct cluster *cluster)
{
    struct node *node = any_node(cluster);
    node_store_lose(node);
    return node;
}

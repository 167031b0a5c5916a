#include "sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void cluster_fail(const struct cluster *cluster, const char *what)
{
    printf("sim_nodes: seed %llu, step %ld: %s\n", (unsigned long long)cluster->seed, cluster->step, what);
    exit(1);
}

uint64_t cluster_pick(struct cluster *cluster, uint64_t below)
{
    return pick(&cluster->random, below);
}

bool node_runs(const struct node *node)
{
    return node->world != NULL && node->frozen_until_ms <= node->cluster->now_ms;
}

uint64_t node_clock_ms(const struct node *node)
{
    return node->cluster->now_ms + node->ahead_ms;
}

bool node_is_linked(const struct node *node)
{
    return node->cut_until_ms <= node->cluster->now_ms;
}

struct node *cluster_find(struct cluster *cluster, uint64_t incarnation)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        if (cluster->nodes[i].world != NULL && cluster->nodes[i].incarnation == incarnation)
            return &cluster->nodes[i];
    }
    return NULL;
}

struct session *node_find_actor(const struct node *node, struct address actor)
{
    struct world *world = node->world;
    bool is_alive = world->actor_is_alive[actor.slot] && world->actor_generation[actor.slot] == actor.generation;
    return is_alive ? &world->actors[actor.slot] : NULL;
}

#include "sim/fake_bus.h"

#include <stdlib.h>
#include <string.h>

/* In its place by time, after those of the same. */
static void fly(struct node *to, const uint8_t *bytes, size_t length, bool is_for_all, uint64_t due_ms)
{
    struct flying *flying = malloc(sizeof *flying + length), **place = &to->inbox;
    if (flying == NULL)
        abort();
    flying->due_ms = due_ms;
    flying->is_for_all = is_for_all;
    flying->length = length;
    memcpy(flying->bytes, bytes, length);
    while (*place != NULL && (*place)->due_ms <= due_ms)
        place = &(*place)->next;
    to->cluster->tally->overtaken += *place != NULL;
    flying->next = *place;
    *place = flying;
}

static uint64_t last_due_ms(const struct node *node)
{
    uint64_t due_ms = 0;
    for (const struct flying *flying = node->inbox; flying != NULL; flying = flying->next)
        due_ms = flying->due_ms;
    return due_ms;
}

static void publish_to(struct node *from, struct node *to, bool is_for_all, const uint8_t *bytes, size_t length)
{
    struct cluster *cluster = from->cluster;
    const struct weather *weather = &cluster->weather;
    unsigned copies = 1;
    if (cluster_pick(cluster, 100) < weather->loss || to->deaf_until_ms[from->place] > cluster->now_ms) {
        cluster->tally->lost++;
        return;
    }
    if (cluster_pick(cluster, 100) < weather->doubling) {
        cluster->tally->doubled++;
        copies++;
    }
    while (copies-- > 0) {
        uint64_t due_ms = cluster->now_ms + 1 + cluster_pick(cluster, weather->delay_ms);
        if (due_ms < cluster->bus_stalled_until_ms[from->redis])
            due_ms = cluster->bus_stalled_until_ms[from->redis];
        if (weather->is_ordered && due_ms < last_due_ms(to))
            due_ms = last_due_ms(to);
        fly(to, bytes, length, is_for_all, due_ms);
    }
}

void fake_bus_publish(struct node *from, uint64_t target, const uint8_t *bytes, size_t length)
{
    struct cluster *cluster = from->cluster;
    if (!node_is_linked(from)) {
        cluster->tally->lost++;
        return;
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *to = &cluster->nodes[i];
        if (to->world != NULL && node_is_linked(to) && to->redis == from->redis && (target == BATCH_FOR_ALL || target == to->incarnation))
            publish_to(from, to, target == BATCH_FOR_ALL, bytes, length);
    }
}

struct flying *fake_bus_take(struct node *node)
{
    struct flying *flying = node->inbox;
    if (flying == NULL || flying->due_ms > node->cluster->now_ms)
        return NULL;
    node->inbox = flying->next;
    return flying;
}

void fake_bus_lose(struct node *node)
{
    while (node->inbox != NULL) {
        struct flying *flying = node->inbox;
        node->inbox = flying->next;
        free(flying);
        node->cluster->tally->lost++;
    }
}

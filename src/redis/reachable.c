#include "redis/reachable.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void node_id_print(char id[NODE_BYTES], uint64_t incarnation)
{
    snprintf(id, NODE_BYTES, "%016" PRIx64, incarnation);
}

bool reachable_add(struct reachable *reachable, uint64_t incarnation, unsigned index)
{
    if (reachable->count == REACHABLE_MAX - 1)
        return false;
    node_id_print(reachable->nodes[reachable->count].id, incarnation);
    reachable->nodes[reachable->count].index = (uint16_t)index;
    reachable->count++;
    return true;
}

void reachable_remove(struct reachable *reachable, unsigned index)
{
    for (unsigned i = 0; i < reachable->count; i++) {
        if (reachable->nodes[i].index == index) {
            reachable->nodes[i] = reachable->nodes[--reachable->count];
            return;
        }
    }
}

unsigned reachable_find(const struct reachable *reachable, const char *id, size_t length)
{
    for (unsigned i = 0; length == NODE_BYTES - 1 && i < reachable->count; i++) {
        if (memcmp(reachable->nodes[i].id, id, length) == 0)
            return reachable->nodes[i].index;
    }
    return 0;
}

#include "actors/neighbours.h"

#include <stdlib.h>

#include "runtime/check.h"

enum { FIRST = 8 };

struct neighbour {
    uint64_t incarnation;
    unsigned node;
};

void neighbours_add(struct neighbours *neighbours, uint64_t incarnation, unsigned node)
{
    if (neighbours->count == neighbours->capacity) {
        neighbours->capacity = neighbours->capacity == 0 ? FIRST : 2 * neighbours->capacity;
        neighbours->list = realloc(neighbours->list, neighbours->capacity * sizeof *neighbours->list);
        CHECK_MEMORY(neighbours->list);
    }
    neighbours->list[neighbours->count++] = (struct neighbour){ incarnation, node };
}

void neighbours_remove(struct neighbours *neighbours, unsigned node)
{
    for (uint32_t i = 0; i < neighbours->count; i++) {
        if (neighbours->list[i].node == node) {
            neighbours->list[i] = neighbours->list[--neighbours->count];
            return;
        }
    }
}

unsigned neighbours_find(const struct neighbours *neighbours, uint64_t incarnation)
{
    for (uint32_t i = 0; i < neighbours->count; i++) {
        if (neighbours->list[i].incarnation == incarnation)
            return neighbours->list[i].node;
    }
    return 0;
}

void neighbours_fini(struct neighbours *neighbours)
{
    free(neighbours->list);
    *neighbours = (struct neighbours){ 0 };
}

#include "pool.h"

#include <stdlib.h>

#include "check.h"

/* A burst of as many texts, of 256 users who have used up their credits, goes without malloc; more than that is given up. */
enum { KEPT_MAX = 4096 };

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_NOTHING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_NOTHING 1
#endif
#endif
#ifndef KEEPS_NOTHING
#define KEEPS_NOTHING 0
#endif

struct block {
    struct block *next;
};

struct pool {
    struct block *first; /* the one that came last: most probably still in the cache */
    unsigned count;
};

static _Thread_local struct pool pools[POOL_SIZES];

static const size_t bytes[POOL_SIZES] = { [POOL_NODE] = POOL_NODE_BYTES, [POOL_TEXT] = POOL_TEXT_BYTES };

void *pool_take(enum pool_size size)
{
    struct pool *pool = &pools[size];
    struct block *block = pool->first;
    if (block != NULL) {
        pool->first = block->next;
        pool->count--;
        return block;
    }
    block = malloc(bytes[size]);
    CHECK_MEMORY(block);
    return block;
}

void pool_give_back(enum pool_size size, void *memory)
{
    struct pool *pool = &pools[size];
    struct block *block = memory;
    if (KEEPS_NOTHING || pool->count >= KEPT_MAX) {
        free(block);
        return;
    }
    block->next = pool->first;
    pool->first = block;
    pool->count++;
}

void pool_empty(void)
{
    for (enum pool_size size = 0; size < POOL_SIZES; size++) {
        while (pools[size].first != NULL)
            free(pool_take(size));
    }
}

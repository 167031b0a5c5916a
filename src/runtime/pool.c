#include "runtime/pool.h"

#include <stdlib.h>

#include "runtime/check.h"

/* How many blocks a thread keeps. It begins with the first number and grows by each block that was missing, up to the second, with which
 * 256 users who use up all their credits at once go without malloc. So a thread keeps what it has needed at a time, and not what happens to be given back
 * to it, as the events of all who connect are to an I/O thread. */
enum { KEPT_FIRST = 64, KEPT_MAX = 4096 };

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

/* What is in a block is not looked at: a thread that has had much on its way does not have it in its cache. */
struct pool {
    unsigned count;
    unsigned missed; /* since the thread began */
    void *blocks[KEPT_MAX]; /* the one that came last is taken first: most probably it is still there */
};

static _Thread_local struct pool pools[POOL_SIZES];

static const size_t bytes[POOL_SIZES] = { [POOL_NODE] = POOL_NODE_BYTES, [POOL_TEXT] = POOL_TEXT_BYTES };

void *pool_take(enum pool_size size)
{
    struct pool *pool = &pools[size];
    if (pool->count > 0)
        return pool->blocks[--pool->count];
    if (pool->missed < KEPT_MAX - KEPT_FIRST)
        pool->missed++;
    void *block = malloc(bytes[size]);
    CHECK_MEMORY(block);
    return block;
}

void pool_give_back(enum pool_size size, void *block)
{
    struct pool *pool = &pools[size];
    if (KEEPS_NOTHING || pool->count >= KEPT_FIRST + pool->missed)
        free(block);
    else
        pool->blocks[pool->count++] = block;
}

void pool_empty(void)
{
    for (enum pool_size size = 0; size < POOL_SIZES; size++) {
        while (pools[size].count > 0)
            free(pool_take(size));
    }
}

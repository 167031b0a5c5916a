#include "wire/json_arena.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

/* jansson's allocator has no argument that could tell whose it is. Set once by each thread for itself. */
static _Thread_local struct json_arena *adopted;

static void *allocate(size_t size)
{
    struct json_arena *arena = adopted;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (arena == NULL || rounded < size || rounded > JSON_ARENA_BYTES - arena->used)
        return malloc(size);
    void *piece = arena->bytes + arena->used;
    arena->used += rounded;
    arena->pieces++;
    return piece;
}

static void release(void *piece)
{
    struct json_arena *arena = adopted;
    uintptr_t at = (uintptr_t)piece;
    if (arena == NULL || at < (uintptr_t)arena->bytes || at >= (uintptr_t)arena->bytes + JSON_ARENA_BYTES)
        free(piece);
    else if (--arena->pieces == 0)
        arena->used = 0;
}

void json_arena_install(void)
{
    json_set_alloc_funcs(allocate, release);
    json_object_seed(0); /* not thread-safe unless it happens before the threads */
}

void json_arena_adopt(struct json_arena *arena)
{
    adopted = arena;
}

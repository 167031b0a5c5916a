#include "runtime/ck_memory.h"

#include <stdlib.h>

#include "runtime/check.h"

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    CHECK_MEMORY(memory);
    return memory;
}

static void release(void *memory, size_t bytes, bool is_deferred)
{
    (void)bytes;
    (void)is_deferred; /* for readers on other threads, of which there are none */
    free(memory);
}

struct ck_malloc ck_memory = { .malloc = allocate, .free = release };

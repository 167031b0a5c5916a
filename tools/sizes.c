/* sizes: what a user's parts take, for tools/bench memory. Prints one JSON line, in bytes. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/session.h"
#include "net/net.h"

/* A block of malloc's with its header. */
static size_t block_bytes(size_t asked)
{
    void *block = malloc(asked);
    size_t usable = malloc_usable_size(block);
    free(block);
    return usable + sizeof(size_t);
}

/* What a slab spends on top of one object, alignment included. */
static size_t slab_overhead(size_t object_bytes)
{
    enum { MANY = 1 << 12 };
    struct slab slab;
    uint32_t slot, generation;
    slab_init(&slab, object_bytes, MANY);
    struct mallinfo2 before = mallinfo2();
    while (slab_take(&slab, &slot, &generation) != NULL)
        continue;
    struct mallinfo2 after = mallinfo2();
    slab_fini(&slab);
    return (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / MANY - object_bytes;
}

int main(void)
{
    /* The interests of a user of `load idle`: "music", "load 123", "mine 123". */
    const size_t interests = sizeof "music" + sizeof "load 123" + sizeof "mine 123";
    printf("{\"connection\":%zu,\"of it uv_tcp_t\":%zu,\"connection slab\":%zu,\"session actor\":%zu,\"actor slab\":%zu,\"interests\":%zu,\"of who may come back\":%zu}\n",
           sizeof(struct connection), sizeof(uv_tcp_t), slab_overhead(sizeof(struct connection)), sizeof(struct session),
           slab_overhead(sizeof(struct session)), block_bytes(sizeof(struct payload) + interests), block_bytes(sizeof(struct resume)));
    return 0;
}

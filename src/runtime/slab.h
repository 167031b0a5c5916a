/* slab.h: fixed-size objects of one thread, found by slot and generation.
 *
 * Objects live in chunks that never move, so pointers stay good while the object lives. A slot that is given back is
 * taken again last in, first out, with a new generation; generation 0 is never given out. Slots and generations fit into an address (message.h).
 *
 * Threads: one.
 */
#ifndef CHATTERBOX_RUNTIME_SLAB_H
#define CHATTERBOX_RUNTIME_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slab {
    size_t object_bytes;
    uint32_t used;     /* objects alive */
    uint32_t slots;    /* slots ever made */
    uint32_t capacity; /* at most so many */
    uint32_t free_head;
    struct slab_chunk **chunks;
    uint32_t chunk_count;
};

/* object_bytes: size of one object. capacity: at most so many at once, up to ADDRESS_SLOTS. */
void slab_init(struct slab *slab, size_t object_bytes, uint32_t capacity);

/* Frees all memory; the objects must have been given back or need no clean-up. */
void slab_fini(struct slab *slab);

/* A zeroed object with its slot and generation, or NULL when capacity objects are alive. */
void *slab_take(struct slab *slab, uint32_t *slot, uint32_t *generation);

/* The object, or NULL if it is gone. */
void *slab_find(const struct slab *slab, uint32_t slot, uint32_t generation);

void slab_give_back(struct slab *slab, uint32_t slot);

/* The object in a slot if one is alive there, else NULL; for walking over 0..slab->slots-1. */
void *slab_at(const struct slab *slab, uint32_t slot, uint32_t *generation);

#endif

#include "runtime/slab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/message.h"

/* So many objects are allocated at once: large enough to spare the allocator's overhead, small enough that a server with
 * few users stays small. */
enum { CHUNK_SLOTS = 64 };
static const uint32_t NO_SLOT = UINT32_MAX;

struct slot_header {
    uint32_t generation; /* of the object that is alive, or of the one to come */
    uint32_t next_free;  /* in the list of free slots */
    bool is_alive;
};

struct slab_chunk {
    struct slot_header headers[CHUNK_SLOTS];
    _Alignas(max_align_t) unsigned char objects[];
};

static size_t stride(const struct slab *slab)
{
    const size_t alignment = _Alignof(max_align_t);
    return (slab->object_bytes + alignment - 1) / alignment * alignment;
}

static struct slot_header *header_of(const struct slab *slab, uint32_t slot)
{
    return &slab->chunks[slot / CHUNK_SLOTS]->headers[slot % CHUNK_SLOTS];
}

static void *object_of(const struct slab *slab, uint32_t slot)
{
    return slab->chunks[slot / CHUNK_SLOTS]->objects + (size_t)(slot % CHUNK_SLOTS) * stride(slab);
}

void slab_init(struct slab *slab, size_t object_bytes, uint32_t capacity)
{
    CHECK(capacity <= ADDRESS_SLOTS);
    *slab = (struct slab){ .object_bytes = object_bytes, .capacity = capacity, .free_head = NO_SLOT };
}

void slab_fini(struct slab *slab)
{
    for (uint32_t i = 0; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    slab_init(slab, slab->object_bytes, slab->capacity);
}

static void add_chunk(struct slab *slab)
{
    struct slab_chunk **chunks = realloc(slab->chunks, (slab->chunk_count + 1) * sizeof(struct slab_chunk *));
    CHECK_MEMORY(chunks);
    slab->chunks = chunks;
    struct slab_chunk *chunk = malloc(sizeof *chunk + CHUNK_SLOTS * stride(slab));
    CHECK_MEMORY(chunk);
    chunks[slab->chunk_count++] = chunk;
    /* Low slots first: the list is last in, first out. */
    for (uint32_t i = CHUNK_SLOTS; i-- > 0;) {
        chunk->headers[i] = (struct slot_header){ .generation = 1, .next_free = slab->free_head };
        slab->free_head = slab->slots + i;
    }
    slab->slots += CHUNK_SLOTS;
}

void *slab_take(struct slab *slab, uint32_t *slot, uint32_t *generation)
{
    if (slab->used == slab->capacity)
        return NULL;
    if (slab->free_head == NO_SLOT)
        add_chunk(slab);
    *slot = slab->free_head;
    struct slot_header *header = header_of(slab, *slot);
    slab->free_head = header->next_free;
    header->is_alive = true;
    *generation = header->generation;
    slab->used++;
    return memset(object_of(slab, *slot), 0, slab->object_bytes);
}

void *slab_find(const struct slab *slab, uint32_t slot, uint32_t generation)
{
    if (slot >= slab->slots)
        return NULL;
    const struct slot_header *header = header_of(slab, slot);
    return header->is_alive && header->generation == generation ? object_of(slab, slot) : NULL;
}

void slab_give_back(struct slab *slab, uint32_t slot)
{
    struct slot_header *header = header_of(slab, slot);
    CHECK(header->is_alive);
    header->is_alive = false;
    header->generation = header->generation == ADDRESS_GENERATION_MAX ? 1 : header->generation + 1;
    header->next_free = slab->free_head;
    slab->free_head = slot;
    slab->used--;
}

void *slab_at(const struct slab *slab, uint32_t slot, uint32_t *generation)
{
    const struct slot_header *header = header_of(slab, slot);
    *generation = header->generation;
    return header->is_alive ? object_of(slab, slot) : NULL;
}

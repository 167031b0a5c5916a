#include "admission/address_limits.h"

#include <ck_hs.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/ck_memory.h"
#include "runtime/rate.h"
#include "runtime/slab.h"

enum { TABLE_SLOTS_FIRST = 64, SWEPT_AT_ONCE = 2048 };

struct entry {
    uint64_t key; /* first: the table's functions below see an entry and a key alike */
    uint32_t slot;
    uint32_t open[ADDRESS_KINDS];
    struct rate_bucket handshakes;
};

struct address_limits {
    struct address_limits_config config;
    ck_hs_t table;
    struct slab entries;
    uint32_t sweep_at;  /* slot */
    uint32_t removed;   /* since the table was last built; each leaves a tombstone that lookups pass */
};

static unsigned long hash(const void *key, unsigned long seed)
{
    (void)seed; /* a key is a keyed hash */
    return (unsigned long)*(const uint64_t *)key;
}

static bool is_same(const void *a, const void *b)
{
    return *(const uint64_t *)a == *(const uint64_t *)b;
}

struct address_limits *address_limits_new(const struct address_limits_config *config)
{
    struct address_limits *limits = calloc(1, sizeof *limits);
    CHECK_MEMORY(limits);
    limits->config = *config;
    slab_init(&limits->entries, sizeof(struct entry), config->capacity);
    CHECK(ck_hs_init(&limits->table, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT | CK_HS_MODE_DELETE, hash, is_same, &ck_memory,
                     TABLE_SLOTS_FIRST, 0));
    return limits;
}

void address_limits_free(struct address_limits **pointer)
{
    struct address_limits *limits = *pointer;
    if (limits == NULL)
        return;
    ck_hs_destroy(&limits->table);
    slab_fini(&limits->entries);
    free(limits);
    *pointer = NULL;
}

static struct entry *find(struct address_limits *limits, uint64_t key)
{
    return ck_hs_get(&limits->table, (unsigned long)key, &key);
}

/* Returns NULL if the table is full. */
static struct entry *find_or_add(struct address_limits *limits, uint64_t key)
{
    struct entry *entry = find(limits, key);
    uint32_t slot, generation;
    if (entry != NULL || (entry = slab_take(&limits->entries, &slot, &generation)) == NULL)
        return entry;
    entry->key = key;
    entry->slot = slot;
    CHECK(ck_hs_put(&limits->table, (unsigned long)key, entry));
    return entry;
}

enum address_verdict address_limits_take(struct address_limits *limits, uint64_t key, enum address_kind kind, uint64_t now_ms)
{
    const struct address_limits_config *config = &limits->config;
    struct entry *entry = find_or_add(limits, key);
    if (entry == NULL)
        return ADDRESS_UNCOUNTED;
    const uint32_t awaited = kind == ADDRESS_WEBSOCKET ? entry->open[ADDRESS_AWAITED] : 0;
    if (kind == ADDRESS_RETURNING)
        kind = ADDRESS_WEBSOCKET;
    if (config->connections > 0 && entry->open[kind] + awaited >= config->connections)
        return ADDRESS_REFUSED;
    if (kind == ADDRESS_WEBSOCKET &&
        !rate_take(&entry->handshakes, config->handshakes, config->handshakes * ADDRESS_BURST, now_ms))
        return ADDRESS_REFUSED;
    entry->open[kind]++;
    return ADDRESS_COUNTED;
}

void address_limits_give_back(struct address_limits *limits, uint64_t key, enum address_kind kind)
{
    struct entry *entry = find(limits, key);
    if (kind == ADDRESS_AWAITED && (entry == NULL || entry->open[kind] == 0))
        return;
    CHECK(entry != NULL && entry->open[kind] > 0); /* while something is open the sweep keeps it */
    entry->open[kind]--;
}

static void forget(struct address_limits *limits, struct entry *entry)
{
    CHECK(ck_hs_remove(&limits->table, (unsigned long)entry->key, entry) == entry);
    slab_give_back(&limits->entries, entry->slot);
    limits->removed++;
}

void address_limits_sweep(struct address_limits *limits, uint64_t now_ms)
{
    for (uint32_t seen = 0; seen < SWEPT_AT_ONCE && limits->sweep_at < limits->entries.slots; seen++) {
        uint32_t generation;
        struct entry *entry = slab_at(&limits->entries, limits->sweep_at++, &generation);
        if (entry != NULL && entry->open[ADDRESS_HALF_OPEN] == 0 && entry->open[ADDRESS_WEBSOCKET] == 0 &&
            entry->open[ADDRESS_AWAITED] == 0 &&
            rate_is_full(&entry->handshakes, limits->config.handshakes, now_ms))
            forget(limits, entry);
    }
    if (limits->sweep_at < limits->entries.slots)
        return;
    limits->sweep_at = 0;
    if (limits->removed > limits->entries.slots) {
        CHECK(ck_hs_rebuild(&limits->table));
        limits->removed = 0;
    }
}

uint32_t address_limits_used(const struct address_limits *limits)
{
    return limits->entries.used;
}

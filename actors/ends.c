#include "actors/ends.h"

#include <ck_hs.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/ck_memory.h"

enum { SLOTS_FIRST = 64 };

/* Knuth, volume 3, section 6.4: multiplicative hashing; the high bits are the good ones. Match ids are time and a counter, slots a few numbers. */
static unsigned long hash_of(const struct end_key *key)
{
    uint64_t product = (key->id ^ (uint64_t)key->self.slot << 44 ^ key->self.generation) * 0x9E3779B97F4A7C15u;
    return (unsigned long)(product ^ product >> 32);
}

static unsigned long hash(const void *key, unsigned long seed)
{
    (void)seed;
    return hash_of(key);
}

static bool is_same(const void *a, const void *b)
{
    const struct end_key *one = a, *other = b;
    return one->id == other->id && address_equals(one->self, other->self);
}

void ends_put(struct ends *ends, const struct end_key *end)
{
    if (ends->set == NULL) {
        ends->set = calloc(1, sizeof *ends->set);
        CHECK_MEMORY(ends->set);
        CHECK(ck_hs_init(ends->set, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT | CK_HS_MODE_DELETE, hash, is_same, &ck_memory, SLOTS_FIRST, 0));
    }
    CHECK(ck_hs_put(ends->set, hash_of(end), end));
    ends->count++;
}

void *ends_find(const struct ends *ends, uint64_t id, struct address self)
{
    const struct end_key key = { id, self };
    return ends->count > 0 ? ck_hs_get(ends->set, hash_of(&key), &key) : NULL;
}

void ends_remove(struct ends *ends, const struct end_key *end)
{
    CHECK(ck_hs_remove(ends->set, hash_of(end), end) == end);
    ends->count--;
    /* Each leaves a tombstone, which lookups pass. */
    if (++ends->removed > ends->count + SLOTS_FIRST) {
        CHECK(ck_hs_rebuild(ends->set));
        ends->removed = 0;
    }
}

void ends_fini(struct ends *ends)
{
    CHECK(ends->count == 0);
    if (ends->set != NULL)
        ck_hs_destroy(ends->set);
    free(ends->set);
    *ends = (struct ends){ 0 };
}

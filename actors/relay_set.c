#include "actors/relay_set.h"

#include <ck_hs.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/ck_memory.h"

enum { SLOTS_FIRST = 64 };

/* Knuth, volume 3, section 6.4: multiplicative hashing; the high bits are the good ones. Match ids are time and a counter, slots a few numbers. */
static unsigned long hash_of(const struct relay_key *key)
{
    uint64_t product = (key->match ^ (uint64_t)key->self.slot << 44 ^ key->self.generation) * 0x9E3779B97F4A7C15u;
    return (unsigned long)(product ^ product >> 32);
}

static unsigned long hash(const void *key, unsigned long seed)
{
    (void)seed;
    return hash_of(key);
}

static bool is_same(const void *a, const void *b)
{
    const struct relay_key *one = a, *other = b;
    return one->match == other->match && address_equals(one->self, other->self);
}

struct relay *relay_set_add(struct relays *relays, uint64_t match, struct address self)
{
    if (relays->set == NULL) {
        relays->set = calloc(1, sizeof *relays->set);
        CHECK_MEMORY(relays->set);
        CHECK(ck_hs_init(relays->set, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT | CK_HS_MODE_DELETE, hash, is_same, &ck_memory, SLOTS_FIRST, 0));
    }
    struct relay *relay = calloc(1, sizeof *relay);
    CHECK_MEMORY(relay);
    relay->key = (struct relay_key){ match, self };
    CHECK(ck_hs_put(relays->set, hash_of(&relay->key), relay));
    relay->next = relays->first;
    if (relay->next != NULL)
        relay->next->previous = relay;
    relays->first = relay;
    relays->count++;
    return relay;
}

struct relay *relay_set_find(const struct relays *relays, uint64_t match, struct address self)
{
    const struct relay_key key = { match, self };
    return relays->count > 0 ? ck_hs_get(relays->set, hash_of(&key), &key) : NULL;
}

void relay_set_remove(struct relays *relays, struct relay *relay)
{
    CHECK(ck_hs_remove(relays->set, hash_of(&relay->key), &relay->key) == relay);
    if (relay->previous != NULL)
        relay->previous->next = relay->next;
    else
        relays->first = relay->next;
    if (relay->next != NULL)
        relay->next->previous = relay->previous;
    free(relay);
    relays->count--;
    /* Each leaves a tombstone, which lookups pass. */
    if (++relays->removed > relays->count + SLOTS_FIRST) {
        CHECK(ck_hs_rebuild(relays->set));
        relays->removed = 0;
    }
}

void relay_set_fini(struct relays *relays)
{
    CHECK(relays->count == 0);
    if (relays->set != NULL)
        ck_hs_destroy(relays->set);
    free(relays->set);
    *relays = (struct relays){ 0 };
}

#include "actors/relay_set.h"

#include <stdlib.h>

#include "runtime/check.h"

struct relay *relay_set_add(struct relays *relays, uint64_t match, struct address self)
{
    struct relay *relay = calloc(1, sizeof *relay);
    CHECK_MEMORY(relay);
    relay->key = (struct end_key){ match, self };
    ends_put(&relays->ends, &relay->key);
    relay->next = relays->first;
    if (relay->next != NULL)
        relay->next->previous = relay;
    relays->first = relay;
    return relay;
}

struct relay *relay_set_find(const struct relays *relays, uint64_t match, struct address self)
{
    return ends_find(&relays->ends, match, self);
}

void relay_set_remove(struct relays *relays, struct relay *relay)
{
    ends_remove(&relays->ends, &relay->key);
    if (relay->previous != NULL)
        relay->previous->next = relay->next;
    else
        relays->first = relay->next;
    if (relay->next != NULL)
        relay->next->previous = relay->previous;
    free(relay);
}

void relay_set_fini(struct relays *relays)
{
    ends_fini(&relays->ends);
}

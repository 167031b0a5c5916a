#include "sim/fake_store.h"

#include <stdlib.h>
#include <string.h>

static const struct fake_caller alone;

static void call(void *self, const struct store_call *call)
{
    struct fake_store *store = self;
    if (!store->is_up || fake_store_pending(store) == FAKE_CALLS_MAX - 1)
        abort(); /* the matcher must not call a store that is down */
    store->calls[store->last_call++ % FAKE_CALLS_MAX] = *call;
}

static struct store_call take(struct fake_store *store)
{
    return store->calls[store->first_call++ % FAKE_CALLS_MAX];
}

struct store fake_store_interface(struct fake_store *store)
{
    return (struct store){ .self = store, .call = call };
}

size_t fake_store_pending(const struct fake_store *store)
{
    return store->last_call - store->first_call;
}

size_t fake_store_restating(const struct fake_store *store)
{
    size_t count = 0;
    for (size_t i = store->first_call; i != store->last_call; i++)
        count += store->calls[i % FAKE_CALLS_MAX].is_restating;
    return count;
}

static bool has_later_call(const struct fake_store *store, const struct store_call *call)
{
    for (size_t i = store->first_call; i != store->last_call; i++) {
        if (memcmp(store->calls[i % FAKE_CALLS_MAX].user_id, call->user_id, USER_ID_BYTES) == 0)
            return true;
    }
    return false;
}

/* If there are later calls of this user the real store gives its connection up instead (fake_store_go_down()). */
static bool is_behind(struct fake_store *store, const struct store_call *call)
{
    enum { ONE_OF = 16 };
    return call->operation == STORE_START_MATCHING && ++store->starts % ONE_OF == 0 && !has_later_call(store, call);
}

void fake_store_step(struct fake_store *store)
{
    enum { AHEAD = 3 };
    struct store_call next = take(store);
    struct fake_reply reply;
    if (is_behind(store, &next)) {
        const struct store_reply behind = { .outcome = STORE_BEHIND, .match = next.match + AHEAD };
        matcher_on_store_reply(store->matcher, &next, &behind);
        return;
    }
    fake_redis_call(&store->redis, &alone, &next, &reply);
    payload_free(&next.payload);
    matcher_on_store_reply(store->matcher, &next, &reply.store);
}

void fake_store_go_down(struct fake_store *store, size_t executed)
{
    struct fake_reply reply;
    store->is_up = false;
    matcher_on_store_down(store->matcher);
    while (fake_store_pending(store) > 0) {
        struct store_call next = take(store);
        if (executed > 0) {
            executed--;
            fake_redis_call(&store->redis, &alone, &next, &reply);
        }
        payload_free(&next.payload);
        matcher_on_store_reply(store->matcher, &next, &(struct store_reply){ .outcome = STORE_LOST });
    }
    fake_redis_clear(&store->redis);
}

void fake_store_come_up(struct fake_store *store)
{
    store->is_up = true;
    matcher_on_store_up(store->matcher);
}

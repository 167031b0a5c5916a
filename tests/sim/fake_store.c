#include "fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "interests.h"

static struct fake_user *find(struct fake_store *store, const uint8_t id[USER_ID_BYTES], bool make)
{
    struct fake_user *free_place = NULL;
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        struct fake_user *user = &store->users[i];
        if (user->is_there && memcmp(user->id, id, USER_ID_BYTES) == 0)
            return user;
        if (!user->is_there && free_place == NULL)
            free_place = user;
    }
    if (!make)
        return NULL;
    if (free_place == NULL)
        abort();
    *free_place = (struct fake_user){ .is_there = true };
    memcpy(free_place->id, id, USER_ID_BYTES);
    return free_place;
}

static void part(struct fake_user *user)
{
    struct fake_user *partner = user->partner;
    user->partner = NULL;
    if (partner != NULL && partner->partner == user)
        partner->partner = NULL;
}

static void forget(struct fake_user *user)
{
    part(user);
    payload_free(&user->topics);
    user->is_there = false;
}

static void set_topics(struct fake_user *user, const uint8_t *bytes, size_t length)
{
    payload_free(&user->topics);
    user->topics = payload_copy(bytes, length);
}

/* Writes the common topics into common (large enough) and returns their length. */
static size_t common_topics(const struct fake_user *a, const struct fake_user *b, uint8_t *common)
{
    size_t length = 0, at_a = 0;
    const char *topic;
    while ((topic = interests_next(a->topics->bytes, a->topics->length, &at_a)) != NULL) {
        size_t at_b = 0;
        const char *other;
        while ((other = interests_next(b->topics->bytes, b->topics->length, &at_b)) != NULL) {
            if (strcmp(topic, other) == 0) {
                memcpy(common + length, topic, strlen(topic) + 1);
                length += strlen(topic) + 1;
            }
        }
    }
    return length;
}

static enum store_outcome start_matching(struct fake_store *store, const struct store_call *call,
                                         struct store_reply *reply, uint8_t *common)
{
    struct fake_user *user = find(store, call->user_id, true);
    if (user->match != 0 && user->match != call->ended_match)
        return STORE_TOO_LATE;
    part(user);
    set_topics(user, call->payload->bytes, call->payload->length);
    user->actor = call->actor;
    user->search = call->search;
    user->is_waiting = false;
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        struct fake_user *other = &store->users[i];
        if (!other->is_there || !other->is_waiting || other == user)
            continue;
        size_t length = common_topics(user, other, common);
        if (length == 0)
            continue;
        other->is_waiting = false;
        other->partner = user;
        user->partner = other;
        user->match = other->match = call->match;
        reply->partner = other->actor;
        reply->partner_search = other->search;
        reply->common = common;
        reply->common_length = length;
        memcpy(reply->partner_id, other->id, USER_ID_BYTES);
        return STORE_MATCHED;
    }
    user->is_waiting = true;
    return STORE_WAITING;
}

static enum store_outcome carry_out(struct fake_store *store, const struct store_call *call, struct store_reply *reply,
                                    uint8_t *common)
{
    struct fake_user *user;
    switch (call->operation) {
    case STORE_START_MATCHING:
        return start_matching(store, call, reply, common);
    case STORE_SUBMIT_INTERESTS:
        user = find(store, call->user_id, true);
        set_topics(user, call->payload->bytes, call->payload->length);
        user->actor = call->actor;
        return STORE_DONE;
    case STORE_END_MATCHING:
        user = find(store, call->user_id, false);
        if (user == NULL)
            return STORE_DONE;
        if (user->partner != NULL)
            return STORE_TOO_LATE;
        user->is_waiting = false;
        return STORE_DONE;
    case STORE_END_CHAT:
        user = find(store, call->user_id, false);
        if (user != NULL && user->match == call->match)
            part(user);
        return STORE_DONE;
    case STORE_RESTORE_CHAT: {
        user = find(store, call->user_id, true);
        set_topics(user, call->payload->bytes + USER_ID_BYTES, call->payload->length - USER_ID_BYTES);
        user->actor = call->actor;
        struct fake_user *partner = find(store, call->payload->bytes, false);
        user->is_waiting = false;
        user->match = call->match;
        if (user->partner != partner)
            part(user);
        if (partner != NULL && partner->partner == NULL && !partner->is_waiting) {
            user->partner = partner;
            partner->partner = user;
        }
        return STORE_DONE;
    }
    case STORE_LEAVE:
        user = find(store, call->user_id, false);
        if (user != NULL)
            forget(user);
        return STORE_DONE;
    case STORE_OPERATIONS:
        break;
    }
    abort();
}

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

void fake_store_step(struct fake_store *store)
{
    uint8_t common[sizeof((struct interests){ 0 }.bytes)];
    struct store_call next = take(store);
    struct store_reply reply = { 0 };
    reply.outcome = carry_out(store, &next, &reply, common);
    payload_free(&next.payload);
    matcher_on_store_reply(store->matcher, &next, &reply);
}

void fake_store_go_down(struct fake_store *store, size_t executed)
{
    uint8_t common[sizeof((struct interests){ 0 }.bytes)];
    store->is_up = false;
    matcher_on_store_down(store->matcher);
    while (fake_store_pending(store) > 0) {
        struct store_call next = take(store);
        struct store_reply reply = { 0 };
        if (executed > 0) {
            executed--;
            carry_out(store, &next, &reply, common);
        }
        payload_free(&next.payload);
        matcher_on_store_reply(store->matcher, &next, &(struct store_reply){ .outcome = STORE_LOST });
    }
    fake_store_clear(store);
}

void fake_store_come_up(struct fake_store *store)
{
    store->is_up = true;
    matcher_on_store_up(store->matcher);
}

size_t fake_store_users(const struct fake_store *store)
{
    size_t count = 0;
    for (size_t i = 0; i < FAKE_USERS_MAX; i++)
        count += store->users[i].is_there;
    return count;
}

bool fake_store_is_sound(const struct fake_store *store)
{
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        const struct fake_user *user = &store->users[i];
        if (!user->is_there || user->partner == NULL)
            continue;
        if (user->partner == user || user->partner->partner != user || user->is_waiting)
            return false;
    }
    return true;
}

void fake_store_clear(struct fake_store *store)
{
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        if (store->users[i].is_there)
            forget(&store->users[i]);
    }
}

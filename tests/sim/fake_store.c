#include "sim/fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "wire/interests.h"

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

/* Blocks and reports. */

static bool has_pair(const struct fake_pair *pairs, size_t count, const uint8_t by[USER_ID_BYTES], const uint8_t of[USER_ID_BYTES])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(pairs[i].by, by, USER_ID_BYTES) == 0 && memcmp(pairs[i].of, of, USER_ID_BYTES) == 0)
            return true;
    }
    return false;
}

static void add_pair(struct fake_pair *pairs, size_t *count, size_t most, const uint8_t by[USER_ID_BYTES], const uint8_t of[USER_ID_BYTES])
{
    if (has_pair(pairs, *count, by, of))
        return;
    if (*count == most)
        abort();
    memcpy(pairs[*count].by, by, USER_ID_BYTES);
    memcpy(pairs[(*count)++].of, of, USER_ID_BYTES);
}

static bool is_blocked(const struct fake_store *store, const struct fake_user *a, const struct fake_user *b)
{
    return has_pair(store->blocks, store->block_count, a->id, b->id) || has_pair(store->blocks, store->block_count, b->id, a->id);
}

static bool was_last(const struct fake_user *a, const struct fake_user *b)
{
    return a->has_last && memcmp(a->last, b->id, USER_ID_BYTES) == 0;
}

static bool is_banned(const struct fake_store *store, const uint8_t device[HASH_BYTES])
{
    size_t reporters = 0;
    for (size_t i = 0; i < store->report_count; i++)
        reporters += memcmp(store->reports[i].of, device, HASH_BYTES) == 0;
    return reporters >= FAKE_REPORT_LIMIT;
}

static void forget_blocks(struct fake_store *store, const uint8_t id[USER_ID_BYTES])
{
    size_t kept = 0;
    for (size_t i = 0; i < store->block_count; i++) {
        if (memcmp(store->blocks[i].by, id, USER_ID_BYTES) != 0)
            store->blocks[kept++] = store->blocks[i];
    }
    store->block_count = kept;
}

static void forget(struct fake_store *store, struct fake_user *user)
{
    part(user);
    forget_blocks(store, user->id);
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

static void set_seeker(struct fake_user *user, const struct payload *seeker)
{
    memcpy(&user->identity, seeker->bytes, sizeof user->identity);
    set_topics(user, seeker->bytes + sizeof user->identity, seeker->length - sizeof user->identity);
}

enum choice { FRIENDS, ANYONE, FORMER_PARTNERS, CHOICES };

/* Whether the two may be matched by this choice; which of the waiters it is does not matter here. */
static bool suits(const struct fake_store *store, enum choice choice, const struct fake_user *user, const struct fake_user *other,
                  size_t common_length)
{
    if (!other->is_there || !other->is_waiting || other == user || is_blocked(store, user, other))
        return false;
    const bool is_friend = common_length > 0, takes_anyone = user->accepts_anyone && other->accepts_anyone;
    switch (choice) {
    case FRIENDS:
        return is_friend && !was_last(user, other) && !was_last(other, user);
    case ANYONE:
        return takes_anyone && !was_last(user, other) && !was_last(other, user);
    case FORMER_PARTNERS:
        return is_friend || takes_anyone;
    case CHOICES:
        break;
    }
    return false;
}

static enum store_outcome start_matching(struct fake_store *store, const struct store_call *call,
                                         struct store_reply *reply, uint8_t *common)
{
    if (is_banned(store, call->identity.device))
        return STORE_BANNED;
    struct fake_user *user = find(store, call->user_id, true);
    if (user->match != 0 && user->match != call->ended_match)
        return STORE_TOO_LATE;
    part(user);
    set_seeker(user, call->payload);
    user->actor = call->actor;
    user->search = call->search;
    user->accepts_anyone = call->accepts_anyone;
    user->is_waiting = false;
    for (size_t i = 0; i < CHOICES * FAKE_USERS_MAX; i++) {
        struct fake_user *other = &store->users[i % FAKE_USERS_MAX];
        if (!other->is_there || other->topics == NULL)
            continue;
        size_t length = common_topics(user, other, common);
        if (!suits(store, (enum choice)(i / FAKE_USERS_MAX), user, other, length))
            continue;
        other->is_waiting = false;
        other->partner = user;
        user->partner = other;
        user->match = other->match = call->match;
        user->has_last = other->has_last = true;
        memcpy(user->last, other->id, USER_ID_BYTES);
        memcpy(other->last, user->id, USER_ID_BYTES);
        reply->partner = other->actor;
        reply->partner_search = other->search;
        reply->common = common;
        reply->common_length = length;
        reply->peer.identity = other->identity;
        memcpy(reply->peer.id, other->id, USER_ID_BYTES);
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
        if (is_banned(store, call->payload->bytes))
            return STORE_BANNED;
        user = find(store, call->user_id, true);
        set_seeker(user, call->payload);
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
        set_topics(user, call->payload->bytes + sizeof(struct peer), call->payload->length - sizeof(struct peer));
        user->has_last = true;
        memcpy(user->last, call->payload->bytes, USER_ID_BYTES);
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
            forget(store, user);
        return STORE_DONE;
    case STORE_BLOCK:
        user = find(store, call->user_id, false);
        for (size_t at = 0; user != NULL && at < call->payload->length; at += USER_ID_BYTES)
            add_pair(store->blocks, &store->block_count, FAKE_BLOCKS_MAX, call->user_id, call->payload->bytes + at);
        return STORE_DONE;
    case STORE_REPORT: {
        const uint8_t *device = call->payload->bytes + HASH_BYTES;
        add_pair(store->reports, &store->report_count, FAKE_REPORTS_MAX, call->payload->bytes, device);
        return is_banned(store, device) ? STORE_BANNED : STORE_DONE;
    }
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
    uint8_t common[sizeof((struct interests){ 0 }.bytes)];
    struct store_call next = take(store);
    struct store_reply reply = { 0 };
    if (is_behind(store, &next)) {
        reply = (struct store_reply){ .outcome = STORE_BEHIND, .match = next.match + AHEAD };
        matcher_on_store_reply(store->matcher, &next, &reply);
        return;
    }
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
            forget(store, &store->users[i]);
    }
    store->block_count = store->report_count = 0;
}

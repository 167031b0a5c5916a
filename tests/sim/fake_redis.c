#include "sim/fake_redis.h"

#include <stdlib.h>
#include <string.h>

struct fake_user *fake_redis_find(struct fake_redis *redis, const uint8_t id[USER_ID_BYTES])
{
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        struct fake_user *user = &redis->users[i];
        if (user->is_there && memcmp(user->id, id, USER_ID_BYTES) == 0)
            return user;
    }
    return NULL;
}

/* Made if need be, and one of the caller's. */
static struct fake_user *adopt(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call)
{
    struct fake_user *user = fake_redis_find(redis, call->user_id);
    for (size_t i = 0; user == NULL && i < FAKE_USERS_MAX; i++) {
        if (!redis->users[i].is_there) {
            user = &redis->users[i];
            *user = (struct fake_user){ .is_there = true };
            memcpy(user->id, call->user_id, USER_ID_BYTES);
        }
    }
    if (user == NULL)
        abort();
    user->node = caller->node;
    user->actor = call->actor;
    return user;
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

static bool is_blocked(const struct fake_redis *redis, const uint8_t a[USER_ID_BYTES], const uint8_t b[USER_ID_BYTES])
{
    return has_pair(redis->blocks, redis->block_count, a, b) || has_pair(redis->blocks, redis->block_count, b, a);
}

static bool was_last(const struct fake_user *user, const uint8_t other[USER_ID_BYTES])
{
    return user != NULL && user->has_last && memcmp(user->last, other, USER_ID_BYTES) == 0;
}

static bool is_banned(const struct fake_redis *redis, const uint8_t device[HASH_BYTES])
{
    size_t reporters = 0;
    for (size_t i = 0; i < redis->report_count; i++)
        reporters += memcmp(redis->reports[i].of, device, HASH_BYTES) == 0;
    return reporters >= FAKE_REPORT_LIMIT;
}

static void forget_blocks(struct fake_redis *redis, const uint8_t id[USER_ID_BYTES])
{
    size_t kept = 0;
    for (size_t i = 0; i < redis->block_count; i++) {
        if (memcmp(redis->blocks[i].by, id, USER_ID_BYTES) != 0)
            redis->blocks[kept++] = redis->blocks[i];
    }
    redis->block_count = kept;
}

static void forget(struct fake_redis *redis, struct fake_user *user)
{
    part(user);
    forget_blocks(redis, user->id);
    payload_free(&user->topics);
    user->is_there = false;
}

static void set_topics(struct fake_user *user, const uint8_t *bytes, size_t length)
{
    payload_free(&user->topics);
    user->topics = payload_copy(bytes, length);
}

/* The user's struct identity, then topics. */
static void set_seeker(struct fake_user *user, const struct payload *seeker)
{
    memcpy(&user->identity, seeker->bytes, sizeof user->identity);
    set_topics(user, seeker->bytes + sizeof user->identity, seeker->length - sizeof user->identity);
}

/* Matching. */

/* Writes the topics that a seeker and a user have in common into common (large enough) and returns their length. */
static size_t common_topics(const struct payload *seeker, const struct fake_user *user, uint8_t *common)
{
    size_t length = 0, at_a = sizeof(struct identity);
    const char *topic;
    while ((topic = interests_next(seeker->bytes, seeker->length, &at_a)) != NULL) {
        size_t at_b = 0;
        const char *other;
        while ((other = interests_next(user->topics->bytes, user->topics->length, &at_b)) != NULL) {
            if (strcmp(topic, other) == 0) {
                memcpy(common + length, topic, strlen(topic) + 1);
                length += strlen(topic) + 1;
            }
        }
    }
    return length;
}

bool fake_redis_has_lease(const struct fake_redis *redis, uint64_t node)
{
    for (size_t i = 0; i < FAKE_LEASES_MAX; i++) {
        if (redis->leases[i].node == node && redis->leases[i].ends_ms > redis->now_ms)
            return true;
    }
    return false;
}

static bool may_be_told(const struct fake_redis *redis, const struct fake_caller *caller, const struct fake_user *user)
{
    char id[NODE_BYTES];
    if (user->node == caller->node)
        return true;
    node_id_print(id, user->node);
    return reachable_find(caller->reachable, id, NODE_BYTES - 1) != 0 && fake_redis_has_lease(redis, user->node);
}

enum choice { FRIENDS, ANYONE, FORMER_PARTNERS, CHOICES };

/* Whether the caller may be matched with one who waits by this choice; which of the waiters it is does not matter here. user: the caller; NULL: Redis
 * does not know it yet. */
static bool suits(const struct store_call *call, const struct fake_user *user, enum choice choice, const struct fake_user *other, size_t common_length)
{
    const bool is_friend = common_length > 0, takes_anyone = call->accepts_anyone && other->accepts_anyone;
    const bool were_partners = was_last(user, other->id) || was_last(other, call->user_id);
    switch (choice) {
    case FRIENDS:
        return is_friend && !were_partners;
    case ANYONE:
        return takes_anyone && !were_partners;
    case FORMER_PARTNERS:
        return is_friend || takes_anyone;
    case CHOICES:
        break;
    }
    return false;
}

/* NULL: nobody. The common topics are in the reply. */
static struct fake_user *find_waiter(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call,
                                     const struct fake_user *user, struct fake_reply *reply)
{
    for (size_t i = 0; i < CHOICES * FAKE_USERS_MAX; i++) {
        struct fake_user *other = &redis->users[i % FAKE_USERS_MAX];
        if (!other->is_there || !other->is_waiting || other == user || is_blocked(redis, call->user_id, other->id))
            continue;
        if (!may_be_told(redis, caller, other)) {
            redis->skipped++;
            continue;
        }
        reply->store.common_length = common_topics(call->payload, other, reply->common);
        if (suits(call, user, (enum choice)(i / FAKE_USERS_MAX), other, reply->store.common_length))
            return other;
    }
    return NULL;
}

static void begin_chat(struct fake_user *user, struct fake_user *partner, uint64_t match)
{
    user->is_waiting = false;
    user->partner = partner;
    user->match = match;
    user->has_last = true;
    memcpy(user->last, partner->id, USER_ID_BYTES);
}

static void start_matching(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call, struct fake_reply *reply)
{
    if (is_banned(redis, call->identity.device)) {
        reply->store.outcome = STORE_BANNED;
        return;
    }
    struct fake_user *user = fake_redis_find(redis, call->user_id);
    if (user != NULL && user->match > call->ended_match) {
        reply->store.outcome = STORE_TOO_LATE;
        return;
    }
    struct fake_user *other = find_waiter(redis, caller, call, user, reply);
    if (other != NULL && !redis->is_never_behind) {
        const uint64_t last = call->ended_match > other->match ? call->ended_match : other->match;
        if (call->match <= last) {
            redis->behind++;
            reply->store.outcome = STORE_BEHIND;
            reply->store.match = last;
            return;
        }
    }
    user = adopt(redis, caller, call);
    part(user);
    set_seeker(user, call->payload);
    user->search = call->search;
    user->accepts_anyone = call->accepts_anyone;
    if (other == NULL) {
        user->is_waiting = true;
        user->match = call->ended_match;
        reply->store.outcome = STORE_WAITING;
        return;
    }
    begin_chat(user, other, call->match);
    begin_chat(other, user, call->match);
    ledger_add(redis->ledger, call->match, user->id, other->id);
    reply->store.outcome = STORE_MATCHED;
    reply->store.partner = other->actor;
    reply->store.partner_search = other->search;
    reply->store.common = reply->common;
    reply->store.peer.identity = other->identity;
    memcpy(reply->store.peer.id, other->id, USER_ID_BYTES);
    reply->partner_node = other->node;
}

/* The other calls. */

static void restore_chat(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call)
{
    struct fake_user *user = adopt(redis, caller, call);
    set_topics(user, call->payload->bytes + sizeof(struct peer), call->payload->length - sizeof(struct peer));
    user->has_last = true;
    memcpy(user->last, call->payload->bytes, USER_ID_BYTES);
    user->is_waiting = false;
    user->match = call->match;
    struct fake_user *partner = fake_redis_find(redis, call->payload->bytes);
    if (user->partner != partner)
        part(user);
    if (partner != NULL && partner->partner == NULL && !partner->is_waiting) {
        user->partner = partner;
        partner->partner = user;
    }
}

static enum store_outcome end_matching(struct fake_user *user)
{
    if (user == NULL)
        return STORE_DONE;
    if (user->partner != NULL)
        return STORE_TOO_LATE;
    user->is_waiting = false;
    return STORE_DONE;
}

static enum store_outcome report(struct fake_redis *redis, const struct store_call *call)
{
    const uint8_t *device = call->payload->bytes + HASH_BYTES;
    add_pair(redis->reports, &redis->report_count, FAKE_REPORTS_MAX, call->payload->bytes, device);
    return is_banned(redis, device) ? STORE_BANNED : STORE_DONE;
}

static enum store_outcome carry_out(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call)
{
    struct fake_user *user = fake_redis_find(redis, call->user_id);
    switch (call->operation) {
    case STORE_SUBMIT_INTERESTS:
        if (is_banned(redis, call->payload->bytes))
            return STORE_BANNED;
        set_seeker(adopt(redis, caller, call), call->payload);
        return STORE_DONE;
    case STORE_END_MATCHING:
        return end_matching(user);
    case STORE_END_CHAT:
        if (user != NULL && user->match == call->match)
            part(user);
        return STORE_DONE;
    case STORE_RESTORE_CHAT:
        restore_chat(redis, caller, call);
        return STORE_DONE;
    case STORE_LEAVE:
        if (user != NULL)
            forget(redis, user);
        return STORE_DONE;
    case STORE_BLOCK:
        for (size_t at = 0; user != NULL && at < call->payload->length; at += USER_ID_BYTES)
            add_pair(redis->blocks, &redis->block_count, FAKE_BLOCKS_MAX, call->user_id, call->payload->bytes + at);
        return STORE_DONE;
    case STORE_REPORT:
        return report(redis, call);
    case STORE_START_MATCHING:
    case STORE_OPERATIONS:
        break;
    }
    abort();
}

/* Leases. */

static struct fake_lease *find_lease(struct fake_redis *redis, uint64_t node)
{
    for (size_t i = 0; i < FAKE_LEASES_MAX; i++) {
        if (redis->leases[i].node == node)
            return &redis->leases[i];
    }
    return NULL;
}

static bool is_fenced(struct fake_redis *redis, const struct fake_caller *caller)
{
    const struct fake_lease *lease = caller->node != 0 ? find_lease(redis, caller->node) : NULL;
    const bool counts = caller->node == 0 || (lease != NULL && lease->value == caller->value && lease->ends_ms > redis->now_ms);
    redis->fenced += !counts;
    return !counts;
}

void fake_redis_call(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call, struct fake_reply *reply)
{
    reply->store = (struct store_reply){ .outcome = STORE_LOST };
    if (is_fenced(redis, caller))
        return;
    if (call->operation == STORE_START_MATCHING)
        start_matching(redis, caller, call, reply);
    else
        reply->store.outcome = carry_out(redis, caller, call);
}

void fake_redis_fence(struct fake_redis *redis, const struct fake_caller *caller, uint64_t lease_ms)
{
    struct fake_lease *lease = find_lease(redis, caller->node);
    if (lease == NULL)
        lease = find_lease(redis, 0);
    if (lease == NULL)
        abort();
    *lease = (struct fake_lease){ caller->node, caller->value, redis->now_ms + lease_ms };
}

bool fake_redis_beat(struct fake_redis *redis, const struct fake_caller *caller, uint64_t lease_ms, uint64_t *expired)
{
    *expired = 0;
    if (is_fenced(redis, caller))
        return false;
    find_lease(redis, caller->node)->ends_ms = redis->now_ms + lease_ms;
    for (size_t i = 0; i < FAKE_LEASES_MAX; i++) {
        if (redis->leases[i].node != 0 && redis->leases[i].ends_ms <= redis->now_ms)
            *expired = redis->leases[i].node;
    }
    return true;
}

enum fake_reaped fake_redis_reap(struct fake_redis *redis, const struct fake_caller *caller, uint64_t node, size_t count)
{
    if (is_fenced(redis, caller))
        return FAKE_REAPED_STALE;
    if (node != caller->node && fake_redis_has_lease(redis, node))
        return FAKE_REAPED_ALIVE;
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        if (!redis->users[i].is_there || redis->users[i].node != node)
            continue;
        if (count-- == 0)
            return FAKE_REAPED_SOME;
        redis->reaped += node != caller->node;
        forget(redis, &redis->users[i]);
    }
    struct fake_lease *lease = find_lease(redis, node);
    if (node != caller->node && lease != NULL)
        *lease = (struct fake_lease){ 0 };
    return FAKE_REAPED_ALL;
}

/* As a whole. */

size_t fake_redis_users(const struct fake_redis *redis)
{
    size_t count = 0;
    for (size_t i = 0; i < FAKE_USERS_MAX; i++)
        count += redis->users[i].is_there;
    return count;
}

bool fake_redis_is_sound(const struct fake_redis *redis)
{
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        const struct fake_user *user = &redis->users[i];
        if (!user->is_there || user->partner == NULL)
            continue;
        if (user->partner == user || user->partner->partner != user || user->is_waiting)
            return false;
    }
    return true;
}

void fake_redis_forget_users(struct fake_redis *redis)
{
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        if (redis->users[i].is_there)
            forget(redis, &redis->users[i]);
    }
    redis->block_count = 0;
}

void fake_redis_clear(struct fake_redis *redis)
{
    fake_redis_forget_users(redis);
    redis->report_count = 0;
    memset(redis->leases, 0, sizeof redis->leases);
}

void fake_redis_copy(struct fake_redis *redis, const struct fake_redis *from)
{
    fake_redis_clear(redis);
    memcpy(redis->users, from->users, sizeof redis->users);
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        struct fake_user *user = &redis->users[i];
        user->topics = user->topics != NULL ? payload_copy(user->topics->bytes, user->topics->length) : NULL;
        user->partner = user->partner != NULL ? redis->users + (user->partner - from->users) : NULL;
    }
    memcpy(redis->blocks, from->blocks, sizeof redis->blocks);
    redis->block_count = from->block_count;
    memcpy(redis->leases, from->leases, sizeof redis->leases);
}

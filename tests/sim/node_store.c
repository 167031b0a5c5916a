#include "sim/node_store.h"

#include <stdlib.h>
#include <string.h>

enum { HEARTBEAT_MS = 1000, TIMEOUT_MS = 1000, BACKOFF_FIRST_MS = 10, BACKOFF_MAX_MS = 1000, REAPED_AT_ONCE = 2 };

enum kind { CALL_OF_USER, CALL_FENCE, CALL_CLEAR, CALL_REAP, CALL_HEARTBEAT };

struct node_call {
    struct node_call *next;
    enum kind kind;
    uint64_t caller, connection; /* whose: incarnation, and number of the connection */
    uint64_t sent_ms;            /* by the node's clock */
    struct store_call call;      /* CALL_OF_USER */
    struct reachable reachable;  /* when it was made */
    uint64_t to_reap;            /* REAP: incarnation */
    bool is_done;                /* carried out, and on its way back */
    struct fake_reply reply;     /* CALL_OF_USER */
    enum fake_reaped reaped;     /* REAP */
    bool has_lease;              /* HEARTBEAT: still */
    uint64_t expired;            /* HEARTBEAT */
};

/* Calling. */

static struct node_call *add_call(struct node *node, enum kind kind)
{
    struct node_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        abort();
    call->kind = kind;
    call->caller = node->incarnation;
    call->connection = node->connection;
    call->sent_ms = node_clock_ms(node);
    call->reachable = node->world->reachable;
    if (node->last_call != NULL)
        node->last_call->next = call;
    else
        node->first_call = call;
    node->last_call = call;
    return call;
}

static void reap(struct node *node, uint64_t incarnation)
{
    add_call(node, CALL_REAP)->to_reap = incarnation;
}

static void call_store(void *self, const struct store_call *call)
{
    struct node *node = self;
    if (!node->is_store_up)
        cluster_fail(node->cluster, "a store that is down is called");
    add_call(node, CALL_OF_USER)->call = *call;
}

struct store node_store_interface(struct node *node)
{
    return (struct store){ .self = node, .call = call_store };
}

static bool has_later_call(const struct node *node, const struct store_call *call)
{
    for (const struct node_call *later = node->first_call; later != NULL; later = later->next) {
        if (later->kind == CALL_OF_USER && memcmp(later->call.user_id, call->user_id, USER_ID_BYTES) == 0)
            return true;
    }
    return false;
}

size_t node_store_restating(const struct node *node)
{
    size_t count = 0;
    for (const struct node_call *call = node->first_call; call != NULL; call = call->next)
        count += call->kind == CALL_OF_USER && call->call.is_restating;
    return count;
}

/* Redis. */

static void carry_out(struct fake_redis *redis, struct node_call *call)
{
    const struct fake_caller caller = { .node = call->caller, .value = call->connection, .reachable = &call->reachable };
    switch (call->kind) {
    case CALL_OF_USER:
        fake_redis_call(redis, &caller, &call->call, &call->reply);
        break;
    case CALL_FENCE:
        fake_redis_fence(redis, &caller, LEASE_MS);
        break;
    case CALL_CLEAR:
        fake_redis_forget_users(redis);
        break;
    case CALL_REAP:
        call->reaped = fake_redis_reap(redis, &caller, call->to_reap, REAPED_AT_ONCE);
        break;
    case CALL_HEARTBEAT:
        call->has_lease = fake_redis_beat(redis, &caller, LEASE_MS, &call->expired);
        break;
    }
    call->is_done = true;
}

static void free_call(struct node_call *call)
{
    payload_free(&call->call.payload);
    free(call);
}

void node_store_carry_out(struct cluster *cluster, unsigned redis)
{
    enum { AT_ONCE = 6 };
    if (cluster->redis_stalled_until_ms[redis] > cluster->now_ms)
        return;
    cluster->redis[redis].now_ms = cluster->now_ms;
    while (cluster->orphans[redis] != NULL && cluster_pick(cluster, 3) == 0) {
        struct node_call *orphan = cluster->orphans[redis];
        cluster->orphans[redis] = orphan->next;
        carry_out(&cluster->redis[redis], orphan);
        cluster->tally->orphans++;
        free_call(orphan);
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        uint64_t count = cluster_pick(cluster, AT_ONCE);
        if (node->redis != redis || !node_is_linked(node))
            continue;
        for (struct node_call *call = node->first_call; call != NULL && count > 0; call = call->next) {
            if (!call->is_done) {
                carry_out(&cluster->redis[redis], call);
                count--;
            }
        }
    }
}

void node_store_forget_orphans(struct cluster *cluster, unsigned redis)
{
    while (cluster->orphans[redis] != NULL) {
        struct node_call *orphan = cluster->orphans[redis];
        cluster->orphans[redis] = orphan->next;
        free_call(orphan);
    }
}

/* The connection. */

static struct node_call *take_oldest(struct node *node)
{
    struct node_call *call = node->first_call;
    node->first_call = call->next;
    if (node->first_call == NULL)
        node->last_call = NULL;
    call->next = NULL;
    return call;
}

/* Redis may find it in a socket's buffer later. */
static void leave_to_redis(struct node *node, const struct node_call *lost)
{
    struct cluster *cluster = node->cluster;
    struct node_call **last = &cluster->orphans[node->redis];
    while (*last != NULL)
        last = &(*last)->next;
    struct node_call *orphan = malloc(sizeof *orphan);
    if (orphan == NULL)
        abort();
    *orphan = *lost;
    orphan->next = NULL;
    *last = orphan;
}

static void lose_call(struct node *node, struct node_call *lost, bool reaches_redis)
{
    if (reaches_redis && !lost->is_done)
        leave_to_redis(node, lost);
    else
        payload_free(&lost->call.payload);
    lost->call.payload = NULL;
    if (lost->kind == CALL_OF_USER && node->world != NULL)
        matcher_on_store_reply(&node->world->matcher, &lost->call, &(struct store_reply){ .outcome = STORE_LOST });
    free(lost);
}

static void lose_calls(struct node *node)
{
    uint64_t reach_redis = cluster_pick(node->cluster, 8); /* those that were sent first */
    while (node->first_call != NULL) {
        struct node_call *lost = take_oldest(node);
        const bool reaches_redis = !lost->is_done && reach_redis > 0;
        reach_redis -= reaches_redis;
        lose_call(node, lost, reaches_redis);
    }
}

/* First the matcher hears of it, then of the call whose answer was the reason, if there is one, then of all others. */
static void lose(struct node *node, struct node_call *reason)
{
    if (node->is_store_up)
        matcher_on_store_down(&node->world->matcher);
    node->is_open = node->is_store_up = node->is_reaping = false;
    if (reason != NULL)
        lose_call(node, reason, false);
    lose_calls(node);
    const uint64_t backoff_ms = (uint64_t)BACKOFF_FIRST_MS << (node->failed_attempts < 7 ? node->failed_attempts : 7);
    node->failed_attempts++;
    node->retry_ms = node_clock_ms(node) + cluster_pick(node->cluster, backoff_ms < BACKOFF_MAX_MS ? backoff_ms : BACKOFF_MAX_MS);
}

void node_store_lose(struct node *node)
{
    if (!node->is_open)
        return;
    node->world->sender = MATCHER_THREAD;
    lose(node, NULL);
}

static void connect(struct node *node)
{
    node->is_open = true;
    node->connection++;
    node->beat_ms = node_clock_ms(node) + HEARTBEAT_MS;
    add_call(node, CALL_FENCE);
}

/* Answers. */

static void answer_call_again(struct node *node, struct node_call *answered, enum store_outcome outcome)
{
    if (has_later_call(node, &answered->call)) {
        lose(node, answered);
        return;
    }
    answered->reply.store.outcome = outcome;
    matcher_on_store_reply(&node->world->matcher, &answered->call, &answered->reply.store);
    free(answered); /* its payload is the matcher's */
}

/* Returns false if the partner cannot be told any more. */
static bool find_partner(struct node *node, struct fake_reply *reply)
{
    char id[NODE_BYTES];
    node_id_print(id, reply->partner_node);
    const unsigned index = reply->partner_node == node->incarnation ? 0 : reachable_find(&node->world->reachable, id, NODE_BYTES - 1);
    reply->store.partner.node = index & ADDRESS_NODE_MAX;
    reply->store.common = reply->common;
    return index != 0 || reply->partner_node == node->incarnation;
}

static void take_answer_of_user(struct node *node, struct node_call *answered)
{
    struct store_reply *reply = &answered->reply.store;
    if (reply->outcome == STORE_LOST) {
        lose(node, answered);
    } else if (reply->outcome == STORE_BEHIND) {
        answer_call_again(node, answered, STORE_BEHIND);
    } else if (reply->outcome == STORE_MATCHED && !find_partner(node, &answered->reply)) {
        node->cluster->tally->unreachable++;
        answer_call_again(node, answered, STORE_UNREACHABLE);
    } else {
        payload_free(&answered->call.payload);
        matcher_on_store_reply(&node->world->matcher, &answered->call, reply);
        free(answered);
    }
}

static void take_answer_of_reap(struct node *node, const struct node_call *answered)
{
    const bool is_own = answered->to_reap == node->incarnation;
    switch (answered->reaped) {
    case FAKE_REAPED_SOME:
        reap(node, answered->to_reap);
        break;
    case FAKE_REAPED_ALL:
    case FAKE_REAPED_ALIVE:
        node->is_reaping = false;
        if (is_own) {
            node->failed_attempts = 0;
            node->is_store_up = true;
            matcher_on_store_up(&node->world->matcher);
        }
        break;
    case FAKE_REAPED_STALE:
        node_store_lose(node);
        break;
    }
}

static void take_answer_of_heartbeat(struct node *node, const struct node_call *answered)
{
    if (!answered->has_lease) {
        node_store_lose(node);
    } else if (answered->expired != 0 && node->is_store_up && !node->is_reaping) {
        node->is_reaping = true;
        reap(node, answered->expired);
    }
}

static void take_answer(struct node *node, struct node_call *answered)
{
    switch (answered->kind) {
    case CALL_OF_USER:
        take_answer_of_user(node, answered);
        return;
    case CALL_FENCE:
        if (node->cluster->broken == BROKEN_CLEAR)
            add_call(node, CALL_CLEAR);
        node->is_reaping = true;
        reap(node, node->incarnation);
        break;
    case CALL_CLEAR:
        break;
    case CALL_REAP:
        take_answer_of_reap(node, answered);
        break;
    case CALL_HEARTBEAT:
        take_answer_of_heartbeat(node, answered);
        break;
    }
    free_call(answered);
}

static bool is_too_late(const struct node *node)
{
    return node->first_call != NULL && !node->first_call->is_done && node_clock_ms(node) - node->first_call->sent_ms > TIMEOUT_MS;
}

void node_store_turn(struct node *node)
{
    enum { AT_ONCE = 8 };
    node->world->sender = MATCHER_THREAD;
    for (uint64_t count = cluster_pick(node->cluster, AT_ONCE); count > 0 && node->first_call != NULL && node->first_call->is_done; count--)
        take_answer(node, take_oldest(node));
    if (!node->is_open) {
        if (node_is_linked(node) && node_clock_ms(node) >= node->retry_ms)
            connect(node);
        return;
    }
    if (is_too_late(node)) {
        node_store_lose(node);
    } else if (node_clock_ms(node) >= node->beat_ms && (node->is_store_up || node->is_reaping)) {
        node->beat_ms = node_clock_ms(node) + HEARTBEAT_MS;
        add_call(node, CALL_HEARTBEAT);
    }
}

void node_store_start(struct node *node)
{
    node->connection = 0;
    node->retry_ms = node_clock_ms(node);
    node->failed_attempts = 0;
    node->is_open = node->is_store_up = node->is_reaping = false;
}

void node_store_free(struct node *node)
{
    lose_calls(node);
}

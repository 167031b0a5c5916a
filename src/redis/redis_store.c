#include "redis/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "redis/calls.h"
#include "redis/command.h"
#include "redis/way_up.h"
#include "runtime/check.h"

enum { LEASE_MS = REDIS_LEASE_MS, HEARTBEAT_MS = 1000 };

/* A call on its way, with what its answer needs. */
struct call_sent {
    enum script script;
    struct store_call call; /* without its payload */
};

/* Calls. */

static void answer(struct redis_store *store, const struct store_call *call, const struct script_reply *decoded)
{
    struct store_reply reply = { .outcome = STORE_LOST };
    switch (decoded->kind) {
    case REPLY_OK:
        reply.outcome = STORE_DONE;
        break;
    case REPLY_WAIT:
        reply.outcome = STORE_WAITING;
        break;
    case REPLY_ALREADY:
        reply.outcome = STORE_TOO_LATE;
        break;
    case REPLY_BANNED:
        reply.outcome = STORE_BANNED;
        break;
    case REPLY_MATCH:
        reply.outcome = STORE_MATCHED;
        reply.peer = decoded->peer;
        reply.partner = decoded->partner;
        reply.partner_search = decoded->partner_search;
        reply.common = (const uint8_t *)decoded->common.bytes;
        reply.common_length = decoded->common.length;
        break;
    case REPLY_STALE:
        redis_give_up(store, "Redis has forgotten this server");
        break;
    case REPLY_ERROR:
        redis_give_up_on_error(store, decoded->text);
        break;
    case REPLY_HELD:
    case REPLY_MALFORMED:
        redis_give_up(store, "a malformed reply of a script");
        break;
    }
    matcher_on_store_reply(store->config.matcher, call, &reply);
}

static void on_call_answered(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    struct call_sent *sent = request;
    struct script_reply decoded = { .kind = REPLY_ERROR, .text = "lost" };
    if (reply != NULL) {
        redis_decode(store, &decoded, sent->script, reply);
        answer(store, &sent->call, &decoded);
    } else {
        matcher_on_store_reply(store->config.matcher, &sent->call, &(struct store_reply){ .outcome = STORE_LOST });
    }
    free(sent);
}

static void call_script(void *self, const struct store_call *call)
{
    struct redis_store *store = self;
    CHECK(store->is_up);
    struct call_sent *sent = malloc(sizeof *sent);
    CHECK_MEMORY(sent);
    sent->script = calls_script(call->operation);
    sent->call = *call;
    sent->call.payload = NULL;

    struct command command;
    char user_id[USER_ID_TEXT];
    calls_put(store, &command, call, user_id);
    redis_send(store, &command, on_call_answered, sent);
    struct payload *payload = call->payload;
    payload_free(&payload);
}

struct store redis_store_interface(struct redis_store *store)
{
    return (struct store){ .self = store, .call = call_script };
}

/* The connection. */

static void on_open(void *owner)
{
    struct redis_store *store = owner;
    metrics_add(store->config.metrics, METRIC_REDIS_CONNECTS_TOTAL, 1);
    store->connection++;
    snprintf(store->epoch_value, sizeof store->epoch_value, "%s:%llu", store->node, store->connection);
    store->next_fence_ms = 0;
    store->step = STEP_AUTH;
    redis_way_up(store);
}

static void finish_drain(struct redis_store *store)
{
    if (store->is_draining && !store->has_drained) {
        store->has_drained = true;
        store->config.on_drained(store->config.owner);
    }
}

static void on_lost(void *owner, const char *reason)
{
    struct redis_store *store = owner;
    bool was_up = store->is_up;
    store->is_up = false;
    if (was_up) {
        metrics_add(store->config.metrics, METRIC_REDIS_DISCONNECTS_TOTAL, 1);
        matcher_on_store_down(store->config.matcher);
    }
    if (strncmp(reason, "NOSCRIPT", 8) == 0)
        metrics_add(store->config.metrics, METRIC_REDIS_NOSCRIPT_TOTAL, 1);
    uint64_t suppressed;
    if (!store->is_draining && (was_up || log_limit_pass(&store->lost_limit, uv_now(store->client.loop), &suppressed)))
        log_event(store->config.log, was_up || store->was_up ? LOG_WARN : LOG_DEBUG, "redis_lost", "reason=\"%s\"", reason);
    finish_drain(store);
}

static void on_beat(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (redis_is_error(store, reply))
        return;
    struct script_reply decoded;
    redis_decode(store, &decoded, SCRIPT_HEARTBEAT, reply);
    if (decoded.kind != REPLY_OK)
        redis_give_up(store, "Redis has forgotten this server");
}

static void on_released(void *owner, void *request, const redisReply *reply)
{
    (void)request;
    (void)reply; /* whatever it is, we are leaving */
    finish_drain(owner);
}

static void send_lease_script(struct redis_store *store, enum script script, redis_reply_fn *on_reply)
{
    struct command command;
    calls_begin(store, &command, script, 1);
    command_add(&command, store->epoch_value);
    if (script == SCRIPT_HEARTBEAT)
        command_print(&command, "%d", LEASE_MS);
    redis_send(store, &command, on_reply, NULL);
}

static void on_tick(void *owner, uint64_t now_ms)
{
    struct redis_store *store = owner;
    if (store->client.state != REDIS_CLIENT_OPEN)
        return;
    if (store->step == STEP_FENCE && store->next_fence_ms != 0 && now_ms >= store->next_fence_ms) {
        redis_fence(store);
    } else if (store->is_up && !store->is_draining && now_ms - store->last_heartbeat_ms >= HEARTBEAT_MS) {
        store->last_heartbeat_ms = now_ms;
        send_lease_script(store, SCRIPT_HEARTBEAT, on_beat);
    }
}

static void on_stopped(void *owner)
{
    struct redis_store *store = owner;
    store->config.on_stopped(store->config.owner);
}

static const struct redis_client_handler client_handler = {
    .on_open = on_open,
    .on_lost = on_lost,
    .on_tick = on_tick,
    .on_stopped = on_stopped,
};

void redis_store_start(struct redis_store *store, uv_loop_t *loop, const struct redis_store_config *config)
{
    *store = (struct redis_store){ .config = *config };
    uint64_t random = 0;
    CHECK(getrandom(&random, sizeof random, 0) == (ssize_t)sizeof random);
    snprintf(store->node, sizeof store->node, "%016llx", (unsigned long long)random);
    snprintf(store->epoch_key, sizeof store->epoch_key, "%sepoch", config->prefix);
    redis_client_start(&store->client, loop, config->address, config->timeout_ms, &client_handler, store);
}

void redis_release(struct redis_store *store)
{
    /* Redis answers in order: when this is answered, so is everything before it. */
    send_lease_script(store, SCRIPT_RELEASE, on_released);
}

void redis_store_drain(struct redis_store *store)
{
    if (store->is_draining)
        return;
    store->is_draining = true;
    if (store->is_up)
        redis_release(store);
    else /* One more try: users whom it has not forgotten would stay there until the next server comes. */
        redis_client_hurry(&store->client);
}

void redis_store_stop(struct redis_store *store)
{
    redis_client_stop(&store->client);
}

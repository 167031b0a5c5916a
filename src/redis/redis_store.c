#include "redis/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

enum { HEARTBEAT_MS = 1000 };

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
        redis_client_fail(&store->client, "Redis has forgotten this server");
        break;
    case REPLY_ERROR:
        redis_client_fail_on_error(&store->client, decoded->text);
        break;
    case REPLY_HELD:
    case REPLY_MALFORMED:
        redis_client_fail(&store->client, "a malformed reply of a script");
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
        calls_decode(&store->calls, &decoded, sent->script, reply);
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
    calls_put(&store->calls, &command, call, user_id);
    redis_client_send(&store->client, &command, on_call_answered, sent);
    struct payload *payload = call->payload;
    payload_free(&payload);
}

struct store redis_store_interface(struct redis_store *store)
{
    return (struct store){ .self = store, .call = call_script };
}

/* The way up. */

static void release(struct redis_store *store);

static void on_up(void *owner)
{
    struct redis_store *store = owner;
    if (store->is_draining) { /* all that it was needed for is done */
        release(store);
        return;
    }
    store->is_up = true;
    store->was_up = true;
    store->last_heartbeat_ms = uv_now(store->client.loop);
    log_event(store->config.log, LOG_INFO, "redis_up", "connection=%llu", store->connection);
    matcher_on_store_up(store->config.matcher);
}

/* At start that ends the server; later it may be mended, so it goes on trying. */
static void on_refused(void *owner, const char *why)
{
    struct redis_store *store = owner;
    if (store->was_up || store->has_failed)
        return;
    char line[256];
    snprintf(line, sizeof line, "--redis: %s", why);
    store->has_failed = true;
    store->config.on_fatal(store->config.owner, line);
}

static const struct way_up_handler way_up_handler = {
    .on_up = on_up,
    .on_refused = on_refused,
};

/* The heartbeat. */

static void on_beat(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (way_up_is_error(&store->way_up, reply))
        return;
    struct script_reply decoded;
    calls_decode(&store->calls, &decoded, SCRIPT_HEARTBEAT, reply);
    if (decoded.kind != REPLY_OK)
        redis_client_fail(&store->client, "Redis has forgotten this server");
}

static void beat(struct redis_store *store)
{
    struct command command;
    calls_put_heartbeat(&store->calls, &command);
    redis_client_send(&store->client, &command, on_beat, NULL);
}

/* The drain. */

static void finish_drain(struct redis_store *store)
{
    if (store->is_draining && !store->has_drained) {
        store->has_drained = true;
        store->config.on_drained(store->config.owner);
    }
}

static void on_released(void *owner, void *request, const redisReply *reply)
{
    (void)request;
    (void)reply; /* whatever it is, we are leaving */
    finish_drain(owner);
}

/* Give the lease up. Redis answers in order: when this is answered, so is everything before it. */
static void release(struct redis_store *store)
{
    struct command command;
    calls_put_release(&store->calls, &command);
    redis_client_send(&store->client, &command, on_released, NULL);
}

void redis_store_drain(struct redis_store *store)
{
    if (store->is_draining)
        return;
    store->is_draining = true;
    store->way_up.is_last_try = true;
    if (store->is_up)
        release(store);
    else /* One more try: users whom it has not forgotten would stay there until the next server comes. */
        redis_client_hurry(&store->client);
}

/* The connection. */

static void on_open(void *owner)
{
    struct redis_store *store = owner;
    metrics_add(store->config.metrics, METRIC_REDIS_CONNECTS_TOTAL, 1);
    calls_set_connection(&store->calls, ++store->connection);
    way_up_begin(&store->way_up);
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

static void on_tick(void *owner, uint64_t now_ms)
{
    struct redis_store *store = owner;
    if (store->client.state != REDIS_CLIENT_OPEN)
        return;
    way_up_on_tick(&store->way_up, now_ms);
    if (store->is_up && !store->is_draining && now_ms - store->last_heartbeat_ms >= HEARTBEAT_MS) {
        store->last_heartbeat_ms = now_ms;
        beat(store);
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
    *store = (struct redis_store){
        .config = *config,
        .calls = {
            .prefix = config->prefix,
            .report_limit = config->report_limit,
            .report_time_ms = config->report_time_ms,
            .ban_time_ms = config->ban_time_ms,
            .first_session_thread = config->first_session_thread,
            .session_threads = config->session_threads,
        },
        .way_up = {
            .client = &store->client,
            .calls = &store->calls,
            .address = config->address,
            .log = config->log,
            .handler = &way_up_handler,
            .owner = store,
        },
    };
    snprintf(store->calls.node, sizeof store->calls.node, "%016llx", (unsigned long long)config->incarnation);
    calls_init(&store->calls);
    redis_client_start(&store->client, loop, config->address, config->timeout_ms, &client_handler, store);
}

void redis_store_stop(struct redis_store *store)
{
    redis_client_stop(&store->client);
}

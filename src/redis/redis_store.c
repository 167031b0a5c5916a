#include "redis/redis_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

enum { HEARTBEAT_MS = 1000 };

/* Calls. */

/* The matcher is to call again. Of one user that must not come after what else has been called for it since, so then everybody states itself again
 * instead; it takes two servers' clocks that differ, or one that has just died, too. */
static void answer_call_again(struct redis_store *store, struct script_call *call, enum store_outcome outcome, struct store_reply *reply)
{
    if (caller_has_later(&store->caller, call))
        redis_client_fail(&store->client, "a search has to be said again");
    else
        reply->outcome = outcome;
}

static void understand(struct redis_store *store, struct script_call *call, const struct script_reply *decoded, struct store_reply *reply)
{
    switch (decoded->kind) {
    case REPLY_OK:
        reply->outcome = STORE_DONE;
        break;
    case REPLY_WAIT:
        reply->outcome = STORE_WAITING;
        break;
    case REPLY_ALREADY:
        reply->outcome = STORE_TOO_LATE;
        break;
    case REPLY_BANNED:
        reply->outcome = STORE_BANNED;
        break;
    case REPLY_MATCH:
        if (address_is_nobody(decoded->partner)) {
            answer_call_again(store, call, STORE_UNREACHABLE, reply);
            break;
        }
        reply->outcome = STORE_MATCHED;
        reply->peer = decoded->peer;
        reply->partner = decoded->partner;
        reply->partner_search = decoded->partner_search;
        reply->common = (const uint8_t *)decoded->common.bytes;
        reply->common_length = decoded->common.length;
        break;
    case REPLY_BEHIND:
        reply->match = decoded->match;
        answer_call_again(store, call, STORE_BEHIND, reply);
        break;
    case REPLY_STALE:
    case REPLY_ERROR:
    case REPLY_HELD:
    case REPLY_ALIVE:
    case REPLY_MALFORMED:
        caller_fail(&store->caller, decoded);
        break;
    }
}

static void on_call_answered(void *owner, struct script_call *call, const struct script_reply *decoded)
{
    struct redis_store *store = owner;
    struct store_reply reply = { .outcome = STORE_LOST };
    if (decoded != NULL)
        understand(store, call, decoded, &reply);
    struct store_call answered = call->call;
    if (reply.outcome == STORE_BEHIND || reply.outcome == STORE_UNREACHABLE)
        call->call.payload = NULL; /* it is the matcher's */
    else
        answered.payload = NULL;
    matcher_on_store_reply(store->config.matcher, &answered, &reply);
}

static void call_script(void *self, const struct store_call *call)
{
    struct redis_store *store = self;
    CHECK(store->is_up);
    caller_call(&store->caller, &(struct script_call){ .script = calls_script(call->operation), .call = *call }, on_call_answered, store);
}

struct store redis_store_interface(struct redis_store *store)
{
    return (struct store){ .self = store, .call = call_script };
}

void redis_store_set_reachable(struct redis_store *store, const struct reachable *others)
{
    calls_set_reachable(&store->calls, others);
}

/* The way up. */

static void set_trouble(struct redis_store *store, enum trouble trouble)
{
    metrics_add(store->config.metrics, METRIC_REDIS_TROUBLE, (int64_t)trouble - (int64_t)store->trouble);
    store->trouble = trouble;
}

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
    store->troubles = (struct troubles){ 0 };
    set_trouble(store, TROUBLE_NONE);
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

static void on_beat(void *owner, struct script_call *call, const struct script_reply *reply)
{
    struct redis_store *store = owner;
    (void)call;
    if (reply == NULL)
        return;
    if (reply->kind != REPLY_OK)
        caller_fail(&store->caller, reply);
    else if (store->is_up && !store->is_draining)
        reaper_take_expired(&store->reaper, reply);
}

static void beat(struct redis_store *store, uint64_t now_ms)
{
    store->last_heartbeat_ms = now_ms;
    caller_call(&store->caller, &(struct script_call){ .script = SCRIPT_HEARTBEAT }, on_beat, store);
}

/* The drain. */

static void finish_drain(struct redis_store *store)
{
    if (store->is_draining && !store->has_drained) {
        store->has_drained = true;
        store->config.on_drained(store->config.owner);
    }
}

static void on_released(void *owner, struct script_call *call, const struct script_reply *reply)
{
    (void)call;
    (void)reply; /* whatever it is, we are leaving */
    finish_drain(owner);
}

/* Give the lease up. Calls are answered in order: when this is answered, so is everything before it. */
static void release(struct redis_store *store)
{
    store->has_released = true; /* no heartbeat comes after it */
    caller_call(&store->caller, &(struct script_call){ .script = SCRIPT_RELEASE }, on_released, store);
}

void redis_store_drain(struct redis_store *store)
{
    if (store->is_draining)
        return;
    store->is_draining = true;
    if (store->is_up)
        release(store);
    else /* One more try: users whom it has not forgotten would stay there until another server reaps them. */
        redis_client_hurry(&store->client);
}

/* The connection. */

static void on_open(void *owner)
{
    struct redis_store *store = owner;
    metrics_add(store->config.metrics, METRIC_REDIS_CONNECTS_TOTAL, 1);
    calls_set_connection(&store->calls, ++store->connection);
    store->last_heartbeat_ms = uv_now(store->client.loop); /* the fence is one */
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
    /* The embedded one has not begun to listen; if it never does, the main thread says why. */
    const bool is_starting = store->config.address->kind == REDIS_EMBEDDED && !was_up && trouble_of(reason) == TROUBLE_SOCKET;
    if (!store->is_draining && !is_starting) {
        char place[REDIS_PLACE_BYTES];
        redis_client_place(&store->client, place);
        troubles_tell(&store->troubles, store->config.log, "redis_lost", place, reason, was_up, uv_now(store->client.loop));
    }
    set_trouble(store, trouble_of(reason));
    finish_drain(store);
}

static void on_tick(void *owner, uint64_t now_ms)
{
    struct redis_store *store = owner;
    if (store->client.state == REDIS_CLIENT_OPEN && way_up_has_lease(&store->way_up) && !store->has_released &&
        now_ms - store->last_heartbeat_ms >= HEARTBEAT_MS)
        beat(store, now_ms);
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
        .caller = { .client = &store->client, .calls = &store->calls, .metrics = config->metrics, .has_file = config->address->has_file },
        .reaper = { .caller = &store->caller, .log = config->log },
        .way_up = {
            .client = &store->client,
            .caller = &store->caller,
            .reaper = &store->reaper,
            .address = config->address,
            .log = config->log,
            .handler = &way_up_handler,
            .owner = store,
        },
    };
    node_id_print(store->calls.node, config->incarnation);
    calls_init(&store->calls);
    redis_client_start(&store->client, loop, config->address, config->timeout_ms, &client_handler, store);
}

void redis_store_stop(struct redis_store *store)
{
    redis_client_stop(&store->client);
}

void redis_store_flush(struct redis_store *store)
{
    redis_client_flush(&store->client);
}

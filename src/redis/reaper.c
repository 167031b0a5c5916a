#include "redis/reaper.h"

#include <string.h>

static void reap(struct reaper *reaper);

static const char *node_reaped(const struct reaper *reaper)
{
    return reaper->nodes[reaper->count - 1];
}

static void finish_one(struct reaper *reaper, bool was_alive)
{
    const struct caller *caller = reaper->caller;
    const bool was_own = strcmp(node_reaped(reaper), caller->calls->node) == 0;
    if (!was_own && !was_alive)
        log_event(reaper->log, LOG_WARN, "node_reaped", "node=%s", node_reaped(reaper));
    reaper->count--;
    if (was_own)
        reaper->on_own_reaped(reaper->owner);
    if (reaper->count > 0)
        reap(reaper);
}

static void on_reaped(void *owner, struct script_call *call, const struct script_reply *reply)
{
    struct reaper *reaper = owner;
    (void)call;
    if (reply == NULL) {
        reaper->count = 0;
    } else if (reply->kind == REPLY_OK && reply->left > 0) {
        reap(reaper);
    } else if (reply->kind == REPLY_OK || reply->kind == REPLY_ALIVE) {
        finish_one(reaper, reply->kind == REPLY_ALIVE);
    } else {
        reaper->count = 0;
        caller_fail(reaper->caller, reply);
    }
}

static void reap(struct reaper *reaper)
{
    struct script_call call = { .script = SCRIPT_REAP };
    memcpy(call.node, node_reaped(reaper), NODE_BYTES);
    caller_call(reaper->caller, &call, on_reaped, reaper);
}

void reaper_take_own(struct reaper *reaper, void (*on_own_reaped)(void *owner), void *owner)
{
    reaper->on_own_reaped = on_own_reaped;
    reaper->owner = owner;
    memcpy(reaper->nodes[0], reaper->caller->calls->node, NODE_BYTES);
    reaper->count = 1;
    reap(reaper);
}

void reaper_take_expired(struct reaper *reaper, const struct script_reply *heartbeat)
{
    if (reaper->count > 0 || heartbeat->expired_count == 0)
        return;
    reaper->count = heartbeat->expired_count;
    memcpy(reaper->nodes, heartbeat->expired, reaper->count * sizeof reaper->nodes[0]);
    reap(reaper);
}

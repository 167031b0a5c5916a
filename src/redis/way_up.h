/* way_up.h: what a new connection to Redis goes through before scripts may be called: see redis_store.h.
 *
 * Each step goes on to the next by itself; the last one says so. A step that fails gives the connection up: the next one begins anew.
 *
 * Threads: the matcher's.
 */
#ifndef CHATTERBOX_REDIS_WAY_UP_H
#define CHATTERBOX_REDIS_WAY_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "redis/address.h"
#include "redis/caller.h"
#include "redis/reaper.h"
#include "runtime/log.h"

struct way_up_handler {
    void (*on_up)(void *owner);
    /* Wrong in a way that only a person can mend. The connection is given up next, for the same reason. */
    void (*on_refused)(void *owner, const char *why);
};

enum way_up_step {
    STEP_AUTH,
    STEP_ROLE,
    STEP_SELECT,
    STEP_POLICY,
    STEP_RENEW, /* of a Redis that has a file: write it anew, if nothing of users is in that Redis yet */
    STEP_LOAD,
    STEP_FENCE,
    STEP_REAP, /* from here on the lease is this connection's, and needs its heartbeat */
    STEP_UP
};

struct way_up {
    /* The owner's, who fills them in, and zeroes the rest. */
    struct redis_client *client;
    struct caller *caller;
    struct reaper *reaper;
    const struct redis_address *address;
    const struct log *log;
    const struct way_up_handler *handler;
    void *owner;

    enum way_up_step step;
    bool was_held; /* and it has been said */
};

/* The client has a new connection. */
void way_up_begin(struct way_up *way);

/* Whether this connection has the lease. */
bool way_up_has_lease(const struct way_up *way);

#endif

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
#include "redis/calls.h"
#include "redis/client.h"
#include "runtime/log.h"

struct way_up_handler {
    void (*on_up)(void *owner);
    /* Wrong in a way that only a person can mend. The connection is given up next, for the same reason. */
    void (*on_refused)(void *owner, const char *why);
};

enum way_up_step {
    STEP_AUTH,
    STEP_SELECT,
    STEP_POLICY,
    STEP_LOAD,
    STEP_FENCE,
    STEP_FORGET,
    STEP_CLEAR,
    STEP_UP
};

struct way_up {
    /* The owner's, who fills them in, and zeroes the rest. */
    struct redis_client *client;
    struct calls *calls; /* gets the hashes of the scripts */
    const struct redis_address *address;
    const struct log *log;
    const struct way_up_handler *handler;
    void *owner;
    bool is_last_try; /* a lease that another node has is not waited for */

    enum way_up_step step;
    unsigned loads_left;
    unsigned forgets_left; /* users to forget of this SCAN */
    char cursor[24];       /* SCAN */
    uint64_t held_since_ms;
    uint64_t next_fence_ms; /* HELD: when to ask again; 0: not waiting */
};

/* The client has a new connection. */
void way_up_begin(struct way_up *way);

/* Several times a second, while the client is open. */
void way_up_on_tick(struct way_up *way, uint64_t now_ms);

/* Whether a reply is none or an error; then the connection is given up. */
bool way_up_is_error(struct way_up *way, const redisReply *reply);

#endif

/* redis_store.h: struct store on a real Redis: the scripts, and all that must be so before they may be called.
 *
 *   connect → AUTH, SELECT → policy noeviction? → load the scripts → fence → forget what an earlier connection left → up
 *
 * The fence: the key `lease:<node>` holds "<node>:<connection>", for some seconds; from the fence on a heartbeat renews it, however long
 * the rest of the way takes. Each script compares it with the value it was sent with, and does nothing if they differ. So calls of a lost
 * connection that Redis carries out late change nothing, and an emptied Redis is noticed at the next call or heartbeat. A node is a process:
 * its id is random.
 *
 * Several nodes may share a prefix. Each writes down who its users are, forgets only those of its own earlier connections, and those of nodes
 * whose lease has run out (reaper.h).
 *
 * Any surprise (an error of a script, STALE, READONLY, LOADING, OOM, a reply that is malformed or late) gives the connection up; NOSCRIPT
 * alone does not (caller.h). All that was in flight is answered STORE_LOST, and the way above begins anew. It takes some milliseconds, and is
 * right in every case.
 *
 * Threads: the matcher's.
 */
#ifndef CHATTERBOX_REDIS_REDIS_STORE_H
#define CHATTERBOX_REDIS_REDIS_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "actors/matcher.h"
#include "redis/address.h"
#include "redis/caller.h"
#include "redis/reaper.h"
#include "redis/trouble.h"
#include "redis/way_up.h"
#include "runtime/log.h"

struct redis_store_config {
    const struct redis_address *address;
    uint64_t incarnation; /* of this process: its node's id */
    const char *prefix;
    uint64_t timeout_ms;
    uint64_t report_limit, report_time_ms, ban_time_ms; /* as the flags of these names */
    const struct log *log;
    struct metrics *metrics;
    unsigned first_session_thread, session_threads;
    struct matcher *matcher;
    void *owner;
    void (*on_fatal)(void *owner, const char *line); /* before the store was up for the first time: it never will be */
    void (*on_drained)(void *owner);                 /* answers redis_store_drain() */
    void (*on_stopped)(void *owner);                 /* answers redis_store_stop() */
};

struct redis_store {
    struct redis_store_config config;
    struct redis_client client;
    struct calls calls;
    struct caller caller;
    struct reaper reaper;
    struct way_up way_up;
    bool is_up;
    bool was_up;     /* once since start */
    bool has_failed; /* on_fatal was called */
    bool is_draining, has_released, has_drained;
    unsigned long long connection; /* counts; part of the lease's value */
    uint64_t last_heartbeat_ms;
    struct troubles troubles;
    enum trouble trouble; /* NONE while it is up */
};

/* Begins to connect. The struct must stay where it is until on_stopped. */
void redis_store_start(struct redis_store *store, uv_loop_t *loop, const struct redis_store_config *config);

struct store redis_store_interface(struct redis_store *store);

/* Which other nodes can be told of a match from now on: only of these, and of this one, are waiters claimed. At start there are none. */
void redis_store_set_reachable(struct redis_store *store, const struct reachable *others);

/* No more calls will come: once all are answered give the lease up. on_drained follows. If Redis is away it is tried once more, and if that
 * fails on_drained follows all the same: then the other nodes reap this one. */
void redis_store_drain(struct redis_store *store);

void redis_store_stop(struct redis_store *store);

/* Write the calls of a turn of the loop: at its end, and before it sleeps. */
void redis_store_flush(struct redis_store *store);

#endif

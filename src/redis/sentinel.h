/* sentinel.h: asks Sentinels which Redis is the master (redis.io, "Guidelines for Redis clients with support for Sentinel").
 *
 * They are asked in turn, 200 ms each (with TLS 400), beginning with the one that has answered last, over the same connection if it is still there.
 *
 * Threads:   the loop's.
 * Ownership: the struct is the caller's. It has no handle of its own but its connection's, which the loop gives back.
 */
#ifndef CHATTERBOX_REDIS_SENTINEL_H
#define CHATTERBOX_REDIS_SENTINEL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "redis/address.h"
#include "redis/dial.h"
#include "redis/stream.h"

struct sentinel_handler {
    void (*on_master)(void *owner, const struct redis_endpoint *master);
    void (*on_failed)(void *owner, const char *reason); /* none of them knows: what the last one said, with its place */
};

struct sentinel {
    /* The owner's, who fills them in, and zeroes the rest. */
    uv_loop_t *loop;
    const struct redis_address *address;
    const struct sentinel_handler *handler;
    void *owner;

    struct redis_dial *dial;
    struct redis_stream *stream;
    unsigned current;    /* which of them */
    unsigned rounds;     /* of all of them, without an answer: of a name's addresses, each time the next one is tried */
    unsigned left;       /* to be asked before the question fails. 0: nothing is asked */
    unsigned awaited;    /* replies, of which the last one is the answer */
    bool is_connected;
    uint64_t since_ms;   /* when the current one's turn began */
};

/* One of the handler's functions follows, never before this returns. Asked again while it is still asking it goes on. */
void sentinel_ask(struct sentinel *sentinel);

/* Several times a second: whoever takes too long has had its turn. */
void sentinel_tick(struct sentinel *sentinel, uint64_t now_ms);

/* Nothing follows. */
void sentinel_close(struct sentinel *sentinel);

#endif

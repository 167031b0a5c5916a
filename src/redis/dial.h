/* dial.h: one attempt to reach a Redis or a Sentinel: a name becomes an address, and that a socket that connects. Nothing blocks: names are
 * looked up by libuv's threads.
 *
 * Threads:   the loop's.
 * Ownership: the dial is its own; a name that is still being looked up when it is given up outlives it until the answer has come.
 */
#ifndef CHATTERBOX_REDIS_DIAL_H
#define CHATTERBOX_REDIS_DIAL_H

#include <hiredis/hiredis.h>
#include <uv.h>

#include "redis/address.h"

/* context: one that connects, and the owner's from now on. NULL: reason, good during the call, says why there is none. */
typedef void redis_dialled_fn(void *owner, redisContext *context, const char *reason);

struct redis_dial;

/* Of a name's addresses the one in place `which`, counted in a circle: localhost, for example, often has two, of which Redis listens on one.
 * on_done follows once, never before this returns, and nulls *dial before. Returns 0, or libuv's error (a name that can be none) if it will not. */
int redis_dial(struct redis_dial **dial, uv_loop_t *loop, const struct redis_endpoint *endpoint, unsigned which, redis_dialled_fn *on_done, void *owner)
    __attribute__((warn_unused_result));

/* on_done will not come. NULL inside is fine. */
void redis_dial_give_up(struct redis_dial **dial);

#endif

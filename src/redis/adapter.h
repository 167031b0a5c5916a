/* adapter.h: hiredis on a libuv loop.
 *
 * The adapter that comes with hiredis 0.14 loses every refused connect and every reset, because libuv reports them as an error of
 * the poll handle and it returns without a word. This one lets hiredis look at the socket in that case, and so find the error.
 *
 * Threads: the loop's.
 */
#ifndef CHATTERBOX_REDIS_ADAPTER_H
#define CHATTERBOX_REDIS_ADAPTER_H

#include <hiredis/async.h>
#include <uv.h>

/* Watch a context that has just been made. It is let go of by itself when the context is freed. Returns 0 or a libuv error;
 * after an error the context is the caller's to free. */
int redis_adapter_attach(redisAsyncContext *context, uv_loop_t *loop) __attribute__((warn_unused_result));

#endif

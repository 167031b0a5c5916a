/* stream.h: one connection to Redis: commands out, replies in, on a libuv loop, plain or through TLS.
 *
 * hiredis opens the socket, formats commands and parses replies. Its asynchronous layer is left out: it aborts the process when more
 * replies come than were asked for, and its libuv adapter loses refused connects and resets.
 *
 * What comes in is not trusted: a reply has bounds in bytes and in elements, so a Redis that is none, or has gone
 * mad, costs its connection and nothing else.
 *
 * Threads: the loop's.
 */
#ifndef CHATTERBOX_REDIS_STREAM_H
#define CHATTERBOX_REDIS_STREAM_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "tls/filter.h"

/* The longest that a right answer may get is what another node says (bus/batch.h); of a script it is a match with all
 * its topics, or the hashes of the scripts: some 1,000 bytes, of fewer than 20 elements. */
enum { REDIS_REPLY_BYTES_MAX = 1 << 20, REDIS_REPLY_ELEMENTS_MAX = 1 << 10 };

/* Each may close the stream. */
struct redis_stream_handler {
    void (*on_connected)(void *owner); /* and hands are shaken */
    void (*on_reply)(void *owner, const redisReply *reply); /* good during the call */
    void (*on_broken)(void *owner, const char *reason);     /* once; nothing follows. The stream is still to be closed */
};

struct redis_stream;

/* Take a context that connects (redisConnectNonBlock and the like, without an error), and a client's filter, NULL for plain bytes. On failure both are
 * freed and *error is libuv's. */
struct redis_stream *redis_stream_open(redisContext *context, struct tls_filter *tls, uv_loop_t *loop, const struct redis_stream_handler *handler,
                                       void *owner, int *error) __attribute__((warn_unused_result));

/* Whether somebody has taken the connection, though hands may not have been shaken yet. */
bool redis_stream_is_connected(const struct redis_stream *stream);

/* Add a command to what goes with the next flush, arguments copied. After on_connected. */
void redis_stream_send(struct redis_stream *stream, int argc, const char *const *argv, const size_t *lengths);

/* Write what was added: once a turn of the loop, for all of it. What the socket does not take follows by itself. May call on_broken. */
void redis_stream_flush(struct redis_stream *stream);

/* Have the loop write what was added: for what is sent rarely, since it costs the loop more. Calls nothing now. */
void redis_stream_flush_later(struct redis_stream *stream);

/* After on_connected: replies that nobody waits for do not wake the loop. They are read when the owner says so; that the connection has ended is heard at
 * once all the same. */
void redis_stream_defer_replies(struct redis_stream *stream);

/* Read what has come. May call on_reply and on_broken. */
void redis_stream_receive(struct redis_stream *stream);

/* From anywhere, also from a handler. The memory is given back by the loop. Nulls the pointer; NULL is allowed. */
void redis_stream_close(struct redis_stream **stream);

#endif

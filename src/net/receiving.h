/* receiving.h: reading from a connection's socket, and keeping what was read until somebody may take it.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_RECEIVING_H
#define CHATTERBOX_NET_RECEIVING_H

#include "net/net.h"

/* Read into the thread's one buffer, which on_read must have done with when it returns. Returns false if the socket is of no use any more. */
bool receiving_start(struct connection *connection, uv_read_cb on_read) __attribute__((warn_unused_result));
void receiving_stop(struct connection *connection);

/* What on_read must do first. Returns false if it was called for nothing; a length below 0 is the socket's end. */
bool receiving_note(struct connection *connection, ssize_t length, const uv_buf_t *buffer) __attribute__((warn_unused_result));

/* Keep a copy of what was read; nothing if length is 0. What was held before is gone. */
void receiving_hold(struct connection *connection, const unsigned char *bytes, size_t length);

/* What on_read must do last: what many sockets have brought in this poll is dealt with before it has left the cache. May kill any connection. */
void receiving_done(struct net *net);

#endif

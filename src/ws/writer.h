/* writer.h: bytes out: frames collect in one buffer for each connection and leave in one write at the end of the turn.
 *
 * Also where credits come back: a text has been written when the write that carried it is done.
 *
 * Threads: the I/O thread. Source: RFC 6455, section 5.
 */
#ifndef CHATTERBOX_WS_WRITER_H
#define CHATTERBOX_WS_WRITER_H

#include <stddef.h>

#include "net/net.h"

/* Returns false if memory for the encoder runs out. */
bool writer_init(struct net *net);
void writer_fini(struct net *net);

void writer_put_bytes(struct connection *connection, const void *bytes, size_t length);

/* Bytes that live as long as the process, and are not copied; nothing may be put after them. */
void writer_put_constant(struct connection *connection, const void *bytes, size_t length);

/* A whole frame. */
void writer_put_frame(struct connection *connection, enum wslay_opcode opcode, const void *bytes, size_t length);

/* A text or binary frame; once written, writer gets a credit back (nobody, this connection, or another). */
void writer_put_event(struct connection *connection, enum wslay_opcode opcode, const struct payload *payload,
                      struct address writer);

/* A close frame; with CLOSE_NO_STATUS an empty one. */
void writer_put_close(struct connection *connection, enum close_code code);

/* Shut our half once everything put so far is written. */
void writer_shut_down(struct connection *connection);

/* Write what has collected, for all connections that have something. */
void writer_flush_all(struct net *net);

/* The connection is no more: its texts count as written, and what has not left is thrown away. */
void writer_abandon(struct connection *connection);

/* Give a credit to a connection that may be of another thread. */
void writer_give_credit(struct net *net, struct address writer, uint32_t texts);

#endif

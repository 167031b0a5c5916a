/* sending.h: the socket's side of what a connection's writer holds: at the end of a turn everything leaves in one write.
 *
 * What the kernel does not take at once is libuv's until it has; a connection has at most one such write under way.
 * With TLS it is sealed on its way, 64 KiB at a time; plain bytes count as sent when the last record that has any of them is.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_SENDING_H
#define CHATTERBOX_NET_SENDING_H

#include "net/sealing.h"

/* Whether there is something to be flushed. */
static inline bool sending_has_output(const struct connection *connection)
{
    return writer_has_output(&connection->writer) || sealing_has_output(connection);
}

/* There is something in the connection's writer: it is among those that are flushed at the end of the turn. */
void sending_mark(struct connection *connection);

/* The connection ends: it is not among them any more. */
void sending_unmark(struct connection *connection);

/* The next of them, unmarked; NULL: there are no more. */
struct connection *sending_next(struct net *net);

enum sending_result {
    SENDING_NOTHING, /* there was nothing to send, or a write is under way that on_done will tell of */
    SENDING_DONE,    /* all is sent */
    SENDING_FAILED,  /* the socket is of no use any more */
    SENDING_SLOW     /* more than --write-queue is waiting for a client that does not read */
};

/* Write what there is. on_done is called, unless the result is FAILED, when a write that had to wait is over: DONE or FAILED. */
enum sending_result sending_flush(struct connection *connection,
                                  void (*on_done)(struct connection *connection, enum sending_result result)) __attribute__((warn_unused_result));

#endif

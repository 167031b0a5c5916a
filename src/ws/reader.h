/* reader.h: bytes in, messages out: wslay, borrowed for as long as a message is on its way.
 *
 * A wslay context holds more than four kilobytes, most connections are idle, and at the boundary between two messages a context
 * knows nothing that matters. So contexts live in a pool of the thread. One goes back only if every byte that it was fed belonged to
 * a whole frame, no fragmented message is open and no close was seen; else it is the connection's until it is freed.
 *
 * wslay takes frames apart; what makes messages of them is here, since wslay 1.1.1's own way has two faults: it skips two bytes of every
 * piece of a close frame, not of the frame, when it checks the reason; and it keeps 8 KiB for each context and copies each message twice.
 *
 * Threads: the I/O thread. Source: RFC 6455, section 5.
 */
#ifndef CHATTERBOX_WS_READER_H
#define CHATTERBOX_WS_READER_H

#include <stddef.h>

#include "net/net.h"

enum reader_result {
    READER_MORE,   /* all taken, or stopped by connection_may_feed() */
    READER_CLOSED, /* the client's close frame came: *code is what to answer */
    READER_FAILED  /* the client broke the protocol: *code says how */
};

/* Feed bytes. *consumed tells how many were taken: fewer than length if the connection may not be fed any more. Calls
 * connection_on_text() for each message, and puts pongs into the connection's output. */
enum reader_result reader_feed(struct connection *connection, const unsigned char *bytes, size_t length,
                               size_t *consumed, enum close_code *code);

/* Whether a message has begun and is not complete. */
bool reader_is_amid_message(const struct connection *connection);

/* Free the connection's reader, if it has one. */
void reader_drop(struct connection *connection);

/* Free the pool. */
void reader_fini(struct net *net);

#endif

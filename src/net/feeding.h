/* feeding.h: bytes of frames to the connection's reader, and each text in them to its actor.
 *
 * A text costs a credit. Without credits, or while the way to the session thread is congested (then the connection is stalled), nothing more is
 * taken: the socket is not read, and what was read is held.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_FEEDING_H
#define CHATTERBOX_NET_FEEDING_H

#include "net/net.h"

enum feeding_result {
    FEEDING_ON,     /* all is taken but for *left, the last bytes, that nobody may take yet */
    FEEDING_CLOSED, /* the client's close frame came: *code is what to answer */
    FEEDING_FAILED  /* the client broke the protocol, or keeps us busy: *code says how */
};

/* In the states OPEN and CLOSING; in the latter for the client's close frame alone. Puts pongs into the writer. */
enum feeding_result feeding_take(struct connection *connection, const unsigned char *bytes, size_t length, size_t *left,
                                 enum close_code *code) __attribute__((warn_unused_result));

/* Whether texts may go to the actor. What is only looked through for a close frame costs nothing. */
static inline bool feeding_may_take(const struct connection *connection)
{
    return connection->state == CONNECTION_CLOSING || (connection->credits > 0 && !connection->is_stalled);
}

#endif

/* liveness.h: whether an open connection is one still: is a message late, is the client silent, does it not read?
 *
 * Threads: the I/O thread. Source: RFC 6455, section 5.5.2 (ping).
 */
#ifndef CHATTERBOX_NET_LIVENESS_H
#define CHATTERBOX_NET_LIVENESS_H

#include "net/net.h"

enum liveness {
    LIVENESS_FINE,
    LIVENESS_SILENT, /* for so long that it is to be sent a ping; that is noted */
    LIVENESS_LATE,   /* a message has begun, and does not end */
    LIVENESS_GONE    /* it answers nothing, or takes nothing */
};

/* With FINE and SILENT *next_ms becomes the time until the next look. */
enum liveness liveness_check(struct connection *connection, uint64_t *next_ms) __attribute__((warn_unused_result));

#endif

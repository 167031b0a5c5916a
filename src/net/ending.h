/* ending.h: the end of a connection, step by step: connection.h's states ENDING, CLOSING, LINGERING and DEAD.
 *
 *   the client closes: connection_end(); breaks the protocol: connection_fail() ─► ENDING, until the actor has answered what came before
 *   we close: connection_close() ─► CLOSING, until the client's close frame has come
 *   both: connection_linger() ─► LINGERING, until the client has shut its half; any: connection_kill() ─► DEAD
 *
 * Threads: the I/O thread. Source: RFC 6455, section 7.
 */
#ifndef CHATTERBOX_NET_ENDING_H
#define CHATTERBOX_NET_ENDING_H

#include <stddef.h>

#include "net/net.h"

/* Begin the close handshake, whatever the state; where the client has begun it, or failed, end it. */
void connection_close(struct connection *connection, enum close_code code);

/* The client says no more that counts. What it said before is answered first: our close frame waits for the actor's last answer. */
void connection_end(struct connection *connection, enum close_code code);

/* The client broke the protocol: say so, likewise, and do not try to understand what follows. */
void connection_fail(struct connection *connection, enum close_code code);

/* Nothing more is to be said: write what there is, shut our half, and throw away what comes until the client's half is shut.
 * Closing with bytes unread would reset the connection, and the client might never see our last words. */
void connection_linger(struct connection *connection);

/* Close the socket at once: the peer is gone, or does not deserve better. */
void connection_kill(struct connection *connection);

/* What is read in the states CLOSING, ENDING and LINGERING. */
void connection_on_last_bytes(struct connection *connection, const unsigned char *bytes, size_t length);

/* All output is written, and our half may be shut. */
void connection_on_output_done(struct connection *connection);

/* Tell the actor, if there is one, that this was all. code: 0, or CONN_CLOSE is to come back with it. */
void connection_leave_actor(struct connection *connection, uint16_t code);

/* If nobody needs it any more. */
void connection_give_slot_back(struct connection *connection);

#endif

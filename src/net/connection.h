/* connection.h: the life of one socket, from accept to the slot's return.
 *
 *                                      the client closes, or breaks the protocol
 *                                  ┌───► ENDING ──┐ CONN_CLOSE
 *   REQUEST ──► ACCEPTING ──► OPEN ┴───► CLOSING ─┴► LINGERING ──► DEAD
 *      │  head complete  CONN_ACCEPTED   │  we close    close frames   client's half shut, or patience over
 *      └─────────── plain answer ────────┴──────────────►┘
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_CONNECTION_H
#define CHATTERBOX_NET_CONNECTION_H

#include <stddef.h>

#include "net/client_address.h"
#include "net/net.h"

/* Take a connection from the listener. */
void connection_accept(struct net *net, uv_stream_t *listener);

/* The address of the other end of the socket, in the form of client_address.h; all zero if the socket does not know it any more. */
void connection_peer_address(const struct connection *connection, uint8_t address[ADDRESS_BYTES]);

/* A complete text or binary message, to the actor. Takes text over. */
void connection_on_text(struct connection *connection, struct payload *text, bool is_binary);

/* Credits are back: read on if that was what was missing. */
void connection_on_credit(struct connection *connection, uint32_t texts);

/* There is room on the way to the session thread again. */
void connection_unstall(struct connection *connection);

/* All output is written, and our half may be shut. */
void connection_on_output_done(struct connection *connection);

/* Begin the close handshake, whatever the state; where the client has begun it, or failed, end it. */
void connection_close(struct connection *connection, enum close_code code);

/* Close the socket at once: the peer is gone, or does not deserve better. */
void connection_kill(struct connection *connection);

/* The deadline in connection->deadline has passed. */
void connection_on_deadline(struct connection *connection);

/* For opening.c. */

/* Call connection_on_deadline() in so long. */
void connection_set_deadline(struct connection *connection, uint64_t in_ms);

/* Keep a copy of what was read until there is somebody to read it; nothing if length is 0. What was held before is gone. */
void connection_hold(struct connection *connection, const unsigned char *bytes, size_t length);

void connection_stop_reading(struct connection *connection);

/* Tell the actor, if there is one, that this was all. code: 0, or CONN_CLOSE is to come back with it. */
void connection_leave_actor(struct connection *connection, uint16_t code);

/* Nothing more is to be said: write what there is, shut our half, and throw away what comes until the client's half is shut. */
void connection_linger(struct connection *connection);

/* If nobody needs it any more. */
void connection_give_slot_back(struct connection *connection);

#endif

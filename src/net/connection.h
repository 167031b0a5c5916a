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

/* The actor is there: answer 101 and begin to read. */
void connection_on_accepted(struct connection *connection, struct address actor);

/* The home of the client's address has answered: ADDRESS_GRANTED, ADDRESS_WAIVED or ADDRESS_DENIED. */
void connection_on_gate(struct connection *connection, enum message_type answer, const struct identity *client);

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

#endif

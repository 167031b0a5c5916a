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

#include "admission/client_address.h"
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

/* The deadline in connection->deadline has passed. */
void connection_on_deadline(struct connection *connection);

/* For opening.c and ending.c. */

/* Call connection_on_deadline() in so long. */
void connection_set_deadline(struct connection *connection, uint64_t in_ms);

/* Keep a copy of what was read until there is somebody to read it; nothing if length is 0. What was held before is gone. */
void connection_hold(struct connection *connection, const unsigned char *bytes, size_t length);

void connection_start_reading(struct connection *connection);
void connection_stop_reading(struct connection *connection);

/* Read on, beginning with what is held, if there are credits and room. */
void connection_resume(struct connection *connection);

/* Bytes of frames, to the reader. Returns how many of them, the last ones, have to be held, since nobody may take them yet; then reading has been
 * stopped. */
size_t connection_feed(struct connection *connection, const unsigned char *bytes, size_t length);

#endif

/* opening.h: a connection from the first byte of its request to the answer: a page, a refusal, or an open WebSocket.
 *
 *   head complete → may it become a WebSocket (handshake.h)? → whose is it (client_address.h)? → may one more come from there
 *   (address_gate.h)? → CONN_OPENED to a session thread → CONN_ACCEPTED → 101
 *
 * Threads: the I/O thread. Source: RFC 6455, section 4.2; RFC 9112.
 */
#ifndef CHATTERBOX_NET_OPENING_H
#define CHATTERBOX_NET_OPENING_H

#include <stddef.h>

#include "net/net.h"

/* What was read in the state REQUEST. */
void opening_on_bytes(struct connection *connection, const unsigned char *bytes, size_t length);

/* The home of the client's address has answered: ADDRESS_GRANTED, ADDRESS_WAIVED or ADDRESS_DENIED. */
void opening_on_gate(struct connection *connection, enum message_type answer, const struct identity *client);

/* The actor is there: answer 101 and begin to read. */
void opening_on_accepted(struct connection *connection, struct address actor);

#endif

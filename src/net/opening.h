/* opening.h: a connection from accept, over the first byte of its request, to the answer: a page, a refusal, or an open WebSocket.
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

enum opening_result {
    OPENING_MORE,     /* the head has not come whole */
    OPENING_ANSWERED, /* a page or a refusal has been put into the writer, and that is all */
    OPENING_WAITS,    /* for the home of the client's address, or for an actor: opening_on_gate(), opening_switch() */
    OPENING_BAD_ID    /* may become a WebSocket, in order to be closed with 4001 */
};

/* Take a connection from a door, in the state REQUEST, or SECURING if TLS is spoken there. Returns false if that failed, or if it is one too many (a word
 * has been said then, if it is a plain one): *accepted is to be killed. */
bool opening_accept(struct net *net, struct door *door, struct connection **accepted) __attribute__((warn_unused_result));

/* What came in the state SECURING is no TLS: say so. */
enum opening_result opening_refuse_plain(struct connection *connection) __attribute__((warn_unused_result));

/* What was read in the state REQUEST. *taken tells how many of the bytes belong to the head; the rest are the client's first frames. */
enum opening_result opening_on_bytes(struct connection *connection, const unsigned char *bytes, size_t length, size_t *taken)
    __attribute__((warn_unused_result));

/* The home of the client's address has answered: ADDRESS_GRANTED, ADDRESS_WAIVED or ADDRESS_DENIED. */
enum opening_result opening_on_gate(struct connection *connection, enum message_type answer, const struct identity *client)
    __attribute__((warn_unused_result));

/* Put the 101 into the writer. After WAITS, when the actor is there, or BAD_ID. */
void opening_switch(struct connection *connection);

#endif

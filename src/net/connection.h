/* connection.h: the life of one socket, from accept to the slot's return: what happens to it, and the state that it is in after that.
 *
 *                                      the client closes, or breaks the protocol
 *                                  ┌───► ENDING ──┐ CONN_CLOSE
 *   REQUEST ──► ACCEPTING ──► OPEN ┴───► CLOSING ─┴► LINGERING ──► DEAD
 *      │  head complete  CONN_ACCEPTED   │  we close    close frames   client's half shut, or patience over
 *      └─────────── plain answer ────────┴──────────────►┘
 *
 *   With TLS before that SECURING, until hands are shaken.
 *
 * Threads: the I/O thread. Source: RFC 6455, section 7, for the end.
 */
#ifndef CHATTERBOX_NET_CONNECTION_H
#define CHATTERBOX_NET_CONNECTION_H

#include "net/net.h"

/* Take a connection from a door. */
void connection_accept(struct net *net, struct door *door);

/* A turn is over: those may shake hands that had to wait for it. */
void connection_shake_hands(struct net *net);

/* The home of the client's address has answered: ADDRESS_GRANTED, ADDRESS_WAIVED or ADDRESS_DENIED. */
void connection_on_gate(struct connection *connection, enum message_type answer, const struct identity *client);

/* The actor is there: answer 101 and begin to read. */
void connection_on_accepted(struct connection *connection, struct address actor);

/* Credits are back: read on if that was what was missing. */
void connection_on_credit(struct connection *connection, uint32_t texts);

/* There is room on the way to the session thread again. */
void connection_unstall(struct connection *connection);

/* The deadline in connection->deadline has passed. */
void connection_on_deadline(struct connection *connection);

/* Begin the close handshake, whatever the state; where the client has begun it, or failed, end it. */
void connection_close(struct connection *connection, enum close_code code);

/* Close the socket at once: the peer is gone, or does not deserve better. */
void connection_kill(struct connection *connection);

/* All output is written: shut our half, after the good-bye of TLS. */
void connection_shut_half(struct connection *connection);

/* Texts are written: to whoever wrote them so many credits go back. */
void connection_give_credit(struct net *net, struct writer_credit credit);

#endif

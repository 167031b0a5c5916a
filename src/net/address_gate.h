/* address_gate.h: whether one more connection may come from an address.
 *
 * Connections of one address land on several I/O threads, and there are no counters that two threads write to. So each address has a home,
 * the I/O thread of its key modulo their number, whose address_limits count its WebSockets. A connection on another thread asks the home
 * (ADDRESS_ASK) before it asks for an actor, and tells it when it ends (ADDRESS_GONE). Connections that are half open are counted by
 * the thread that accepted them: each of them may have as many as --address-connections says.
 *
 * A session whose connection is gone and whose client may come back counts as well, and as many as connections may: its actor says so to the home
 * (ADDRESS_AWAY, ADDRESS_BACK), and is denied what would be too much. Against these only new sessions count, not who shows a token: or nobody could
 * come back to an address that is full of those who wait for it.
 *
 * Exempt, and none of this: loopback addresses; everybody, if both limits are 0. A trusted proxy has no half-open connections
 * of its own to be counted; its clients count where they are named.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_ADDRESS_GATE_H
#define CHATTERBOX_NET_ADDRESS_GATE_H

#include "admission/address_limits.h"
#include "net/net.h"

void address_gate_init(struct net *net);

void address_gate_fini(struct net *net);

/* A new connection, from the address that its socket names. Returns false if it is one too many. */
bool address_gate_arrive(struct connection *connection) __attribute__((warn_unused_result));

enum gate_answer {
    GATE_OPEN,
    GATE_SHUT,
    GATE_ASKED /* ADDRESS_GRANTED, WAIVED or DENIED will come; until then the connection's slot must stay (awaits_gate) */
};

/* A WebSocket, of that client. Its address is known from here on, and not yet the actor's. is_back: it shows a token, and so may be one more than
 * there are sessions that wait for their client. */
enum gate_answer address_gate_ask(struct connection *connection, const struct identity *client, bool is_back)
    __attribute__((warn_unused_result));

/* It is a WebSocket from here on, and no longer half open. */
void address_gate_pass(struct connection *connection);

/* The connection ends: give back what was counted. */
void address_gate_leave(struct connection *connection);

/* What other threads ask this one: ADDRESS_ASK, ADDRESS_RETURN, ADDRESS_GONE; and session threads: ADDRESS_AWAY, ADDRESS_BACK. */
void address_gate_on_message(struct net *net, const struct message *message);

/* At each tick. */
void address_gate_tick(struct net *net);

#endif

/* delivering.h: the way out: events into a connection's writer, at the end of a turn all that has collected to the sockets, and when it is written credits
 * back to whoever wrote it.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_DELIVERING_H
#define CHATTERBOX_NET_DELIVERING_H

#include "net/net.h"

/* Events for the client. connection: NULL if it is gone; then whoever wrote them has its credits back all the same. Takes the message over. */
void delivering_on_events(struct net *net, struct connection *connection, struct message *events);

/* At the end of a turn: write what has collected, for all connections that have something. */
void delivering_flush_all(struct net *net);

#endif

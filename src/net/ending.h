/* ending.h: what is left behind when a connection ends: its actor, what was counted, its socket, its slot.
 *
 * Threads: the I/O thread.
 */
#ifndef CHATTERBOX_NET_ENDING_H
#define CHATTERBOX_NET_ENDING_H

#include "net/net.h"
#include "ws/close_code.h"

/* One that was OPEN begins to end, by this code (CLOSE_ABNORMAL: without one). To be called once for each. */
void ending_count(const struct connection *connection, enum close_code code);

/* Tell the actor, if there is one, that this was all. code: 0, or CONN_CLOSE is to come back with it. */
void ending_leave_actor(struct connection *connection, uint16_t code);

/* Free all that the connection owns, and close its socket; the slot goes back when that is done. Returns the credits that its partner has back. */
struct writer_credit ending_release(struct connection *connection) __attribute__((warn_unused_result));

/* If nobody needs it any more. */
void ending_give_slot_back(struct connection *connection);

#endif

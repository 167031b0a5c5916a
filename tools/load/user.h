/* user.h: a user as a WebSocket client (wslay's client side), and what it reads.
 *
 * Threads:   the one of the loop.
 * Ownership: users are the run's. wslay's context ends with the connection; the buffer for output is kept for the next one.
 * Errors:    a connection that fails or breaks the protocol is closed: EVENT_CLOSED.
 */
#ifndef CHATTERBOX_TOOLS_LOAD_USER_H
#define CHATTERBOX_TOOLS_LOAD_USER_H

#include <stddef.h>
#include <stdint.h>

#include "load/load.h"

/* Monotonic. */
uint64_t now_ns(void);

/* Begin to connect a user; EVENT_CONNECTED or EVENT_CLOSED follows. */
void user_connect(struct user *user);

/* Queue a text; it leaves at the end of the turn. */
void user_send(struct user *user, const char *text, size_t length);

/* EVENT_CLOSED follows. */
void user_close(struct user *user);

/* Write what has been queued, for all. Once a turn. */
void load_flush(struct load *load);

/* The value of a string member, by name; NULL if it is not there. Good enough for what our own messages hold. */
const char *find_member(const char *text, size_t length, const char *name, size_t *value_length);

#endif

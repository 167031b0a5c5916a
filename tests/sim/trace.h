/* trace.h: one line for each message that a thread takes: for who looks into a seed that fails.
 *
 * Threads: none of its own (world.h).
 */
#ifndef CHATTERBOX_TESTS_SIM_TRACE_H
#define CHATTERBOX_TESTS_SIM_TRACE_H

#include "sim/world.h"

/* To the error output: step, incarnation of the node, thread, type, receiver, sender, and what numbers the type has. */
void trace_message(const struct world *world, unsigned to_thread, const struct message *message);

/* A client as it is now, and its actor. */
void trace_client(const struct world *world, const struct client *client);

/* A user as a Redis knows it. world: of its node. */
void trace_user(const struct world *world, const struct fake_user *user);

#endif

/* node_bus.h: what src/threads/bus_thread.c does, over a bus that is not there.
 *
 * Threads: one in all. world.sender is set to the bus thread by node_bus_turn().
 */
#ifndef CHATTERBOX_TESTS_SIM_NODE_BUS_H
#define CHATTERBOX_TESTS_SIM_NODE_BUS_H

#include "sim/cluster.h"

/* Of a node whose world is there. */
void node_bus_start(struct node *node);

void node_bus_free(struct node *node);

/* A turn of the thread: take what other threads have said, what has come, and beat. */
void node_bus_turn(struct node *node);

#endif

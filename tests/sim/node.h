/* node.h: a process from its start to its end, and what its threads do in a round.
 *
 * Threads: one in all.
 */
#ifndef CHATTERBOX_TESTS_SIM_NODE_H
#define CHATTERBOX_TESTS_SIM_NODE_H

#include "sim/cluster.h"

/* A new process in the place of none. */
void node_start(struct node *node);

/* kill -9, or the end of the world: nothing of it is told to anybody. */
void node_kill(struct node *node);

/* Each of its threads that gets a processor has a turn, in an order that chance decides. */
void node_round(struct node *node);

#endif

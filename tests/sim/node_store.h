/* node_store.h: what src/redis/redis_store.c does for the matcher of one of several nodes: a connection with calls in flight, a lease, a way up, a
 * heartbeat, reaping; and how the two Redis carry these calls out, those of connections that were given up too.
 *
 * Threads: one in all. world.sender is set to the matcher thread by what answers it.
 */
#ifndef CHATTERBOX_TESTS_SIM_NODE_STORE_H
#define CHATTERBOX_TESTS_SIM_NODE_STORE_H

#include "sim/cluster.h"

struct store node_store_interface(struct node *node);

/* Of a node whose world is there. It has no connection yet. */
void node_store_start(struct node *node);

/* Also what is in flight. */
void node_store_free(struct node *node);

/* A turn of the matcher's thread: take some answers, beat, connect, or see that it takes too long. */
void node_store_turn(struct node *node);

/* The connection is lost. */
void node_store_lose(struct node *node);

/* A Redis carries some calls out, of every node. */
void node_store_carry_out(struct cluster *cluster, unsigned redis);

/* A Redis forgets what it has not carried out yet, of connections that were given up. */
void node_store_forget_orphans(struct cluster *cluster, unsigned redis);

/* Calls in flight that state users again. */
size_t node_store_restating(const struct node *node);

#endif

/* threads.h: the server's threads, one turn at a time: take a message, answer for the store, remind an actor.
 *
 * As with mailbox.h, messages of one sender arrive in the order sent, and between two senders nothing is promised.
 *
 * Threads: none of its own (world.h). world.sender is the one whose turn it is; who lets a thread send sets it before.
 */
#ifndef CHATTERBOX_TESTS_SIM_THREADS_H
#define CHATTERBOX_TESTS_SIM_THREADS_H

#include <stdbool.h>

#include "sim/world.h"

/* Hosts and matcher of a world that is all zero but for its seed and where it belongs. first_match: as in matcher.h. */
void threads_init(struct world *world, struct store store, uint64_t first_match);

/* Deliver the oldest message of a queue. Returns false if it is empty. */
bool threads_deliver(struct world *world, unsigned from, unsigned to);

/* An actor that chance names has waited long enough, if it waits at all. */
void threads_fire_reminder(struct world *world);

/* Actors of a session thread whose time has come, where there is one. */
void threads_fire_due(struct world *world, unsigned thread);

/* An actor has been called: it may be over. */
void threads_after_actor(struct world *world, struct session_host *host, struct session *actor);

/* The server stops: nobody is waited for any more. */
void threads_drain(struct world *world);

/* The actor of a session thread that has awaited its turn longest takes it. Returns false if there is none. */
bool threads_give_turn(struct world *world, unsigned thread);

/* Carry out and answer the store's oldest call. Returns false if there is none. */
bool threads_step_store(struct world *world);

/* Redis goes away or comes back. */
void threads_toggle_store(struct world *world);

/* Until every queue is empty and the store has answered all. */
void threads_run_until_quiet(struct world *world);

#endif

/* matcher.h: the one actor that pairs users, by way of the store.
 *
 * It turns requests of session actors into store calls and store replies into answers. It keeps no table of users: a
 * call carries all that its answer needs, and the store names the partner's actor.
 *
 * The partner may be an actor of another node, which is told as one of this node is: the address says where. So is who was refused by an actor here,
 * and who was reported too often. What gets lost on the way the two actors say again (relay.h).
 *
 * While the store is down, searches are answered SEARCH_UNAVAILABLE (the session actor keeps them), cancels are granted
 * (a match whose reply was lost is void: the store forgets this node's users before it comes up again), and what only
 * tidies up is dropped for the same reason. When it comes up, RESYNC says so to every session thread; until one
 * has answered that with RESYNCED, what still comes from it speaks to a store that has forgotten, and is treated as if the
 * store were down.
 *
 * Then every actor states itself again, in a window: at most MATCHER_RESTATING_MAX such calls are in flight, and whoever starts a
 * search meanwhile waits behind no more than these. All at once they would take longer than --redis-timeout, and Redis would be given up for it,
 * again and again. The window lives here, since only here it is known what Redis has answered; but nothing is held back here: RESTATE gives
 * one session thread after the other a turn of as many calls as there is room for, and the thread goes over its actors with a cursor. So what is
 * not said yet takes no memory, in no queue and in no actor.
 *
 * Threads:   the matcher's. Pure: all effects go through the two interfaces.
 */
#ifndef CHATTERBOX_ACTORS_MATCHER_H
#define CHATTERBOX_ACTORS_MATCHER_H

#include <stdbool.h>

#include "actors/store.h"
#include "runtime/message.h"
#include "runtime/metrics.h"

struct matcher_host {
    void *self;
    void (*send)(void *self, const struct message *message);
    struct metrics *metrics;
    unsigned first_session_thread;
    unsigned session_threads;
    uint64_t first_match; /* higher than every match id of an earlier process */
};

struct matcher {
    struct matcher_host host;
    struct store store;
    bool is_store_up;
    uint64_t epoch;                         /* counts how often the store has come up */
    uint64_t synced_epoch[THREADS_MAX + 1]; /* by session thread: the last it has answered */
    uint64_t next_match;
    size_t calls_in_flight;
    size_t calls_limit; /* searches beyond it are SEARCH_BUSY */

    size_t restating_in_flight;
    unsigned threads_restated; /* the next one is to have a turn */
    bool has_turn;             /* RESTATE is unanswered */
};

/* As many restating calls may be in flight. Measured: 20,000 users on each of 5 nodes are back as fast as without a window, and no call takes longer
 * than 18 ms, instead of 1.8 s. */
enum { MATCHER_RESTATING_MAX = 64 };

void matcher_init(struct matcher *matcher, struct matcher_host host, struct store store, size_t calls_limit);

/* Takes the message over. */
void matcher_on_message(struct matcher *matcher, struct message *message);

/* Connected, fenced, and rid of everything that an earlier connection of this node left. */
void matcher_on_store_up(struct matcher *matcher);

/* No more calls; those in flight have been or will be answered STORE_LOST. */
void matcher_on_store_down(struct matcher *matcher);

/* The call is the one that was made, its payload gone; but STORE_BEHIND and STORE_UNREACHABLE bring it back. */
void matcher_on_store_reply(struct matcher *matcher, const struct store_call *call, const struct store_reply *reply);

#endif

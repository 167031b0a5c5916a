/* matcher.h: the one actor that pairs users, by way of the store.
 *
 * It turns requests of session actors into store calls and store replies into answers. It keeps no table of users: a
 * call carries all that its answer needs, and the store names the partner's actor.
 *
 * While the store is down, searches are answered SEARCH_UNAVAILABLE (the session actor keeps them), cancels are granted
 * (a match whose reply was lost is void: the store forgets this node's users before it comes up again), and what only
 * tidies up is dropped for the same reason. When it comes up, RESYNC asks every actor to state itself again; until a session
 * thread has answered that with RESYNCED, what still comes from it speaks to a store that has forgotten, and is treated as if the
 * store were down.
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
    uint64_t first_match; /* higher than every match id of an earlier process, so that ids are never used twice */
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
};

void matcher_init(struct matcher *matcher, struct matcher_host host, struct store store, size_t calls_limit);

/* Takes the message over. */
void matcher_on_message(struct matcher *matcher, struct message *message);

/* Connected, fenced, and rid of everything that an earlier connection of this node left. */
void matcher_on_store_up(struct matcher *matcher);

/* No more calls; those in flight have been or will be answered STORE_LOST. */
void matcher_on_store_down(struct matcher *matcher);

/* The call is the one that was made, its payload gone. */
void matcher_on_store_reply(struct matcher *matcher, const struct store_call *call, const struct store_reply *reply);

#endif

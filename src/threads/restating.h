/* restating.h: the actors of a session thread state themselves again to a store that has lost its memory, a turn after the other (actors/restate.h).
 *
 * Threads:   the session thread.
 * Ownership: everything that is pointed to is the host's.
 */
#ifndef CHATTERBOX_THREADS_RESTATING_H
#define CHATTERBOX_THREADS_RESTATING_H

#include "actors/session_state.h"
#include "runtime/executor.h"
#include "runtime/slab.h"

struct restating {
    struct executor *executor;
    struct session_host *host;
    struct slab *actors; /* struct session */
    uint32_t restated;   /* slots whose actors have had their turn since the last RESYNC */
};

/* RESYNC: everybody has a turn to come. */
void restating_begin(struct restating *restating, uint64_t epoch);

/* RESTATE: as many actors as there are calls for. Who comes later, to a slot that has had its turn, has nothing to say again. */
void restating_take_turn(struct restating *restating, const struct message *turn);

#endif

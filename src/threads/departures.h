/* departures.h: the actors of a session thread take leave of their clients (actors/farewell.h), one after the other, so that those do not come to other nodes
 * all at once.
 *
 * LAST_CALL and CLOSING_TIME each begin a round through all slots. It takes DEPARTURES_SPREAD_MS where there are many, and less where there are few. When nobody is
 * left, and nothing is on its way to other nodes, main hears DESERTED, once.
 *
 * Threads:   the session thread.
 * Ownership: everything that is pointed to is the host's.
 */
#ifndef CHATTERBOX_THREADS_DEPARTURES_H
#define CHATTERBOX_THREADS_DEPARTURES_H

#include <stdbool.h>
#include <uv.h>

#include "actors/farewell.h"
#include "actors/session_state.h"
#include "runtime/executor.h"
#include "runtime/slab.h"

enum { DEPARTURES_SPREAD_MS = 5000 };

struct departures {
    struct executor *executor;
    struct session_host *host;
    struct slab *actors; /* struct session */
    void (*on_farewell)(void *owner, struct session *session, enum farewell what); /* an actor's, which may be over then, and is freed by it */
    void *owner;
    uv_timer_t tick;     /* during a round */
    enum farewell round; /* TURN or CLOSING_TIME */
    uint32_t next_slot;  /* of the round */
    bool has_told_main;
};

/* Of what is filled in above `tick`; the executor has a loop by now. */
void departures_init(struct departures *departures);

/* what: TURN is LAST_CALL to all at once, and then a round; CLOSING_TIME a round; DRAIN is for all at once. */
void departures_begin(struct departures *departures, enum farewell what);

/* For on_turn_end. is_busy: somebody is there, or something is on its way. */
void departures_settle(struct departures *departures, bool is_busy);

/* Close the handle. */
void departures_close(struct departures *departures);

#endif

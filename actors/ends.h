/* ends.h: what a session thread holds of what goes on between its actors and other nodes: its end of each chat (relay_set.h) and of each line (line.h), found
 * by a number and the actor that it is of.
 *
 * Threads:   the session thread's.
 * Ownership: what is put in stays its owner's, who takes it out before it is freed.
 */
#ifndef CHATTERBOX_ACTORS_ENDS_H
#define CHATTERBOX_ACTORS_ENDS_H

#include <stdint.h>

#include "actors/session_state.h"

/* The first member of whatever is put in. */
struct end_key {
    uint64_t id; /* a chat's match; of a line the other end's address */
    struct address self;
};

/* There is no other of this key. */
void ends_put(struct ends *ends, const struct end_key *end);

/* NULL: there is none. */
void *ends_find(const struct ends *ends, uint64_t id, struct address self);

/* It must be there. */
void ends_remove(struct ends *ends, const struct end_key *end);

/* When it is empty. */
void ends_fini(struct ends *ends);

#endif

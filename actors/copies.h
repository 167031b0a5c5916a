/* copies.h: the texts that one side of a chat across nodes has said, kept until the partner's actor has them.
 *
 * They are packed, since they are rarely read: 200 users with 16 texts each on their way had 3,200 copies, which were all out of the cache when they
 * were freed. A chunk has the first of its texts whole; each further one is what it does not begin with as the first one does, and events of one
 * turn differ in what was written, which comes last.
 *
 * Threads:   the session thread's.
 * Ownership: chunks are the struct's until copies_drop() or copies_fini().
 */
#ifndef CHATTERBOX_ACTORS_COPIES_H
#define CHATTERBOX_ACTORS_COPIES_H

#include <stdint.h>

#include "runtime/payload.h"

/* All zero is empty. */
struct copies {
    struct payload *oldest, *newest; /* chunks, linked by payload.next */
    uint16_t dropped;                /* of the texts of the oldest one */
};

/* One more, which stays the caller's. */
void copies_keep(struct copies *copies, const struct payload *text);

/* So many of the oldest ones, of which there are as many. */
void copies_drop(struct copies *copies, uint32_t texts);

/* Reading them, oldest first, while none is added or dropped. */
struct copies_reader {
    const struct payload *chunk; /* NULL: none is left */
    uint32_t from;               /* in chunk->bytes */
    uint16_t left;               /* in chunk */
};

struct copies_reader copies_read(const struct copies *copies);

/* The next one as it was, which is the caller's; NULL: there is none. */
struct payload *copies_next(struct copies_reader *reader);

void copies_fini(struct copies *copies);

#endif

/* reaper.h: forgets the users of nodes whose lease has run out, and of this node's earlier connections.
 *
 * A batch at a time, each sent when the one before is answered, so that the calls of users go in between (reap.lua). Every node does it, for
 * there is none that all others wait for: two that do it at once share the work, and where one dies the next goes on.
 *
 * Threads: the matcher's.
 */
#ifndef CHATTERBOX_REDIS_REAPER_H
#define CHATTERBOX_REDIS_REAPER_H

#include <stdbool.h>

#include "redis/caller.h"
#include "runtime/log.h"

struct reaper {
    /* The owner's, who fills them in, and zeroes the rest. */
    struct caller *caller;
    const struct log *log;

    char nodes[EXPIRED_MAX][NODE_BYTES]; /* the last of them is being reaped */
    unsigned count;
    void (*on_own_reaped)(void *owner);
    void *owner;
};

/* Forget what earlier connections of this node have left. Not called back if the connection is lost before. */
void reaper_take_own(struct reaper *reaper, void (*on_reaped)(void *owner), void *owner);

/* As a heartbeat has answered. Nothing while there is still something to do: the next one names again who is left. */
void reaper_take_expired(struct reaper *reaper, const struct script_reply *heartbeat);

#endif

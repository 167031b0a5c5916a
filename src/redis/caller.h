/* caller.h: calls of scripts, carried out and answered in the order they were made, whether Redis remembers the scripts or not.
 *
 * NOSCRIPT (SCRIPT FLUSH, a failover) is mended here, without giving the connection up: the scripts are loaded again, and everything that was
 * not carried out is sent again, in its order. Redis answers in order, so after the first NOSCRIPT every call in flight gets one too, and what is
 * called meanwhile is held until the scripts are there: no call overtakes another.
 *
 * Unless somebody else loads the scripts in between, another node say: then a later call is carried out, and an earlier one is still to be
 * repeated. Calls of different users are in no order that anybody relies on: their session threads give none either. Of one user
 *  - whatever was called before its leaving is void once that is carried out, and not repeated: it would bring back who is gone;
 *  - the end of a chat, blocks, and interests before anything but other interests may come late: they name the chat, or add to what is there;
 *  - of all others the order matters, so the connection is given up, and everybody states itself again.
 *
 * Threads:   the matcher's.
 * Ownership: a call is copied, and its payload the caller's from then on; it frees it after the answer, unless that has taken it.
 */
#ifndef CHATTERBOX_REDIS_CALLER_H
#define CHATTERBOX_REDIS_CALLER_H

#include "redis/calls.h"
#include "redis/client.h"
#include "runtime/metrics.h"

/* reply: good during the call; NULL: the connection was lost, the outcome is unknown. */
typedef void caller_reply_fn(void *owner, struct script_call *call, const struct script_reply *reply);

struct script_sent;

struct sent_list {
    struct script_sent *first, *last;
};

struct caller {
    /* The owner's, who fills them in, and zeroes the rest. */
    struct redis_client *client;
    struct calls *calls; /* gets the hashes of the scripts */
    struct metrics *metrics;
    bool has_file; /* Redis has an append-only file (scripts.h) */

    struct sent_list in_flight; /* oldest first, as the others */
    struct sent_list forgotten; /* answered NOSCRIPT: to be sent again when the scripts are loaded */
    struct sent_list held;      /* called meanwhile: to be sent after these */
    bool is_loading;
    void (*on_loaded)(void *owner);
    void *owner;
};

/* Load the scripts over a new connection, before anything is called. If that fails, the connection is given up. */
void caller_load(struct caller *caller, void (*on_loaded)(void *owner), void *owner);

/* Only while the client is open and has the scripts. Answered exactly once. */
void caller_call(struct caller *caller, const struct script_call *call, caller_reply_fn *on_reply, void *owner);

/* Give the connection up for a reply that says that it is of no use: an error, STALE, or none of what the script may answer. */
void caller_fail(struct caller *caller, const struct script_reply *reply);

/* While one call of a user is being answered: whether others of it have been made since. */
bool caller_has_later(const struct caller *caller, const struct script_call *call);

#endif

/* calls.h: what the store asks of Redis, as commands: KEYS and ARGV as in the header of each script in lua/; and what the scripts answer.
 *
 * Pure, but for the clock that a search brings its time from.
 *
 * Threads:   the matcher's.
 * Ownership: a command points into struct calls and into what it was made of: all must live until it is sent.
 */
#ifndef CHATTERBOX_REDIS_CALLS_H
#define CHATTERBOX_REDIS_CALLS_H

#include "actors/store.h"
#include "redis/command.h"
#include "redis/replies.h"
#include "redis/scripts.h"
#include "wire/event.h"

/* So long after a server was killed its users are forgotten by the others. */
enum { REDIS_LEASE_MS = 5000 };

/* So many users of a node that is gone are forgotten in one call. */
enum { REDIS_REAPED_AT_ONCE = 64 };

/* One call of a script, whichever. Of the kind that store.h knows, `call` says what. */
struct script_call {
    enum script script;
    struct store_call call;
    char node[NODE_BYTES]; /* REAP: whose users */
};

/* What calls have in common. */
struct calls {
    /* The owner's, who fills them in and zeroes the rest. */
    const char *prefix;
    uint64_t report_limit, report_time_ms, ban_time_ms; /* as the flags of these names */
    unsigned first_session_thread, session_threads;     /* where a partner can be */
    char node[NODE_BYTES];                              /* this node's id */

    char lease_key[96];                        /* by calls_init() */
    char lease_value[NODE_BYTES + 24];         /* by calls_set_connection() */
    struct reachable others;                        /* by calls_set_reachable() */
    char reachable[REACHABLE_MAX * NODE_BYTES + 2]; /* likewise, and this node: each id with a blank before and after */
    char shas[SCRIPTS][41];                    /* of the scripts, as Redis has loaded them */
};

/* When the owner's part is filled in. This node alone is reachable. */
void calls_init(struct calls *calls);

/* Waiters of these nodes may be claimed, besides this node's: those that can be told of the match. */
void calls_set_reachable(struct calls *calls, const struct reachable *others);

/* From now on calls are those of this connection: see the fence in redis_store.h. */
void calls_set_connection(struct calls *calls, unsigned long long connection);

enum script calls_script(enum store_operation operation);

/* Whether a script is about one user, call.user_id. */
bool calls_is_of_user(enum script script);

/* The command points into the call, its payload, and user_id, which is filled with the printed id. */
void calls_put(const struct calls *calls, struct command *command, const struct script_call *call, char user_id[USER_ID_TEXT]);

/* script_reply_decode() for a reply to one of these. */
void calls_decode(const struct calls *calls, struct script_reply *decoded, enum script script, const redisReply *reply);

#endif

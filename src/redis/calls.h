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

/* The lease on `epoch`: so long a killed server keeps its successor waiting. */
enum { REDIS_LEASE_MS = 5000 };

/* What calls have in common. */
struct calls {
    /* The owner's, who fills them in and zeroes the rest. */
    const char *prefix;
    uint64_t report_limit, report_time_ms, ban_time_ms; /* as the flags of these names */
    unsigned first_session_thread, session_threads;     /* where a partner can be */
    char node[NODE_BYTES];                              /* this node's id */

    char epoch_key[80];                /* by calls_init() */
    char epoch_value[NODE_BYTES + 24]; /* by calls_set_connection() */
    char shas[SCRIPTS][41];            /* of the scripts, as Redis has loaded them */
};

/* When the owner's part is filled in. */
void calls_init(struct calls *calls);

/* From now on calls are those of this connection: see the fence in redis_store.h. */
void calls_set_connection(struct calls *calls, unsigned long long connection);

enum script calls_script(enum store_operation operation);

/* The command points into call->payload and user_id, which is filled with the printed id. */
void calls_put(const struct calls *calls, struct command *command, const struct store_call *call, char user_id[USER_ID_TEXT]);

/* Forget a user. user_id: 32 hexadecimal digits. */
void calls_put_leave(const struct calls *calls, struct command *command, const char *user_id);

/* Take the lease, keep it, give it up. */
void calls_put_fence(const struct calls *calls, struct command *command);
void calls_put_heartbeat(const struct calls *calls, struct command *command);
void calls_put_release(const struct calls *calls, struct command *command);

/* script_reply_decode() for a reply to one of these. */
void calls_decode(const struct calls *calls, struct script_reply *decoded, enum script script, const redisReply *reply);

#endif

/* way_up.h: what a new connection to Redis goes through before scripts may be called: see redis_store.h.
 *
 * Threads: the matcher's.
 */
#ifndef CHATTERBOX_REDIS_WAY_UP_H
#define CHATTERBOX_REDIS_WAY_UP_H

#include "redis/command.h"
#include "redis/redis_store.h"

/* The lease on `epoch`: so long a killed server keeps its successor waiting. */
enum { REDIS_LEASE_MS = 5000 };

/* Take the step that store->step names; each goes on to the next by itself, the last one says that the store is up. */
void redis_way_up(struct redis_store *store);

/* Ask for the lease again: another node had it. */
void redis_fence(struct redis_store *store);

/* What calls have in common with the way up. */

/* Give the lease up. The drain is over when that is answered. */
void redis_release(struct redis_store *store);

void redis_give_up(struct redis_store *store, const char *reason);

/* The same for an error that Redis has answered: of that only the code is logged. */
void redis_give_up_on_error(struct redis_store *store, const char *error);

/* Whether a reply is none or an error; then the connection is given up. */
bool redis_is_error(struct redis_store *store, const redisReply *reply);

void redis_send(struct redis_store *store, struct command *command, redis_reply_fn *on_reply, void *request);

void redis_decode(const struct redis_store *store, struct script_reply *decoded, enum script script,
                  const redisReply *reply);

#endif

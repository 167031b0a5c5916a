/* calls.h: a call of the store as the command that Redis gets: KEYS and ARGV as in the header of each script in lua/.
 *
 * Threads: the matcher's.
 */
#ifndef CHATTERBOX_REDIS_CALLS_H
#define CHATTERBOX_REDIS_CALLS_H

#include "redis/command.h"
#include "redis/redis_store.h"
#include "wire/event.h"

enum script calls_script(enum store_operation operation);

/* The command points into call->payload and user_id, which is filled with the printed id: both must live until it is sent. */
void calls_put(const struct redis_store *store, struct command *command, const struct store_call *call, char user_id[USER_ID_TEXT]);

/* Forget a user. user_id: 32 hexadecimal digits, good until the command is sent. */
void calls_put_leave(const struct redis_store *store, struct command *command, const char *user_id);

/* EVALSHA of a script with its first key, `epoch`, and so many keys in all. */
void calls_begin(const struct redis_store *store, struct command *command, enum script script, unsigned keys);

#endif

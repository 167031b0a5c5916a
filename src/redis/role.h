/* role.h: whether the Redis at the other end of a connection is a master.
 *
 * Threads: pure; any. Source: redis.io, ROLE.
 */
#ifndef CHATTERBOX_REDIS_ROLE_H
#define CHATTERBOX_REDIS_ROLE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "redis/command.h"

/* The reason to give a connection to another one up for. */
#define ROLE_NO_MASTER "not a master"

void command_role(struct command *command);

/* reply: to that command. */
bool role_is_master(const redisReply *reply);

#endif

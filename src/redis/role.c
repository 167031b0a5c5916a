#include "redis/role.h"

#include <string.h>

void command_role(struct command *command)
{
    command_init(command);
    command_add(command, "ROLE");
}

bool role_is_master(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[0]->str, "master") == 0;
}

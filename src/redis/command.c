#include "redis/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/check.h"

void command_init(struct command *command)
{
    command->argc = 0;
    command->used = 0;
}

void command_add_bytes(struct command *command, const char *argument, size_t length)
{
    CHECK(command->argc < COMMAND_ARGUMENTS);
    command->argv[command->argc] = argument;
    command->lengths[command->argc++] = length;
}

void command_add(struct command *command, const char *argument)
{
    command_add_bytes(command, argument, strlen(argument));
}

void command_join(struct command *command, const char *first, const char *second, const char *third)
{
    const size_t lengths[] = { strlen(first), strlen(second), strlen(third) };
    const size_t length = lengths[0] + lengths[1] + lengths[2];
    char *text = command->text + command->used;
    CHECK(length <= sizeof command->text - command->used);
    memcpy(text, first, lengths[0]);
    memcpy(text + lengths[0], second, lengths[1]);
    memcpy(text + lengths[0] + lengths[1], third, lengths[2]);
    command->used += length;
    command_add_bytes(command, text, length);
}

void command_print(struct command *command, const char *format, ...)
{
    char *text = command->text + command->used;
    size_t room = sizeof command->text - command->used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, room, format, arguments);
    va_end(arguments);
    CHECK(length >= 0 && (size_t)length < room);
    command->used += (size_t)length + 1;
    command_add_bytes(command, text, (size_t)length);
}

bool command_auth(struct command *command, const struct redis_credentials *credentials)
{
    if (credentials->password[0] == '\0')
        return false;
    command_init(command);
    command_add(command, "AUTH");
    if (credentials->user[0] != '\0')
        command_add(command, credentials->user);
    command_add(command, credentials->password);
    return true;
}

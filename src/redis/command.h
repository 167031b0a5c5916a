/* command.h: the arguments of one Redis command, being put together.
 *
 * Arguments are either pointed to, and must live until the command is sent, or printed into the command itself.
 *
 * Threads: a value of its owner.
 */
#ifndef CHATTERBOX_REDIS_COMMAND_H
#define CHATTERBOX_REDIS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "redis/address.h"

/* EVALSHA, sha, count, 9 keys, 11 arguments, and twice 10 topics; the longest keys are prefix, "interest:" and a topic. */
enum { COMMAND_ARGUMENTS = 48, COMMAND_TEXT_BYTES = 4096 };

struct command {
    int argc;
    const char *argv[COMMAND_ARGUMENTS];
    size_t lengths[COMMAND_ARGUMENTS];
    size_t used;
    char text[COMMAND_TEXT_BYTES];
};

/* Not a literal initialiser: that would clear four kilobytes for each call. */
void command_init(struct command *command);
void command_add(struct command *command, const char *argument);
void command_add_bytes(struct command *command, const char *argument, size_t length);
/* One argument of three parts: what most keys are, and cheaper than printing. */
void command_join(struct command *command, const char *first, const char *second, const char *third);
void command_print(struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A whole AUTH with the user and the password, into which it points. Returns false, with nothing to be sent, if there is no
 * password. */
bool command_auth(struct command *command, const struct redis_credentials *credentials);

#endif

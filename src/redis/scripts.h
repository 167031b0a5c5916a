/* scripts.h: the Lua scripts of lua/, which are part of the binary.
 *
 * Threads: constant data.
 */
#ifndef CHATTERBOX_REDIS_SCRIPTS_H
#define CHATTERBOX_REDIS_SCRIPTS_H

#include <stddef.h>

#include "runtime/embedded.h"

enum script {
#define SCRIPT(name, file, keys, arguments, more_keys, more_arguments) SCRIPT_##name,
#include "redis/scripts.def"
#undef SCRIPT
    SCRIPTS
};

const char *script_name(enum script script);

/* The text of a script. */
const struct embedded_file *script_file(enum script script);

/* The same for a Redis that has an append-only file, in which only what is counted against somebody may be: what any other script writes is
 * written to memory alone (redis.io, "redis.set_repl"). malloc'd; its length is *length. */
char *script_text_for_file(enum script script, size_t *length) __attribute__((warn_unused_result));

#endif

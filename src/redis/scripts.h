/* scripts.h: the Lua scripts of lua/, which are part of the binary.
 *
 * Threads: constant data.
 */
#ifndef CHATTERBOX_REDIS_SCRIPTS_H
#define CHATTERBOX_REDIS_SCRIPTS_H

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

#endif

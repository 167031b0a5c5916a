/* scripts.h: the Lua scripts, as embedded at build time from lua/ by src/embed.cmake.
 *
 * Threads: constant data.
 */
#ifndef CHATTERBOX_REDIS_SCRIPTS_H
#define CHATTERBOX_REDIS_SCRIPTS_H

#include <stddef.h>

enum script {
#define SCRIPT(name, file, keys, arguments, more_keys, more_arguments) SCRIPT_##name,
#include "scripts.def"
#undef SCRIPT
    SCRIPTS
};

/* What the build generates: every embedded file by the name it has in the tree, ended by one whose name is NULL. */
struct embedded_file {
    const char *name; /* such as "lua/leave.lua" */
    const unsigned char *bytes;
    size_t length;
};
extern const struct embedded_file embedded_files[];

const char *script_name(enum script script);

/* The text of a script. */
const struct embedded_file *script_file(enum script script);

#endif

/* embedded.h: the files that are part of the binary: the Lua scripts and the page, put there at build time by src/runtime/embed.cmake.
 *
 * Threads: constant data.
 */
#ifndef CHATTERBOX_RUNTIME_EMBEDDED_H
#define CHATTERBOX_RUNTIME_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    /* As in the tree, such as "lua/leave.lua", which has lua/head.lua in front; "src/web/app.js.gz" is src/web/app.js compressed. */
    const char *name;
    const char *hash; /* the first 32 hexadecimal digits of its SHA-256 */
    const unsigned char *bytes;
    size_t length;
};

/* Ended by a file whose name is NULL. */
extern const struct embedded_file embedded_files[];

/* Returns NULL if there is none of that name. */
const struct embedded_file *embedded_find(const char *name);

#endif

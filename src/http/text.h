/* text.h: a run of bytes that somebody else holds.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_HTTP_TEXT_H
#define CHATTERBOX_HTTP_TEXT_H

#include <stddef.h>

/* Not NUL-terminated. length 0: absent or empty. */
struct http_text {
    const char *bytes;
    size_t length;
};

#endif

/* percent.h: percent-encoding.
 *
 * Threads: pure; any. Source: RFC 3986, section 2.1.
 */
#ifndef CHATTERBOX_HTTP_PERCENT_H
#define CHATTERBOX_HTTP_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* Decode length bytes into out, and end it with a NUL. Returns false if that does not fit into capacity, is malformed or has a NUL
 * in it. */
bool percent_decode(const char *in, size_t length, char *out, size_t capacity) __attribute__((warn_unused_result));

#endif

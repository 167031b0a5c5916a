/* percent.h: percent-encoding.
 *
 * Threads: pure; any. Source: RFC 3986, section 2.1; uriparser decodes.
 */
#ifndef CHATTERBOX_HTTP_PERCENT_H
#define CHATTERBOX_HTTP_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

enum { PERCENT_BYTES_MAX = 1024 };

/* Decode length bytes into out, and end it with a NUL. Returns false if they are more than PERCENT_BYTES_MAX, if what they mean does not fit into
 * capacity or has a NUL in it, or if they are malformed. */
bool percent_decode(const char *in, size_t length, char *out, size_t capacity) __attribute__((warn_unused_result));

#endif

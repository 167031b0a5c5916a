/* utf8.h: whether bytes that come in pieces are UTF-8.
 *
 * utf8proc knows what UTF-8 is; this adds what it takes when a code point is cut in two, and that no byte is waited for which could not
 * help any more.
 *
 * Threads: one for each stream. Source: RFC 6455, section 8.1; RFC 3629.
 */
#ifndef CHATTERBOX_WS_UTF8_H
#define CHATTERBOX_WS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the beginning. */
struct utf8_stream {
    uint8_t length; /* of a code point whose end has not come */
    uint8_t bytes[4];
};

/* The next piece. Returns false if the stream is no UTF-8, whatever may follow. */
bool utf8_take(struct utf8_stream *stream, const uint8_t *bytes, size_t length) __attribute__((warn_unused_result));

/* Whether it may end here. */
static inline bool utf8_is_complete(const struct utf8_stream *stream)
{
    return stream->length == 0;
}

#endif

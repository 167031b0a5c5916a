#include "ws/utf8.h"

#include <string.h>
#include <utf8proc.h>

enum { CODEPOINT_BYTES_MAX = 4 };

/* How many bytes the code point has that begins here; 0: there is none, or not all of it. */
static size_t codepoint_length(const uint8_t *bytes, size_t length)
{
    utf8proc_int32_t codepoint;
    utf8proc_ssize_t step = utf8proc_iterate(bytes, (utf8proc_ssize_t)length, &codepoint);
    return step > 0 ? (size_t)step : 0;
}

/* Whether more bytes can make a code point of these. Only the range of the second byte depends on the first, and it always reaches from 80
 * or to BF. */
static bool may_become_codepoint(const uint8_t *bytes, size_t length)
{
    static const uint8_t ends[] = { 0x80, 0xBF };
    for (size_t i = 0; i < sizeof ends; i++) {
        uint8_t whole[CODEPOINT_BYTES_MAX];
        memset(whole, ends[i], sizeof whole);
        memcpy(whole, bytes, length);
        if (codepoint_length(whole, sizeof whole) > length)
            return true;
    }
    return false;
}

/* The rest of a code point that has begun in an earlier piece. Returns how many bytes it took, or SIZE_MAX if they do not belong to it. */
static size_t take_rest(struct utf8_stream *stream, const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    while (stream->length > 0 && at < length) {
        stream->bytes[stream->length++] = bytes[at++];
        if (codepoint_length(stream->bytes, stream->length) > 0)
            stream->length = 0;
        else if (stream->length == CODEPOINT_BYTES_MAX || !may_become_codepoint(stream->bytes, stream->length))
            return SIZE_MAX;
    }
    return at;
}

static bool is_ascii(const uint8_t *bytes)
{
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    return (eight & 0x8080808080808080u) == 0;
}

bool utf8_take(struct utf8_stream *stream, const uint8_t *bytes, size_t length)
{
    size_t at = take_rest(stream, bytes, length);
    if (at == SIZE_MAX)
        return false;
    while (at < length) {
        size_t left = length - at;
        if (left >= sizeof(uint64_t) && is_ascii(bytes + at)) {
            at += sizeof(uint64_t);
            continue;
        }
        size_t step = codepoint_length(bytes + at, left);
        if (step == 0) {
            if (left >= CODEPOINT_BYTES_MAX || !may_become_codepoint(bytes + at, left))
                return false;
            memcpy(stream->bytes, bytes + at, left);
            stream->length = (uint8_t)left;
            return true;
        }
        at += step;
    }
    return true;
}

#include "ws/plain_frame.h"

#include <stdint.h>
#include <string.h>

#include "ws/utf8.h"

enum { FIN_AND_TEXT = 0x81, MASK_BIT = 0x80, LENGTH_BITS = 0x7F, LENGTH_IN_16_BITS = 126, MASK_BYTES = 4 };

/* Remove the mask. Returns whether all of it is ASCII. */
static bool unmask(unsigned char *restrict to, const unsigned char *restrict from, size_t length, const unsigned char mask[MASK_BYTES])
{
    uint64_t key, any = 0;
    memcpy(&key, mask, MASK_BYTES);
    memcpy((unsigned char *)&key + MASK_BYTES, mask, MASK_BYTES);
    size_t at = 0;
    for (; at + sizeof key <= length; at += sizeof key) {
        uint64_t word;
        memcpy(&word, from + at, sizeof word);
        word ^= key;
        any |= word;
        memcpy(to + at, &word, sizeof word);
    }
    for (size_t i = 0; at + i < length; i++) {
        to[at + i] = from[at + i] ^ mask[i % MASK_BYTES];
        any |= to[at + i];
    }
    return (any & 0x8080808080808080) == 0;
}

size_t plain_frame_take(const unsigned char *bytes, size_t length, size_t longest, struct payload **text)
{
    if (length < 2 + MASK_BYTES || bytes[0] != FIN_AND_TEXT || (bytes[1] & MASK_BIT) == 0)
        return 0;
    size_t head = 2, text_length = bytes[1] & LENGTH_BITS;
    if (text_length == LENGTH_IN_16_BITS) {
        text_length = (size_t)bytes[2] << 8 | bytes[3];
        head += 2;
        if (text_length < LENGTH_IN_16_BITS) /* not the shortest form: an error, and wslay's */
            return 0;
    } else if (text_length > LENGTH_IN_16_BITS) {
        return 0;
    }
    head += MASK_BYTES;
    if (text_length > longest || length < head + text_length)
        return 0;
    struct payload *unmasked = payload_new(text_length);
    struct utf8_stream utf8 = { 0 };
    if (!unmask(unmasked->bytes, bytes + head, text_length, bytes + head - MASK_BYTES) &&
        !(utf8_take(&utf8, unmasked->bytes, text_length) && utf8_is_complete(&utf8))) {
        payload_free(&unmasked); /* an error, and wslay's to tell */
        return 0;
    }
    unmasked->length = (uint32_t)text_length;
    *text = unmasked;
    return head + text_length;
}

#include "wire/plain_text.h"

#include <string.h>

/* Every other way to write it, and it may be as good, goes to jansson. */
static const struct {
    const char *before, *after;
    size_t before_length, after_length;
} shapes[] = {
#define SHAPE(before, after) { before, after, sizeof before - 1, sizeof after - 1 }
    SHAPE("{\"type\":\"chat_message\",\"data\":{\"message\":\"", "\"}}"),
    SHAPE("{\"type\": \"chat_message\", \"data\": {\"message\": \"", "\"}}"),
#undef SHAPE
};

bool plain_text_find(struct plain_text *text, const void *utf8, size_t length)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t around = shapes[i].before_length + shapes[i].after_length;
        if (length < around || memcmp(utf8, shapes[i].before, shapes[i].before_length) != 0)
            continue;
        const unsigned char *bytes = (const unsigned char *)utf8 + shapes[i].before_length;
        size_t text_length = length - around;
        if (memcmp(bytes + text_length, shapes[i].after, shapes[i].after_length) != 0)
            return false;
        /* No branches, so that the compiler can look at many bytes at once. */
        unsigned special = 0;
        size_t codepoints = 0;
        for (size_t at = 0; at < text_length; at++) {
            unsigned char byte = bytes[at];
            special |= (byte < 0x20) | (byte == '"') | (byte == '\\');
            codepoints += (byte & 0xC0) != 0x80;
        }
        if (special)
            return false;
        *text = (struct plain_text){ .bytes = (const char *)bytes, .length = text_length, .codepoints = codepoints };
        return true;
    }
    return false;
}

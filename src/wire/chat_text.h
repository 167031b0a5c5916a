/* chat_text.h: find the text in a chat message, however its JSON is spelled.
 *
 * This is no JSON parser: it makes no values. It passes once over an object whose members are strings, numbers and literals, but for
 * `data`, which is one more such object, and notes where `type` and `data.message` are, and what `n` and `ack` are. Members may come in any
 * order, with any white space between them, and others than these are passed over. The text is left as it was written, escapes and all: in
 * a request it means what it means in an event.
 *
 * Whatever is not such an object (other types, lists, objects in objects, escapes in names, a name twice, numbers that may be too large, many
 * members, nonsense) is left to jansson, whose word it is; a fuzz target holds the two against each other.
 *
 * Why: with jansson a 100-byte message costs 1.3 us of a session thread, more than all other work for it together; this takes 0.03, or 0.06 of the form
 * that README.md gives (64 bytes of text, all of it in the cache). The ends of strings are looked for in 64 bytes at once: specials.h.
 *
 * Threads: pure; any. Source: RFC 8259.
 */
#ifndef CHATTERBOX_WIRE_CHAT_TEXT_H
#define CHATTERBOX_WIRE_CHAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_text {
    const char *bytes; /* the message as it stands in the JSON, without its quotation marks; NULL: there is none */
    size_t length;     /* bytes */
    size_t codepoints; /* of what it means */
    uint32_t n, ack;   /* the request's members of these names; 0: there is none, or a bad one */
    bool has_bad_count; /* one of them is no whole number below 2^32, or n is 0 */
};

enum chat_text_verdict {
    CHAT_TEXT_NONE,   /* jansson is to parse it */
    CHAT_TEXT_FOUND,
    CHAT_TEXT_INVALID /* a chat message, but for an escape in its text that means nothing: half a surrogate pair, \u0000, \x */
};

/* Look at one whole request. utf8: valid UTF-8, and it must outlive *text, which is written only if it is FOUND. */
enum chat_text_verdict chat_text_find(struct chat_text *text, const void *utf8, size_t length) __attribute__((warn_unused_result));

#endif

/* plain_text.h: find the text in a chat message that is written as nearly all are.
 *
 * This is no JSON parser. It knows two whole texts, {"type":"chat_message","data":{"message":"…"}} as JSON.stringify() writes it, and the same with a blank after
 * each colon and comma, as Python's json.dumps() does; and only with an … that means itself, in JSON, in a request as well as in an event: no
 * quotation mark, no backslash, no control character. Whatever is different in the least is left to jansson.
 *
 * Why: with jansson a 100-byte message costs 1.3 us of a session thread, more than all other work for it together; this takes 0.05.
 *
 * Threads: any. Source: RFC 8259, section 7 (what must be escaped in a string).
 */
#ifndef CHATTERBOX_WIRE_PLAIN_TEXT_H
#define CHATTERBOX_WIRE_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct plain_text {
    const char *bytes; /* the message without its quotation marks; NULL: there is none */
    size_t length;     /* bytes */
    size_t codepoints;
};

/* Look at one whole request. utf8: valid UTF-8, and it must outlive *text. Returns false, and leaves *text alone, if jansson is to parse it. */
bool plain_text_find(struct plain_text *text, const void *utf8, size_t length);

#endif

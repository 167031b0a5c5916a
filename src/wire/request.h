/* request.h: the JSON of one client message into a struct.
 *
 * Bytes in, struct out: nothing here depends on who asks or in which state.
 *
 * jansson parses everything, but for chat messages, which make up nearly all of the traffic: their text is found however the JSON around it is
 * spelled (chat_text.h), and relayed as it was written, without having been a tree.
 *
 * Threads:   any; a request stays with the thread that parsed it (json_t is not shared).
 * Source:    the catalogue is request.def; the envelope is restated in README.md here.
 */
#ifndef CHATTERBOX_WIRE_REQUEST_H
#define CHATTERBOX_WIRE_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/chat_text.h"
#include "wire/interests.h"

enum request_type {
    REQUEST_UNKNOWN,
#define REQUEST(name, wire, data) REQUEST_##name,
#include "wire/request.def"
#undef REQUEST
    REQUEST_TYPES
};

/* Zero is no error. */
enum error_code {
    ERROR_NONE,
#define ERROR(name, wire, description) ERROR_##name,
#include "wire/errors.def"
#undef ERROR
    ERROR_CODES
};

/* Zero is none. */
enum report_reason {
    REPORT_REASON_NONE,
#define REPORT_REASON(name, wire) REPORT_REASON_##name,
#include "wire/report_reason.def"
#undef REPORT_REASON
    REPORT_REASONS
};

enum { MESSAGE_CODEPOINTS_MAX = 2000 };

enum { FALLBACK_NEVER = -1, FALLBACK_MS_MAX = 3600000 };

struct request {
    enum request_type type;
    json_t *root;            /* owns what the others point into */
    const char *type_name;   /* as the client wrote it, NUL-terminated; NULL if it is not a string */
    json_t *data;            /* OBJECT: the object. MESSAGE: the string, unless it is in text. Otherwise NULL */
    struct chat_text text;   /* MESSAGE that was found without jansson: it points into the bytes parsed */
    size_t codepoints;       /* MESSAGE: its length */
    int32_t fallback_ms;     /* FALLBACK: after so long anyone will do; FALLBACK_NEVER */
    enum report_reason reason; /* REASON: which */
    bool is_active;          /* ACTIVE */
    bool is_echo;            /* ACK: the client wants to hear that its connection lives */
    bool has_bad_count;      /* as in chat_text.h. Who cannot come back need not care */
    uint32_t n, ack;         /* likewise */
    struct interests interests; /* INTERESTS: normalised, at least one */
};

/* Parse what is known to be valid UTF-8 (reader.c sees to that). The bytes must outlive the request. Always initialises *request, also on
 * an error, where type_name and type tell what is known (of a chat message with an escape that means nothing, too); request_fini() it in any case. INVALID_JSON, INVALID_REQUEST, UNKNOWN_TYPE and INVALID_INTERESTS are found here. */
enum error_code request_parse(struct request *request, const void *utf8, size_t length)
    __attribute__((warn_unused_result));

/* MESSAGE that was parsed without an error: whether there is something to be seen in it (visible.h). */
bool request_has_visible_text(const struct request *request) __attribute__((warn_unused_result));

void request_fini(struct request *request);

#endif

/* request.h: the JSON of one client message into a struct.
 *
 * Bytes in, struct out: nothing here depends on who asks or in which state.
 *
 * Threads:   any; a request stays with the thread that parsed it (json_t is not shared).
 * Source:    the catalogue is request.def; the envelope is restated in the README.
 */
#ifndef CHATTERBOX_REQUEST_H
#define CHATTERBOX_REQUEST_H

#include <jansson.h>
#include <stddef.h>

#include "interests.h"

enum request_type {
    REQUEST_UNKNOWN,
#define REQUEST(name, wire, data) REQUEST_##name,
#include "request.def"
#undef REQUEST
    REQUEST_TYPES
};

/* Zero is no error. */
enum error_code {
    ERROR_NONE,
#define ERROR(name, wire, description) ERROR_##name,
#include "errors.def"
#undef ERROR
    ERROR_CODES
};

enum { MESSAGE_CODEPOINTS_MAX = 2000 };

struct request {
    enum request_type type;
    json_t *root;            /* owns what the others point into */
    const char *type_name;   /* as the client wrote it, NUL-terminated; NULL if it is not a string */
    json_t *data;            /* OBJECT: the object. MESSAGE: the string. Otherwise NULL */
    size_t codepoints;       /* MESSAGE: its length */
    struct interests interests; /* INTERESTS: normalised, at least one */
};

/* Parse. Always initialises *request, also on an error, where type_name and type tell what is known; request_fini() it
 * in any case. INVALID_JSON, INVALID_REQUEST, UNKNOWN_TYPE and INVALID_INTERESTS are found here. */
enum error_code request_parse(struct request *request, const void *utf8, size_t length)
    __attribute__((warn_unused_result));

void request_fini(struct request *request);

#endif

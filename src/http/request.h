/* request.h: the head of an HTTP request into a struct.
 *
 * Threads: pure; any. Source: RFC 9112; the parser is llhttp's.
 */
#ifndef CHATTERBOX_HTTP_REQUEST_H
#define CHATTERBOX_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "http/text.h"

enum { HTTP_HEAD_BYTES_MAX = 8192, HTTP_HEADERS_MAX = 64 };

/* Its texts are runs of the bytes that were parsed. */
struct http_request {
    bool is_secure;               /* came through our own TLS; whoever has parsed it says so, after that */
    bool is_get, is_head, is_options;
    bool is_http_1_1;             /* or a later 1.x */
    struct http_text path, query; /* query without its '?' */
    unsigned hosts;               /* how many Host headers, empty or not */
    struct http_text host;        /* the last of them */
    bool has_upgrade_websocket;   /* Upgrade names websocket */
    bool has_connection_upgrade;  /* Connection names upgrade */
    bool has_body;
    unsigned keys, versions, origins; /* how many of each header */
    struct http_text key, version, origin;
    unsigned forwarded_fors; /* X-Forwarded-For headers, in their order */
    struct http_text forwarded_for[HTTP_HEADERS_MAX];
    bool accepts_gzip;            /* Accept-Encoding allows it */
    struct http_text none_match;  /* If-None-Match */
};

/* Where the head ends: the number of bytes up to and including its empty line, or 0 if that has not come. from: so many bytes
 * were looked at before. */
size_t http_head_length(const char *bytes, size_t length, size_t from);

/* Parse a whole head. Returns 0, or the status to refuse it with: 400, or 431 for too many headers. */
int http_request_parse(struct http_request *request, const char *head, size_t length)
    __attribute__((warn_unused_result));

/* Compare with a NUL-terminated text. */
bool http_text_is(struct http_text text, const char *other);

/* The value of a query parameter, not decoded. Returns false if it is not there. */
bool http_query_find(struct http_text query, const char *name, struct http_text *value);

/* Whether a list of entity tags, as If-None-Match has it, names a strong one (quotes and all) or is "*" (RFC 9110, section 13.1.2). */
bool http_tags_name(struct http_text list, const char *tag);

#endif

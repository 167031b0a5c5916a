/* handshake.h: whether a request may become a WebSocket, and what proves that we understood it.
 *
 * Threads: pure; any. Source: RFC 6455, sections 4.2.1 and 4.2.2.
 */
#ifndef CHATTERBOX_HTTP_HANDSHAKE_H
#define CHATTERBOX_HTTP_HANDSHAKE_H

#include <stdbool.h>

#include "http/refusal.h"
#include "http/request.h"
#include "runtime/token.h"

/* Sec-WebSocket-Accept: Base64 of 20 bytes, and a NUL. */
enum { HANDSHAKE_ACCEPT_BYTES = 29 };

struct handshake {
    char accept[HANDSHAKE_ACCEPT_BYTES];
    bool has_bad_id;         /* ?id= is there and is not 64 hexadecimal digits */
    struct http_text device; /* the value of ?id=; points into the request */
    bool has_resume;         /* ?resume= is there: `new`, or a token with ?seq= */
    struct resume_ask resume; /* has_resume. What makes no sense is a token of nobody */
};

/* allowed_origins: the value of --allowed-origins (origin.h). Returns REFUSAL_NONE, or why it may not: of status 400, 403 (a page of another
 * origin asks), 405 (not GET) or 426 (not an upgrade, or to another version than 13). *handshake is written only on NONE. */
enum refusal handshake_check(const struct http_request *request, const char *allowed_origins, struct handshake *handshake)
    __attribute__((warn_unused_result));

#endif

/* origin.h: which pages may open the WebSocket.
 *
 * A browser says in Origin which page asks; other programs say nothing, or what they like. So this keeps other sites' pages from using
 * their visitors' browsers as clients, and nobody else.
 *
 * Threads: pure; any. Source: RFC 6454, sections 4 to 7; RFC 6455, section 10.2.
 */
#ifndef CHATTERBOX_HTTP_ORIGIN_H
#define CHATTERBOX_HTTP_ORIGIN_H

#include <stdbool.h>

#include "http/request.h"

enum { ORIGIN_ERROR_BYTES = 200 };

/* Whether list is a list of origins, separated by commas: scheme://host[:port] each, where the first label of the
 * host may be *, which stands for one label; or * for every one. May be empty. On false error
 * holds one line. */
bool origin_list_check(const char *list, char error[ORIGIN_ERROR_BYTES]) __attribute__((warn_unused_result));

/* Whether an Origin is that of the host which the request is for, or in the list (checked before). One that is no origin is refused
 * whatever the list says; "null" wants a list with *. host: the value of Host. is_secure: it came through our own TLS, so that the host's own pages are
 * https; else they may be either. */
bool origin_is_allowed(const char *list, struct http_text origin, struct http_text host, bool is_secure);

#endif

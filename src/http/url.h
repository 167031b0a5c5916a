/* url.h: a URL with a host into its parts.
 *
 * Stricter than RFC 3986, since what comes out of it is compared, dialled and shown: the host is a name of letters, digits, dots, hyphens and
 * underscores or an IP address, never empty nor percent-encoded; a port is one from 1 to 65535.
 *
 * Threads: pure; any. Source: RFC 3986, section 3; the parser is uriparser's.
 */
#ifndef CHATTERBOX_HTTP_URL_H
#define CHATTERBOX_HTTP_URL_H

#include <stdbool.h>

#include "http/text.h"

/* Of longer texts there is nothing to be had: uriparser calls itself for every byte, so a stranger's length would be a stranger's depth of stack. */
enum { URL_BYTES_MAX = 1024 };

/* Parts of the text that was parsed. */
struct url {
    struct http_text scheme, user_info, host; /* user_info: still encoded; host: an IPv6 address without its brackets */
    unsigned port;                            /* 0: none is given */
    bool is_ipv6;
    bool has_user_info; /* there is an @ */
    bool has_more;      /* a path, a query or a fragment, be they empty behind their sign */
};

/* scheme://[user_info@]host[:port], and more. Returns false if it is none. */
bool url_parse(struct url *url, struct http_text text) __attribute__((warn_unused_result));

#endif

/* http_reply.h: what plain HTTP requests are answered.
 *
 * Threads: pure, but for the metrics that are read; any.
 */
#ifndef CHATTERBOX_NET_HTTP_REPLY_H
#define CHATTERBOX_NET_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "metrics.h"
#include "net/http_request.h"

enum http_route {
    ROUTE_NONE,
    ROUTE_WEBSOCKET,
    ROUTE_INDEX,
    ROUTE_HEALTH, /* the process answers */
    ROUTE_READY,  /* and Redis does */
    ROUTE_METRICS
};

enum http_route http_route_find(struct http_text path);

/* Room for any answer of this file. */
enum { HTTP_REPLY_BYTES = 16384 };

/* The answer to a WebSocket request that is accepted (status 101). */
size_t http_reply_switch(char *text, size_t capacity, const char *accept);

/* A refusal, with the headers that its status asks for. */
size_t http_reply_refusal(char *text, size_t capacity, int status, bool is_head);

/* A page. */
size_t http_reply_page(char *text, size_t capacity, enum http_route route, bool is_head, const struct metrics *sets,
                       size_t count);

#endif

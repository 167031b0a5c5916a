/* reply.h: what plain HTTP requests are answered.
 *
 * Threads: pure, but for the metrics that are read; any.
 */
#ifndef CHATTERBOX_HTTP_REPLY_H
#define CHATTERBOX_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "http/refusal.h"
#include "http/request.h"
#include "runtime/metrics.h"
#include "runtime/process.h"

enum http_route {
    ROUTE_NONE,
    ROUTE_WEBSOCKET,
    ROUTE_PAGE,   /* a file of the page */
    ROUTE_STATS,  /* how many users are online */
    ROUTE_CONFIG, /* what the page has to know of this server */
    ROUTE_HEALTH, /* the process answers */
    ROUTE_READY,  /* and Redis does, and it is to stay so */
    ROUTE_METRICS
};

/* Room for chatterbox_build_info. */
enum { HTTP_BUILD_BYTES = 256 };

enum http_route http_route_find(struct http_text path);

/* Room for any answer of this file: that with the metrics is the longest. */
enum { HTTP_METRICS_BYTES = METRICS_TEXT_BYTES + HTTP_BUILD_BYTES + PROCESS_TEXT_BYTES, HTTP_REPLY_BYTES = HTTP_METRICS_BYTES + 2048 };

/* What answers are made from. */
struct http_sources {
    const struct metrics *sets; /* of all threads */
    size_t count;
    const char *config; /* JSON; of the process */
    bool is_leaving;    /* this server is about to stop: no news, but for who sends people here */
    const char *(*redis_trouble)(int64_t number); /* why Redis cannot be used, in words, by METRIC_REDIS_TROUBLE; "" if that says nothing */
};

/* The part of an answer that stands somewhere for as long as the process lives. */
struct http_body {
    const void *bytes;
    size_t length;
};

/* The answer to a WebSocket request that is accepted (status 101). */
size_t http_reply_switch(char *text, size_t capacity, const char *accept);

/* A refusal, with the headers that its status asks for, and the reason as its body. */
size_t http_reply_refusal(char *text, size_t capacity, enum refusal refusal, bool is_head);

/* The answer to OPTIONS, but for the WebSocket: what may be asked. Balancers ask that to see who lives. */
size_t http_reply_options(char *text, size_t capacity);

/* The answer to what is no TLS on a port that speaks nothing else. */
size_t http_reply_insecure(char *text, size_t capacity);

/* The answer to whatever a port is asked that only sends people to https, at this port of the same host: 308, or 400 to a request that names no host. */
size_t http_reply_redirect(char *text, size_t capacity, const struct http_request *request, unsigned port);

/* The answer to a GET or HEAD. Returns the length of what it wrote to text; *body, if it is written, goes behind it. */
size_t http_reply(char *text, size_t capacity, enum http_route route, const struct http_request *request,
                  const struct http_sources *sources, struct http_body *body);

#endif

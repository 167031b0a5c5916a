#include "http_reply.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *path;
    enum http_route route;
} routes[] = {
    { "/ws/textchat/", ROUTE_WEBSOCKET }, { "/ws/textchat", ROUTE_WEBSOCKET }, { "/", ROUTE_INDEX },
    { "/healthz", ROUTE_HEALTH },         { "/readyz", ROUTE_READY },          { "/metrics", ROUTE_METRICS },
};

static const struct {
    int status;
    const char *reason;
    const char *headers;
} statuses[] = {
    { 200, "OK", "" },
    { 400, "Bad Request", "" },
    { 403, "Forbidden", "" },
    { 404, "Not Found", "" },
    { 405, "Method Not Allowed", "Allow: GET\r\n" },
    { 426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" },
    { 429, "Too Many Requests", "Retry-After: 5\r\n" },
    { 431, "Request Header Fields Too Large", "" },
    { 503, "Service Unavailable", "Retry-After: 5\r\n" },
};

enum http_route http_route_find(struct http_text path)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (http_text_is(path, routes[i].path))
            return routes[i].route;
    }
    return ROUTE_NONE;
}

size_t http_reply_switch(char *text, size_t capacity, const char *accept)
{
    return (size_t)snprintf(text, capacity,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %s\r\n\r\n",
                            accept);
}

static size_t print(char *text, size_t capacity, int status, const char *type, const char *body, size_t length,
                    bool is_head)
{
    size_t i = 0;
    while (statuses[i].status != status && i + 1 < sizeof statuses / sizeof statuses[0])
        i++;
    int printed = snprintf(text, capacity,
                           "HTTP/1.1 %d %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                           "X-Content-Type-Options: nosniff\r\nConnection: close%s\r\n\r\n",
                           statuses[i].status, statuses[i].reason, statuses[i].headers, type, length,
                           status == 426 ? ", Upgrade" : "");
    size_t used = (size_t)printed;
    if (is_head)
        return used;
    if (length > capacity - used)
        length = capacity - used;
    memcpy(text + used, body, length);
    return used + length;
}

static size_t print_text(char *text, size_t capacity, int status, const char *body, bool is_head)
{
    return print(text, capacity, status, "text/plain; charset=utf-8", body, strlen(body), is_head);
}

size_t http_reply_refusal(char *text, size_t capacity, int status, bool is_head)
{
    char body[64] = "";
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status)
            snprintf(body, sizeof body, "%d %s\n", status, statuses[i].reason);
    }
    return print_text(text, capacity, status, body, is_head);
}

size_t http_reply_page(char *text, size_t capacity, enum http_route route, bool is_head, const struct metrics *sets,
                       size_t count)
{
    char body[HTTP_REPLY_BYTES - 512];
    switch (route) {
    case ROUTE_INDEX:
        return print_text(text, capacity, 200, "ChatterBox. Clients connect to the WebSocket at /ws/textchat/\n", is_head);
    case ROUTE_HEALTH:
        return print_text(text, capacity, 200, "ok\n", is_head);
    case ROUTE_READY:
        if (metrics_sum(sets, count, METRIC_REDIS_UP) > 0)
            return print_text(text, capacity, 200, "ready\n", is_head);
        return print_text(text, capacity, 503, "Redis cannot be used now; chats go on, searches wait\n", is_head);
    case ROUTE_METRICS:
        return print(text, capacity, 200, "text/plain; version=0.0.4; charset=utf-8", body,
                     metrics_print(sets, count, body, sizeof body), is_head);
    case ROUTE_NONE:
    case ROUTE_WEBSOCKET:
        break;
    }
    return http_reply_refusal(text, capacity, 404, is_head);
}

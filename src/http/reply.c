#include "http/reply.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "http/page.h"
#include "runtime/check.h"

static const struct {
    const char *path;
    enum http_route route;
} routes[] = {
    { "/ws/textchat/", ROUTE_WEBSOCKET }, { "/ws/textchat", ROUTE_WEBSOCKET }, { "/stats", ROUTE_STATS },
    { "/config", ROUTE_CONFIG },          { "/healthz", ROUTE_HEALTH },        { "/readyz", ROUTE_READY },
    { "/metrics", ROUTE_METRICS },
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

enum { HTTPS_PORT = 443 };

static const char json_type[] = "application/json";

enum http_route http_route_find(struct http_text path)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (http_text_is(path, routes[i].path))
            return routes[i].route;
    }
    struct page page;
    return page_find(path, &page) ? ROUTE_PAGE : ROUTE_NONE;
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

size_t http_reply_refusal(char *text, size_t capacity, enum refusal refusal, bool is_head)
{
    const struct refusal_row *row = refusal_row(refusal);
    char body[256] = "";
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == row->status)
            snprintf(body, sizeof body, "%d %s: %s\n", row->status, statuses[i].reason, row->text);
    }
    return print_text(text, capacity, row->status, body, is_head);
}

size_t http_reply_options(char *text, size_t capacity)
{
    return (size_t)snprintf(text, capacity, "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
}

size_t http_reply_insecure(char *text, size_t capacity)
{
    return print_text(text, capacity, 400, "This port speaks HTTPS: write https:// or wss://\n", false);
}

/* A name or an address, in brackets if it is one of IPv6, without the port behind it. Nothing that could be a header or a path, since it is said back. */
static struct http_text host_name(struct http_text host)
{
    const bool has_brackets = host.length > 0 && host.bytes[0] == '[';
    const char *end = host.length > 0 ? memchr(host.bytes, has_brackets ? ']' : ':', host.length) : NULL;
    struct http_text name = { host.bytes, 0 };
    if (end != NULL)
        name.length = (size_t)(end - host.bytes) + (has_brackets ? 1 : 0);
    else if (!has_brackets)
        name.length = host.length;
    for (size_t i = 0; i < name.length; i++) {
        const char letter = name.bytes[i];
        if (!isalnum((unsigned char)letter) && (letter == '\0' || strchr(has_brackets ? "[:]." : "-._", letter) == NULL)) {
            name.length = 0;
            break;
        }
    }
    return name;
}

size_t http_reply_redirect(char *text, size_t capacity, const struct http_request *request, unsigned port)
{
    const struct http_text host = host_name(request->host);
    char port_text[16] = "";
    if (request->hosts != 1 || host.length == 0 || request->path.length == 0 || request->path.bytes[0] != '/')
        return http_reply_refusal(text, capacity, REFUSAL_HOST, request->is_head);
    if (port != HTTPS_PORT)
        snprintf(port_text, sizeof port_text, ":%u", port);
    return (size_t)snprintf(text, capacity,
                            "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://%.*s%s%.*s%s%.*s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                            (int)host.length, host.bytes, port_text, (int)request->path.length, request->path.bytes, request->query.length > 0 ? "?" : "",
                            (int)request->query.length, request->query.bytes);
}

/* A page runs its own scripts and styles and no others, talks to its own server alone ('self' holds for ws: too: CSP level 3, section
 * 6.7.2.8), is framed by nobody, and may use camera and microphone. */
static const char page_headers[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(self), microphone=(self)\r\n";

static size_t print_page(char *text, size_t capacity, const struct http_request *request, struct http_body *body)
{
    struct page page;
    char tag[64], entity[160];
    CHECK(page_find(request->path, &page)); /* the route says so */
    const struct embedded_file *file = request->accepts_gzip ? page.gzip : page.plain;
    snprintf(tag, sizeof tag, "\"%s\"", file->hash);
    bool is_known = http_tags_name(request->none_match, tag);
    snprintf(entity, sizeof entity, "Content-Type: %s\r\nContent-Length: %zu\r\n%s", page.type, file->length,
             request->accepts_gzip ? "Content-Encoding: gzip\r\n" : "");
    if (!is_known && !request->is_head)
        *body = (struct http_body){ file->bytes, file->length };
    return (size_t)snprintf(text, capacity,
                            "HTTP/1.1 %s\r\n%sETag: %s\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\n%sConnection: close\r\n\r\n",
                            is_known ? "304 Not Modified" : "200 OK", is_known ? "" : entity, tag, page_headers);
}

/* Here, and on the other nodes as they have said last. */
static long long users_of_all(const struct http_sources *sources, enum metric here, enum metric elsewhere)
{
    return (long long)metrics_sum(sources->sets, sources->count, here) + (long long)metrics_sum(sources->sets, sources->count, elsewhere);
}

static size_t print_stats(char *text, size_t capacity, const struct http_sources *sources, bool is_head)
{
    char body[128];
    int length = snprintf(body, sizeof body, "{\"online\":%lld,\"searching\":%lld,\"chatting\":%lld}\n",
                          users_of_all(sources, METRIC_USERS, METRIC_PEER_USERS),
                          users_of_all(sources, METRIC_SEARCHING, METRIC_PEER_SEARCHING),
                          users_of_all(sources, METRIC_CHATTING, METRIC_PEER_CHATTING));
    return print(text, capacity, 200, json_type, body, (size_t)length, is_head);
}

/* what: that cannot be done. trouble: the metric that says why. */
static size_t print_not_ready(char *text, size_t capacity, const struct http_sources *sources, bool is_head, const char *what, enum metric trouble,
                              const char *so)
{
    const char *why = sources->redis_trouble(metrics_sum(sources->sets, sources->count, trouble));
    char body[256];
    snprintf(body, sizeof body, "%s now%s%s; %s\n", what, why[0] != '\0' ? ": " : "", why, so);
    return print_text(text, capacity, 503, body, is_head);
}

static size_t print_readiness(char *text, size_t capacity, const struct http_sources *sources, bool is_head)
{
    if (sources->is_leaving)
        return print_text(text, capacity, 503, "This server is about to stop; chats go on until then\n", is_head);
    if (metrics_sum(sources->sets, sources->count, METRIC_REDIS_UP) == 0)
        return print_not_ready(text, capacity, sources, is_head, "Redis cannot be used", METRIC_REDIS_TROUBLE, "chats go on, searches wait");
    if (metrics_sum(sources->sets, sources->count, METRIC_BUSES_UP) < metrics_sum(sources->sets, sources->count, METRIC_BUSES))
        return print_not_ready(text, capacity, sources, is_head, "Other nodes cannot be heard", METRIC_BUS_TROUBLE, "chats on this one go on");
    return print_text(text, capacity, 200, "ready\n", is_head);
}

/* A page without them would look like a server that has none. */
static size_t print_metrics(char *text, size_t capacity, const struct http_sources *sources, bool is_head)
{
    char body[HTTP_METRICS_BYTES];
    const size_t counted = metrics_print(sources->sets, sources->count, body, METRICS_TEXT_BYTES);
    CHECK(counted > 0);
    size_t length = counted + (size_t)snprintf(body + counted, HTTP_BUILD_BYTES,
                                               "# HELP chatterbox_build_info What this is\n# TYPE chatterbox_build_info gauge\n"
                                               "chatterbox_build_info{version=\"" CHATTERBOX_VERSION "\"} 1\n");
    length += process_print(body + length, PROCESS_TEXT_BYTES);
    return print(text, capacity, 200, "text/plain; version=0.0.4; charset=utf-8", body, length, is_head);
}

size_t http_reply(char *text, size_t capacity, enum http_route route, const struct http_request *request,
                  const struct http_sources *sources, struct http_body *body)
{
    bool is_head = request->is_head;
    switch (route) {
    case ROUTE_PAGE:
        return print_page(text, capacity, request, body);
    case ROUTE_STATS:
        return print_stats(text, capacity, sources, is_head);
    case ROUTE_CONFIG:
        if (!is_head)
            *body = (struct http_body){ sources->config, strlen(sources->config) };
        return print(text, capacity, 200, json_type, "", strlen(sources->config), true);
    case ROUTE_HEALTH:
        return print_text(text, capacity, 200, "ok\n", is_head);
    case ROUTE_READY:
        return print_readiness(text, capacity, sources, is_head);
    case ROUTE_METRICS:
        return print_metrics(text, capacity, sources, is_head);
    case ROUTE_NONE:
    case ROUTE_WEBSOCKET:
        break;
    }
    return http_reply_refusal(text, capacity, REFUSAL_NOT_FOUND, is_head);
}

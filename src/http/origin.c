#include "http/origin.h"

#include <http_parser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOST_BYTES_MAX = 300 };

struct origin {
    struct http_text scheme, host;
    unsigned port;
};

static bool equals_ignoring_case(struct http_text a, struct http_text b)
{
    return a.length == b.length && strncasecmp(a.bytes, b.bytes, a.length) == 0;
}

/* 0: the scheme has none that we know. */
static unsigned default_port(struct http_text scheme)
{
    if (equals_ignoring_case(scheme, (struct http_text){ "http", 4 }))
        return 80;
    return equals_ignoring_case(scheme, (struct http_text){ "https", 5 }) ? 443 : 0;
}

static bool parse(struct http_text text, struct origin *origin)
{
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (text.length == 0 || http_parser_parse_url(text.bytes, text.length, 0, &url) != 0)
        return false;
    const unsigned needed = 1 << UF_SCHEMA | 1 << UF_HOST;
    const unsigned allowed = needed | 1 << UF_PORT;
    if ((url.field_set & needed) != needed || (url.field_set & ~allowed) != 0)
        return false;
    origin->scheme = (struct http_text){ text.bytes + url.field_data[UF_SCHEMA].off, url.field_data[UF_SCHEMA].len };
    origin->host = (struct http_text){ text.bytes + url.field_data[UF_HOST].off, url.field_data[UF_HOST].len };
    origin->port = (url.field_set & (1 << UF_PORT)) != 0 ? url.port : default_port(origin->scheme);
    return true;
}

static bool is_same(const struct origin *a, const struct origin *b)
{
    return equals_ignoring_case(a->scheme, b->scheme) && equals_ignoring_case(a->host, b->host) && a->port == b->port;
}

/* Host has no scheme. A proxy may have taken TLS off, so it is the page's: without a port, https://a asks a for port 443. */
static bool is_of_host(const struct origin *origin, struct http_text host, bool is_secure)
{
    char text[HOST_BYTES_MAX];
    struct origin own;
    if (default_port(origin->scheme) == 0 || (is_secure && !equals_ignoring_case(origin->scheme, (struct http_text){ "https", 5 })))
        return false;
    int length = snprintf(text, sizeof text, "%.*s://%.*s", (int)origin->scheme.length, origin->scheme.bytes,
                          (int)host.length, host.bytes);
    return length > 0 && (size_t)length < sizeof text && parse((struct http_text){ text, (size_t)length }, &own) &&
           is_same(origin, &own);
}

/* An empty list has no entries, and not one that is empty. */
static const char *first(const char *list)
{
    return *list != '\0' ? list : NULL;
}

/* The entry of a list without the blanks around it; *list is what follows it, NULL at the end. */
static bool next(const char **list, struct http_text *entry)
{
    if (*list == NULL)
        return false;
    const char *begin = *list, *end = begin + strcspn(begin, ",");
    *list = *end == ',' ? end + 1 : NULL;
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *entry = (struct http_text){ begin, (size_t)(end - begin) };
    return true;
}

bool origin_list_check(const char *list, char error[ORIGIN_ERROR_BYTES])
{
    struct http_text entry;
    struct origin origin;
    for (list = first(list); next(&list, &entry);) {
        if (!http_text_is(entry, "*") && !parse(entry, &origin)) {
            snprintf(error, ORIGIN_ERROR_BYTES,
                     "--allowed-origins: \"%.*s\" is no origin; expected https://host[:port], without a slash at the end, or *",
                     (int)(entry.length < 60 ? entry.length : 60), entry.bytes);
            return false;
        }
    }
    return true;
}

bool origin_is_allowed(const char *list, struct http_text origin_text, struct http_text host, bool is_secure)
{
    struct origin origin, listed;
    bool is_null = http_text_is(origin_text, "null");
    if (!is_null && !parse(origin_text, &origin))
        return false;
    if (!is_null && is_of_host(&origin, host, is_secure))
        return true;
    struct http_text entry;
    for (list = first(list); next(&list, &entry);) {
        if (http_text_is(entry, "*") || (!is_null && parse(entry, &listed) && is_same(&origin, &listed)))
            return true;
    }
    return false;
}

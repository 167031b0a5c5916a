#include "http/origin.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"

enum { HOST_BYTES_MAX = 300 };

struct origin {
    struct http_text scheme, host;
    unsigned port;
};

static bool equals_ignoring_case(struct http_text a, struct http_text b)
{
    return a.length == b.length && strncasecmp(a.bytes, b.bytes, a.length) == 0;
}

static bool is_same(const struct origin *a, const struct origin *b)
{
    return equals_ignoring_case(a->scheme, b->scheme) && equals_ignoring_case(a->host, b->host) && a->port == b->port;
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
    struct url url;
    if (!url_parse(&url, text) || url.has_user_info || url.has_more)
        return false;
    *origin = (struct origin){ .scheme = url.scheme, .host = url.host, .port = url.port != 0 ? url.port : default_port(url.scheme) };
    return true;
}

/* An entry of the list: an origin whose first label may be *. */
static bool parse_entry(struct http_text text, struct origin *origin, bool *has_wildcard)
{
    static const char mark[] = "://", wildcard[] = "://*.";
    const char *at = memmem(text.bytes, text.length, wildcard, sizeof wildcard - 1);
    *has_wildcard = at != NULL;
    if (at == NULL)
        return parse(text, origin);
    char plain[URL_BYTES_MAX];
    if (text.length > sizeof plain)
        return false;
    /* The same without it, which stands nowhere else. */
    const size_t before = (size_t)(at - text.bytes) + sizeof mark - 1, behind = (size_t)(at - text.bytes) + sizeof wildcard - 1;
    memcpy(plain, text.bytes, before);
    memcpy(plain + before, text.bytes + behind, text.length - behind);
    if (text.bytes[behind] == '[' || !parse((struct http_text){ plain, text.length - (behind - before) }, origin))
        return false;
    origin->scheme.bytes = text.bytes;
    origin->host.bytes = text.bytes + behind;
    return true;
}

/* * is one label, and not none: of *.a.b it is x.a.b, and neither a.b nor y.x.a.b. */
static bool matches(const struct origin *origin, const struct origin *entry, bool has_wildcard)
{
    if (!has_wildcard)
        return is_same(origin, entry);
    const char *dot = memchr(origin->host.bytes, '.', origin->host.length);
    if (dot == NULL || dot == origin->host.bytes)
        return false;
    struct origin parent = *origin;
    parent.host = (struct http_text){ dot + 1, origin->host.length - (size_t)(dot + 1 - origin->host.bytes) };
    return is_same(&parent, entry);
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
    bool has_wildcard;
    for (list = first(list); next(&list, &entry);) {
        if (!http_text_is(entry, "*") && !parse_entry(entry, &origin, &has_wildcard)) {
            snprintf(error, ORIGIN_ERROR_BYTES,
                     "--allowed-origins: \"%.*s\" is no origin; expected https://host[:port], without a slash at the end, https://*.domain, or *",
                     (int)(entry.length < 60 ? entry.length : 60), entry.bytes);
            return false;
        }
    }
    return true;
}

bool origin_is_allowed(const char *list, struct http_text origin_text, struct http_text host, bool is_secure)
{
    struct origin origin, listed;
    bool has_wildcard, is_null = http_text_is(origin_text, "null");
    if (!is_null && !parse(origin_text, &origin))
        return false;
    if (!is_null && is_of_host(&origin, host, is_secure))
        return true;
    struct http_text entry;
    for (list = first(list); next(&list, &entry);) {
        if (http_text_is(entry, "*") || (!is_null && parse_entry(entry, &listed, &has_wildcard) && matches(&origin, &listed, has_wildcard)))
            return true;
    }
    return false;
}

#include "redis/address.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/percent.h"
#include "http/url.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, DB_MAX = 1000000, ADDRESS_BYTES = 4096, ZONE_BYTES = 32 };

static const struct scheme {
    const char *text;
    enum redis_address_kind kind;
    uint16_t port;
    unsigned hosts_max;
    bool is_tls;
} schemes[] = {
    { "redis://", REDIS_TCP, REDIS_PORT, 1, false },
    { "rediss://", REDIS_TCP, REDIS_PORT, 1, true },
    { "sentinel://", REDIS_SENTINEL, SENTINEL_PORT, REDIS_ENDPOINTS_MAX, false },
    { "rediss+sentinel://", REDIS_SENTINEL, SENTINEL_PORT, REDIS_ENDPOINTS_MAX, true },
    { "cluster://", REDIS_CLUSTER, REDIS_PORT, REDIS_ENDPOINTS_MAX, false },
    { "rediss+cluster://", REDIS_CLUSTER, REDIS_PORT, REDIS_ENDPOINTS_MAX, true },
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

static const char unix_scheme[] = "unix:";

static bool fail(char error[REDIS_ADDRESS_ERROR_BYTES], const char *why)
{
    snprintf(error, REDIS_ADDRESS_ERROR_BYTES,
             "--redis: %s; expected embedded, unix:PATH, redis[s]://[user:password@]host:port[/db], "
             "[rediss+]sentinel://host:port,…/master[/db] or [rediss+]cluster://host:port,…", why);
    return false;
}

static const struct scheme *scheme_of(const char *text)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        if (strncmp(text, schemes[i].text, strlen(schemes[i].text)) == 0)
            return &schemes[i];
    }
    return NULL;
}

static bool parse_user(struct redis_credentials *credentials, const char *info, size_t length)
{
    const char *colon = memchr(info, ':', length);
    size_t user_length = colon != NULL ? (size_t)(colon - info) : length;
    return percent_decode(info, user_length, credentials->user, sizeof credentials->user) &&
           (colon == NULL || percent_decode(colon + 1, length - user_length - 1, credentials->password, sizeof credentials->password));
}

/* Take the zone of an address out of a URL, since uriparser knows none: [fe80::1%25eth0] becomes [fe80::1] and %eth0, which is how addresses are looked up
 * (RFC 6874). Returns by how many bytes the URL is shorter now. What is left in it where there is no good one is no URL either. */
static size_t cut_zone(char *url, char zone[ZONE_BYTES])
{
    static const char mark[] = "%25";
    char *bracket = strrchr(url, '['), *begin = bracket != NULL ? strstr(bracket, mark) : NULL, *end = begin != NULL ? strchr(begin, ']') : NULL;
    const size_t name = end != NULL ? (size_t)(end - begin) - strlen(mark) : 0;
    if (name == 0 || !percent_decode(begin + strlen(mark), name, zone + 1, ZONE_BYTES - 1))
        return 0;
    zone[0] = '%';
    memmove(begin, end, strlen(end) + 1);
    return strlen(mark) + name;
}

/* piece: [user[:password]@]host[:port] */
static bool parse_host(struct redis_address *address, const struct scheme *scheme, const char *piece, size_t length,
                       char error[REDIS_ADDRESS_ERROR_BYTES])
{
    char text[URL_BYTES_MAX + 1], zone[ZONE_BYTES] = "";
    struct url url;
    if (length + strlen("redis://") >= sizeof text)
        return fail(error, "it is too long");
    if (address->endpoint_count == scheme->hosts_max)
        return fail(error, "too many hosts");
    const int printed = snprintf(text, sizeof text, "redis://%.*s", (int)length, piece);
    const size_t cut = cut_zone(text, zone);
    bool is_good = url_parse(&url, (struct http_text){ text, (size_t)printed - cut }) && !url.has_more;
    struct redis_endpoint *endpoint = &address->endpoints[address->endpoint_count];
    const char *why = "not a URL, or the port is not from 1 to 65535";
    if (is_good) {
        why = "the host is too long";
        endpoint->port = url.port != 0 ? (uint16_t)url.port : scheme->port;
        const int host_length = snprintf(endpoint->host, sizeof endpoint->host, "%.*s%s", (int)url.host.length, url.host.bytes, zone);
        is_good = host_length < (int)sizeof endpoint->host;
    }
    if (is_good && url.has_user_info) {
        why = "user or password is too long or not well encoded";
        is_good = parse_user(&address->own, url.user_info.bytes, url.user_info.length);
    }
    OPENSSL_cleanse(text, sizeof text);
    address->endpoint_count += is_good;
    return is_good || fail(error, why);
}

static bool parse_db(struct redis_address *address, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*end != '\0' || text[0] < '0' || text[0] > '9' || number > DB_MAX)
        return fail(error, "the database is not a number");
    address->db = (unsigned)number;
    return true;
}

/* path: what follows the hosts, without its first slash. */
static bool parse_path(struct redis_address *address, const char *path, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    if (address->kind == REDIS_SENTINEL) {
        const size_t length = strcspn(path, "/");
        if (length == 0 || !percent_decode(path, length, address->master, sizeof address->master))
            return fail(error, "the master's name is missing, too long or not well encoded");
        path += length;
        if (*path == '/')
            path++;
    }
    if (address->kind == REDIS_CLUSTER && path[0] != '\0')
        return fail(error, "a cluster has one database, which has no number");
    return path[0] == '\0' || parse_db(address, path, error);
}

static bool parse_url(struct redis_address *address, const struct scheme *scheme, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    address->kind = scheme->kind;
    address->is_tls = scheme->is_tls;
    if (strpbrk(text, "?#") != NULL)
        return fail(error, "a query or fragment means nothing here");
    const char *host = text + strlen(scheme->text);
    const char *at = memrchr(host, '@', strcspn(host, "/"));
    size_t length = at != NULL ? (size_t)(at - host) : 0; /* a password may have a comma in it */
    for (;;) {
        length += strcspn(host + length, ",/");
        if (!parse_host(address, scheme, host, length, error))
            return false;
        host += length;
        if (*host != ',')
            break;
        host++;
        length = 0;
    }
    return parse_path(address, *host == '/' ? host + 1 : host, error);
}

bool redis_address_parse(struct redis_address *address, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    *address = (struct redis_address){ .kind = REDIS_EMBEDDED };
    if (strcmp(text, "embedded") == 0)
        return true;
    if (strncmp(text, unix_scheme, strlen(unix_scheme)) == 0) {
        text += strlen(unix_scheme);
        address->kind = REDIS_UNIX;
        if (text[0] == '\0' || strlen(text) >= sizeof address->path)
            return fail(error, "the path is empty or longer than 107 bytes");
        memcpy(address->path, text, strlen(text) + 1);
        return true;
    }
    const struct scheme *scheme = scheme_of(text);
    return scheme != NULL ? parse_url(address, scheme, text, error) : fail(error, "not understood");
}

size_t redis_address_length(const char *list)
{
    const struct scheme *scheme = scheme_of(list);
    size_t length = strcspn(list, ",");
    if (scheme == NULL || scheme->hosts_max == 1)
        return length;
    while (list[length] == ',' && scheme_of(list + length + 1) == NULL && strncmp(list + length + 1, unix_scheme, strlen(unix_scheme)) != 0)
        length += 1 + strcspn(list + length + 1, ",");
    return length;
}

bool redis_addresses_parse(struct redis_address addresses[], unsigned max, unsigned *count, const char *list, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    static const char expected[] = "expected unix:PATH or a URL as for --redis, several with commas between them";
    char one[ADDRESS_BYTES], why[REDIS_ADDRESS_ERROR_BYTES];
    unsigned parsed = 0;
    for (;;) {
        size_t length = redis_address_length(list);
        bool is_good = length < sizeof one && parsed < max;
        if (is_good) {
            memcpy(one, list, length);
            one[length] = '\0';
            is_good = redis_address_parse(&addresses[parsed], one, why) && addresses[parsed].kind != REDIS_EMBEDDED;
            OPENSSL_cleanse(one, sizeof one);
        }
        if (!is_good) {
            snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "--bus: address %u will not do; %s, %u at most", parsed + 1, expected, max);
            return false;
        }
        parsed++;
        if (list[length] == '\0')
            break;
        list += length + 1;
    }
    *count = parsed;
    return true;
}

static bool has_tag(const char *prefix)
{
    const char *begin = strchr(prefix, '{');
    const char *end = begin != NULL ? strchr(begin, '}') : NULL;
    return end != NULL && end > begin + 1;
}

void redis_prefix_print(char text[REDIS_PREFIX_BYTES], const struct redis_address *address, const char *prefix)
{
    const bool is_made = address->kind == REDIS_CLUSTER && !has_tag(prefix);
    if (is_made && prefix[0] == '\0')
        snprintf(text, REDIS_PREFIX_BYTES, "{chatterbox}:");
    else
        snprintf(text, REDIS_PREFIX_BYTES, "%s%s%s", is_made ? "{" : "", prefix, is_made ? "}" : "");
}

bool redis_endpoint_moved(struct redis_endpoint *target, const char *error, const struct redis_endpoint *here)
{
    if (strncmp(error, "MOVED ", 6) != 0)
        return false;
    const char *host = strchr(error + 6, ' ');
    const char *colon = host != NULL ? strrchr(++host, ':') : NULL; /* an IPv6 address comes without brackets */
    if (colon == NULL || (size_t)(colon - host) >= sizeof target->host)
        return false;
    char *end;
    const unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port == 0 || port > UINT16_MAX)
        return false;
    struct redis_endpoint found = { .port = (uint16_t)port };
    if (colon > host)
        memcpy(found.host, host, (size_t)(colon - host));
    else
        memcpy(found.host, here->host, sizeof found.host);
    *target = found;
    return true;
}

bool redis_endpoint_equals(const struct redis_endpoint *a, const struct redis_endpoint *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

void redis_endpoint_print(char text[REDIS_PLACE_BYTES], const struct redis_endpoint *endpoint)
{
    const bool is_ipv6 = strchr(endpoint->host, ':') != NULL;
    snprintf(text, REDIS_PLACE_BYTES, "%s%s%s:%u", is_ipv6 ? "[" : "", endpoint->host, is_ipv6 ? "]" : "", endpoint->port);
}

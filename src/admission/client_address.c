#include "admission/client_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IPV4_AT = 12, IPV4_BITS_AT = 96, ADDRESS_BITS = 128 };

static const uint8_t ipv4_prefix[IPV4_AT] = { [10] = 0xFF, [11] = 0xFF };

static bool is_ipv4(const uint8_t address[ADDRESS_BYTES])
{
    return memcmp(address, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

static bool shares_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(a, b, bytes) != 0)
        return false;
    return rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0;
}

/* NUL-terminated, nothing around it. */
static bool parse_plain(uint8_t address[ADDRESS_BYTES], const char *text)
{
    uint8_t parsed[ADDRESS_BYTES];
    if (inet_pton(AF_INET, text, parsed + IPV4_AT) == 1)
        memcpy(parsed, ipv4_prefix, sizeof ipv4_prefix);
    else if (inet_pton(AF_INET6, text, parsed) != 1)
        return false;
    memcpy(address, parsed, sizeof parsed);
    return true;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 5 && text[digits] == '\0';
}

bool client_address_parse(uint8_t address[ADDRESS_BYTES], struct http_text text)
{
    char copy[128]; /* the longest with quotes, brackets, a zone and a port is shorter */
    if (text.length >= 2 && text.bytes[0] == '"' && text.bytes[text.length - 1] == '"') /* as in RFC 7239, section 6 */
        text = (struct http_text){ text.bytes + 1, text.length - 2 };
    if (text.length == 0 || text.length >= sizeof copy || memchr(text.bytes, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    if (strcmp(copy, "unix:") == 0) { /* what nginx calls who comes by a Unix socket: somebody on its own machine */
        return parse_plain(address, "127.0.0.1");
    }
    if (copy[0] == '[') {
        char *end = strchr(copy, ']');
        if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2))))
            return false;
        *end = '\0';
        copy[strcspn(copy, "%")] = '\0'; /* a zone says by which interface */
        return strchr(copy, ':') != NULL && parse_plain(address, copy + 1);
    }
    char *colon = strchr(copy, ':');
    if (colon != NULL && strchr(colon + 1, ':') == NULL) { /* an IPv6 address has at least two */
        if (!is_port(colon + 1))
            return false;
        *colon = '\0';
    } else if (colon != NULL) {
        copy[strcspn(copy, "%")] = '\0';
    }
    return parse_plain(address, copy);
}

void client_address_of_socket(uint8_t address[ADDRESS_BYTES], const struct sockaddr *from)
{
    memset(address, 0, ADDRESS_BYTES);
    if (from->sa_family == AF_INET6) {
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, ADDRESS_BYTES);
    } else if (from->sa_family == AF_INET) {
        memcpy(address, ipv4_prefix, sizeof ipv4_prefix);
        memcpy(address + IPV4_AT, &((const struct sockaddr_in *)(const void *)from)->sin_addr, ADDRESS_BYTES - IPV4_AT);
    }
}

void client_address_of_this_machine(uint8_t address[ADDRESS_BYTES])
{
    static const uint8_t ipv4_loopback[] = { 127, 0, 0, 1 };
    memcpy(address, ipv4_prefix, sizeof ipv4_prefix);
    memcpy(address + IPV4_AT, ipv4_loopback, sizeof ipv4_loopback);
}

bool client_address_is_loopback(const uint8_t address[ADDRESS_BYTES])
{
    static const uint8_t ipv6_loopback[ADDRESS_BYTES] = { [ADDRESS_BYTES - 1] = 1 };
    return is_ipv4(address) ? address[IPV4_AT] == 127 : memcmp(address, ipv6_loopback, ADDRESS_BYTES) == 0;
}

bool client_address_is_private(const uint8_t address[ADDRESS_BYTES])
{
    static const struct {
        uint8_t first[4], bits;
    } networks[] = { { { 10 }, 8 }, { { 172, 16 }, 12 }, { { 192, 168 }, 16 }, { { 169, 254 }, 16 }, { { 100, 64 }, 10 } };
    if (!is_ipv4(address))
        return (address[0] & 0xFE) == 0xFC || (address[0] == 0xFE && (address[1] & 0xC0) == 0x80);
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (shares_prefix(address + IPV4_AT, networks[i].first, networks[i].bits))
            return true;
    }
    return false;
}

/* One network, NUL-terminated; cut in two at its slash. */
static bool parse_network(struct networks *networks, char *text)
{
    char *slash = strchr(text, '/');
    unsigned long bits = 0;
    if (slash != NULL) {
        size_t digits = strspn(slash + 1, "0123456789");
        if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
            return false;
        bits = strtoul(slash + 1, NULL, 10);
        *slash = '\0';
    }
    uint8_t *address = networks->of[networks->count].address;
    if (!parse_plain(address, text))
        return false;
    /* A network that is written as IPv4 counts its bits from there. */
    unsigned first_bit = strchr(text, ':') == NULL ? IPV4_BITS_AT : 0;
    if (slash == NULL)
        bits = ADDRESS_BITS - first_bit;
    if (bits > ADDRESS_BITS - first_bit)
        return false;
    networks->of[networks->count++].bits = (uint8_t)(first_bit + bits);
    return true;
}

bool networks_parse(struct networks *networks, const char *text, char error[NETWORKS_ERROR_BYTES])
{
    struct networks parsed = { 0 };
    for (const char *at = text; *text != '\0';) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ",");
        size_t trimmed = length;
        while (trimmed > 0 && at[trimmed - 1] == ' ')
            trimmed--;
        char one[64] = "";
        if (trimmed < sizeof one)
            memcpy(one, at, trimmed);
        if (parsed.count == NETWORKS_MAX) {
            snprintf(error, NETWORKS_ERROR_BYTES, "--trusted-proxies: expected at most %d networks", NETWORKS_MAX);
            return false;
        }
        if (!parse_network(&parsed, one)) {
            snprintf(error, NETWORKS_ERROR_BYTES,
                     "--trusted-proxies %.60s: expected addresses or networks, such as 10.0.0.0/8,2001:db8::/32", text);
            return false;
        }
        at += length;
        if (*at == '\0')
            break;
        at++;
    }
    *networks = parsed;
    return true;
}

bool networks_contain(const struct networks *networks, const uint8_t address[ADDRESS_BYTES])
{
    for (unsigned i = 0; i < networks->count; i++) {
        if (shares_prefix(address, networks->of[i].address, networks->of[i].bits))
            return true;
    }
    return false;
}

static struct http_text trim(struct http_text text)
{
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* Take the last entry off a comma-separated list. Empty ones are none (RFC 9110, section 5.6.1). Returns false if there is none. */
static bool take_last(struct http_text *list, struct http_text *entry)
{
    while (list->length > 0) {
        size_t begin = list->length;
        while (begin > 0 && list->bytes[begin - 1] != ',')
            begin--;
        *entry = trim((struct http_text){ list->bytes + begin, list->length - begin });
        list->length = begin > 0 ? begin - 1 : 0;
        if (entry->length > 0)
            return true;
    }
    return false;
}

bool client_address_find(uint8_t client[ADDRESS_BYTES], const uint8_t peer[ADDRESS_BYTES], bool is_proxy, const struct networks *proxies,
                         const struct http_text forwarded_for[], unsigned count)
{
    uint8_t found[ADDRESS_BYTES];
    memcpy(found, peer, sizeof found);
    while (count > 0 && is_proxy) {
        struct http_text list = forwarded_for[--count], entry;
        while (is_proxy && take_last(&list, &entry)) {
            if (!client_address_parse(found, entry)) { /* "unknown", "_hidden" (RFC 7239, section 6.3), a name */
                memset(client, 0, ADDRESS_BYTES);
                return false;
            }
            is_proxy = networks_contain(proxies, found);
        }
    }
    memcpy(client, found, sizeof found);
    return true;
}

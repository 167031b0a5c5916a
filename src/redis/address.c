#include "redis/address.h"

#include <http_parser.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/percent.h"

enum { REDIS_PORT = 6379, DB_MAX = 1000000, ADDRESS_BYTES = 1024 };

static bool fail(char error[REDIS_ADDRESS_ERROR_BYTES], const char *why)
{
    snprintf(error, REDIS_ADDRESS_ERROR_BYTES,
             "--redis: %s; expected embedded, unix:PATH or redis://[user:password@]host:port[/db]", why);
    return false;
}

static bool parse_url(struct redis_address *address, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (http_parser_parse_url(text, strlen(text), 0, &url) != 0 || (url.field_set & (1 << UF_HOST)) == 0)
        return fail(error, "not a URL");
    if ((url.field_set & (1 << UF_QUERY)) != 0 || (url.field_set & (1 << UF_FRAGMENT)) != 0)
        return fail(error, "a query or fragment means nothing here");

    const char *host = text + url.field_data[UF_HOST].off;
    if (!percent_decode(host, url.field_data[UF_HOST].len, address->host, sizeof address->host))
        return fail(error, "the host is too long");
    address->port = (url.field_set & (1 << UF_PORT)) != 0 ? url.port : REDIS_PORT;
    if (address->port == 0)
        return fail(error, "port 0");

    if ((url.field_set & (1 << UF_USERINFO)) != 0) {
        const char *info = text + url.field_data[UF_USERINFO].off;
        size_t length = url.field_data[UF_USERINFO].len;
        const char *colon = memchr(info, ':', length);
        size_t user_length = colon != NULL ? (size_t)(colon - info) : length;
        if (!percent_decode(info, user_length, address->user, sizeof address->user) ||
            (colon != NULL && !percent_decode(colon + 1, length - user_length - 1, address->password, sizeof address->password)))
            return fail(error, "user or password is too long or not well encoded");
    }

    if ((url.field_set & (1 << UF_PATH)) != 0 && url.field_data[UF_PATH].len > 1) {
        char *end;
        const char *db = text + url.field_data[UF_PATH].off + 1;
        unsigned long number = strtoul(db, &end, 10);
        if (*end != '\0' || db[0] < '0' || db[0] > '9' || number > DB_MAX)
            return fail(error, "the database is not a number");
        address->db = (unsigned)number;
    }
    return true;
}

bool redis_address_parse(struct redis_address *address, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    *address = (struct redis_address){ .kind = REDIS_EMBEDDED };
    if (strcmp(text, "embedded") == 0)
        return true;
    if (strncmp(text, "unix:", 5) == 0) {
        address->kind = REDIS_UNIX;
        if (text[5] == '\0' || strlen(text + 5) >= sizeof address->path)
            return fail(error, "the path is empty or longer than 107 bytes");
        memcpy(address->path, text + 5, strlen(text + 5) + 1);
        return true;
    }
    if (strncmp(text, "redis://", 8) == 0) {
        address->kind = REDIS_TCP;
        return parse_url(address, text, error);
    }
    return fail(error, "not understood");
}

bool redis_addresses_parse(struct redis_address addresses[], unsigned max, unsigned *count, const char *list, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    static const char expected[] = "expected unix:PATH or redis://[user:password@]host:port, several with commas between them";
    char one[ADDRESS_BYTES], why[REDIS_ADDRESS_ERROR_BYTES];
    unsigned parsed = 0;
    for (;;) {
        size_t length = strcspn(list, ",");
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

#include "http/url.h"

#include <ctype.h>
#include <uriparser/Uri.h>

#include "runtime/check.h"

enum { PORT_MAX = 65535 };

static struct http_text text_of(UriTextRangeA range)
{
    return (struct http_text){ range.first, range.first != NULL ? (size_t)(range.afterLast - range.first) : 0 };
}

static bool is_name(struct http_text host)
{
    size_t good = 0;
    while (good < host.length && (isalnum((unsigned char)host.bytes[good]) || host.bytes[good] == '.' || host.bytes[good] == '-' || host.bytes[good] == '_'))
        good++;
    return good > 0 && good == host.length;
}

/* Digits, says the grammar, which may be none or many. */
static bool parse_port(unsigned *port, struct http_text digits)
{
    unsigned value = 0;
    for (size_t i = 0; i < digits.length && value <= PORT_MAX; i++)
        value = value * 10 + (unsigned)(digits.bytes[i] - '0');
    *port = value;
    return value > 0 && value <= PORT_MAX;
}

bool url_parse(struct url *url, struct http_text text)
{
    UriUriA uri;
    if (text.length > URL_BYTES_MAX || text.length == 0)
        return false;
    const int result = uriParseSingleUriExA(&uri, text.bytes, text.bytes + text.length, NULL);
    CHECK(result != URI_ERROR_MALLOC);
    if (result != URI_SUCCESS)
        return false; /* and then it has freed what it had taken */
    struct url found = { .scheme = text_of(uri.scheme),
                         .user_info = text_of(uri.userInfo),
                         .host = text_of(uri.hostText),
                         .is_ipv6 = uri.hostData.ip6 != NULL,
                         .has_user_info = uri.userInfo.first != NULL,
                         .has_more = uri.pathHead != NULL || uri.query.first != NULL || uri.fragment.first != NULL };
    const bool is_good = found.scheme.length > 0 && uri.hostData.ipFuture.first == NULL && (found.is_ipv6 || is_name(found.host)) &&
                         (uri.portText.first == NULL || parse_port(&found.port, text_of(uri.portText)));
    uriFreeUriMembersA(&uri);
    if (is_good)
        *url = found;
    return is_good;
}

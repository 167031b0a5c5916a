#include "http/request.h"

#include <llhttp.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"

enum coding { CODING_UNNAMED, CODING_REFUSED, CODING_ACCEPTED };

struct parse {
    struct http_request *request;
    struct http_text url;
    struct http_text field;
    unsigned headers;
    enum coding gzip, any_coding; /* as Accept-Encoding has it, "*" for any */
    unsigned messages;  /* that have begun */
    bool is_value_next; /* a field has come, its value has not */
    bool is_complete;   /* the head has ended */
    int refusal;        /* status, or 0 */
};

size_t http_head_length(const char *bytes, size_t length, size_t from)
{
    /* The empty line may have begun before `from`. */
    size_t at = from > 3 ? from - 3 : 0;
    const char *newline;
    while (at < length && (newline = memchr(bytes + at, '\n', length - at)) != NULL) {
        size_t next = (size_t)(newline - bytes) + 1;
        if (next < length && bytes[next] == '\n' && next > 1)
            return next + 1;
        if (next + 1 < length && bytes[next] == '\r' && bytes[next + 1] == '\n')
            return next + 2;
        at = next;
    }
    return 0;
}

bool http_text_is(struct http_text text, const char *other)
{
    return strlen(other) == text.length && (text.length == 0 || memcmp(text.bytes, other, text.length) == 0);
}

static bool equals_ignoring_case(struct http_text text, const char *other)
{
    return strlen(other) == text.length && strncasecmp(text.bytes, other, text.length) == 0;
}

/* Cut *text off at the separator: returns what is before it, without blanks around, and leaves what is behind it. */
static struct http_text cut(struct http_text *text, char separator)
{
    const char *begin = text->bytes, *end = begin;
    const char *const limit = begin + text->length;
    while (end < limit && *end != separator)
        end++;
    *text = end < limit ? (struct http_text){ end + 1, (size_t)(limit - end - 1) } : (struct http_text){ limit, 0 };
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct http_text){ begin, (size_t)(end - begin) };
}

/* Whether a comma-separated list names a token, in any case (RFC 9110, section 5.6.1). */
static bool names_token(struct http_text list, const char *token)
{
    while (list.length > 0) {
        if (equals_ignoring_case(cut(&list, ','), token))
            return true;
    }
    return false;
}

/* Whether the parameters of a coding give it a weight, and one above 0 (RFC 9110, section 12.4.2). */
static enum coding weigh(struct http_text parameters)
{
    struct http_text weight = cut(&parameters, ';');
    struct http_text name = cut(&weight, '=');
    if (name.length == 0)
        return CODING_ACCEPTED;
    if (!equals_ignoring_case(name, "q") || weight.length == 0)
        return CODING_REFUSED;
    for (size_t i = 0; i < weight.length; i++) {
        if (weight.bytes[i] >= '1' && weight.bytes[i] <= '9')
            return CODING_ACCEPTED;
    }
    return CODING_REFUSED;
}

/* RFC 9110, section 12.5.3. */
static void on_accept_encoding(struct parse *parse, struct http_text list)
{
    while (list.length > 0) {
        struct http_text parameters = cut(&list, ',');
        struct http_text coding = cut(&parameters, ';');
        if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))
            parse->gzip = weigh(parameters);
        else if (equals_ignoring_case(coding, "*"))
            parse->any_coding = weigh(parameters);
    }
}

static int on_begin(llhttp_t *parser)
{
    struct parse *parse = parser->data;
    parse->messages++;
    return 0;
}

static int on_url(llhttp_t *parser, const char *bytes, size_t length)
{
    struct parse *parse = parser->data;
    parse->url = (struct http_text){ bytes, length };
    return 0;
}

static int on_field(llhttp_t *parser, const char *bytes, size_t length)
{
    struct parse *parse = parser->data;
    parse->field = (struct http_text){ bytes, length };
    parse->is_value_next = true;
    if (length == 0) /* before llhttp 9 it has no name, and is none */
        parse->refusal = 400;
    else if (++parse->headers > HTTP_HEADERS_MAX)
        parse->refusal = 431;
    if (parse->refusal != 0)
        return HPE_USER;
    return 0;
}

static int on_value(llhttp_t *parser, const char *bytes, size_t length)
{
    struct parse *parse = parser->data;
    struct http_request *request = parse->request;
    struct http_text value = { bytes, length };
    if (!parse->is_value_next) {
        parse->refusal = 400; /* there is room for one value of each field */
        return HPE_USER;
    }
    parse->is_value_next = false;
    while (value.length > 0 && (value.bytes[value.length - 1] == ' ' || value.bytes[value.length - 1] == '\t'))
        value.length--;
    if (equals_ignoring_case(parse->field, "Host")) {
        request->hosts++;
        request->host = value;
    } else if (equals_ignoring_case(parse->field, "Upgrade")) {
        request->has_upgrade_websocket |= names_token(value, "websocket");
    } else if (equals_ignoring_case(parse->field, "Connection")) {
        request->has_connection_upgrade |= names_token(value, "upgrade");
    } else if (equals_ignoring_case(parse->field, "Sec-WebSocket-Key")) {
        request->keys++;
        request->key = value;
    } else if (equals_ignoring_case(parse->field, "Sec-WebSocket-Version")) {
        request->versions++;
        request->version = value;
    } else if (equals_ignoring_case(parse->field, "Origin")) {
        request->origins++;
        request->origin = value;
    } else if (equals_ignoring_case(parse->field, "X-Forwarded-For")) {
        request->forwarded_for[request->forwarded_fors++] = value; /* on_field() has counted it */
    } else if (equals_ignoring_case(parse->field, "Accept-Encoding")) {
        on_accept_encoding(parse, value);
    } else if (equals_ignoring_case(parse->field, "If-None-Match")) {
        request->none_match = value;
    } else if (equals_ignoring_case(parse->field, "Transfer-Encoding")) {
        request->has_body = true;
    } else if (equals_ignoring_case(parse->field, "Content-Length")) {
        request->has_body |= !equals_ignoring_case(value, "0");
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct parse *parse = parser->data;
    parse->is_complete = true;
    return 1; /* a body is not read */
}

/* How many bytes come before the first of those in stops. */
static size_t length_until(struct http_text text, const char *stops)
{
    size_t length = 0;
    while (length < text.length && strchr(stops, text.bytes[length]) == NULL)
        length++;
    return length;
}

/* Where a request goes, into path and query (RFC 9112, section 3.2). Only what comes before the path, which is there when a proxy is asked, is read as a URL: in
 * paths and queries browsers send bytes that RFC 3986 does not allow, as { and |. */
static bool split_target(struct http_request *request, struct http_text target)
{
    if (target.bytes[0] != '/' && target.bytes[0] != '*') {
        static const char mark[] = "://";
        const char *slashes = memmem(target.bytes, target.length, mark, strlen(mark));
        if (slashes == NULL)
            return false;
        struct http_text rest = { slashes + strlen(mark), target.length - (size_t)(slashes - target.bytes) - strlen(mark) };
        const size_t authority = length_until(rest, "/?#");
        struct url url;
        if (!url_parse(&url, (struct http_text){ target.bytes, target.length - rest.length + authority }))
            return false;
        target = (struct http_text){ rest.bytes + authority, rest.length - authority };
    }
    target.length = length_until(target, "#");
    request->path = (struct http_text){ target.bytes, length_until(target, "?") };
    if (request->path.length < target.length)
        request->query = (struct http_text){ target.bytes + request->path.length + 1, target.length - request->path.length - 1 };
    return true;
}

/* Whether it is lines of text, none of them folded (RFC 9112, section 5.2, lets a server refuse those, and section 2.2 a first one that begins with a blank): llhttp's
 * leniency with the ends of lines lets more through. */
static bool is_lines(const char *head, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)head[i];
        const char next = i + 1 < length ? head[i + 1] : '\0';
        if (byte == '\n' ? next == ' ' || next == '\t' : byte == '\r' ? next != '\n' : (byte < ' ' && byte != '\t') || byte == 0x7F)
            return false;
    }
    return true;
}

/* That a line may end without its CR (RFC 9112, section 2.2), and that HTTP/1.2 is understood (section 2.3). llhttp before 9 has the first among
 * all that headers are spared, and 9 wants two flags for it. */
static void be_lenient(llhttp_t *parser)
{
#if LLHTTP_VERSION_MAJOR < 9
    parser->lenient_flags = LENIENT_VERSION | LENIENT_HEADERS;
#else
    parser->lenient_flags = LENIENT_VERSION | LENIENT_OPTIONAL_CR_BEFORE_LF | LENIENT_OPTIONAL_LF_AFTER_CR;
#endif
}

int http_request_parse(struct http_request *request, const char *head, size_t length)
{
    static const llhttp_settings_t settings = {
        .on_message_begin = on_begin,
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_headers_complete = on_headers_complete,
    };
    struct parse parse = { .request = request };
    *request = (struct http_request){ 0 };
    if (!is_lines(head, length))
        return 400;
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &parse;
    be_lenient(&parser);
    const llhttp_errno_t error = llhttp_execute(&parser, head, length);
    if (parse.refusal != 0)
        return parse.refusal;
    /* It stops behind the head of an upgrade, and else goes on with the next message, which there must not be. */
    if (error != HPE_OK && (error != HPE_PAUSED_UPGRADE || llhttp_get_error_pos(&parser) != head + length))
        return 400;
    if (!parse.is_complete || parse.messages != 1 || parse.url.length == 0)
        return 400;

    /* llhttp is lenient about the protocol's name. */
    static const char protocol[] = " HTTP/";
    const char *after_url = parse.url.bytes + parse.url.length;
    if (length - (size_t)(after_url - head) < sizeof protocol || memcmp(after_url, protocol, sizeof protocol - 1) != 0)
        return 400;

    const llhttp_method_t method = (llhttp_method_t)llhttp_get_method(&parser);
    request->is_get = method == HTTP_GET;
    request->is_head = method == HTTP_HEAD;
    request->is_options = method == HTTP_OPTIONS;
    request->accepts_gzip = (parse.gzip != CODING_UNNAMED ? parse.gzip : parse.any_coding) == CODING_ACCEPTED;
    request->is_http_1_1 = llhttp_get_http_major(&parser) == 1 && llhttp_get_http_minor(&parser) >= 1;
    return split_target(request, parse.url) ? 0 : 400;
}

bool http_query_find(struct http_text query, const char *name, struct http_text *value)
{
    size_t name_length = strlen(name);
    for (size_t at = 0; at < query.length;) {
        size_t end = at;
        while (end < query.length && query.bytes[end] != '&')
            end++;
        if (end - at >= name_length && memcmp(query.bytes + at, name, name_length) == 0 &&
            (end - at == name_length || query.bytes[at + name_length] == '=')) {
            size_t begin = end - at == name_length ? end : at + name_length + 1;
            *value = (struct http_text){ query.bytes + begin, end - begin };
            return true;
        }
        at = end + 1;
    }
    return false;
}

bool http_tags_name(struct http_text list, const char *tag)
{
    while (list.length > 0) {
        struct http_text other = cut(&list, ',');
        if (http_text_is(other, "*"))
            return true;
        if (other.length > 2 && memcmp(other.bytes, "W/", 2) == 0) /* they are compared weakly */
            other = (struct http_text){ other.bytes + 2, other.length - 2 };
        if (http_text_is(other, tag))
            return true;
    }
    return false;
}

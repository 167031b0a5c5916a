/* Heads of requests: where they end, and what is in them. */
#include "unit/unit.h"

#include <stdio.h>

#include "http/reply.h"
#include "http/request.h"

static int parse(struct http_request *request, const char *head)
{
    return http_request_parse(request, head, strlen(head));
}

static void a_head_ends_with_its_empty_line_however_it_is_cut(void **state)
{
    (void)state;
    static const char *const heads[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n" };
    for (size_t i = 0; i < 2; i++) {
        char text[100];
        size_t length = strlen(heads[i]);
        snprintf(text, sizeof text, "%smore", heads[i]);
        assert_int_equal(http_head_length(text, length + 4, 0), length);
        for (size_t from = 0; from < length; from++) {
            assert_int_equal(http_head_length(text, from, 0), 0);
            assert_int_equal(http_head_length(text, length, from), length);
        }
    }
}

static void what_counts_is_found(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(parse(&request, "GET /ws/textchat/?a=1&id=xyz HTTP/1.1\r\nhost: x\r\nUPGRADE: h2c, WebSocket\r\n"
                                     "Connection: keep-alive ,\tUpgrade\r\nSec-WebSocket-Key:  abc \r\n"
                                     "sec-websocket-version: 13\r\nOrigin: http://x\r\n\r\n"),
                     0);
    assert_true(request.is_get && request.is_http_1_1 && !request.is_head && !request.has_body);
    assert_true(http_text_is(request.path, "/ws/textchat/"));
    assert_true(http_text_is(request.key, "abc"));
    assert_true(http_text_is(request.version, "13"));
    assert_true(http_text_is(request.origin, "http://x"));
    assert_true(request.has_upgrade_websocket && request.has_connection_upgrade);
    assert_int_equal(request.hosts, 1);
    struct http_text value;
    assert_true(http_query_find(request.query, "id", &value) && http_text_is(value, "xyz"));
    assert_true(http_query_find(request.query, "a", &value) && http_text_is(value, "1"));
    assert_false(http_query_find(request.query, "i", &value));
    assert_int_equal(http_route_find(request.path), ROUTE_WEBSOCKET);
}

static void where_a_request_goes(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query;
    } examples[] = {
        { "/", "/", "" },
        { "*", "*", "" },
        { "/a/b?c=d&e", "/a/b", "c=d&e" },
        { "/a?", "/a", "" },
        { "/a?b?c", "/a", "b?c" },
        { "//a/b", "//a/b", "" }, /* a path, and no host */
        { "/a:b@c", "/a:b@c", "" },
        { "/a#b?c", "/a", "" },
        { "/a?b#c", "/a", "b" },
        { "/a{b}|c^[d]`?e[0]={f}|g^`%zz", "/a{b}|c^[d]`", "e[0]={f}|g^`%zz" }, /* as browsers send them */
        { "http://h/a?b", "/a", "b" },
        { "HTTP://u@h:80/a", "/a", "" },
        { "http://[::1]:8000/a?b", "/a", "b" },
        { "http://h?b", "", "b" },
        { "http://h/a{b}", "/a{b}", "" },
        { "http://h//a://b", "//a://b", "" },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char head[200];
        struct http_request request;
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", examples[i].target);
        assert_int_equal(parse(&request, head), 0);
        assert_true(http_text_is(request.path, examples[i].path));
        assert_true(http_text_is(request.query, examples[i].query));
    }
    static const char *const bad[] = { "a", "?a", "#a", "a:80", "http:/a", "http:///a", "http://:80/", "http://h:/", "http://h:0/", "http://h:99999/", "http://h:x/", "http://%61/",
                                       "http://[::1/", "http://u@/", "/a b", "/a\x01" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char head[200];
        struct http_request request;
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", bad[i]);
        assert_int_equal(parse(&request, head), 400);
    }
    char longest[HTTP_HEAD_BYTES_MAX] = "GET /";
    struct http_request request;
    memset(longest + 5, 'a', sizeof longest - 100);
    strcat(longest, " HTTP/1.1\r\n\r\n");
    assert_int_equal(parse(&request, longest), 0);
    assert_int_equal(request.path.length, sizeof longest - 99);
    memcpy(longest + 4, "a://a", 5); /* a host of that length is none */
    assert_int_equal(parse(&request, longest), 400);
}

static void what_proxies_say_is_kept_in_order(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(parse(&request, "GET / HTTP/1.1\r\nX-Forwarded-For: a, b \r\nHost: x\r\nx-forwarded-for:\r\nX-FORWARDED-FOR: c\r\n\r\n"), 0);
    assert_int_equal(request.forwarded_fors, 3);
    assert_true(http_text_is(request.forwarded_for[0], "a, b"));
    assert_int_equal(request.forwarded_for[1].length, 0);
    assert_true(http_text_is(request.forwarded_for[2], "c"));
    char head[4096] = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        strcat(head, "X-Forwarded-For: b\r\n");
    strcat(head, "\r\n");
    assert_int_equal(parse(&request, head), 0);
    assert_int_equal(request.forwarded_fors, HTTP_HEADERS_MAX);
}

static void query_parameters(void **state)
{
    (void)state;
    struct http_text value, query = { "id&x=&y", 7 };
    assert_true(http_query_find(query, "id", &value) && value.length == 0);
    assert_true(http_query_find(query, "x", &value) && value.length == 0);
    assert_true(http_query_find(query, "y", &value) && value.length == 0);
    assert_false(http_query_find((struct http_text){ 0 }, "id", &value));
}

static void what_is_not_http_is_400(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTQ/1.1\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", "GET http:// HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\n\n", "GET / HTTP/1.1\r\nContent-Length: 5x\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nA b: c\r\n\r\n", "GET / HTTP/1.1\r\n A: b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n\tc: d\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\n c\n\n", "GET / HTTP/1.1\r\nUpgrade: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nA:\r\n b\r\n\r\n", "GET / HTTP/1.1\n Host: x\n\n", "GET / HTTP/1.1\r\n\xc3\xbc: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "GET / HTTP/1.1\rA: b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\rGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "GET / HTTP/1.1\r\nA: \x7f\r\n\r\n", "GET / HTTP/1.1\r\nUpgrade: web\vsocket\r\n\r\n", "GET /\x7f HTTP/1.1\r\n\r\n",
        "get / HTTP/1.1\r\n\r\n", "GETS / HTTP/1.1\r\n\r\n", "G / HTTP/1.1\r\n\r\n", " GET / HTTP/1.1\r\n\r\n", "GET / RTSP/1.0\r\n\r\n", "SOURCE / ICE/1.0\r\n\r\n",
        "DESCRIBE / RTSP/1.0\r\n\r\n", "GET / http/1.1\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n", "GET HTTP/1.1\r\n\r\n", "CONNECT h:80 HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n", "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    };
    struct http_request request;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        assert_int_equal(parse(&request, heads[i]), 400);
    static const char nul[] = "GET / HTTP/1.1\r\nA: \0\r\n\r\n";
    assert_int_equal(http_request_parse(&request, nul, sizeof nul - 1), 400);
}

static void http_of_other_versions(void **state)
{
    (void)state;
    struct http_request request;
    static const struct {
        const char *version;
        bool is_good, is_1_1;
    } examples[] = { { "1.1", true, true }, { "1.2", true, true }, { "1.9", true, true }, { "1.0", true, false }, { "0.9", true, false }, { "2.0", true, false },
                     { "1", false, false }, { "1.", false, false }, { "1.10", false, false }, { "11.1", false, false }, { "x", false, false }, { "1.1 ", false, false } };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char head[100];
        snprintf(head, sizeof head, "GET / HTTP/%s\r\nHost: x\r\n\r\n", examples[i].version);
        assert_int_equal(parse(&request, head), examples[i].is_good ? 0 : 400);
        assert_true(!examples[i].is_good || request.is_http_1_1 == examples[i].is_1_1);
    }
}

static void lines_may_end_without_cr(void **state)
{
    (void)state;
    struct http_request request;
    static const char *const heads[] = {
        "GET /a HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n\n",
        "GET /a HTTP/1.1\r\nHost: x\nUpgrade: websocket\r\nConnection: Upgrade\n\r\n",
        "GET /a HTTP/1.1\nHost:x\r\nConnection:\tUpgrade \r\nUpgrade: \t websocket\t \n\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        assert_int_equal(parse(&request, heads[i]), 0);
        assert_true(http_text_is(request.path, "/a") && http_text_is(request.host, "x"));
        assert_true(request.has_upgrade_websocket && request.has_connection_upgrade);
    }
    assert_int_equal(parse(&request, "GET / HTTP/1.1\nHost:\n\n"), 0);
    assert_true(request.hosts == 1 && request.host.length == 0);
}

static void bodies_are_seen_and_not_read(void **state)
{
    (void)state;
    struct http_request request;
    static const char *const with[] = { "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
                                        "Transfer-Encoding: chunked\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
                                        "Content-Length: 5\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" };
    char head[200];
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", with[i]);
        assert_int_equal(parse(&request, head), 0);
        assert_true(request.has_body);
    }
    assert_int_equal(parse(&request, "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 0);
    assert_false(request.has_body);
}

static void too_many_headers_are_431(void **state)
{
    (void)state;
    char head[4096] = "GET / HTTP/1.1\r\n";
    struct http_request request;
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        strcat(head, "A: b\r\n");
    char full[4200];
    snprintf(full, sizeof full, "%s\r\n", head);
    assert_int_equal(parse(&request, full), 0);
    snprintf(full, sizeof full, "%sA: b\r\n\r\n", head);
    assert_int_equal(parse(&request, full), 431);
}

static bool accepts_gzip(const char *headers)
{
    char head[400];
    struct http_request request;
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", headers);
    assert_int_equal(parse(&request, head), 0);
    return request.accepts_gzip;
}

static void gzip_is_sent_to_whom_accepts_it(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "Accept-Encoding: gzip\r\n", "Accept-Encoding: deflate, GZIP , br\r\n", "accept-encoding: gzip;q=0.001\r\n",
        "Accept-Encoding: gzip ; Q = 1\r\n", "Accept-Encoding: *\r\n", "Accept-Encoding: *;q=0, x-gzip\r\n",
        "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", "Accept-Encoding: gzip, identity;q=0\r\n",
    };
    static const char *const no[] = {
        "", "Accept-Encoding:\r\n", "Accept-Encoding: identity\r\n", "Accept-Encoding: gzip;q=0\r\n",
        "Accept-Encoding: gzip; q=0.000\r\n", "Accept-Encoding: *;q=0\r\n", "Accept-Encoding: gzip;q=0, *\r\n",
        "Accept-Encoding: *, gzip;q=0\r\n", "Accept-Encoding: gzipped, agzip\r\n", "Accept-Encoding: gzip;q=\r\n",
        "Accept-Encoding: gzip;level=9\r\n", "Accept-Encoding: ,;,;=,\r\n",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(accepts_gzip(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(accepts_gzip(no[i]));
}

static bool names(const char *list, const char *tag)
{
    return http_tags_name((struct http_text){ list, strlen(list) }, tag);
}

static void entity_tags_are_compared_weakly(void **state)
{
    (void)state;
    assert_true(names("\"a\"", "\"a\""));
    assert_true(names("\"x\", W/\"a\" , \"y\"", "\"a\""));
    assert_true(names("*", "\"a\""));
    assert_false(names("", "\"a\""));
    assert_false(names("\"b\", \"ab\", a, W/", "\"a\""));
    assert_false(names("w/\"a\"", "\"a\""));
    struct http_request request;
    assert_int_equal(parse(&request, "GET / HTTP/1.1\r\nHost: a:1\r\nIf-None-Match: \"q\"\r\n\r\n"), 0);
    assert_true(http_text_is(request.none_match, "\"q\"") && http_text_is(request.host, "a:1"));
}

static enum http_route route(const char *path)
{
    return http_route_find((struct http_text){ path, strlen(path) });
}

static void paths(void **state)
{
    (void)state;
    assert_int_equal(route("/"), ROUTE_PAGE);
    assert_int_equal(route("/app.js"), ROUTE_PAGE);
    assert_int_equal(route("/favicon.svg"), ROUTE_PAGE);
    assert_int_equal(route("/stats"), ROUTE_STATS);
    assert_int_equal(route("/config"), ROUTE_CONFIG);
    static const char *const nothing[] = { "", "//", "/app.js/", "/App.js", "/app.js.gz", "/../lua/leave.lua", "/leave.lua", "app.js", "/nothing.js" };
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        assert_int_equal(route(nothing[i]), ROUTE_NONE);
    char longest[600];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "/", 1);
    memcpy(longest + sizeof longest - 4, ".js", 4);
    assert_int_equal(route(longest), ROUTE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_with_its_empty_line_however_it_is_cut),
        cmocka_unit_test(what_counts_is_found),
        cmocka_unit_test(where_a_request_goes),
        cmocka_unit_test(what_proxies_say_is_kept_in_order),
        cmocka_unit_test(query_parameters),
        cmocka_unit_test(what_is_not_http_is_400),
        cmocka_unit_test(http_of_other_versions),
        cmocka_unit_test(lines_may_end_without_cr),
        cmocka_unit_test(bodies_are_seen_and_not_read),
        cmocka_unit_test(too_many_headers_are_431),
        cmocka_unit_test(gzip_is_sent_to_whom_accepts_it),
        cmocka_unit_test(entity_tags_are_compared_weakly),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

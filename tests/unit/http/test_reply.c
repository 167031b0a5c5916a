/* What plain requests are answered, as bytes. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/reply.h"

static struct metrics metrics;
static char text[HTTP_REPLY_BYTES];
static struct http_body body;
static bool is_leaving;

static const char *trouble(int64_t number)
{
    return number == 3 ? "of kind three" : "";
}

/* The answer to a request for a path, with a NUL behind it. */
static void answer_to(const char *path, struct http_request request)
{
    const struct http_sources sources = {
        .sets = &metrics, .count = 1, .config = "{\"a\":1}", .is_leaving = is_leaving, .redis_trouble = trouble
    };
    request.path = (struct http_text){ path, strlen(path) };
    body = (struct http_body){ 0 };
    size_t length = http_reply(text, sizeof text - 1, http_route_find(request.path), &request, &sources, &body);
    assert_true(length < sizeof text);
    text[length] = '\0';
}

static void expect_start(const char *start)
{
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
}

static void expect_part(const char *part)
{
    assert_non_null(strstr(text, part));
}

static void expect_no_part(const char *part)
{
    assert_null(strstr(text, part));
}

static const char *body_in_text(void)
{
    const char *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void each_path_has_its_route(void **state)
{
    static const struct {
        const char *path;
        enum http_route route;
    } cases[] = {
        { "/ws/textchat/", ROUTE_WEBSOCKET }, { "/ws/textchat", ROUTE_WEBSOCKET }, { "/ws/textchat//", ROUTE_NONE }, { "/", ROUTE_PAGE },
        { "/app.js", ROUTE_PAGE },            { "/app.jsx", ROUTE_NONE },          { "/stats", ROUTE_STATS },        { "/config", ROUTE_CONFIG },
        { "/healthz", ROUTE_HEALTH },         { "/readyz", ROUTE_READY },          { "/metrics", ROUTE_METRICS },    { "", ROUTE_NONE },
        { "/../src/server.c", ROUTE_NONE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(http_route_find((struct http_text){ cases[i].path, strlen(cases[i].path) }), cases[i].route);
}

static void a_switch_carries_the_accept(void **state)
{
    (void)state;
    size_t length = http_reply_switch(text, sizeof text, "abc=");
    text[length] = '\0';
    expect_start("HTTP/1.1 101 Switching Protocols\r\n");
    expect_part("\r\nSec-WebSocket-Accept: abc=\r\n\r\n");
}

static void refusals_have_the_headers_that_their_status_asks_for(void **state)
{
    static const struct {
        enum refusal refusal;
        const char *start, *header;
    } cases[] = {
        { REFUSAL_METHOD, "HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET\r\n" },
        { REFUSAL_NO_UPGRADE, "HTTP/1.1 426 Upgrade Required\r\n", "\r\nSec-WebSocket-Version: 13\r\n" },
        { REFUSAL_ADDRESS, "HTTP/1.1 429 Too Many Requests\r\n", "\r\nRetry-After: 5\r\n" },
        { REFUSAL_FULL, "HTTP/1.1 503 Service Unavailable\r\n", "\r\nRetry-After: 5\r\n" },
        { REFUSAL_NOT_FOUND, "HTTP/1.1 404 Not Found\r\n", "\r\nConnection: close\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = http_reply_refusal(text, sizeof text, cases[i].refusal, false);
        text[length] = '\0';
        expect_start(cases[i].start);
        expect_part(cases[i].header);
        assert_int_equal(atoi(body_in_text()), refusal_row(cases[i].refusal)->status);
        expect_part(refusal_row(cases[i].refusal)->text);
        length = http_reply_refusal(text, sizeof text, cases[i].refusal, true);
        text[length] = '\0';
        assert_string_equal(body_in_text(), ""); /* HEAD */
    }
}

static void every_refusal_says_why_in_words_that_fit(void **state)
{
    (void)state;
    for (enum refusal refusal = REFUSAL_NONE + 1; refusal < REFUSALS; refusal++) {
        char small[1024]; /* as opening.c has */
        size_t length = http_reply_refusal(small, sizeof small - 1, refusal, false);
        assert_true(length < sizeof small - 1);
        small[length] = '\0';
        assert_non_null(strstr(small, refusal_row(refusal)->text));
        assert_null(strchr(refusal_row(refusal)->advice, '"'));
        assert_int_equal(small[length - 1], '\n');
    }
}

static void who_asks_for_the_options_is_told(void **state)
{
    (void)state;
    text[http_reply_options(text, sizeof text)] = '\0';
    expect_start("HTTP/1.1 204 No Content\r\n");
    expect_part("\r\nAllow: GET, HEAD, OPTIONS\r\n");
    assert_string_equal(body_in_text(), "");
}

static void a_file_of_the_page_is_not_copied(void **state)
{
    (void)state;
    answer_to("/", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 OK\r\n");
    expect_part("\r\nContent-Type: text/html");
    expect_part("\r\nContent-Security-Policy: default-src 'none'");
    expect_no_part("Content-Encoding");
    assert_non_null(body.bytes);
    assert_string_equal(body_in_text(), "");
    char header[64];
    snprintf(header, sizeof header, "\r\nContent-Length: %zu\r\n", body.length);
    expect_part(header);
}

static void who_takes_gzip_gets_it_and_who_has_the_file_nothing(void **state)
{
    (void)state;
    answer_to("/", (struct http_request){ .is_get = true });
    const size_t plain = body.length;
    answer_to("/", (struct http_request){ .is_get = true, .accepts_gzip = true });
    expect_part("\r\nContent-Encoding: gzip\r\n");
    assert_true(body.length < plain);

    char tag[64];
    const char *found = strstr(text, "ETag: ");
    assert_non_null(found);
    assert_int_equal(sscanf(found, "ETag: %63[^\r]", tag), 1);
    answer_to("/", (struct http_request){ .is_get = true, .accepts_gzip = true, .none_match = { tag, strlen(tag) } });
    expect_start("HTTP/1.1 304 Not Modified\r\n");
    assert_null(body.bytes);
}

static void a_head_is_told_the_length_and_no_more(void **state)
{
    (void)state;
    answer_to("/config", (struct http_request){ .is_head = true });
    expect_part("\r\nContent-Length: 7\r\n");
    assert_null(body.bytes);
    answer_to("/config", (struct http_request){ .is_get = true });
    assert_int_equal(body.length, 7);
}

static void it_is_ready_while_redis_and_the_bus_are_up(void **state)
{
    (void)state;
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 503 ");
    assert_string_equal(body_in_text(), "Redis cannot be used now; chats go on, searches wait\n");
    metrics_add(&metrics, METRIC_REDIS_TROUBLE, 3);
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 503 ");
    assert_string_equal(body_in_text(), "Redis cannot be used now: of kind three; chats go on, searches wait\n");
    metrics_add(&metrics, METRIC_REDIS_TROUBLE, -3);
    metrics_add(&metrics, METRIC_REDIS_UP, 1);
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 ");
    metrics_add(&metrics, METRIC_BUSES, 2);
    metrics_add(&metrics, METRIC_BUSES_UP, 1);
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 503 ");
    assert_string_equal(body_in_text(), "Other nodes cannot be heard now; chats on this one go on\n");
    metrics_add(&metrics, METRIC_BUSES_UP, 1);
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 ");
    metrics_add(&metrics, METRIC_REDIS_UP, -1);
    answer_to("/healthz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 ");
}

static void it_is_not_ready_when_it_is_about_to_stop_and_answers_all_else(void **state)
{
    (void)state;
    metrics_add(&metrics, METRIC_REDIS_UP, 1);
    is_leaving = true;
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 503 ");
    assert_string_equal(body_in_text(), "This server is about to stop; chats go on until then\n");
    answer_to("/healthz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 ");
    answer_to("/", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 ");
    is_leaving = false;
    answer_to("/readyz", (struct http_request){ .is_get = true });
    expect_start("HTTP/1.1 200 ");
    metrics_add(&metrics, METRIC_REDIS_UP, -1);
}

static void stats_count_users(void **state)
{
    (void)state;
    metrics_add(&metrics, METRIC_USERS, 5);
    metrics_add(&metrics, METRIC_CHATTING, 2);
    answer_to("/stats", (struct http_request){ .is_get = true });
    assert_string_equal(body_in_text(), "{\"online\":5,\"searching\":0,\"chatting\":2}\n");
    metrics_add(&metrics, METRIC_PEER_USERS, 30);
    metrics_add(&metrics, METRIC_PEER_SEARCHING, 20);
    metrics_add(&metrics, METRIC_PEER_CHATTING, 10);
    answer_to("/stats", (struct http_request){ .is_get = true });
    assert_string_equal(body_in_text(), "{\"online\":35,\"searching\":20,\"chatting\":12}\n");
    answer_to("/metrics", (struct http_request){ .is_get = true });
    expect_part("\nchatterbox_users 5\n");
}

/* Whatever the numbers are, the answer is whole: it begins with the first of the metrics and ends with what the system says. */
static void metrics_are_never_cut(void **state)
{
    (void)state;
    const struct metrics before = metrics;
    for (enum metric metric = 0; metric < METRICS; metric++)
        metrics_set(&metrics, metric, INT64_MIN / 16);
    answer_to("/metrics", (struct http_request){ .is_get = true });
    metrics = before;
    expect_start("HTTP/1.1 200 ");
    expect_part("\r\n\r\n# HELP chatterbox_connections ");
    expect_part("\nchatterbox_build_info{version=\"" CHATTERBOX_VERSION "\"} 1\n# HELP process_start_time_seconds ");
    const char *length = strstr(text, "Content-Length: ");
    assert_non_null(length);
    assert_int_equal(strtoul(length + strlen("Content-Length: "), NULL, 10), strlen(body_in_text()));
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void redirect(const char *host, const char *path, const char *query, unsigned port)
{
    const struct http_request request = { .is_get = true, .hosts = 1, .host = { host, strlen(host) }, .path = { path, strlen(path) }, .query = { query, strlen(query) } };
    const size_t length = http_reply_redirect(text, sizeof text - 1, &request, port);
    assert_true(length < sizeof text);
    text[length] = '\0';
}

static void people_are_sent_to_https_of_the_same_host(void **state)
{
    static const struct {
        const char *host, *path, *query;
        unsigned port;
        const char *location;
    } cases[] = {
        { "a.example", "/", "", 443, "https://a.example/" },
        { "a.example:80", "/app.js", "x=1&y", 443, "https://a.example/app.js?x=1&y" },
        { "127.0.0.1:8080", "/", "", 8443, "https://127.0.0.1:8443/" },
        { "[::1]:80", "/", "", 8443, "https://[::1]:8443/" },
        { "a.example", "//b.example/", "", 443, "https://a.example//b.example/" },
    };
    static const char *const bad[] = { "", "a b", "a/b", "a@b", "[::1", "a.example\"", ":80" };
    char location[128];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        redirect(cases[i].host, cases[i].path, cases[i].query, cases[i].port);
        expect_start("HTTP/1.1 308 Permanent Redirect\r\n");
        snprintf(location, sizeof location, "\r\nLocation: %s\r\n", cases[i].location);
        expect_part(location);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        redirect(bad[i], "/", "", 443);
        expect_start("HTTP/1.1 400 ");
        expect_no_part("Location");
    }
}

static void what_is_no_tls_is_told_so(void **state)
{
    (void)state;
    text[http_reply_insecure(text, sizeof text - 1)] = '\0';
    expect_start("HTTP/1.1 400 Bad Request\r\n");
    assert_string_equal(body_in_text(), "This port speaks HTTPS: write https:// or wss://\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_path_has_its_route),
        cmocka_unit_test(a_switch_carries_the_accept),
        cmocka_unit_test(refusals_have_the_headers_that_their_status_asks_for),
        cmocka_unit_test(every_refusal_says_why_in_words_that_fit),
        cmocka_unit_test(who_asks_for_the_options_is_told),
        cmocka_unit_test(a_file_of_the_page_is_not_copied),
        cmocka_unit_test(who_takes_gzip_gets_it_and_who_has_the_file_nothing),
        cmocka_unit_test(a_head_is_told_the_length_and_no_more),
        cmocka_unit_test(it_is_ready_while_redis_and_the_bus_are_up),
        cmocka_unit_test(it_is_not_ready_when_it_is_about_to_stop_and_answers_all_else),
        cmocka_unit_test(stats_count_users), cmocka_unit_test(metrics_are_never_cut),
        cmocka_unit_test(people_are_sent_to_https_of_the_same_host),
        cmocka_unit_test(what_is_no_tls_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

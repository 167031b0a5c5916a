/* URLs into their parts; what the grammar allows and nothing here could use is none. */
#include "unit/unit.h"

#include "http/url.h"

static struct url url;

static bool parse(const char *text)
{
    return url_parse(&url, (struct http_text){ text, strlen(text) });
}

static void expect(struct http_text part, const char *text)
{
    assert_int_equal(part.length, strlen(text));
    assert_memory_equal(part.bytes, text, part.length);
}

static void parts(void **state)
{
    (void)state;
    assert_true(parse("Web+x.y-z://u:p%40@A_b-c.example:8000"));
    expect(url.scheme, "Web+x.y-z");
    expect(url.user_info, "u:p%40");
    expect(url.host, "A_b-c.example");
    assert_int_equal(url.port, 8000);
    assert_true(url.has_user_info && !url.has_more && !url.is_ipv6);
    assert_true(parse("app://-"));
    expect(url.host, "-");
    assert_int_equal(url.port, 0);
    assert_true(!url.has_user_info && !url.has_more);
    assert_true(parse("http://[2001:db8::ffff:1.2.3.4]:00080"));
    expect(url.host, "2001:db8::ffff:1.2.3.4");
    assert_int_equal(url.port, 80);
    assert_true(url.is_ipv6);
    assert_true(parse("http://1.2.3.4:65535"));
    assert_int_equal(url.port, 65535);
    assert_false(url.is_ipv6);
}

static void what_is_more_is_told(void **state)
{
    (void)state;
    static const char *const more[] = { "http://a/", "http://a/b/c", "http://a?", "http://a?q", "http://a#", "http://a:1//" };
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        assert_true(parse(more[i]));
        assert_true(url.has_more);
        expect(url.host, "a");
    }
    assert_true(parse("http://@a"));
    assert_true(url.has_user_info && url.user_info.length == 0 && !url.has_more);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "a", "a:1", "http:a", "http:/a", "//a", "/a", "1x://a", "-x://a", "://a", "ht tp://a",
        "http://", "http:///x", "http://:80", "http://u@", "http://u@:80", "http://?q", "http://:%aa@", /* no host */
        "http://a:", "http://a:/", "http://a:0", "http://a:000", "http://a:65536", "http://a:99999", "http://a:18446744073709551696", "http://a:+1",
        "http://a:-1", "http://a: 1", "http://a:1:1", "http://a:x",
        "http://[::1", "http://::1", "http://[]", "http://[v1.a]", "http://[1:2:3:4:5:6:7:8:9]", "http://[::1%25eth0]", "http://[a]", "http://[1.2.3.4]",
        "http://[::1]a", "http://a[::1]",
        "http://%61", "http://a%", "http://a%2", "http://*.a", "http://a!b", "http://a,b", "http://a;b", "http://a~b", "http://'a'", "http://$a",
        "http://a b", " http://a", "http://a ", "http://a\t", "http://a\r\n", "http://a\x01", "http://a\x7f", "http://\xc3\xbc", "http://a\\b", "http://u@v@a",
        "http://a/b/c/ d", "http://a/b?c d", "http://a/%zz", "http://a/\xff", "http://a/b/c/d?e#f#g", /* after segments that take memory */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        url = (struct url){ .port = 7 };
        assert_false(parse(bad[i]));
        assert_int_equal(url.port, 7); /* left alone */
    }
    static const char nul[] = "http://a\0b";
    assert_false(url_parse(&url, (struct http_text){ nul, sizeof nul - 1 }));
}

static void texts_have_bounds(void **state)
{
    (void)state;
    char text[URL_BYTES_MAX + 1];
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    assert_true(url_parse(&url, (struct http_text){ text, URL_BYTES_MAX }));
    assert_int_equal(url.host.length, URL_BYTES_MAX - 7);
    assert_false(url_parse(&url, (struct http_text){ text, URL_BYTES_MAX + 1 }));
    memcpy(text + 8, ":80", 3);
    assert_true(url_parse(&url, (struct http_text){ text, 11 })); /* what is behind it is not looked at */
    assert_int_equal(url.port, 80);
    assert_true(url_parse(&url, (struct http_text){ text, 10 }));
    assert_int_equal(url.port, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(what_is_more_is_told),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(texts_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

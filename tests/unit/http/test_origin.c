/* Whose pages may connect: those of the server itself, and of the list. */
#include "unit/unit.h"

#include "http/origin.h"

static struct http_text text(const char *bytes)
{
    return (struct http_text){ bytes, strlen(bytes) };
}

static bool is_allowed(const char *list, const char *origin, const char *host)
{
    return origin_is_allowed(list, text(origin), text(host), false);
}

static void the_own_host_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool is_allowed;
    } examples[] = {
        { "http://a.example", "a.example", true },
        { "http://A.example", "a.EXAMPLE", true },
        { "HTTP://a.example", "a.example:80", true },
        { "http://a.example:80", "a.example", true },
        { "https://a.example", "a.example", true }, /* TLS ends at a proxy */
        { "https://a.example:443", "a.example", true },
        { "https://a.example", "a.example:443", true },
        { "http://a.example:8000", "a.example:8000", true },
        { "http://[::1]:8000", "[::1]:8000", true },
        { "http://127.0.0.1", "127.0.0.1", true },
        { "http://a.example:8000", "a.example", false },
        { "http://a.example", "a.example:8000", false },
        { "http://a.example", "a.example:443", false },
        { "https://a.example", "a.example:80", false },
        { "http://b.a.example", "a.example", false },
        { "http://a.example.evil", "a.example", false },
        { "http://evil", "a.example", false },
        { "ftp://a.example", "a.example", false },
        { "http://a.example", "", false },
        { "http://a.example", "x@a.example", false },
        { "http://a.example", "a.example/", false },
        { "null", "null", false },
        { "", "a.example", false },
        { "a.example", "a.example", false },
        { "http://a.example/", "a.example", false },
        { "http://a.example?q", "a.example", false },
        { "http://u@a.example", "a.example", false },
        { "http://a.example http://evil", "a.example", false },
        { "http://", "", false },
        { "http://:80", ":80", false },
        { "http://@a.example", "a.example", false },
        { "http://a.example", "@a.example", false },
        { "http://u:p@a.example", "u:p@a.example", false },
        { "http://a.example:", "a.example:", false },
        { "http://a.example:0", "a.example:0", false },
        { "http://a.example:99999", "a.example:99999", false },
        { "http://a.example:080", "a.example", true },
        { "http://a.example#", "a.example", false },
        { "http://a.example", "a.example?", false },
        { "http://a.example", "a.example#", false },
        { "http://%61.example", "%61.example", false },
        { "http://a.example", "%61.example", false },
        { "http://\xc3\xbc.example", "\xc3\xbc.example", false },
        { "http://a!b", "a!b", false },
        { "http://*.example", "*.example", false },
        { "http://a.example\x01", "a.example\x01", false },
        { "http://a.example\t", "a.example", false },
        { "http://[v1.a]", "[v1.a]", false },
        { "http://[::1", "[::1", false },
        { "http://[fe80::1%25eth0]", "[fe80::1%25eth0]", false }, /* browsers take none either */
        { "http://[2001:DB8::A]", "[2001:db8::a]", true },
        { "http://a_b.example", "a_b.example", true },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_int_equal(is_allowed("", examples[i].origin, examples[i].host), examples[i].is_allowed);
    char longest[600];
    memset(longest, 'a', sizeof longest);
    assert_false(origin_is_allowed("", text("http://a"), (struct http_text){ longest, sizeof longest }, false));
}

static void with_tls_of_our_own_pages_are_https(void **state)
{
    (void)state;
    assert_true(origin_is_allowed("", text("https://a.example"), text("a.example"), true));
    assert_true(origin_is_allowed("", text("HTTPS://a.example:8443"), text("a.example:8443"), true));
    assert_false(origin_is_allowed("", text("http://a.example"), text("a.example"), true));
    assert_false(origin_is_allowed("", text("http://a.example:8443"), text("a.example:8443"), true));
    assert_true(origin_is_allowed("http://a.example", text("http://a.example"), text("a.example"), true)); /* by the list */
}

static void the_list_allows_others(void **state)
{
    (void)state;
    static const char list[] = "https://one.example, HTTP://Two.example:8080 ,capacitor://localhost";
    assert_true(is_allowed(list, "https://one.example:443", "x"));
    assert_true(is_allowed(list, "http://two.example:8080", "x"));
    assert_true(is_allowed(list, "capacitor://localhost", "x"));
    assert_false(is_allowed(list, "http://one.example", "x"));
    assert_false(is_allowed(list, "http://two.example", "x"));
    assert_false(is_allowed(list, "null", "x"));
    assert_true(is_allowed(list, "http://x", "x"));
}

static void a_star_allows_every_origin_that_is_one(void **state)
{
    (void)state;
    assert_true(is_allowed("*", "http://evil", "x"));
    assert_true(is_allowed("*", "null", "x"));
    assert_true(is_allowed("https://a, *", "null", "x"));
    assert_false(is_allowed("*", "", "x"));
    assert_false(is_allowed("*", "nonsense", "x"));
}

static void a_scheme_may_be_any(void **state)
{
    (void)state;
    static const char list[] = "chrome-extension://abcdefghijklmnop,moz-extension://2c9a-11, app://-,web+x.y-z://h:8000";
    assert_true(is_allowed(list, "chrome-extension://abcdefghijklmnop", "x"));
    assert_true(is_allowed(list, "moz-extension://2c9a-11", "x"));
    assert_true(is_allowed(list, "app://-", "x"));
    assert_true(is_allowed(list, "WEB+X.Y-Z://h:8000", "x"));
    assert_false(is_allowed(list, "chrome-extension://abcdefghijklmnoq", "x"));
    assert_false(is_allowed(list, "http://abcdefghijklmnop", "x"));
    assert_false(is_allowed(list, "-x://h", "-x"));
}

static void a_star_may_be_the_first_label(void **state)
{
    (void)state;
    static const char list[] = "https://*.example.com,http://*.test:8000";
    assert_true(is_allowed(list, "https://a.example.com", "x"));
    assert_true(is_allowed(list, "https://A-b.Example.com:443", "x"));
    assert_true(is_allowed(list, "http://a.test:8000", "x"));
    assert_false(is_allowed(list, "https://example.com", "x"));
    assert_false(is_allowed(list, "https://b.a.example.com", "x"));
    assert_false(is_allowed(list, "https://.example.com", "x"));
    assert_false(is_allowed(list, "https://evil-example.com", "x"));
    assert_false(is_allowed(list, "https://a.example.com.evil", "x"));
    assert_false(is_allowed(list, "http://a.example.com", "x"));
    assert_false(is_allowed(list, "http://a.test", "x"));
    assert_false(is_allowed(list, "null", "x"));
    assert_false(is_allowed(list, "https://*.example.com", "*.example.com"));
}

static void lists_are_checked(void **state)
{
    (void)state;
    char error[ORIGIN_ERROR_BYTES];
    static const char *const good[] = { "", "*", "https://a", "https://a:1,http://[::1]:2 , *", "chrome-extension://abc,https://*.a:1" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(origin_list_check(good[i], error));
    static const char *const bad[] = { "a.example", "https://a/", "https://a,", ",", "https://a https://b", "null", "**", "https://a:99999", "https://*", "https://*.", "https://a.*.b", "https://*a.b", "https://*.*.b", "https://*.b/", "https://*.[::1]", "https://*.b:0", "https://u@*.b", "https://a:", "https://a:0", "https://u@a", "https://%61", "app://",
                                      
                                       "1x://h", "://h" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error[0] = '\0';
        assert_false(origin_list_check(bad[i], error));
        assert_non_null(strstr(error, "--allowed-origins: \""));
        assert_non_null(strstr(error, "expected https://host"));
        assert_null(strchr(error, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_host_is_allowed),
        cmocka_unit_test(with_tls_of_our_own_pages_are_https),
        cmocka_unit_test(the_list_allows_others),
        cmocka_unit_test(a_star_allows_every_origin_that_is_one),
        cmocka_unit_test(a_scheme_may_be_any),
        cmocka_unit_test(a_star_may_be_the_first_label),
        cmocka_unit_test(lists_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

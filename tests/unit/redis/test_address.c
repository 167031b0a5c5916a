/* The value of --redis. */
#include "unit/unit.h"

#include "redis/address.h"

static struct redis_address address;
static char error[REDIS_ADDRESS_ERROR_BYTES];

static bool parse(const char *text)
{
    return redis_address_parse(&address, text, error);
}

static void the_three_kinds(void **state)
{
    (void)state;
    assert_true(parse("embedded"));
    assert_int_equal(address.kind, REDIS_EMBEDDED);
    assert_true(parse("unix:/run/redis.sock"));
    assert_int_equal(address.kind, REDIS_UNIX);
    assert_string_equal(address.path, "/run/redis.sock");
    assert_true(parse("redis://example.org"));
    assert_int_equal(address.kind, REDIS_TCP);
    assert_string_equal(address.host, "example.org");
    assert_int_equal(address.port, 6379);
    assert_int_equal(address.db, 0);
    assert_string_equal(address.password, "");
}

static void all_parts_of_a_url(void **state)
{
    (void)state;
    assert_true(parse("redis://bob:p%40ss%2Fw%25@10.0.0.1:7000/12"));
    assert_string_equal(address.user, "bob");
    assert_string_equal(address.password, "p@ss/w%");
    assert_string_equal(address.host, "10.0.0.1");
    assert_int_equal(address.port, 7000);
    assert_int_equal(address.db, 12);
    assert_true(parse("redis://:secret@[::1]:7000/"));
    assert_string_equal(address.user, "");
    assert_string_equal(address.password, "secret");
    assert_string_equal(address.host, "::1");
}

static void nonsense_gets_one_line_without_the_password(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "redis", "Embedded", "unix:", "redis://", "redis://h:0", "redis://h:99999", "redis://h:x", "redis://h/x", "redis://h/-1",
        "redis://h/1/2", "redis://u:secret%4@h", "redis://u:secret%zz@h", "redis://u:secret%00@h",
        "redis://u:secret@h/x", "redis://u:secret@h?x=1", "http://h",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error[0] = '\0';
        assert_false(parse(bad[i]));
        assert_non_null(strstr(error, "--redis: "));
        assert_null(strchr(error, '\n'));
        assert_null(strstr(error, "secret"));
    }
    char path[300] = "unix:/";
    memset(path + 6, 'x', 200);
    assert_false(parse(path));
}

static void several_for_the_bus(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "embedded", "redis://a,", ",redis://a", "redis://a,embedded", "redis://u:secret@h,http://secret",
                                       "redis://a,redis://b,redis://c,redis://d" };
    struct redis_address several[3];
    unsigned count = 0;
    assert_true(redis_addresses_parse(several, 3, &count, "redis://a", error));
    assert_int_equal(count, 1);
    assert_true(redis_addresses_parse(several, 3, &count, "redis://a:1,unix:/b,redis://:x@c", error));
    assert_int_equal(count, 3);
    assert_string_equal(several[0].host, "a");
    assert_string_equal(several[1].path, "/b");
    assert_string_equal(several[2].password, "x");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(redis_addresses_parse(several, 3, &count, bad[i], error));
        assert_non_null(strstr(error, "--bus: "));
        assert_null(strchr(error, '\n'));
        assert_null(strstr(error, "secret"));
    }
    assert_int_equal(count, 3); /* left alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_kinds),
        cmocka_unit_test(all_parts_of_a_url),
        cmocka_unit_test(several_for_the_bus),
        cmocka_unit_test(nonsense_gets_one_line_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

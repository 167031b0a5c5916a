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
    assert_string_equal(address.endpoints[0].host, "example.org");
    assert_int_equal(address.endpoints[0].port, 6379);
    assert_int_equal(address.db, 0);
    assert_string_equal(address.own.password, "");
}

static void all_parts_of_a_url(void **state)
{
    (void)state;
    assert_true(parse("redis://bob:p%40ss%2Fw%25@10.0.0.1:7000/12"));
    assert_string_equal(address.own.user, "bob");
    assert_string_equal(address.own.password, "p@ss/w%");
    assert_string_equal(address.endpoints[0].host, "10.0.0.1");
    assert_int_equal(address.endpoints[0].port, 7000);
    assert_int_equal(address.db, 12);
    assert_true(parse("redis://:secret@[::1]:7000/"));
    assert_string_equal(address.own.user, "");
    assert_string_equal(address.own.password, "secret");
    assert_string_equal(address.endpoints[0].host, "::1");
    assert_true(parse("redis://u@[fe80::1%25eth0]:7000/3"));
    assert_string_equal(address.endpoints[0].host, "fe80::1%eth0");
    assert_int_equal(address.endpoints[0].port, 7000);
    assert_int_equal(address.db, 3);
    assert_true(parse("sentinel://[fe80::1%25a%2Db],[fe80::2%251]/m"));
    assert_string_equal(address.endpoints[0].host, "fe80::1%a-b");
    assert_string_equal(address.endpoints[1].host, "fe80::2%1");
    assert_true(parse("redis://@a_b.example"));
    assert_string_equal(address.own.user, "");
    assert_string_equal(address.endpoints[0].host, "a_b.example");
    char longest[1000] = "redis://:"; /* three bytes for each */
    for (int i = 0; i < REDIS_PASSWORD_BYTES - 1; i++)
        strcat(longest, "%2B");
    assert_true(parse(strcat(longest, "@h")));
    assert_int_equal(strlen(address.own.password), REDIS_PASSWORD_BYTES - 1);
}

static void with_tls(void **state)
{
    static const struct {
        const char *text;
        enum redis_address_kind kind;
        unsigned port;
        bool is_tls;
    } cases[] = {
        { "redis://h", REDIS_TCP, 6379, false },
        { "rediss://h", REDIS_TCP, 6379, true },
        { "sentinel://h/m", REDIS_SENTINEL, 26379, false },
        { "rediss+sentinel://h/m", REDIS_SENTINEL, 26379, true },
        { "cluster://h", REDIS_CLUSTER, 6379, false },
        { "rediss+cluster://h", REDIS_CLUSTER, 6379, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(parse(cases[i].text));
        assert_int_equal(address.kind, cases[i].kind);
        assert_int_equal(address.endpoints[0].port, cases[i].port);
        assert_int_equal(address.is_tls, cases[i].is_tls);
    }
    assert_false(parse("rediss+redis://h"));
    assert_int_equal(redis_address_length("rediss+cluster://a,b,rediss+sentinel://c,d/m"), strlen("rediss+cluster://a,b"));
}

static void sentinels_and_the_name_of_their_master(void **state)
{
    (void)state;
    assert_true(parse("sentinel://bob:a,b%40@one,two:5000,[::1]:7000/my%20master/3"));
    assert_int_equal(address.kind, REDIS_SENTINEL);
    assert_int_equal(address.endpoint_count, 3);
    assert_string_equal(address.endpoints[0].host, "one");
    assert_int_equal(address.endpoints[0].port, 26379);
    assert_string_equal(address.endpoints[1].host, "two");
    assert_int_equal(address.endpoints[1].port, 5000);
    assert_string_equal(address.endpoints[2].host, "::1");
    assert_string_equal(address.own.user, "bob");
    assert_string_equal(address.own.password, "a,b@");
    assert_string_equal(address.sentinel.password, "");
    assert_string_equal(address.master, "my master");
    assert_int_equal(address.db, 3);
    assert_true(parse("sentinel://one/m"));
    assert_int_equal(address.db, 0);
    assert_true(parse("redis://:a,b@one"));
    assert_string_equal(address.own.password, "a,b");
}

static void a_cluster_and_its_prefix(void **state)
{
    static const char *const prefixes[][2] = {
        { "", "{chatterbox}:" }, { "cb:", "{cb:}" }, { "{cb}:", "{cb}:" }, { "a{b}c", "a{b}c" }, { "{}a", "{{}a}" }, { "a{b", "{a{b}" }, { "}{", "{}{}" },
    };
    char prefix[REDIS_PREFIX_BYTES], longest[REDIS_PREFIX_MAX + 1] = "";
    (void)state;
    assert_true(parse("cluster://:secret@one,two:7001"));
    assert_int_equal(address.kind, REDIS_CLUSTER);
    assert_int_equal(address.endpoint_count, 2);
    assert_int_equal(address.endpoints[0].port, 6379);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        redis_prefix_print(prefix, &address, prefixes[i][0]);
        assert_string_equal(prefix, prefixes[i][1]);
    }
    memset(longest, 'x', REDIS_PREFIX_MAX);
    redis_prefix_print(prefix, &address, longest);
    assert_int_equal(strlen(prefix), REDIS_PREFIX_MAX + 2);
    assert_true(parse("redis://one"));
    redis_prefix_print(prefix, &address, "cb:");
    assert_string_equal(prefix, "cb:");
    redis_prefix_print(prefix, &address, "");
    assert_string_equal(prefix, "");
}

static void where_keys_have_moved_to(void **state)
{
    static const struct {
        const char *error, *host;
        uint16_t port;
    } cases[] = {
        { "MOVED 866 127.0.0.1:7001", "127.0.0.1", 7001 }, { "MOVED 866 ::1:7001", "::1", 7001 }, { "MOVED 866 :7002", "here", 7002 },
        { "MOVED 866 h", NULL, 0 },                        { "MOVED 866", NULL, 0 },              { "MOVED 866 h:0", NULL, 0 },
        { "MOVED 866 h:1x", NULL, 0 },                     { "MOVED 866 h:65536", NULL, 0 },      { "ASK 866 h:7001", NULL, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redis_endpoint target = { .host = "here", .port = 1 };
        assert_int_equal(redis_endpoint_moved(&target, cases[i].error, &target), cases[i].host != NULL);
        assert_string_equal(target.host, cases[i].host != NULL ? cases[i].host : "here");
        assert_int_equal(target.port, cases[i].host != NULL ? cases[i].port : 1);
    }
}

static void places_for_the_log(void **state)
{
    (void)state;
    char place[REDIS_PLACE_BYTES];
    redis_endpoint_print(place, &(struct redis_endpoint){ .host = "::1", .port = 7 });
    assert_string_equal(place, "[::1]:7");
    redis_endpoint_print(place, &(struct redis_endpoint){ .host = "h", .port = 7 });
    assert_string_equal(place, "h:7");
    assert_true(redis_endpoint_equals(&(struct redis_endpoint){ .host = "h", .port = 7 }, &(struct redis_endpoint){ .host = "h", .port = 7 }));
    assert_false(redis_endpoint_equals(&(struct redis_endpoint){ .host = "h", .port = 7 }, &(struct redis_endpoint){ .host = "h", .port = 8 }));
    assert_false(redis_endpoint_equals(&(struct redis_endpoint){ .host = "h", .port = 7 }, &(struct redis_endpoint){ .host = "i", .port = 7 }));
}

static void nonsense_gets_one_line_without_the_password(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "redis://:80", "redis://h:", "redis://h:+1", "redis://h:65536", "redis://%41", "redis://*.h", "redis://[::1", "redis://[v1.a]", "redis://h\xc3\xbc", "redis://h h",
        "redis://u:secret@", "redis://u:secret@v@h", "redis://u:secret[@h", "redis://[fe80::1%eth0]", "redis://[fe80::1%25]", "redis://[%25eth0]", "redis://[fe80::1%25eth0",
        "redis://h%25eth0]", "redis://[fe80::1%25a-name-that-no-interface-could-ever-have]", "redis://h/1\t",
        "", "redis", "Embedded", "unix:", "redis://", "redis://h:0", "redis://h:99999", "redis://h:x", "redis://h/x", "redis://h/-1",
        "redis://h/1/2", "redis://u:secret%4@h", "redis://u:secret%zz@h", "redis://u:secret%00@h",
        "redis://u:secret@h/x", "redis://a,b", "redis://a,b/1",
        "sentinel://", "sentinel://h", "sentinel://h/", "sentinel:///m", "sentinel://h,/m", "sentinel://,h/m", "sentinel://h/m/x", "sentinel://h/m/1/2",
        "sentinel://u:secret@h:0/m",
        "cluster://", "cluster://h/0", "cluster://h,", "cluster://u:secret@h/1", "sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m", "redis://u:secret@h?x=1", "http://h",
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
    assert_string_equal(several[0].endpoints[0].host, "a");
    assert_string_equal(several[1].path, "/b");
    assert_string_equal(several[2].own.password, "x");
    assert_true(redis_addresses_parse(several, 3, &count, "sentinel://a,b:1/m,redis://c,sentinel://d,e,f/n/2", error));
    assert_int_equal(count, 3);
    assert_int_equal(several[0].endpoint_count, 2);
    assert_string_equal(several[0].master, "m");
    assert_string_equal(several[1].endpoints[0].host, "c");
    assert_int_equal(several[2].endpoint_count, 3);
    assert_int_equal(several[2].db, 2);
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
        cmocka_unit_test(with_tls),
        cmocka_unit_test(sentinels_and_the_name_of_their_master),
        cmocka_unit_test(a_cluster_and_its_prefix),
        cmocka_unit_test(where_keys_have_moved_to),
        cmocka_unit_test(places_for_the_log),
        cmocka_unit_test(several_for_the_bus),
        cmocka_unit_test(nonsense_gets_one_line_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

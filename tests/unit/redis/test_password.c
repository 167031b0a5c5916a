/* Where the password for Redis comes from, and what is told if there are none or two. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "redis/password.h"

static struct redis_address address;
static char error[REDIS_ADDRESS_ERROR_BYTES];
static char path[] = "/tmp/test_redis_password.XXXXXX";

/* content: of the file, NULL for no file. */
static bool complete(const char *redis, const char *variable, const char *content, size_t length)
{
    if (content != NULL) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(content, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
    }
    error[0] = '\0';
    assert_true(redis_address_parse(&address, redis, error));
    struct options options = { .redis_password = variable,
                               .redis_password_file = content != NULL ? path : "",
                               .sentinel_user = "",
                               .sentinel_password = "",
                               .sentinel_password_file = "" };
    return redis_password_complete(&address, &options, error);
}

static bool from_file(const char *content)
{
    return complete("redis://h", "", content, strlen(content));
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void one_source_is_enough(void **state)
{
    (void)state;
    assert_true(complete("embedded", "", NULL, 0));
    assert_string_equal(address.own.password, "");
    assert_true(complete("redis://:of-url@h", "", NULL, 0));
    assert_string_equal(address.own.password, "of-url");
    assert_true(complete("redis://bob@h", "p@ss:w/rd", NULL, 0));
    assert_string_equal(address.own.user, "bob");
    assert_string_equal(address.own.password, "p@ss:w/rd");
    assert_true(complete("unix:/run/redis.sock", "secret", NULL, 0));
    assert_string_equal(address.own.password, "secret");
}

static void the_first_line_of_a_file(void **state)
{
    (void)state;
    static const char *const contents[] = { "pass word ", "pass word \n", "pass word \r\n", "pass word \nand more\n" };
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        assert_true(from_file(contents[i]));
        assert_string_equal(address.own.password, "pass word ");
    }
    char longest[REDIS_PASSWORD_BYTES + 1] = "";
    memset(longest, 'x', REDIS_PASSWORD_BYTES - 1);
    assert_true(from_file(longest));
    assert_string_equal(address.own.password, longest);
    longest[REDIS_PASSWORD_BYTES - 1] = 'x';
    assert_false(from_file(longest));
    assert_null(strstr(error, "xxx"));
}

static void what_will_not_do(void **state)
{
    (void)state;
    char longest[REDIS_PASSWORD_BYTES + 1] = "";
    memset(longest, 'x', REDIS_PASSWORD_BYTES);
    assert_false(from_file(""));
    assert_false(from_file("\nsecret"));
    assert_false(complete("redis://h", "", "sec\0ret", 7));
    assert_non_null(strstr(error, "expected a password of 1 to 255 bytes in its first line"));
    assert_false(complete("redis://bob@h", "", NULL, 0));
    assert_string_equal(error, "--redis: a user without a password; set CHATTERBOX_REDIS_PASSWORD or --redis-password-file");
    assert_false(complete("redis://h", "secret", "secret", 6));
    assert_string_equal(error, "--redis-password-file: CHATTERBOX_REDIS_PASSWORD is set as well; expected one of them");
    assert_false(complete("redis://:secret@h", "secret", NULL, 0));
    assert_string_equal(error, "CHATTERBOX_REDIS_PASSWORD: the URL of --redis has a password as well; expected one of them");
    assert_false(complete("embedded", "secret", NULL, 0));
    assert_non_null(strstr(error, "CHATTERBOX_REDIS_PASSWORD: the embedded Redis has no password"));
    assert_false(complete("redis://h", longest, NULL, 0));
    assert_string_equal(error, "CHATTERBOX_REDIS_PASSWORD: expected at most 255 bytes");
    struct options nowhere = { .redis_password = "", .redis_password_file = "/nowhere/at/all" };
    assert_true(redis_address_parse(&address, "redis://h", error));
    assert_false(redis_password_complete(&address, &nowhere, error));
    assert_string_equal(error, "--redis-password-file /nowhere/at/all: No such file or directory");
}

static bool complete_sentinel(const char *redis, const char *user, const char *variable, const char *file)
{
    assert_true(redis_address_parse(&address, redis, error));
    struct options options = { .redis_password = "", .redis_password_file = "",
                               .sentinel_user = user, .sentinel_password = variable, .sentinel_password_file = file };
    return redis_password_complete(&address, &options, error);
}

static void those_of_sentinels_are_apart(void **state)
{
    (void)state;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs("of-file\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_true(complete_sentinel("sentinel://bob:of-redis@h/m", "", "", ""));
    assert_string_equal(address.sentinel.password, "");
    assert_true(complete_sentinel("sentinel://bob:of-redis@h/m", "watcher", "of-sentinel", ""));
    assert_string_equal(address.own.user, "bob");
    assert_string_equal(address.own.password, "of-redis");
    assert_string_equal(address.sentinel.user, "watcher");
    assert_string_equal(address.sentinel.password, "of-sentinel");
    assert_true(complete_sentinel("sentinel://h/m", "", "", path));
    assert_string_equal(address.sentinel.password, "of-file");
    assert_true(complete_sentinel("redis://h", "watcher", "of-sentinel", "")); /* --bus may have Sentinels */
    assert_string_equal(address.sentinel.user, "");
    assert_false(complete_sentinel("sentinel://h/m", "watcher", "", ""));
    assert_string_equal(error, "--sentinel-user: a user without a password; set CHATTERBOX_SENTINEL_PASSWORD or --sentinel-password-file");
    assert_false(complete_sentinel("sentinel://h/m", "", "secret", path));
    assert_string_equal(error, "--sentinel-password-file: CHATTERBOX_SENTINEL_PASSWORD is set as well; expected one of them");
    assert_false(complete_sentinel("sentinel://h/m", "", "", "/nowhere/at/all"));
    assert_string_equal(error, "--sentinel-password-file /nowhere/at/all: No such file or directory");
}

static void an_argument_is_wiped(void **state)
{
    (void)state;
    static const char *const examples[][2] = {
        { "redis://bob:secret@h:1/2", "redis://bob:******@h:1/2" },
        { "redis://:secret@[::1]:7000", "redis://:******@[::1]:7000" },
        { "sentinel://bob:a,b@h:1,g:2/m", "sentinel://bob:***@h:1,g:2/m" },
        { "redis://bob@h:1", NULL },
        { "redis://h:6379/0", NULL },
        { "redis://[::1]:6379/a@b", NULL },
        { "unix:/run/a:b@c", NULL },
        { "embedded", NULL },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char argument[64];
        snprintf(argument, sizeof argument, "%s", examples[i][0]);
        assert_int_equal(redis_password_wipe(argument), examples[i][1] != NULL);
        assert_string_equal(argument, examples[i][1] != NULL ? examples[i][1] : examples[i][0]);
    }
}

static void so_is_a_list(void **state)
{
    (void)state;
    char list[] = "redis://h,redis://:secret@h:1,unix:/a:b@c,redis://bob:x@h/2", without[] = "redis://h,redis://g";
    assert_true(redis_passwords_wipe(list));
    assert_string_equal(list, "redis://h,redis://:******@h:1,unix:/a:b@c,redis://bob:*@h/2");
    char sentinels[] = "sentinel://bob:secret@h:1,g:2/m,redis://:x@h";
    assert_true(redis_passwords_wipe(sentinels));
    assert_string_equal(sentinels, "sentinel://bob:******@h:1,g:2/m,redis://:*@h");
    assert_false(redis_passwords_wipe(without));
    assert_string_equal(without, "redis://h,redis://g");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_is_enough),
        cmocka_unit_test(the_first_line_of_a_file),
        cmocka_unit_test(what_will_not_do),
        cmocka_unit_test(those_of_sentinels_are_apart),
        cmocka_unit_test(an_argument_is_wiped),
        cmocka_unit_test(so_is_a_list),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}

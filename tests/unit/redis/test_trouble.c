/* Why Redis cannot be used: what is said of it, and how often. */
#include "unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "redis/trouble.h"

static void the_code_of_an_error_and_nothing_else(void **state)
{
    static const char *const cases[][2] = {
        { "NOAUTH Authentication required.", "NOAUTH" },
        { "ERR unknown command 'canary'", "ERR" },
        { "canary", "ERR" },
        { "", "ERR" },
        { "WRONGTYPE", "WRONGTYPE" },
        { "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGGGGGGGGGHHHHHHHHHH",
          "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGG" },
        { "ERR max number of clients reached", "max number of clients reached" },
        { "ERR The user executing the script can't run this command or subcommand script: canary", "NOPERM" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char code[REDIS_CODE_BYTES];
        redis_error_code(code, cases[i][0]);
        assert_string_equal(code, cases[i][1]);
    }
}

static void a_reason_has_its_kind(void **state)
{
    static const struct {
        const char *reason;
        enum trouble trouble;
    } cases[] = {
        { "Server closed the connection", TROUBLE_OTHER },
        { "connection refused", TROUBLE_REFUSED },
        { "Protocol error, got \"H\" as reply type byte", TROUBLE_NO_REDIS },
        { "NOAUTH", TROUBLE_NO_PASSWORD },
        { "NOAUTH, of the Sentinel h:1", TROUBLE_SENTINEL_PASSWORD },
        { "connection refused, of the Sentinel h:1", TROUBLE_SENTINEL },
        { "no master of this name, of the Sentinel h:1", TROUBLE_MASTER_NAME },
        { "TLS certificate: unable to get local issuer certificate, of the Sentinel h:1", TROUBLE_CERTIFICATE },
        { "TLS: wrong version number, of the Sentinel h:1", TROUBLE_TLS },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(trouble_of(cases[i].reason), cases[i].trouble);
    for (int64_t number = TROUBLE_OTHER; number < TROUBLES; number++)
        assert_int_not_equal(trouble_text(number)[0], '\0');
    assert_string_equal(trouble_text(TROUBLE_NONE), "");
    assert_string_equal(trouble_text(TROUBLES), "");
    assert_string_equal(trouble_text(-1), "");
}

static int ends[2];
static struct troubles troubles;

/* Whether it became a warning. */
static bool warns(const char *reason, bool is_news, uint64_t now_ms)
{
    const struct log log = { .fd = ends[1], .level = LOG_WARN };
    char line[1024];
    troubles_tell(&troubles, &log, "redis_lost", "h:1", reason, is_news, now_ms);
    assert_int_equal(write(ends[1], ".", 1), 1);
    const ssize_t length = read(ends[0], line, sizeof line - 1);
    assert_true(length > 0);
    line[length] = '\0';
    if (length == 1)
        return false;
    assert_non_null(strstr(line, reason));
    assert_non_null(strstr(line, "redis=\"h:1\""));
    assert_non_null(strstr(line, "remedy=\""));
    return true;
}

static void each_kind_at_once_and_then_once_a_minute(void **state)
{
    (void)state;
    assert_int_equal(pipe(ends), 0);
    troubles = (struct troubles){ 0 };
    assert_true(warns("NOAUTH", false, 0));
    assert_false(warns("NOAUTH", false, 1000));
    assert_true(warns("NOPERM", false, 1000));
    assert_false(warns("NOPERM", false, 30000));
    assert_false(warns("NOAUTH", false, 60000));
    assert_true(warns("NOAUTH", false, 60001));
    assert_true(warns("NOPERM", true, 60001));
    assert_false(warns("NOPERM", false, 61001));
    troubles = (struct troubles){ 0 };
    assert_true(warns("NOPERM", false, 61002));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_of_an_error_and_nothing_else),
        cmocka_unit_test(a_reason_has_its_kind),
        cmocka_unit_test(each_kind_at_once_and_then_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

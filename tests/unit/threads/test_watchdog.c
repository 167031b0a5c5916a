/* Whether systemd wants to be told, and how often. The rounds: tests/e2e/test_service.py. */
#include "unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "threads/watchdog.h"

static void it_is_told_twice_in_the_time_that_it_gives(void **state)
{
    (void)state;
    assert_int_equal(watchdog_interval_ms("30000000", NULL), 15000);
    assert_int_equal(watchdog_interval_ms("1", NULL), 1);
}

static void it_is_not_told_what_it_does_not_ask(void **state)
{
    (void)state;
    assert_int_equal(watchdog_interval_ms(NULL, NULL), 0);
    static const char *const nonsense[] = { "", "0", "-5", "30s", "x" };
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
        assert_int_equal(watchdog_interval_ms(nonsense[i], NULL), 0);
}

static void it_is_told_by_the_process_that_it_means(void **state)
{
    (void)state;
    char pid[32];
    snprintf(pid, sizeof pid, "%lld", (long long)getpid());
    assert_int_equal(watchdog_interval_ms("30000000", pid), 15000);
    assert_int_equal(watchdog_interval_ms("30000000", "1000000000"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_twice_in_the_time_that_it_gives),
        cmocka_unit_test(it_is_not_told_what_it_does_not_ask),
        cmocka_unit_test(it_is_told_by_the_process_that_it_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

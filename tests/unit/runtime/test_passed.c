/* Sockets that were passed: for whom, how many, and what becomes of them. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/passed.h"

static unsigned take(const char *pid, const char *count)
{
    if (pid != NULL)
        setenv("LISTEN_PID", pid, 1);
    if (count != NULL)
        setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", "one:two", 1);
    const unsigned taken = passed_take();
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    return taken;
}

static void they_are_for_one_process(void **state)
{
    (void)state;
    char own[32], other[32];
    snprintf(own, sizeof own, "%ld", (long)getpid());
    snprintf(other, sizeof other, "%ld", (long)getppid());
    assert_int_equal(take(own, "2"), 2);
    assert_int_equal(take(other, "2"), 0);
    assert_int_equal(take(NULL, "2"), 0);
    assert_int_equal(take(own, NULL), 0);
    static const char *const nonsense[] = { "", "-1", "2x", "two", " 2", "99999999999999999999", "1025" };
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        assert_int_equal(take(own, nonsense[i]), 0);
        assert_int_equal(take(nonsense[i], "2"), 0);
    }
}

static void no_other_program_has_them(void **state)
{
    (void)state;
    char own[32];
    snprintf(own, sizeof own, "%ld", (long)getpid());
    const int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0 && dup2(fd, PASSED_FIRST) == PASSED_FIRST && fcntl(PASSED_FIRST, F_SETFD, 0) == 0);
    assert_int_equal(take(own, "1"), 1);
    assert_int_equal(fcntl(PASSED_FIRST, F_GETFD), FD_CLOEXEC);
    if (fd != PASSED_FIRST)
        close(fd);
    close(PASSED_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_for_one_process),
        cmocka_unit_test(no_other_program_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

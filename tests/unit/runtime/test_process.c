/* What the system says of this process. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/process.h"

static double value_of(const char *name)
{
    char text[PROCESS_TEXT_BYTES], line[64];
    const size_t length = process_print(text, sizeof text);
    assert_int_equal(length, strlen(text));
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(text, line); /* never the first line: that is a HELP */
    return at != NULL ? strtod(at + strlen(line), NULL) : -1;
}

static void it_is_what_it_is(void **state)
{
    (void)state;
    const double now = (double)time(NULL);
    assert_true(value_of("process_start_time_seconds") > now - 200 && value_of("process_start_time_seconds") <= now + 2);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(value_of("process_max_fds") == (double)limit.rlim_cur);

    const size_t bytes = 64 << 20;
    const double before = value_of("process_resident_memory_bytes");
    assert_true(before > 0);
    char *memory = malloc(bytes);
    assert_non_null(memory);
    memset(memory, 1, bytes);
    assert_true(memory[bytes / 2] == 1 && value_of("process_resident_memory_bytes") > before + (double)bytes / 2);
    free(memory);
}

static void it_works(void **state)
{
    (void)state;
    const double before = value_of("process_cpu_seconds_total");
    while (clock() < CLOCKS_PER_SEC / 5)
        continue;
    assert_true(value_of("process_cpu_seconds_total") >= 0.19 && value_of("process_cpu_seconds_total") >= before);
}

static void descriptors_are_counted_where_linux_counts_them(void **state)
{
    (void)state;
    struct stat directory;
    const double before = value_of("process_open_fds");
    assert_int_equal(stat("/proc/self/fd", &directory), 0);
    if (directory.st_size == 0) {
        assert_true(before < 0);
        return;
    }
    int opened[10];
    for (int i = 0; i < 10; i++)
        opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(value_of("process_open_fds") == before + 10);
    for (int i = 0; i < 10; i++)
        close(opened[i]);
}

static void what_does_not_fit_is_left_out_as_a_whole(void **state)
{
    (void)state;
    char text[100];
    assert_int_equal(process_print(text, sizeof text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_it_is),
        cmocka_unit_test(it_works),
        cmocka_unit_test(descriptors_are_counted_where_linux_counts_them),
        cmocka_unit_test(what_does_not_fit_is_left_out_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

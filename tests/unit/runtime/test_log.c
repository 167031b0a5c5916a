/* Log lines: whole, one each, and not too many. */
#include "unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/log.h"

static size_t read_lines(int fd, char *text, size_t capacity)
{
    ssize_t length = read(fd, text, capacity - 1);
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

static void a_line_is_logfmt_and_one(void **state)
{
    (void)state;
    int ends[2];
    char text[4096], huge[3000];
    assert_int_equal(pipe(ends), 0);
    struct log log = { .fd = ends[1], .level = LOG_INFO };
    log_event(&log, LOG_WARN, "tested", "number=%d text=\"%s\"", 5, "two\nlines");
    read_lines(ends[0], text, sizeof text);
    assert_non_null(strstr(text, " level=warn event=tested number=5 text=\"two lines\"\n"));
    assert_memory_equal(text, "ts=2", 4);

    log_event(&log, LOG_DEBUG, "unseen", "n=1");
    log_event(&log, LOG_ERROR, "seen", "n=1");
    read_lines(ends[0], text, sizeof text);
    assert_null(strstr(text, "unseen"));
    assert_non_null(strstr(text, " level=error event=seen n=1\n"));

    memset(huge, 'x', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    log_event(&log, LOG_INFO, "huge", "text=%s", huge);
    assert_int_equal(read_lines(ends[0], text, sizeof text), 1023);
    assert_int_equal(text[1022], '\n');
    close(ends[0]);
    close(ends[1]);
}

static void levels_have_names(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse("Debug", &level));
}

static void journald_is_known_by_the_file(void **state)
{
    (void)state;
    int ends[2];
    struct stat file;
    char stream[64];
    struct log log;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fstat(ends[1], &file), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    assert_true(log_is_journal(ends[1], stream));
    assert_false(log_is_journal(STDIN_FILENO, stream)); /* sent elsewhere */
    assert_false(log_is_journal(ends[1], NULL));
    assert_false(log_is_journal(ends[1], ""));
    assert_false(log_is_journal(-1, stream));
    assert_true(log_init(&log, ends[1], "debug", "json"));
    assert_true(log.level == LOG_DEBUG && log.form.is_json && log.fd == ends[1]);
    assert_false(log_init(&log, ends[1], "debug", "xml"));
    assert_false(log_init(&log, ends[1], "", "json"));
    close(ends[0]);
    close(ends[1]);
}

static void a_flood_is_thinned_and_counted(void **state)
{
    (void)state;
    struct log_limit limit = { 0 };
    uint64_t suppressed = 99;
    assert_true(log_limit_pass(&limit, 5000, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 10; i++)
        assert_false(log_limit_pass(&limit, 5500, &suppressed));
    assert_true(log_limit_pass(&limit, 6000, &suppressed));
    assert_int_equal(suppressed, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_logfmt_and_one),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(journald_is_known_by_the_file),
        cmocka_unit_test(a_flood_is_thinned_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

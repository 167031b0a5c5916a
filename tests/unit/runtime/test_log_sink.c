/* The log's thread: nobody waits for whoever reads. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/log_sink.h"

enum { SMALL_PIPE = 4096, LINES = 2000 };

static struct log_sink sink; /* must outlive its thread */
static _Atomic int64_t lost;

static void begin(struct log *log, int ends[2], bool is_stuck)
{
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, SMALL_PIPE) >= SMALL_PIPE);
    char filler[SMALL_PIPE] = { 0 };
    if (is_stuck)
        assert_int_equal(write(ends[1], filler, sizeof filler), sizeof filler);
    *log = (struct log){ .fd = -1, .level = LOG_INFO };
    atomic_store(&lost, 0);
    assert_int_equal(log_sink_start(&sink, log, ends[1], &lost), 0);
}

static void what_is_logged_is_written_by_the_end(void **state)
{
    (void)state;
    struct log log;
    int ends[2];
    char text[4096];
    begin(&log, ends, false);
    log_event(&log, LOG_INFO, "first", "n=1");
    log_plain(&log, "last words", strlen("last words"));
    log_sink_stop(&sink, &log, 10000);
    const ssize_t length = read(ends[0], text, sizeof text - 1);
    assert_true(length > 0);
    text[length] = '\0';
    assert_non_null(strstr(text, " level=info event=first n=1\nchatterbox: last words\n"));
    assert_int_equal(atomic_load(&lost), 0);
    close(ends[0]);
    close(ends[1]);
}

/* As many lines as fit nowhere: each is written or counted, and who reads hears how many are missing. */
static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    struct log log;
    int ends[2];
    begin(&log, ends, true);
    for (int i = 0; i < LINES; i++)
        log_event(&log, LOG_INFO, "line", "n=%d padding=\"%0200d\"", i, 0);
    const int64_t lost_by_full_pipes = atomic_load(&lost);
    assert_true(lost_by_full_pipes > 0);
    log_sink_stop(&sink, &log, 1); /* it is stuck, and nobody waits for it */

    char filler[SMALL_PIPE], line[4096];
    assert_int_equal(read(ends[0], filler, sizeof filler), sizeof filler);
    FILE *reader = fdopen(ends[0], "r");
    assert_non_null(reader);
    int64_t lines = 0, missing = 0;
    long long told;
    while (lines + lost_by_full_pipes < LINES || missing < lost_by_full_pipes) {
        assert_non_null(fgets(line, sizeof line, reader));
        const char *at = strstr(line, "event=log_lines_lost lost=");
        if (at != NULL && sscanf(at, "event=log_lines_lost lost=%lld", &told) == 1)
            missing += told;
        lines += strstr(line, "event=line n=") != NULL;
    }
    assert_int_equal(lines + missing, LINES);
    fclose(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_logged_is_written_by_the_end),
        cmocka_unit_test(what_does_not_fit_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

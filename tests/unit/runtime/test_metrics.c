/* Counters of several threads, summed and printed. */
#include "unit/unit.h"

#include "runtime/metrics.h"

static void sets_are_summed(void **state)
{
    (void)state;
    static struct metrics sets[3];
    metrics_add(&sets[0], METRIC_USERS, 5);
    metrics_add(&sets[2], METRIC_USERS, -2);
    assert_int_equal(metrics_sum(sets, 3, METRIC_USERS), 3);
    assert_int_equal(metrics_sum(sets, 3, METRIC_CHATTING), 0);
}

static void they_are_printed_for_prometheus(void **state)
{
    (void)state;
    static struct metrics sets[1];
    static char text[METRICS_TEXT_BYTES];
    metrics_add(sets, METRIC_RELAYED_TOTAL, 7);
    size_t length = metrics_print(sets, 1, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "\n# TYPE chatterbox_relayed_total counter\nchatterbox_relayed_total 7\n"));
    assert_non_null(strstr(text, "# TYPE chatterbox_users gauge\nchatterbox_users 0\n"));
    assert_int_equal(metrics_print(sets, 1, text, length), 0); /* one byte short */
}

static void of_a_family_each_sample_is_printed_under_one_heading(void **state)
{
    (void)state;
    static struct metrics sets[1];
    static char text[METRICS_TEXT_BYTES];
    metrics_add(sets, METRIC_REPORTS_TOTAL_SPAM, 3);
    assert_true(metrics_print(sets, 1, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\n# TYPE chatterbox_reports_total counter\n"
                                 "chatterbox_reports_total{reason=\"abuse\"} 0\nchatterbox_reports_total{reason=\"spam\"} 3\n"));
    assert_non_null(strstr(text, "\nchatterbox_handshakes_refused_total{status=\"403\",reason=\"origin\"} 0\n"));
    assert_non_null(strstr(text, "\nchatterbox_closes_total{code=\"4003\"} 0\nchatterbox_closes_total{code=\"other\"} 0\n"));
    assert_null(strstr(text, "not_found")); /* nobody is refused a WebSocket so */
}

static void a_series_has_buckets_that_hold_what_is_below(void **state)
{
    (void)state;
    static struct metrics sets[2];
    static char text[METRICS_TEXT_BYTES];
    metrics_observe(&sets[0], METRIC_REDIS_CALL_SECONDS_LEAVE, 100);
    metrics_observe(&sets[0], METRIC_REDIS_CALL_SECONDS_LEAVE, 101);
    metrics_observe(&sets[1], METRIC_REDIS_CALL_SECONDS_LEAVE, 1000001);
    metrics_observe(&sets[1], METRIC_CHAT_DURATION_SECONDS_ALL, 3600000000);
    assert_true(metrics_print(sets, 2, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\n# TYPE chatterbox_redis_call_seconds histogram\nchatterbox_redis_call_seconds_bucket{script=\"fence\",le=\"0.0001\"} 0\n"));
    assert_non_null(strstr(text, "\nchatterbox_redis_call_seconds_bucket{script=\"leave\",le=\"0.0001\"} 1\n"
                                 "chatterbox_redis_call_seconds_bucket{script=\"leave\",le=\"0.0002\"} 2\n"));
    assert_non_null(strstr(text, "\nchatterbox_redis_call_seconds_bucket{script=\"leave\",le=\"1\"} 2\n"
                                 "chatterbox_redis_call_seconds_bucket{script=\"leave\",le=\"+Inf\"} 3\n"
                                 "chatterbox_redis_call_seconds_sum{script=\"leave\"} 1.000202\n"
                                 "chatterbox_redis_call_seconds_count{script=\"leave\"} 3\n"));
    assert_non_null(strstr(text, "\nchatterbox_chat_duration_seconds_bucket{le=\"1800\"} 0\n"
                                 "chatterbox_chat_duration_seconds_bucket{le=\"3600\"} 1\n"
                                 "chatterbox_chat_duration_seconds_bucket{le=\"+Inf\"} 1\n"
                                 "chatterbox_chat_duration_seconds_sum 3600.000000\n"
                                 "chatterbox_chat_duration_seconds_count 1\n"));
}

static void there_is_room_for_the_longest_numbers(void **state)
{
    (void)state;
    static struct metrics sets[1];
    static char text[METRICS_TEXT_BYTES];
    for (enum metric metric = 0; metric < METRICS; metric++)
        metrics_set(sets, metric, INT64_MIN / 16); /* of which a series adds up 13 */
    const size_t length = metrics_print(sets, 1, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_true(length > 0 && length < sizeof text);
    assert_non_null(strstr(text, "\nchatterbox_bus_dropped_unsent_total -576460752303423488\n"));
    for (enum metric metric = 0; metric < METRICS; metric++)
        metrics_set(sets, metric, INT64_MAX / 16); /* the sum over buckets has 19 digits */
    assert_true(metrics_print(sets, 1, text, sizeof text) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_summed),
        cmocka_unit_test(they_are_printed_for_prometheus),
        cmocka_unit_test(of_a_family_each_sample_is_printed_under_one_heading),
        cmocka_unit_test(a_series_has_buckets_that_hold_what_is_below),
        cmocka_unit_test(there_is_room_for_the_longest_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

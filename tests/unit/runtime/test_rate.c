/* A token bucket: a burst, then so many a second. */
#include "unit/unit.h"

#include "runtime/rate.h"

static int take_all(struct rate_bucket *bucket, uint32_t per_second, uint32_t burst, uint64_t now_ms)
{
    int taken = 0;
    while (taken < 1000 && rate_take(bucket, per_second, burst, now_ms))
        taken++;
    return taken;
}

static void a_new_bucket_is_full(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    assert_int_equal(take_all(&bucket, 5, 15, 123456789), 15);
}

static void it_refills_by_the_second_and_no_further_than_full(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    uint64_t now_ms = 5000;
    take_all(&bucket, 4, 12, now_ms);
    assert_int_equal(take_all(&bucket, 4, 12, now_ms + 249), 0);
    assert_int_equal(take_all(&bucket, 4, 12, now_ms + 250), 1);
    assert_int_equal(take_all(&bucket, 4, 12, now_ms + 1250), 4);
    assert_int_equal(take_all(&bucket, 4, 12, now_ms + 3600000), 12);
}

static void asking_in_vain_costs_nothing(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    take_all(&bucket, 1, 3, 0);
    for (uint64_t now_ms = 0; now_ms < 1000; now_ms += 10)
        assert_false(rate_take(&bucket, 1, 3, now_ms));
    assert_true(rate_take(&bucket, 1, 3, 1000));
}

static void zero_is_no_limit(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    assert_int_equal(take_all(&bucket, 0, 0, 0), 1000);
}

static void the_time_may_wrap(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    uint64_t now_ms = UINT32_MAX - 100u;
    take_all(&bucket, 1, 3, now_ms);
    assert_int_equal(take_all(&bucket, 1, 3, now_ms + 2000), 2);
}

static void full_again_is_as_good_as_new(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    assert_true(rate_is_full(&bucket, 4, 77));
    assert_int_equal(take_all(&bucket, 4, 12, 1000), 12);
    assert_false(rate_is_full(&bucket, 4, 1000));
    assert_false(rate_is_full(&bucket, 4, 3999));
    assert_true(rate_is_full(&bucket, 4, 4000));
    assert_true(rate_is_full(&bucket, 0, 1000)); /* no limit */
}

static void many_are_taken_together_or_not_at_all(void **state)
{
    (void)state;
    struct rate_bucket bucket = { 0 };
    assert_true(rate_take_many(&bucket, 8, 5, 15, 0));
    assert_false(rate_take_many(&bucket, 8, 5, 15, 0));
    assert_true(rate_take_many(&bucket, 7, 5, 15, 0));
    assert_false(rate_take_many(&bucket, 1000, 5, 15, 2999));
    assert_true(rate_take_many(&bucket, 1000, 5, 15, 3000));
    assert_false(rate_take(&bucket, 5, 15, 3000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_bucket_is_full),
        cmocka_unit_test(it_refills_by_the_second_and_no_further_than_full),
        cmocka_unit_test(asking_in_vain_costs_nothing),
        cmocka_unit_test(zero_is_no_limit),
        cmocka_unit_test(the_time_may_wrap),
        cmocka_unit_test(full_again_is_as_good_as_new),
        cmocka_unit_test(many_are_taken_together_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

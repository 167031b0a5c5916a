/* Deadlines: never early, at most two ticks late, whatever else is set and cancelled meanwhile. */
#include "unit/unit.h"

#include <stdlib.h>

#include "runtime/wheel.h"

enum { ENTRIES = 300 };

struct timed {
    struct wheel_entry entry; /* first, so that an entry is its timed */
    uint64_t deadline_ms;
    bool is_set;
};

struct test {
    struct wheel wheel;
    struct timed timed[ENTRIES];
    uint64_t now_ms;
    unsigned due;
};

static void on_due(struct wheel_entry *entry, void *owner)
{
    struct test *test = owner;
    struct timed *timed = (struct timed *)entry;
    assert_true(timed->is_set);
    assert_true(test->now_ms >= timed->deadline_ms);
    timed->is_set = false;
    test->due++;
}

static void deadlines_are_met_in_time(void **state)
{
    (void)state;
    static struct test test;
    test.now_ms = 123456789;
    wheel_init(&test.wheel, test.now_ms);
    srand(1);
    unsigned set = 0;
    for (int step = 0; step < 20000; step++) {
        struct timed *timed = &test.timed[rand() % ENTRIES];
        switch (rand() % 4) {
        case 0:
        case 1:
            set += !timed->is_set;
            /* Up to four rounds of the wheel. */
            timed->deadline_ms = test.now_ms + (uint64_t)(rand() % (4 * WHEEL_SLOTS * WHEEL_TICK_MS));
            timed->is_set = true;
            wheel_set(&test.wheel, &timed->entry, timed->deadline_ms);
            break;
        case 2:
            set -= timed->is_set;
            timed->is_set = false;
            wheel_cancel(&timed->entry);
            break;
        default:
            test.now_ms += (uint64_t)(rand() % 500);
            wheel_advance(&test.wheel, test.now_ms, on_due, &test);
            for (int i = 0; i < ENTRIES; i++) {
                if (test.timed[i].is_set)
                    assert_true(test.timed[i].deadline_ms + 2 * WHEEL_TICK_MS > test.now_ms);
            }
            break;
        }
    }
    assert_true(test.due > 1000);
    unsigned still_set = 0;
    for (int i = 0; i < ENTRIES; i++)
        still_set += test.timed[i].is_set;
    assert_int_equal(still_set + test.due, set);
}

static void reset(struct wheel_entry *entry, void *owner)
{
    struct test *test = owner;
    test->due++;
    wheel_set(&test->wheel, entry, test->now_ms + WHEEL_TICK_MS);
    wheel_cancel(&test->timed[1].entry); /* a neighbour in the same slot */
}

static void a_callback_may_set_and_cancel(void **state)
{
    (void)state;
    static struct test test;
    wheel_init(&test.wheel, 0);
    wheel_set(&test.wheel, &test.timed[0].entry, 100);
    wheel_set(&test.wheel, &test.timed[1].entry, 100);
    for (test.now_ms = 0; test.now_ms < 10 * WHEEL_TICK_MS; test.now_ms += WHEEL_TICK_MS)
        wheel_advance(&test.wheel, test.now_ms, reset, &test);
    assert_true(test.due >= 5);
    assert_null(test.timed[1].entry.next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_are_met_in_time),
        cmocka_unit_test(a_callback_may_set_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

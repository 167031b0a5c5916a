/* Messages that wait, oldest first. */
#include "unit/unit.h"

#include "runtime/backlog.h"
#include "runtime/pool.h"

/* Told apart by a number. */
static void put(struct backlog *backlog, uint64_t number)
{
    backlog_put(backlog, &(struct message){ .type = PEER_LEFT, .peer_left = { .match = number } });
}

static void put_back(struct backlog *backlog, uint64_t number)
{
    backlog_put_back(backlog, &(struct message){ .type = PEER_LEFT, .peer_left = { .match = number } });
}

static void expect_next(struct backlog *backlog, uint64_t number)
{
    struct message message;
    assert_true(backlog_take(backlog, &message));
    assert_int_equal(message.peer_left.match, number);
}

static void expect_empty(struct backlog *backlog)
{
    struct message message = { .type = PEER_LEFT, .peer_left = { .match = 77 } };
    assert_null(backlog_first(backlog));
    assert_false(backlog_take(backlog, &message));
    assert_int_equal(message.peer_left.match, 77); /* left alone */
}

static void all_zero_is_empty(void **state)
{
    (void)state;
    struct backlog backlog = { 0 };
    expect_empty(&backlog);
}

static void the_oldest_is_taken_first(void **state)
{
    (void)state;
    struct backlog backlog = { 0 };
    for (uint64_t i = 1; i <= 3; i++)
        put(&backlog, i);
    for (uint64_t i = 1; i <= 3; i++)
        expect_next(&backlog, i);
    expect_empty(&backlog);
}

static void what_is_put_later_goes_behind(void **state)
{
    (void)state;
    struct backlog backlog = { 0 };
    put(&backlog, 1);
    put(&backlog, 2);
    expect_next(&backlog, 1);
    put(&backlog, 3);
    expect_next(&backlog, 2);
    expect_next(&backlog, 3);
    put(&backlog, 4); /* also after it has been empty */
    expect_next(&backlog, 4);
    expect_empty(&backlog);
}

static void a_look_at_the_oldest_leaves_it(void **state)
{
    (void)state;
    struct backlog backlog = { 0 };
    put(&backlog, 1);
    put(&backlog, 2);
    assert_int_equal(backlog_first(&backlog)->peer_left.match, 1);
    assert_int_equal(backlog_first(&backlog)->peer_left.match, 1);
    expect_next(&backlog, 1);
    assert_int_equal(backlog_first(&backlog)->peer_left.match, 2);
    expect_next(&backlog, 2);
}

static void what_is_put_back_is_the_oldest_again(void **state)
{
    (void)state;
    struct backlog backlog = { 0 };
    put(&backlog, 1);
    put(&backlog, 2);
    expect_next(&backlog, 1);
    put_back(&backlog, 1);
    expect_next(&backlog, 1);
    expect_next(&backlog, 2);
    put_back(&backlog, 2); /* into an empty one: the next goes behind it */
    put(&backlog, 3);
    expect_next(&backlog, 2);
    expect_next(&backlog, 3);
    expect_empty(&backlog);
}

static void a_payload_is_the_one_that_was_put_in(void **state)
{
    (void)state;
    struct backlog backlog = { 0 };
    struct payload *payload = payload_copy("x", 1);
    struct message message;
    backlog_put(&backlog, &(struct message){ .type = PEER_TEXT, .payload = payload });
    assert_true(backlog_take(&backlog, &message));
    assert_ptr_equal(message.payload, payload);
    message_discard(&message);
}

static int tear_down(void **state)
{
    (void)state;
    pool_empty();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_zero_is_empty),
        cmocka_unit_test(the_oldest_is_taken_first),
        cmocka_unit_test(what_is_put_later_goes_behind),
        cmocka_unit_test(a_look_at_the_oldest_leaves_it),
        cmocka_unit_test(what_is_put_back_is_the_oldest_again),
        cmocka_unit_test(a_payload_is_the_one_that_was_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

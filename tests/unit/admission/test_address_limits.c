/* Counters for each address: what is refused, what is forgotten, and what a flood of addresses costs. */
#include "unit/unit.h"

#include "admission/address_limits.h"

static struct address_limits *limits;

static int set_up(void **state)
{
    (void)state;
    limits = address_limits_new(&(struct address_limits_config){ .connections = 3, .handshakes = 2, .capacity = 100 });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    address_limits_free(&limits);
    assert_null(limits);
    return 0;
}

static void assert_take(uint64_t key, enum address_kind kind, uint64_t now_ms, enum address_verdict expected)
{
    assert_int_equal(address_limits_take(limits, key, kind, now_ms), expected);
}

static void so_many_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_REFUSED);
    assert_take(8, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED); /* another one's business */
    address_limits_give_back(limits, 7, ADDRESS_WEBSOCKET);
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_REFUSED);
}

static void half_open_ones_count_apart_and_need_no_handshake(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_take(7, ADDRESS_HALF_OPEN, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_HALF_OPEN, 0, ADDRESS_REFUSED);
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    for (int i = 0; i < 100; i++) {
        address_limits_give_back(limits, 7, ADDRESS_HALF_OPEN);
        assert_take(7, ADDRESS_HALF_OPEN, 0, ADDRESS_COUNTED);
    }
}

static void those_that_are_awaited_count_against_new_ones(void **state)
{
    (void)state;
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_AWAITED, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_AWAITED, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_REFUSED);
    assert_take(7, ADDRESS_RETURNING, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_RETURNING, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_RETURNING, 0, ADDRESS_REFUSED);
    assert_take(7, ADDRESS_AWAITED, 0, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_AWAITED, 0, ADDRESS_REFUSED);
    for (int i = 0; i < 3; i++) {
        address_limits_give_back(limits, 7, ADDRESS_AWAITED);
        address_limits_give_back(limits, 7, ADDRESS_WEBSOCKET);
    }
    address_limits_give_back(limits, 7, ADDRESS_AWAITED); /* one that was not counted */
    address_limits_give_back(limits, 8, ADDRESS_AWAITED); /* of an address that was forgotten */
    assert_take(7, ADDRESS_WEBSOCKET, 10000, ADDRESS_COUNTED);
}

static void an_address_with_somebody_awaited_is_not_forgotten(void **state)
{
    (void)state;
    assert_take(7, ADDRESS_AWAITED, 0, ADDRESS_COUNTED);
    address_limits_sweep(limits, 1000000);
    assert_int_equal(address_limits_used(limits), 1);
    address_limits_give_back(limits, 7, ADDRESS_AWAITED);
    address_limits_sweep(limits, 1000000);
    assert_int_equal(address_limits_used(limits), 0);
}

static void so_many_a_second_after_a_burst(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * ADDRESS_BURST; i++) {
        assert_take(7, ADDRESS_WEBSOCKET, 5000, ADDRESS_COUNTED);
        address_limits_give_back(limits, 7, ADDRESS_WEBSOCKET);
    }
    assert_take(7, ADDRESS_WEBSOCKET, 5000, ADDRESS_REFUSED);
    assert_take(7, ADDRESS_WEBSOCKET, 5499, ADDRESS_REFUSED);
    assert_take(7, ADDRESS_WEBSOCKET, 5500, ADDRESS_COUNTED);
    assert_take(7, ADDRESS_WEBSOCKET, 5500, ADDRESS_REFUSED);
}

static void zero_is_no_limit(void **state)
{
    (void)state;
    address_limits_free(&limits);
    limits = address_limits_new(&(struct address_limits_config){ .handshakes = 1, .capacity = 10 });
    for (int i = 0; i < 100; i++)
        assert_take(7, ADDRESS_HALF_OPEN, 0, ADDRESS_COUNTED);
    address_limits_free(&limits);
    limits = address_limits_new(&(struct address_limits_config){ .connections = 1, .capacity = 10 });
    for (int i = 0; i < 100; i++) {
        assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
        address_limits_give_back(limits, 7, ADDRESS_WEBSOCKET);
    }
}

static void what_has_nothing_open_and_a_full_bucket_is_forgotten(void **state)
{
    (void)state;
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    assert_take(8, ADDRESS_HALF_OPEN, 0, ADDRESS_COUNTED);
    assert_take(9, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    address_limits_give_back(limits, 9, ADDRESS_WEBSOCKET);
    address_limits_sweep(limits, 499);
    assert_int_equal(address_limits_used(limits), 3);
    address_limits_sweep(limits, 500); /* 9 has its handshake back */
    assert_int_equal(address_limits_used(limits), 2);
    address_limits_give_back(limits, 8, ADDRESS_HALF_OPEN);
    address_limits_sweep(limits, 100000);
    assert_int_equal(address_limits_used(limits), 1);
    address_limits_give_back(limits, 7, ADDRESS_WEBSOCKET);
    address_limits_sweep(limits, 100000);
    assert_int_equal(address_limits_used(limits), 0);
}

static void a_refused_one_is_not_forgotten_early(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * ADDRESS_BURST; i++) {
        assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
        address_limits_give_back(limits, 7, ADDRESS_WEBSOCKET);
        address_limits_sweep(limits, 0);
    }
    assert_take(7, ADDRESS_WEBSOCKET, 0, ADDRESS_REFUSED);
}

static void a_full_table_lets_in_and_does_not_count(void **state)
{
    (void)state;
    for (uint64_t key = 1; key <= 100; key++)
        assert_take(key, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    for (int i = 0; i < 10; i++)
        assert_take(101, ADDRESS_WEBSOCKET, 0, ADDRESS_UNCOUNTED);
    assert_int_equal(address_limits_used(limits), 100);
    assert_take(50, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED); /* those that are known still count */
    assert_take(50, ADDRESS_WEBSOCKET, 0, ADDRESS_COUNTED);
    assert_take(50, ADDRESS_WEBSOCKET, 0, ADDRESS_REFUSED);
    address_limits_give_back(limits, 1, ADDRESS_WEBSOCKET);
    address_limits_sweep(limits, 1000);
    assert_take(101, ADDRESS_WEBSOCKET, 1000, ADDRESS_COUNTED);
}

/* Keys as hashes are: any bits. */
static uint64_t key_of(uint64_t number)
{
    return (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static void addresses_come_and_go(void **state)
{
    (void)state;
    address_limits_free(&limits);
    limits = address_limits_new(&(struct address_limits_config){ .connections = 1, .handshakes = 1000, .capacity = 4096 });
    enum { AT_ONCE = 3000, ALL = 300000 };
    uint64_t now_ms = 0;
    for (uint64_t number = 0; number < ALL; number++) {
        assert_take(key_of(number), ADDRESS_WEBSOCKET, now_ms, ADDRESS_COUNTED);
        if (number >= AT_ONCE) {
            assert_take(key_of(number - 1), ADDRESS_WEBSOCKET, now_ms, ADDRESS_REFUSED);
            address_limits_give_back(limits, key_of(number - AT_ONCE), ADDRESS_WEBSOCKET);
        }
        if (number % 50 == 0)
            address_limits_sweep(limits, now_ms += 10);
    }
    assert_in_range(address_limits_used(limits), AT_ONCE, 4096);
    for (uint64_t number = ALL - AT_ONCE; number < ALL; number++)
        address_limits_give_back(limits, key_of(number), ADDRESS_WEBSOCKET);
    for (int i = 0; i < 4; i++)
        address_limits_sweep(limits, now_ms += 1000);
    assert_int_equal(address_limits_used(limits), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(so_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_open_ones_count_apart_and_need_no_handshake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_are_awaited_count_against_new_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_with_somebody_awaited_is_not_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_many_a_second_after_a_burst, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zero_is_no_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_nothing_open_and_a_full_bucket_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_one_is_not_forgotten_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_table_lets_in_and_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_come_and_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

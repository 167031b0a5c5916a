/* Other nodes by name, as they come and go. */
#include "unit/unit.h"

#include "actors/neighbours.h"

static void they_are_found_while_they_live(void **state)
{
    (void)state;
    struct neighbours neighbours = { 0 };
    assert_int_equal(neighbours_find(&neighbours, 1), 0);
    neighbours_remove(&neighbours, 1);
    for (unsigned i = 1; i <= 100; i++)
        neighbours_add(&neighbours, UINT64_MAX - i, i);
    for (unsigned i = 1; i <= 100; i++)
        assert_int_equal(neighbours_find(&neighbours, UINT64_MAX - i), i);
    for (unsigned i = 1; i <= 100; i += 2)
        neighbours_remove(&neighbours, i);
    neighbours_remove(&neighbours, 1);
    for (unsigned i = 1; i <= 100; i++)
        assert_int_equal(neighbours_find(&neighbours, UINT64_MAX - i), i % 2 == 0 ? i : 0);
    neighbours_add(&neighbours, UINT64_MAX - 1, 200); /* alive again, under another index */
    assert_int_equal(neighbours_find(&neighbours, UINT64_MAX - 1), 200);
    neighbours_fini(&neighbours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_found_while_they_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

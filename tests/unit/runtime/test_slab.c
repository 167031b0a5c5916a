/* Slots, generations, and pointers that stay. */
#include "unit/unit.h"

#include "runtime/message.h"
#include "runtime/slab.h"

static void a_stale_generation_finds_nothing(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, 24, 1000);
    uint32_t slot, generation, slot2, generation2;
    char *first = slab_take(&slab, &slot, &generation);
    assert_int_not_equal(generation, 0);
    assert_ptr_equal(slab_find(&slab, slot, generation), first);
    strcpy(first, "old");
    slab_give_back(&slab, slot);
    assert_null(slab_find(&slab, slot, generation));
    char *second = slab_take(&slab, &slot2, &generation2);
    assert_int_equal(slot2, slot);
    assert_int_not_equal(generation2, generation);
    assert_null(slab_find(&slab, slot, generation));
    assert_ptr_equal(slab_find(&slab, slot, generation2), second);
    assert_int_equal(second[0], 0);
    assert_null(slab_find(&slab, 12345, 1));
    slab_fini(&slab);
}

static void objects_do_not_move_or_overlap(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct slab slab;
    slab_init(&slab, 40, COUNT);
    char *objects[COUNT];
    uint32_t slots[COUNT], generations[COUNT];
    for (int i = 0; i < COUNT; i++) {
        objects[i] = slab_take(&slab, &slots[i], &generations[i]);
        memset(objects[i], i % 100, 40);
    }
    uint32_t slot, generation;
    assert_null(slab_take(&slab, &slot, &generation)); /* full */
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(slab_find(&slab, slots[i], generations[i]), objects[i]);
        for (int byte = 0; byte < 40; byte++)
            assert_int_equal(objects[i][byte], i % 100);
    }
    slab_give_back(&slab, slots[7]);
    assert_int_equal(slab.used, COUNT - 1);
    assert_null(slab_at(&slab, slots[7], &generation));
    assert_ptr_equal(slab_at(&slab, slots[8], &generation), objects[8]);
    assert_int_equal(generation, generations[8]);
    slab_fini(&slab);
}

/* One slot is taken again and again: last in, first out. */
static void generations_begin_anew_and_are_never_zero(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, 8, 1);
    uint32_t slot, generation = 0;
    for (uint32_t i = 1; i <= ADDRESS_GENERATION_MAX; i++) {
        assert_non_null(slab_take(&slab, &slot, &generation));
        slab_give_back(&slab, slot);
    }
    assert_int_equal(generation, ADDRESS_GENERATION_MAX);
    assert_non_null(slab_take(&slab, &slot, &generation));
    assert_int_equal(generation, 1);
    slab_fini(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_generation_finds_nothing),
        cmocka_unit_test(objects_do_not_move_or_overlap),
        cmocka_unit_test(generations_begin_anew_and_are_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Whom a user has blocked: ids in a payload. */
#include "unit/unit.h"

#include "actors/blocklist.h"

static const uint8_t ann[USER_ID_BYTES] = { 1 };
static const uint8_t bob[USER_ID_BYTES] = { [USER_ID_BYTES - 1] = 1 }; /* as nobody, but for the last byte */
static const uint8_t nobody[USER_ID_BYTES];

static void no_list_has_nobody(void **state)
{
    (void)state;
    assert_false(blocklist_has(NULL, ann));
    assert_false(blocklist_has(NULL, nobody));
}

static void who_is_added_is_in_it_and_nobody_else(void **state)
{
    (void)state;
    struct payload *list = NULL;
    assert_true(blocklist_add(&list, ann));
    assert_true(blocklist_add(&list, bob));
    assert_true(blocklist_has(list, ann) && blocklist_has(list, bob));
    assert_false(blocklist_has(list, nobody));
    payload_free(&list);
}

static void an_id_is_found_only_where_one_begins(void **state)
{
    (void)state;
    struct payload *list = NULL;
    uint8_t across[USER_ID_BYTES];
    assert_true(blocklist_add(&list, ann));
    assert_true(blocklist_add(&list, bob));
    memcpy(across, list->bytes + USER_ID_BYTES / 2, USER_ID_BYTES);
    assert_false(blocklist_has(list, across));
    payload_free(&list);
}

static void the_list_is_the_ids_one_after_the_other(void **state)
{
    (void)state;
    struct payload *list = NULL;
    assert_true(blocklist_add(&list, ann));
    assert_true(blocklist_add(&list, bob));
    assert_int_equal(list->length, 2 * USER_ID_BYTES);
    assert_memory_equal(list->bytes, ann, USER_ID_BYTES);
    assert_memory_equal(list->bytes + USER_ID_BYTES, bob, USER_ID_BYTES);
    payload_free(&list);
}

static void adding_twice_is_adding_once(void **state)
{
    (void)state;
    struct payload *list = NULL;
    for (int i = 0; i < 3; i++)
        assert_true(blocklist_add(&list, ann));
    assert_int_equal(list->length, USER_ID_BYTES);
    payload_free(&list);
}

static void a_full_list_takes_nobody_more(void **state)
{
    (void)state;
    struct payload *list = NULL;
    uint8_t id[USER_ID_BYTES] = { 0 };
    for (unsigned i = 0; i < BLOCKLIST_MAX; i++) {
        id[0] = (uint8_t)i;
        id[1] = (uint8_t)(i >> 8);
        assert_true(blocklist_add(&list, id));
    }
    assert_false(blocklist_add(&list, bob));
    assert_false(blocklist_has(list, bob));
    assert_int_equal(list->length, BLOCKLIST_MAX * USER_ID_BYTES);
    assert_true(blocklist_add(&list, id)); /* who is in it stays in it */
    payload_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_list_has_nobody),
        cmocka_unit_test(who_is_added_is_in_it_and_nobody_else),
        cmocka_unit_test(an_id_is_found_only_where_one_begins),
        cmocka_unit_test(the_list_is_the_ids_one_after_the_other),
        cmocka_unit_test(adding_twice_is_adding_once),
        cmocka_unit_test(a_full_list_takes_nobody_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

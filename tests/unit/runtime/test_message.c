/* The catalogue: who may say what to whom. */
#include "unit/unit.h"

#include "runtime/message.h"

static void every_message_has_a_name_and_a_direction(void **state)
{
    (void)state;
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_IO, ROLE_SESSION, ROLE_MATCHER, ROLE_BUS };
    for (unsigned type = MESSAGE_NONE + 1; type < MESSAGE_TYPES; type++) {
        assert_non_null(message_name(type));
        unsigned ways = 0;
        for (size_t from = 0; from < 5; from++) {
            for (size_t to = 0; to < 5; to++)
                ways += message_may_travel(type, roles[from], roles[to]);
        }
        assert_true(ways > 0);
    }
    assert_string_equal(message_name(CLIENT_TEXT), "CLIENT_TEXT");
    assert_string_equal(message_name(MESSAGE_TYPES), "unknown");
}

static void wrong_directions_are_refused(void **state)
{
    (void)state;
    assert_true(message_may_travel(CLIENT_TEXT, ROLE_IO, ROLE_SESSION));
    assert_false(message_may_travel(CLIENT_TEXT, ROLE_SESSION, ROLE_IO));
    assert_false(message_may_travel(MESSAGE_NONE, ROLE_IO, ROLE_SESSION));
    assert_false(message_may_travel(MESSAGE_TYPES, ROLE_IO, ROLE_SESSION));
}

static void only_those_who_talk_have_rings(void **state)
{
    (void)state;
    assert_true(roles_talk(ROLE_SESSION, ROLE_MATCHER));
    assert_true(roles_talk(ROLE_MAIN, ROLE_IO));
    assert_false(roles_talk(ROLE_IO, ROLE_MATCHER));
    assert_true(roles_talk(ROLE_SESSION, ROLE_BUS) && roles_talk(ROLE_BUS, ROLE_SESSION));
    assert_false(roles_talk(ROLE_IO, ROLE_BUS));
    assert_false(roles_talk(ROLE_MAIN, ROLE_MAIN));
}

static void texts_throttle_their_socket(void **state)
{
    (void)state;
    assert_true(message_throttles(CLIENT_TEXT));
    assert_false(message_throttles(CONN_GONE));
}

static void addresses(void **state)
{
    (void)state;
    struct address nobody = { 0 }, actor = { .generation = 3, .slot = ADDRESS_SLOTS - 1, .thread = 255 };
    assert_true(address_is_nobody(nobody));
    assert_true(address_is_thread(address_of_thread(7)));
    assert_false(address_is_nobody(address_of_thread(7)));
    assert_false(address_is_thread(actor));
    assert_true(address_equals(actor, actor));
    struct address later = actor;
    later.generation++;
    assert_false(address_equals(actor, later));
    struct address elsewhere = actor;
    elsewhere.node = 4095;
    assert_false(address_equals(actor, elsewhere));
    assert_false(address_is_nobody((struct address){ .node = 1 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_a_name_and_a_direction),
        cmocka_unit_test(wrong_directions_are_refused),
        cmocka_unit_test(only_those_who_talk_have_rings),
        cmocka_unit_test(texts_throttle_their_socket),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* jansson on an arena: the same answers, nothing left over. */
#include "unit/unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "wire/json_arena.h"

static struct json_arena arena;

static json_t *parse(const char *text)
{
    return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

static void requests_come_from_the_arena_and_go_at_once(void **state)
{
    (void)state;
    json_arena_adopt(&arena);
    size_t used_by_one = 0;
    for (int i = 0; i < 1000; i++) {
        json_t *root = parse("{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\",\"list\":[1,2.5,null]}}");
        assert_string_equal(json_string_value(json_object_get(root, "type")), "chat_message");
        assert_true(arena.used > 0);
        if (i == 0)
            used_by_one = arena.used;
        assert_int_equal(arena.used, used_by_one);
        json_decref(root);
        assert_int_equal(arena.used, 0);
    }
    json_arena_adopt(NULL);
}

static void what_lives_on_keeps_its_place(void **state)
{
    (void)state;
    json_arena_adopt(&arena);
    json_t *first = parse("[\"first\"]");
    json_t *second = parse("[\"second\"]");
    json_decref(second);
    json_t *third = parse("[\"third\"]");
    assert_string_equal(json_string_value(json_array_get(first, 0)), "first");
    assert_string_equal(json_string_value(json_array_get(third, 0)), "third");
    json_decref(first);
    json_decref(third);
    assert_int_equal(arena.used, 0);
    json_arena_adopt(NULL);
}

static void what_does_not_fit_comes_from_malloc(void **state)
{
    (void)state;
    json_arena_adopt(&arena);
    size_t length = 3 * JSON_ARENA_BYTES;
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    memcpy(text, "[\"", 2);
    memcpy(text + length - 2, "\"]", 3);
    json_t *root = parse(text); /* LeakSanitizer sees to the rest */
    assert_int_equal(json_string_length(json_array_get(root, 0)), length - 4);
    json_decref(root);
    assert_int_equal(arena.used, 0);
    json_arena_adopt(NULL);
    free(text);
}

static void without_an_arena_nothing_changes(void **state)
{
    (void)state;
    json_t *root = parse("[1]");
    assert_int_equal(arena.used, 0);
    assert_int_equal(json_array_size(root), 1);
    json_decref(root);
}

static int install(void **state)
{
    (void)state;
    json_arena_install();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_from_the_arena_and_go_at_once),
        cmocka_unit_test(what_lives_on_keeps_its_place),
        cmocka_unit_test(what_does_not_fit_comes_from_malloc),
        cmocka_unit_test(without_an_arena_nothing_changes),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}

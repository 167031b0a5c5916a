/* What a line looks like: as JSON it is an object whatever its values hold; jansson is the judge. */
#include "unit/unit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "runtime/log_line.h"

static const struct log_form json = { .is_json = true };

/* The line without its end, as an object. */
static json_t *parse(const char *line, size_t length)
{
    json_error_t error;
    assert_in_range(length, 2, LOG_LINE_BYTES);
    assert_int_equal(line[length - 1], '\n');
    assert_null(memchr(line, '\n', length - 1));
    json_t *object = json_loadb(line, length - 1, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s: %.*s", error.text, (int)length, line);
    return object;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static void pairs_become_members(void **state)
{
    (void)state;
    char line[LOG_LINE_BYTES];
    json_t *object = parse(line, log_print(line, json, LOG_WARN, "tested", "number=%d big=%" PRId64 " id=%016" PRIx64 " word=%s text=\"%s, %d = all\" fixed=1.2-3 last=%lld", -5,
                                           INT64_MIN, UINT64_C(0x1234567812345678), "a b=c", "say \"x\" k=v \\", 7, 0LL));
    assert_int_equal(json_object_size(object), 10);
    assert_memory_equal(text_of(object, "ts"), "2", 1);
    assert_string_equal(text_of(object, "level"), "warn");
    assert_string_equal(text_of(object, "event"), "tested");
    assert_int_equal(json_integer_value(json_object_get(object, "number")), -5);
    assert_true(json_is_integer(json_object_get(object, "last")));
    assert_string_equal(text_of(object, "id"), "1234567812345678"); /* of hexadecimal digits, though they look like others */
    assert_string_equal(text_of(object, "word"), "a b=c");
    assert_string_equal(text_of(object, "text"), "say \"x\" k=v \\, 7 = all");
    assert_string_equal(text_of(object, "fixed"), "1.2-3");
    assert_true(json_integer_value(json_object_get(object, "big")) == INT64_MIN);
    json_decref(object);

    object = parse(line, log_print(line, json, LOG_INFO, "alone", "%s", ""));
    assert_int_equal(json_object_size(object), 3);
    json_decref(object);
}

/* Every byte, alone and beside others, at every place where the line may end. */
static void odd_bytes_stay_in_their_value(void **state)
{
    (void)state;
    char line[LOG_LINE_BYTES], value[LOG_LINE_BYTES + 200];
    for (int byte = 1; byte < 256; byte++) {
        snprintf(value, sizeof value, "<%c\"%c%c\\%c>", byte, byte, byte, byte);
        json_t *object = parse(line, log_print(line, json, LOG_INFO, "odd", "before=1 text=\"%s\" after=%d", value, 2));
        assert_int_equal(json_object_size(object), 6);
        assert_int_equal(json_integer_value(json_object_get(object, "after")), 2);
        if (byte < 128)
            assert_string_equal(text_of(object, "text"), value);
        else
            assert_string_equal(text_of(object, "text"), "<\uFFFD\"\uFFFD\uFFFD\\\uFFFD>");
        json_decref(object);

        for (size_t length = 900; length < sizeof value; length++) {
            memset(value, byte, length);
            value[length - 1] = '\0';
            json_decref(parse(line, log_print(line, json, LOG_INFO, "long", "text=\"%s\" after=%d more=\"%s\"", value, 12345, value)));
        }
    }
    char all[33];
    for (int byte = 0; byte < 32; byte++)
        all[byte] = (char)(byte + 1);
    all[32] = '\0';
    json_t *object = parse(line, log_print(line, json, LOG_INFO, "all", "a=%s b=\"%s\"", all, all)); /* no byte is left to stand between them */
    assert_int_equal(json_object_size(object), 4);
    assert_non_null(strstr(text_of(object, "text"), all));
    json_decref(object);
}

static void letters_are_cut_as_a_whole(void **state)
{
    (void)state;
    char line[LOG_LINE_BYTES], value[2 * LOG_LINE_BYTES] = "";
    for (size_t lead = 0; lead < 8; lead++) {
        memset(value, 'x', lead);
        for (size_t i = lead; i + 4 < sizeof value; i += 4)
            memcpy(value + i, "\xF0\x9F\x98\x80", 5);
        const size_t length = log_print(line, json, LOG_INFO, "cut", "text=\"%s\"", value);
        json_t *object = parse(line, length);
        assert_true(length > LOG_LINE_BYTES - 30);
        json_decref(object);
    }
}

static void last_words_are_a_line_as_well(void **state)
{
    (void)state;
    char line[LOG_LINE_BYTES], huge[3000];
    json_t *object = parse(line, log_line_plain(line, json, "--port: \"x\"\nand more", strlen("--port: \"x\"")));
    assert_string_equal(text_of(object, "event"), "fatal");
    assert_string_equal(text_of(object, "text"), "--port: \"x\"");
    json_decref(object);
    memset(huge, '"', sizeof huge);
    json_decref(parse(line, log_line_plain(line, json, huge, sizeof huge)));

    const struct log_form plain = { .is_json = false };
    size_t length = log_line_plain(line, plain, "no, and more", strlen("no"));
    assert_int_equal(length, strlen("chatterbox: no\n"));
    assert_memory_equal(line, "chatterbox: no\n", length);
}

static void journald_is_told_priorities(void **state)
{
    (void)state;
    static const struct {
        enum log_level level;
        const char *priority;
    } rows[] = { { LOG_ERROR, "<3>" }, { LOG_WARN, "<4>" }, { LOG_INFO, "<6>" }, { LOG_DEBUG, "<7>" } };
    char line[LOG_LINE_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        log_print(line, (struct log_form){ .has_priorities = true }, rows[i].level, "x", "n=1");
        assert_memory_equal(line, rows[i].priority, 3);
        assert_memory_equal(line + 3, "ts=2", 4);
        const size_t length = log_print(line, (struct log_form){ .has_priorities = true, .is_json = true }, rows[i].level, "x", "n=1");
        assert_memory_equal(line, rows[i].priority, 3);
        json_decref(parse(line + 3, length - 3));
    }
    log_line_plain(line, (struct log_form){ .has_priorities = true }, "no", 2);
    assert_memory_equal(line, "<3>chatterbox: no\n", strlen("<3>chatterbox: no\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_become_members),          cmocka_unit_test(odd_bytes_stay_in_their_value), cmocka_unit_test(letters_are_cut_as_a_whole),
        cmocka_unit_test(last_words_are_a_line_as_well), cmocka_unit_test(journald_is_told_priorities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

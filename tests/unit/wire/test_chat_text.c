/* The text of a chat message is found however its JSON is spelled; what it means is what jansson says, and everything else is left to jansson. */
#include "unit/unit.h"

#include <jansson.h>
#include <stdio.h>

#include "wire/chat_text.h"
#include "wire/event.h"

static enum chat_text_verdict look_at(const char *json, struct chat_text *text)
{
    return chat_text_find(text, json, strlen(json));
}

static void every_spelling_is_found(void **state)
{
    static const struct {
        const char *json, *text;
        size_t codepoints;
    } examples[] = {
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}", "hello", 5 },
        { "{\"type\": \"chat_message\", \"data\": {\"message\": \"hello\"}}", "hello", 5 },
        { "\t{ \"type\" :\"chat_message\"\r\n,\"data\":\n{\"message\" : \"hello\" } } \n", "hello", 5 },
        { "{\"data\":{\"message\":\"hello\"},\"type\":\"chat_message\"}", "hello", 5 },
        { "{\"type\":\"chat_message\",\"description\":\"I \\\"write\\\"\",\"timestamp\":\"2025-10-01T12:00:00\",\"data\":{\"message\":\"x\"}}", "x", 1 },
        { "{\"n\":17,\"ack\":0,\"a\":null,\"b\":true,\"c\":false,\"d\":-1.5,\"type\":\"chat_message\",\"data\":{\"id\":7,\"message\":\"x\"}}", "x", 1 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"\"}}", "", 0 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F/\"}}", "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F/", 6 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\\\"b\\\\c\\/\\b\\f\\n\\r\\t\"}}", "a\\\"b\\\\c\\/\\b\\f\\n\\r\\t", 11 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"\\u00e4\\uD83d\\uDE00\\u20aC!\"}}", "\\u00e4\\uD83d\\uDE00\\u20aC!", 4 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"\\\\\"}}", "\\\\", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct chat_text text;
        assert_int_equal(look_at(examples[i].json, &text), CHAT_TEXT_FOUND);
        assert_int_equal(text.length, strlen(examples[i].text));
        assert_memory_equal(text.bytes, examples[i].text, text.length);
        assert_int_equal(text.codepoints, examples[i].codepoints);
    }
}

static void an_escape_that_means_nothing_is_told(void **state)
{
    static const char *const texts[] = { "\\u0000", "\\ud83d", "\\ud83dx", "\\ud83d\\n", "\\ud83d\\u0041", "\\ude00", "\\x", "\\u12", "\\u12g4", "\\uD83D\\uD83D" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char json[128];
        struct chat_text text;
        snprintf(json, sizeof json, "{\"data\":{\"message\":\"hi %s\"},\"type\":\"chat_message\"}", texts[i]);
        assert_int_equal(look_at(json, &text), CHAT_TEXT_INVALID);
        assert_null(json_loads(json, JSON_REJECT_DUPLICATES, NULL));
        snprintf(json, sizeof json, "{\"description\":\"%s\",\"data\":{\"message\":\"hi\"},\"type\":\"chat_message\"}", texts[i]);
        assert_int_equal(look_at(json, &text), CHAT_TEXT_NONE); /* not in its text: jansson's */
    }
}

static void what_is_no_such_message_is_left_to_jansson(void **state)
{
    static const char *const others[] = {
        "",
        " ",
        "{",
        "{}",
        "5",
        "[\"type\",\"chat_message\"]",
        "{\"type\":\"chat_message\"}",
        "{\"type\":\"chat_message\",\"data\":null}",
        "{\"type\":\"chat_message\",\"data\":{}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":5}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}},",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"},}",
        "{,\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}",
        "{\"type\":\"chat_message\" \"data\":{\"message\":\"hello\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\",\"message\":\"you\"}}",
        "{\"type\":\"chat_message\",\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}",
        "{\"x\":1,\"x\":1,\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\nb\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":[]}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\",\"x\":{}}}",
        "{\"type\":\"chat_message\",\"data\":{\"mess\\u0061ge\":\"a\"}}",
        "{\"type\":\"chat_messag\\u0065\",\"data\":{\"message\":\"a\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":01}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":1.}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":-}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":1e5}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":99999999999999999999}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":nul}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":1234567890123456789null}",
        "{\"type\":\"chat_message\",\"data\":{\"x\":1234567890123456789true,\"message\":\"a\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\"},\"x\":\"\\q\"}",
        "{\"type\":\"webrtc_signal\",\"data\":{\"message\":\"hello\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"\\",
    };
    const char nul[] = "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\0b\"}}";
    struct chat_text text;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(look_at(others[i], &text), CHAT_TEXT_NONE);
    assert_int_equal(chat_text_find(&text, nul, sizeof nul - 1), CHAT_TEXT_NONE);
}

/* Requests of all kinds of spellings, now and then with something broken in them. */

struct maker {
    uint64_t random;
    char json[4096];
    size_t length;
    bool is_flat; /* a chat message that is to be found, or has an escape that means nothing */
};

static uint32_t pick(struct maker *maker, uint32_t below)
{
    maker->random = maker->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(maker->random >> 33) % below;
}

static void add(struct maker *maker, const char *text)
{
    const size_t length = strlen(text);
    if (maker->length + length < sizeof maker->json)
        memcpy(maker->json + maker->length, text, length);
    maker->length += length;
}

static void add_space(struct maker *maker)
{
    static const char *const spaces[] = { " ", "  ", "\n", "\t", "\r\n" };
    if (pick(maker, 4) == 0)
        add(maker, spaces[pick(maker, 5)]);
}

static void add_string(struct maker *maker)
{
    static const char *const pieces[] = { "a", "Z", " ", "0", "/", "<", "\x7F", "\xC3\xA4", "\xE2\x80\xA8", "\xF0\x9F\x98\x80", "}", "{", ":", ",",
                                          "hello you", "how are things with you", "\\\"", "\\\\", "\\n", "\\u0041", "\\ud83d\\ude00", "\\/",
                                          "\\u0000", "\\ud83d", "\\ude00", "\\x", "\\u00" };
    enum { PLAIN = 16, GOOD = 22, ALL = sizeof pieces / sizeof pieces[0] };
    const uint32_t kinds = pick(maker, 3) == 0 ? (pick(maker, 8) == 0 ? ALL : GOOD) : PLAIN;
    add(maker, "\"");
    for (uint32_t left = pick(maker, 12); left > 0; left--)
        add(maker, pieces[pick(maker, kinds)]);
    add(maker, "\"");
}

static void add_scalar(struct maker *maker)
{
    static const char *const scalars[] = { "0", "-1", "12345678901234567", "1.5", "-0.25", "true", "false", "null", "17", "-0", "4294967295", "4294967296" };
    static const char *const others[] = { "1e5", "1234567890123456789null", "[]", "{}", "[1,{\"a\":2}]", "-", "01", "tru", "1.", ".5" };
    const uint32_t kind = pick(maker, 40);
    if (kind == 0) {
        maker->is_flat = false;
        add(maker, others[pick(maker, 10)]);
    } else if (kind < 20) {
        add(maker, scalars[pick(maker, 12)]);
    } else {
        add_string(maker);
    }
}

static void add_name(struct maker *maker, const char *name, bool is_first)
{
    if (!is_first)
        add(maker, ",");
    add_space(maker);
    add(maker, "\"");
    add(maker, name);
    add(maker, "\"");
    add_space(maker);
    add(maker, ":");
    add_space(maker);
}

/* An object with the one member, and others before and behind it. */
static void add_members(struct maker *maker, const char *const names[], uint32_t count, const char *wanted, void (*add_wanted)(struct maker *maker))
{
    const uint32_t others = pick(maker, count + 1), at = pick(maker, others + 1);
    add(maker, "{");
    for (uint32_t i = 0; i <= others; i++) {
        if (i == at) {
            add_name(maker, wanted, i == 0);
            add_wanted(maker);
        } else {
            const uint32_t other = i < at ? i : i - 1;
            const bool is_twice = other > 0 && pick(maker, 60) == 0;
            maker->is_flat &= !is_twice;
            add_name(maker, names[is_twice ? 0 : other], i == 0);
            add_scalar(maker);
        }
        add_space(maker);
    }
}

static void add_data(struct maker *maker)
{
    static const char *const names[] = { "id", "n", "to" };
    add_members(maker, names, 3, "message", add_string);
    add(maker, "}");
}

static void make(struct maker *maker)
{
    static const char *const names[] = { "description", "timestamp", "n", "ack", "x" };
    const bool is_type_last = pick(maker, 2);
    maker->length = 0;
    maker->is_flat = true;
    add_space(maker);
    add_members(maker, names, 5, "data", add_data);
    if (!is_type_last) /* the other way round is what a client writes by hand */
        add_space(maker);
    add_name(maker, "type", false);
    const bool is_other = pick(maker, 20) == 0;
    maker->is_flat &= !is_other;
    add(maker, is_other ? "\"typing\"" : "\"chat_message\"");
    add_space(maker);
    add(maker, "}");
    add_space(maker);
    assert_true(maker->length < sizeof maker->json);
    if (pick(maker, 4) > 0)
        return;
    /* Break a byte of ASCII, so that it stays UTF-8. */
    static const char bytes[] = "\"\\{}[],: \n\x01" "0e.-tun/";
    const size_t at = pick(maker, (uint32_t)maker->length);
    if ((unsigned char)maker->json[at] >= 0x80)
        return;
    maker->is_flat = false;
    if (pick(maker, 2) == 0) {
        maker->json[at] = bytes[pick(maker, sizeof bytes - 1)];
    } else {
        memmove(maker->json + at, maker->json + at + 1, maker->length - at - 1);
        maker->length--;
    }
}

static void expect_same_text(const struct chat_text *text, const char *json, size_t length)
{
    struct event_time time = { 0 };
    event_time_set(&time, 7);
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "type")), "chat_message");
    const json_t *message = json_object_get(json_object_get(root, "data"), "message");
    assert_true(json_is_string(message));

    const json_t *n = json_object_get(root, "n"), *ack = json_object_get(root, "ack");
    const bool has_good_n = json_is_integer(n) && json_integer_value(n) >= 1 && json_integer_value(n) <= UINT32_MAX;
    const bool has_good_ack = json_is_integer(ack) && json_integer_value(ack) >= 0 && json_integer_value(ack) <= UINT32_MAX;
    assert_int_equal(text->n, has_good_n ? json_integer_value(n) : 0);
    assert_int_equal(text->ack, has_good_ack ? json_integer_value(ack) : 0);
    assert_int_equal(text->has_bad_count, (n != NULL && !has_good_n) || (ack != NULL && !has_good_ack));

    /* What the partner gets says the same as if jansson had written it. */
    struct payload *found = event_chat_text(&time, text), *expected = event_chat_message(&time, message);
    json_t *found_root = json_loadb((const char *)found->bytes, found->length, JSON_REJECT_DUPLICATES, NULL);
    json_t *expected_root = json_loadb((const char *)expected->bytes, expected->length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(found_root);
    assert_true(json_equal(found_root, expected_root));
    size_t codepoints = 0;
    for (const char *c = json_string_value(message); *c != '\0'; c++)
        codepoints += ((unsigned char)*c & 0xC0) != 0x80;
    assert_int_equal(text->codepoints, codepoints);
    json_decref(found_root);
    json_decref(expected_root);
    json_decref(root);
    payload_free(&found);
    payload_free(&expected);
}

static void jansson_agrees(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    enum { ROUNDS = 50 * 1000 };
#else
    enum { ROUNDS = 1000 * 1000 };
#endif
    static struct maker maker = { .random = 1 };
    unsigned found = 0, invalid = 0, left = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct chat_text text;
        make(&maker);
        const enum chat_text_verdict verdict = chat_text_find(&text, maker.json, maker.length);
        if (verdict == CHAT_TEXT_FOUND) {
            found++;
            expect_same_text(&text, maker.json, maker.length);
        } else if (verdict == CHAT_TEXT_INVALID) {
            invalid++;
            assert_null(json_loadb(maker.json, maker.length, JSON_REJECT_DUPLICATES, NULL));
        } else {
            left++;
            if (maker.is_flat) { /* then there is such an escape elsewhere than in the text */
                assert_null(json_loadb(maker.json, maker.length, JSON_REJECT_DUPLICATES, NULL));
            }
        }
    }
    assert_true(found > ROUNDS / 3);
    assert_true(invalid > ROUNDS / 200);
    assert_true(left > ROUNDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_is_found),
        cmocka_unit_test(an_escape_that_means_nothing_is_told),
        cmocka_unit_test(what_is_no_such_message_is_left_to_jansson),
        cmocka_unit_test(jansson_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

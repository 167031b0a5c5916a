/* The chat message that is recognised: what it finds is what jansson finds, and everything else is left to jansson. */
#include "unit/unit.h"

#include <jansson.h>

#include "wire/event.h"
#include "wire/plain_text.h"

static const char *const compact[] = { "{\"type\":\"chat_message\",\"data\":{\"message\":\"", "\"}}" };
static const char *const spaced[] = { "{\"type\": \"chat_message\", \"data\": {\"message\": \"", "\"}}" };

static bool is_found(const char *text)
{
    struct plain_text plain;
    return plain_text_find(&plain, text, strlen(text));
}

static void both_common_ways_to_write_it_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t codepoints;
    } examples[] = {
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}", 5 },
        { "{\"type\": \"chat_message\", \"data\": {\"message\": \"hello\"}}", 5 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"\"}}", 0 },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\x7F/\"}}", 6 },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct plain_text plain;
        assert_true(plain_text_find(&plain, examples[i].text, strlen(examples[i].text)));
        assert_int_equal(plain.codepoints, examples[i].codepoints);
    }
}

static void what_is_different_in_the_least_is_not(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "{}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}} ",
        " {\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\"}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\",\"message\":\"you\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\\\"b\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\\n\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\nb\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"\\u0041\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"\"}}\"}}",
        "{\"type\":\"chat_message\",\"data\":{\"message\":\"}}",
        "{\"type\":\"chat_message\", \"data\":{\"message\":\"hello\"}}",
        "{\"type\":\"webrtc_signal\",\"data\":{\"message\":\"hello\"}}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(is_found(others[i]));
    const char nul[] = "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\0b\"}}";
    struct plain_text plain;
    assert_false(plain_text_find(&plain, nul, sizeof nul - 1));
}

static uint32_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33);
}

/* Texts of all kinds of characters, in both shapes, now and then with something put in at a random place. */
static size_t make_text(char *text, uint64_t *random)
{
    static const char *const pieces[] = { "a", "Z", " ", "0", "/", "<", "\x7F", "\xC3\xA4", "\xE2\x80\xA8", "\xF0\x9F\x98\x80", "}", "{", ":",
                                          "\"", "\\", "\\\"", "\\n", "\\u0041", "\n", "\t", "\x1F", "\x01", "\"}}", "}}" };
    enum { HARMLESS = 13 };
    const size_t count = sizeof pieces / sizeof pieces[0];
    const char *const *shape = next_random(random) % 2 ? compact : spaced;
    size_t kinds = next_random(random) % 4 == 0 ? count : HARMLESS;
    strcpy(text, shape[0]);
    for (uint32_t left = next_random(random) % 40; left > 0; left--)
        strcat(text, pieces[next_random(random) % kinds]);
    strcat(text, shape[1]);
    if (next_random(random) % 4 == 0) {
        size_t at = next_random(random) % strlen(text);
        if (((unsigned char)text[at] & 0xC0) == 0x80)
            return strlen(text); /* not into a character */
        const char *piece = pieces[next_random(random) % count];
        memmove(text + at + strlen(piece), text + at, strlen(text + at) + 1);
        memcpy(text + at, piece, strlen(piece));
    }
    return strlen(text);
}

static json_t *parse(struct payload *event)
{
    json_t *root = json_loadb((const char *)event->bytes, event->length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_size(root), 4);
    payload_free(&event);
    return root;
}

static void jansson_agrees(void **state)
{
    (void)state;
    enum { ROUNDS = 200000 };
    struct event_time time = { 0 };
    event_time_set(&time, 7);
    uint64_t random = 1;
    unsigned found = 0, left = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char text[1024];
        size_t length = make_text(text, &random);
        struct plain_text plain;
        if (!plain_text_find(&plain, text, length)) {
            left++;
            continue;
        }
        found++;
        json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        assert_int_equal(json_object_size(root), 2);
        assert_string_equal(json_string_value(json_object_get(root, "type")), "chat_message");
        const json_t *message = json_object_get(json_object_get(root, "data"), "message");
        assert_int_equal(json_string_length(message), plain.length);
        assert_memory_equal(json_string_value(message), plain.bytes, plain.length);
        struct payload *request = payload_copy(text, length);
        if (round % 2 == 0) { /* as it comes from a socket: with room behind it */
            payload_free(&request);
            request = payload_new(0);
            payload_append(&request, text, length);
        }
        json_t *by_jansson = parse(event_chat_message(&time, message));
        json_t *in_place = parse(event_from_plain_request(&time, request));
        assert_true(json_equal(by_jansson, in_place));
        json_decref(by_jansson);
        json_decref(in_place);
        json_decref(root);
    }
    assert_true(found > ROUNDS / 4);
    assert_true(left > ROUNDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_common_ways_to_write_it_are_found),
        cmocka_unit_test(what_is_different_in_the_least_is_not),
        cmocka_unit_test(jansson_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

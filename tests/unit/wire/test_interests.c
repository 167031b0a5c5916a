/* What a topic becomes, and which topics meet. */
#include "unit/unit.h"

#include <utf8proc.h>

#include "wire/interests.h"

static enum interests_error add(struct interests *interests, const char *topic)
{
    return interests_add(interests, topic, strlen(topic));
}

static void assert_topic(const char *written, const char *normalised)
{
    struct interests interests;
    interests_init(&interests);
    assert_int_equal(add(&interests, written), INTERESTS_OK);
    assert_int_equal(interests.count, 1);
    assert_string_equal(interests.bytes, normalised);
    assert_int_equal(interests.length, strlen(normalised) + 1);
}

static size_t encode(char *utf8, int32_t codepoint)
{
    return (size_t)utf8proc_encode_char(codepoint, (utf8proc_uint8_t *)utf8);
}

static void topics_are_trimmed_folded_and_composed(void **state)
{
    (void)state;
    assert_topic("Coding", "coding");
    assert_topic(" coding ", "coding");
    assert_topic("CODING", "coding");
    assert_topic("\t\n\xC2\xA0\xE3\x80\x80 chess \xE2\x80\xA8", "chess"); /* NBSP, ideographic space, line separator */
    assert_topic("Stra\xC3\x9F" "e", "strasse");
    assert_topic("cafe\xCC\x81", "caf\xC3\xA9"); /* a combining accent and the composed letter */
    assert_topic("CAF\xC3\x89", "caf\xC3\xA9");
    assert_topic("hip  hop", "hip hop");
    assert_topic("\xD0\x9C\xD0\xB8\xD1\x80", "\xD0\xBC\xD0\xB8\xD1\x80");
}

static void people_who_mean_the_same_meet(void **state)
{
    (void)state;
    assert_topic("rock\xC2\xA0\t music", "rock music"); /* NBSP */
    assert_topic("#music", "music");
    assert_topic(" # Music", "music");
    assert_topic("\xEF\xBC\x83\xEF\xBC\xAD\xEF\xBD\x95sic", "music"); /* all of it fullwidth */
    assert_topic("c#", "c#");
    assert_topic("music\xE2\x80\x8B", "music"); /* zero-width space */
    assert_topic("\xEF\xBB\xBFmu\xC2\xADsic\xF3\xA0\x80\x82", "music"); /* byte order mark, soft hyphen, a tag that nobody has been given */
    assert_topic("\xE2\x9D\xA4\xEF\xB8\x8F", "\xE2\x9D\xA4"); /* a heart that is to be red */
    assert_topic("e\xE2\x80\x8C\xCC\x81", "\xC3\xA9"); /* what stood between them is gone, so they are one */
    assert_topic("\xF0\x9D\x90\x9A\xEF\xAC\x81", "afi"); /* a bold letter, a ligature */
    assert_topic("#\xEF\xB8\x8F\xE2\x83\xA3", "#\xE2\x83\xA3"); /* a key is no hashtag */
}

/* Without its joiners an emoji falls apart, and a word in Persian or Sinhala is another one. */
static void joiners_stay_where_they_say_something(void **state)
{
    (void)state;
    assert_topic("\xF0\x9F\x91\xA9\xF0\x9F\x8F\xBD\xE2\x80\x8D\xF0\x9F\x94\xAC", "\xF0\x9F\x91\xA9\xF0\x9F\x8F\xBD\xE2\x80\x8D\xF0\x9F\x94\xAC");
    assert_topic("\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE\xD9\x88\xD8\xA7\xD9\x87\xD9\x85",
                 "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE\xD9\x88\xD8\xA7\xD9\x87\xD9\x85");
    assert_topic("\xE0\xB7\x81\xE0\xB7\x8A\xE2\x80\x8D\xE0\xB6\xBB", "\xE0\xB7\x81\xE0\xB7\x8A\xE2\x80\x8D\xE0\xB6\xBB");
    assert_topic("mu\xE2\x80\x8D\xE2\x80\x8Csic\xE2\x80\x8D", "music");
    assert_topic("\xE2\x80\x8D\xF0\x9F\x94\xAC\xE2\x80\x8D", "\xF0\x9F\x94\xAC");
}

/* Of every code point, alone and amid others: what comes out is not changed by being normalised again. */
static void what_is_normalised_stays_as_it_is(void **state)
{
    (void)state;
    for (int32_t codepoint = 1; codepoint < 0x30000; codepoint++) {
        if (codepoint == 0xD800)
            codepoint = 0xE000;
        char text[32] = "a";
        size_t length = 1 + encode(text + 1, codepoint);
        memcpy(text + length, " \xCC\x81\xE2\x80\x8C", 7);
        length += 6;
        length += encode(text + length, codepoint);
        struct interests once, again;
        interests_init(&once);
        interests_init(&again);
        if (interests_add(&once, text, length) == INTERESTS_TOPIC_TOO_LONG) /* ligatures of whole sentences */
            continue;
        assert_int_equal(once.count, 1);
        assert_int_equal(interests_add(&again, once.bytes, strlen(once.bytes)), INTERESTS_OK);
        assert_int_equal(once.length, again.length);
        assert_memory_equal(once.bytes, again.bytes, once.length);
    }
}

static void empty_and_double_topics_are_dropped(void **state)
{
    (void)state;
    struct interests interests;
    interests_init(&interests);
    assert_int_equal(add(&interests, ""), INTERESTS_OK);
    assert_int_equal(add(&interests, " \t "), INTERESTS_OK);
    assert_int_equal(add(&interests, "##"), INTERESTS_OK);
    assert_int_equal(add(&interests, "\xE2\x80\x8B\xE2\xA0\x80"), INTERESTS_OK); /* a zero-width space and an empty pattern of braille */
    assert_int_equal(interests.count, 0);
    assert_int_equal(add(&interests, "Go"), INTERESTS_OK);
    assert_int_equal(add(&interests, "go "), INTERESTS_OK);
    assert_int_equal(add(&interests, "golf"), INTERESTS_OK);
    assert_int_equal(interests.count, 2);
}

static void a_topic_has_at_most_64_bytes_once_normalised(void **state)
{
    (void)state;
    char topic[80];
    memset(topic, 'A', sizeof topic);
    struct interests interests;
    interests_init(&interests);
    assert_int_equal(interests_add(&interests, topic, 64), INTERESTS_OK);
    assert_int_equal(interests_add(&interests, topic, 65), INTERESTS_TOPIC_TOO_LONG);
    assert_int_equal(interests.count, 1);
    struct interests kelvins; /* U+212A, three bytes, folds to the letter k */
    interests_init(&kelvins);
    char written[3 * 64 + 400];
    memset(written, ' ', sizeof written);
    for (size_t i = 0; i < 64; i++)
        memcpy(written + 200 + 3 * i, "\xE2\x84\xAA", 3);
    assert_int_equal(interests_add(&kelvins, written, sizeof written), INTERESTS_OK);
    assert_int_equal(kelvins.length, 65);
    memset(topic, ' ', 10);
    assert_int_equal(interests_add(&interests, topic, 70), INTERESTS_OK); /* 60 are left */
    assert_int_equal(interests.count, 2);
}

static void ten_topics_fit_whatever_their_length(void **state)
{
    (void)state;
    struct interests interests;
    interests_init(&interests);
    char topic[64];
    memset(topic, 'x', sizeof topic);
    for (int i = 0; i < INTERESTS_MAX; i++) {
        topic[0] = (char)('a' + i);
        assert_int_equal(interests_add(&interests, topic, sizeof topic), INTERESTS_OK);
    }
    assert_int_equal(add(&interests, "one more"), INTERESTS_TOO_MANY);
    assert_int_equal(interests.count, INTERESTS_MAX);
    assert_int_equal(interests.length, sizeof interests.bytes);
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    struct interests interests;
    interests_init(&interests);
    assert_int_equal(add(&interests, "\xFF"), INTERESTS_INVALID);
    assert_int_equal(interests_add(&interests, "a\0b", 3), INTERESTS_INVALID);
    assert_int_equal(interests.count, 0);
}

static void a_run_is_walked_topic_by_topic(void **state)
{
    (void)state;
    size_t cursor = 0;
    const uint8_t run[] = "go\0chess";
    assert_string_equal(interests_next(run, sizeof run, &cursor), "go");
    assert_string_equal(interests_next(run, sizeof run, &cursor), "chess");
    assert_null(interests_next(run, sizeof run, &cursor));
    cursor = 0;
    assert_null(interests_next((const uint8_t *)"cut", 3, &cursor)); /* no NUL: nothing is read past the end */
}

/* Combining marks, those that go above first, are what utf8proc sorts in quadratic time. That they are refused before, and not after it, shows in the
 * time alone, which tests/faults measures (attackers.py, topics); here, that nothing else changes by it. */
static void what_cannot_become_short_enough_is_too_long(void **state)
{
    (void)state;
    static char marks[64000];
    for (size_t i = 0; i < sizeof marks; i += 2)
        memcpy(marks + i, i < sizeof marks / 2 ? "\xCC\x81" : "\xCC\xA3", 2);
    struct interests interests;
    interests_init(&interests);
    assert_int_equal(interests_add(&interests, marks, sizeof marks), INTERESTS_TOPIC_TOO_LONG);
    assert_int_equal(interests_add(&interests, marks, 256), INTERESTS_TOPIC_TOO_LONG);
    assert_int_equal(interests_add(&interests, "\xFF", 1), INTERESTS_INVALID);
    assert_int_equal(interests_add(&interests, " a\xFF ", 4), INTERESTS_INVALID);
    assert_int_equal(interests.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_trimmed_folded_and_composed),
        cmocka_unit_test(people_who_mean_the_same_meet),
        cmocka_unit_test(joiners_stay_where_they_say_something),
        cmocka_unit_test(what_is_normalised_stays_as_it_is),
        cmocka_unit_test(empty_and_double_topics_are_dropped),
        cmocka_unit_test(a_topic_has_at_most_64_bytes_once_normalised),
        cmocka_unit_test(what_cannot_become_short_enough_is_too_long),
        cmocka_unit_test(ten_topics_fit_whatever_their_length),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(a_run_is_walked_topic_by_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is to be seen, and what is not; in UTF-8, and as JSON writes it. */
#include "unit/unit.h"

#include "wire/visible.h"

static void assert_visible(const char *text, bool is_visible)
{
    assert_int_equal(text_is_visible(text, strlen(text)), is_visible);
    assert_int_equal(json_text_is_visible(text, strlen(text)), is_visible);
}

static void what_is_seen(void **state)
{
    (void)state;
    assert_visible("", false);
    assert_visible(" \xC2\xA0\xE3\x80\x80\xE2\x80\xA9", false);          /* blanks, of other scripts, too, and a paragraph's end */
    assert_visible("\xE2\x80\x8B\xE2\x81\xA0\xEF\xBB\xBF", false);       /* zero-width space, word joiner, byte order mark */
    assert_visible("\xE3\x85\xA4\xEF\xBE\xA0\xE1\x85\x9F", false);       /* Hangul's fillers */
    assert_visible("\xE2\xA0\x80\xEF\xBF\xB9\xF0\x9D\x85\x99", false);  /* blank though no property says so */
    assert_visible("\xF3\xA0\x80\x82\xE2\x81\xA5\xEF\xBF\xB0", false);  /* ignorable, and assigned to nobody */
    assert_visible("\t\n\v\f\r\xC2\x85", false);
    assert_visible("\x7F", true);
    assert_visible("\x01", true);
    assert_visible("  a", true);
    assert_visible("\xE2\x80\x8B\xF0\x9F\x94\xAC", true);
    assert_visible("\xF3\xB0\x80\x80", true); /* for private use: something will be shown */
}

static void escapes_are_what_they_mean(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is_visible;
    } examples[] = { { "\\n\\t\\r\\f", false },  { "\\u200b\\u0020\\u2800", false }, { "\\udb40\\udc02", false }, { "\\ud83d\\udd2c", true },
                     { "\\\"", true },               { "\\\\", true },                    { "\\/", true },           { "\\u0041", true },
                     { "\\b", true }, { " \\u200B\\uFEFF", false },   { "\\u200bx", true } };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_int_equal(json_text_is_visible(examples[i].json, strlen(examples[i].json)), examples[i].is_visible);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen),
        cmocka_unit_test(escapes_are_what_they_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* UTF-8 in pieces: the same verdict wherever it is cut, and as soon as it can be given. */
#include "unit/unit.h"

#include "ws/utf8.h"

static bool is_utf8(const char *text, size_t length, size_t cut)
{
    struct utf8_stream stream = { 0 };
    return utf8_take(&stream, (const uint8_t *)text, cut) && utf8_take(&stream, (const uint8_t *)text + cut, length - cut) &&
           utf8_is_complete(&stream);
}

static void assert_everywhere(const char *text, bool expected)
{
    for (size_t cut = 0; cut <= strlen(text); cut++)
        assert_int_equal(is_utf8(text, strlen(text), cut), expected);
}

static void what_is_utf8(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "a", "hello, stranger", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                                         "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80", "twelve bytes\xF0\x9F\x98\x80 and more",
                                         "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_everywhere(texts[i], true);
}

static void what_is_not(void **state)
{
    (void)state;
    static const char *const texts[] = { "\x80", "\xC0\xAF", "\xC1\xBF", "\xC3(", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                         "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "before \xE2\x82 after", "\xC3\xA4\xA4",
                                         "eight by\xFE and so on" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_everywhere(texts[i], false);
}

static void the_first_byte_that_cannot_be_is_the_last(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *bad;
    } examples[] = { { "\xF4", "\x90" }, { "\xE0", "\x80" }, { "\xED", "\xA0" }, { "\xF0", "\x8F" }, { "\xE2\x82", "a" }, { "\xF0\x9F\x98", "\xC3" },
                     { "", "\xC1" },     { "a", "\xF5" } };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct utf8_stream stream = { 0 };
        assert_true(utf8_take(&stream, (const uint8_t *)examples[i].begin, strlen(examples[i].begin)));
        assert_false(utf8_take(&stream, (const uint8_t *)examples[i].bad, strlen(examples[i].bad)));
    }
}

static void every_code_point(void **state)
{
    (void)state;
    static const uint8_t leads[] = { 0, 0xC0, 0xE0, 0xF0 }; /* by how many bytes follow */
    for (uint32_t codepoint = 0; codepoint < 0x110000; codepoint++) {
        uint8_t bytes[4];
        size_t length = 0;
        if (codepoint < 0x80) {
            bytes[length++] = (uint8_t)codepoint;
        } else {
            int more = codepoint < 0x800 ? 1 : codepoint < 0x10000 ? 2 : 3;
            bytes[length++] = (uint8_t)(leads[more] | codepoint >> (6 * more));
            while (more-- > 0)
                bytes[length++] = (uint8_t)(0x80 | (codepoint >> (6 * more) & 0x3F));
        }
        bool is_surrogate = codepoint >= 0xD800 && codepoint < 0xE000;
        assert_int_equal(is_utf8((const char *)bytes, length, length / 2), !is_surrogate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_utf8),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(the_first_byte_that_cannot_be_is_the_last),
        cmocka_unit_test(every_code_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

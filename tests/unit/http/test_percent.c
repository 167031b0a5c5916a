/* Percent-encoding. */
#include "unit/unit.h"

#include "http/percent.h"

static void expect(const char *in, const char *out)
{
    char decoded[16];
    assert_true(percent_decode(in, strlen(in), decoded, sizeof decoded));
    assert_string_equal(decoded, out);
}

static void expect_nothing(const char *in, size_t length)
{
    char decoded[8];
    assert_false(percent_decode(in, length, decoded, sizeof decoded));
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    expect("", "");
    expect("plain", "plain");
    expect("a%20b", "a b");
    expect("%c3%BC", "ü");
    expect("%25", "%");
    expect("a+b", "a+b"); /* that is for forms */
    expect("%0d%0a%0D", "\r\n\r");
    expect("%31%32%33%34%35%36%37%38%39%31%32%33%34%35%36", "123456789123456"); /* what counts is what it means */
}

static void what_is_malformed_or_too_long_is_refused(void **state)
{
    (void)state;
    expect_nothing("%", 1);
    expect_nothing("%2", 2);
    expect_nothing("%2x", 3);
    expect_nothing("%-1", 3);
    expect_nothing("a%00b", 5);
    expect_nothing("a\0b", 3);
    expect_nothing("12345678", 8); /* no room for the end */
    expect_nothing("a%%20", 5);
    expect_nothing("%20%", 4);
    expect_nothing("a%20b", 3); /* cut */
    char longest[PERCENT_BYTES_MAX + 2], decoded[sizeof longest];
    memset(longest, 'a', sizeof longest);
    assert_true(percent_decode(longest, PERCENT_BYTES_MAX, decoded, sizeof decoded));
    assert_int_equal(strlen(decoded), PERCENT_BYTES_MAX);
    assert_false(percent_decode(longest, PERCENT_BYTES_MAX + 1, decoded, sizeof decoded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(what_is_malformed_or_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

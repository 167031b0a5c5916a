/* A token is 43 digits of Base64url, and nothing else is one. */
#include "unit/unit.h"

#include "runtime/token.h"

static struct token example(void)
{
    struct token token = { .actor = { .generation = 0xABCDEF, .thread = 7, .slot = 0x54321, .node = 0 } };
    for (size_t i = 0; i < sizeof token.secret; i++)
        token.secret[i] = (uint8_t)(255 - 9 * i);
    return token;
}

static void what_is_printed_is_read(void **state)
{
    (void)state;
    const struct token token = example();
    char text[TOKEN_DIGITS + 1];
    struct token read;
    token_print(text, &token);
    assert_int_equal(strlen(text), TOKEN_DIGITS);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), TOKEN_DIGITS);
    assert_true(token_read(&read, text, TOKEN_DIGITS));
    assert_memory_equal(&read, &token, sizeof token);
}

static void it_is_the_base64url_of_rfc_4648(void **state)
{
    (void)state;
    struct token token;
    char text[TOKEN_DIGITS + 1];
    memset(&token, 0xFF, sizeof token);
    token_print(text, &token);
    assert_string_equal(text, "__________________________________________8");
    memset(&token, 0, sizeof token);
    token_print(text, &token);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    memcpy(&token, "any carnal pleasure, or 32 bytes", sizeof token);
    token_print(text, &token);
    assert_string_equal(text, "YW55IGNhcm5hbCBwbGVhc3VyZSwgb3IgMzIgYnl0ZXM");
}

static void nothing_else_is_one(void **state)
{
    (void)state;
    char text[TOKEN_DIGITS + 2] = { 0 };
    struct token token = example();
    const struct token before = token;
    const struct token printed = example();
    token_print(text, &printed);
    assert_false(token_read(&token, text, TOKEN_DIGITS - 1));
    text[TOKEN_DIGITS] = 'A';
    assert_false(token_read(&token, text, TOKEN_DIGITS + 1));
    for (unsigned byte = 0; byte < 256; byte++) {
        text[20] = (char)byte;
        const bool is_digit = byte != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", (int)byte) != NULL;
        struct token other = before;
        assert_int_equal(token_read(&other, text, TOKEN_DIGITS), is_digit);
        if (!is_digit)
            assert_memory_equal(&other, &before, sizeof before);
    }
    text[20] = 'A';
    text[TOKEN_DIGITS - 1] = 'B'; /* bits beyond the 32 bytes */
    assert_false(token_read(&token, text, TOKEN_DIGITS));
    assert_memory_equal(&token, &before, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read),
        cmocka_unit_test(it_is_the_base64url_of_rfc_4648),
        cmocka_unit_test(nothing_else_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

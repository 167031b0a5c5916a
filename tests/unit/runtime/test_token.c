/* A token is 43 digits of Base64url, and nothing else is one. */
#include "unit/unit.h"

#include "runtime/token.h"

static struct token example(void)
{
    struct token token;
    memset(&token, 0, sizeof token);
    token.home = 0x0123456789ABCDEF;
    token.actor = (struct address){ .generation = 0xABCDEF, .thread = 7, .slot = 0x54321, .node = 0 };
    for (size_t i = 0; i < sizeof token.secret; i++)
        token.secret[i] = (uint8_t)(255 - 9 * i);
    return token;
}

static void assert_same(const struct token *a, const struct token *b)
{
    assert_int_equal(a->home, b->home);
    assert_true(address_equals(a->actor, b->actor));
    assert_memory_equal(a->secret, b->secret, sizeof a->secret);
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
    assert_same(&read, &token);
}

static void it_is_the_base64url_of_rfc_4648(void **state)
{
    (void)state;
    struct token token;
    char text[TOKEN_DIGITS + 1];
    memset(&token, 0, sizeof token);
    token_print(text, &token);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    /* What all 32 bytes are: home "any carn", thread "a", slot "\0l ", generation "ple", secret "asure, or 32 byte". */
    token.home = 0x616e79206361726e;
    token.actor = (struct address){ .thread = 0x61, .slot = 0x06c20, .generation = 0x706c65 };
    memcpy(token.secret, "asure, or 32 byte", sizeof token.secret);
    token_print(text, &token);
    assert_string_equal(text, "YW55IGNhcm5hAGwgcGxlYXN1cmUsIG9yIDMyIGJ5dGU");
}

/* What no thread can have as a slot. */
static void a_slot_is_small(void **state)
{
    (void)state;
    struct token token = example();
    char text[TOKEN_DIGITS + 1];
    token_print(text, &token);
    assert_true(token_read(&token, text, TOKEN_DIGITS));
    text[12] = 'E'; /* the six highest of its 24 bits, of which 20 may be used */
    assert_false(token_read(&token, text, TOKEN_DIGITS));
    assert_int_equal(token.actor.slot, 0x54321);
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
            assert_same(&other, &before);
    }
    text[20] = 'A';
    text[TOKEN_DIGITS - 1] = 'B'; /* bits beyond the 32 bytes */
    assert_false(token_read(&token, text, TOKEN_DIGITS));
    assert_same(&token, &before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read),
        cmocka_unit_test(it_is_the_base64url_of_rfc_4648),
        cmocka_unit_test(a_slot_is_small),
        cmocka_unit_test(nothing_else_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

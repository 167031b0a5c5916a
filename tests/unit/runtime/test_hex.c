/* Hexadecimal digits. */
#include "unit/unit.h"

#include "runtime/hex.h"

static void each_digit_has_its_value_and_nothing_else_has_one(void **state)
{
    (void)state;
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    for (int c = -128; c < 128; c++) {
        int wanted = -1;
        for (int value = 0; value < 16; value++) {
            if (c == lower[value] || c == upper[value])
                wanted = value;
        }
        assert_int_equal(hex_digit((char)c), wanted);
    }
}

static void four_are_one_number(void **state)
{
    (void)state;
    assert_int_equal(hex_four("0000"), 0);
    assert_int_equal(hex_four("dBfF"), 0xDBFF);
    assert_int_equal(hex_four("ffff"), 0xFFFF);
    static const char *const bad[] = { "", "fff", "g000", "0g00", "00g0", "000g", "+123", " 123", "0x12" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(hex_four(bad[i]), -1);
}

static void bytes_there_and_back(void **state)
{
    (void)state;
    uint8_t all[256], again[256];
    char text[2 * sizeof all + 1];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    hex_print(text, all, sizeof all);
    assert_int_equal(strlen(text), 2 * sizeof all);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_true(hex_read(again, sizeof again, text));
    assert_memory_equal(again, all, sizeof all);
    hex_print(text, all, 0);
    assert_string_equal(text, "");
}

static void what_is_read_has_one_spelling(void **state)
{
    (void)state;
    uint8_t bytes[2] = { 1, 2 };
    static const char *const bad[] = { "", "00a", "00aG", "00A0", "00aF", "g000", "0x00", "-100" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(hex_read(bytes, 2, bad[i]));
        assert_true(bytes[0] == 1 && bytes[1] == 2); /* left alone */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_digit_has_its_value_and_nothing_else_has_one),
        cmocka_unit_test(four_are_one_number),
        cmocka_unit_test(bytes_there_and_back),
        cmocka_unit_test(what_is_read_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

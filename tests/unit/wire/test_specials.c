/* Whichever way 64 bytes are looked at, the special ones are those that RFC 8259 does not let stand in a string as they are. */
#include "unit/unit.h"

#include <stdlib.h>

#include "wire/specials.h"

static void assert_right(const unsigned char bytes[SPECIALS_BYTES], struct specials specials)
{
    bool has_other_than_ascii = false;
    for (int i = 0; i < SPECIALS_BYTES; i++) {
        const bool is_special = bytes[i] == '"' || bytes[i] == '\\' || bytes[i] < 0x20;
        assert_int_equal(specials.bits >> i & 1, is_special);
        has_other_than_ascii |= bytes[i] >= 0x80;
    }
    assert_int_equal(specials.has_other_than_ascii, has_other_than_ascii);
}

static void each_byte_in_each_place(void **state)
{
    unsigned char bytes[SPECIALS_BYTES];
    (void)state;
    for (int place = 0; place < SPECIALS_BYTES; place++) {
        for (int byte = 0; byte < 256; byte++) {
            memset(bytes, 'x', sizeof bytes);
            bytes[place] = (unsigned char)byte;
            assert_right(bytes, specials_by_words(bytes));
            assert_right(bytes, specials_of(bytes));
        }
    }
}

/* What is next to a special byte is not taken for one, as it is by tests for a zero byte that carry. */
static void neighbours(void **state)
{
    unsigned char bytes[SPECIALS_BYTES];
    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        static const unsigned char close[] = { 0x00, 0x01, 0x1F, 0x20, 0x21, '"', '#', '[', '\\', ']', 0x7F, 0x80, 0x9F, 0xA0, 0xA2, 0xDC, 0xFF };
        for (int i = 0; i < SPECIALS_BYTES; i++)
            bytes[i] = close[(size_t)rand() % sizeof close];
        assert_right(bytes, specials_by_words(bytes));
        assert_right(bytes, specials_of(bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_in_each_place),
        cmocka_unit_test(neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "runtime/hex.h"

void hex_print(char *text, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = '\0';
}

/* What is printed has no digits in upper case. */
static int printed_digit(char c)
{
    return c >= 'A' && c <= 'F' ? -1 : hex_digit(c);
}

bool hex_read(uint8_t *bytes, size_t count, const char *digits)
{
    for (size_t i = 0; i < count; i++) {
        const int high = printed_digit(digits[2 * i]), low = high < 0 ? -1 : printed_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

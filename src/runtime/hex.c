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

static uint8_t byte_of(const char *digits)
{
    const unsigned high = (unsigned)hex_digit(digits[0]), low = (unsigned)hex_digit(digits[1]);
    return (uint8_t)(high << 4 | low);
}

bool hex_read(uint8_t *bytes, size_t count, const char *digits)
{
    for (size_t i = 0; i < 2 * count; i++) {
        if (printed_digit(digits[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < count; i++)
        bytes[i] = byte_of(digits + 2 * i);
    return true;
}

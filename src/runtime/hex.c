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

bool hex_read(uint8_t *bytes, size_t count, const char *digits)
{
    for (size_t i = 0; i < 2 * count; i++) {
        if (hex_digit(digits[i]) < 0 || (digits[i] >= 'A' && digits[i] <= 'F'))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
    return true;
}

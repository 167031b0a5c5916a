/* hex.h: hexadecimal digits.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_RUNTIME_HEX_H
#define CHATTERBOX_RUNTIME_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of one digit, in either case, or -1. Here, since whoever reads \uXXXX does so for every message (wire/chat_text.c). */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The value of four digits, in either case, or -1. */
static inline int32_t hex_four(const char *digits)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(digits[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* count bytes as 2 * count digits in lower case, and a NUL. */
void hex_print(char *text, const uint8_t *bytes, size_t count);

/* 2 * count digits as count bytes. What is printed has one spelling: returns false, and leaves bytes alone, if there is anything but digits
 * in lower case. */
bool hex_read(uint8_t *bytes, size_t count, const char *digits) __attribute__((warn_unused_result));

#endif

#include "runtime/token.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void token_print(char text[TOKEN_DIGITS + 1], const struct token *token)
{
    uint8_t bytes[sizeof *token + 1] = { 0 };
    memcpy(bytes, token, sizeof *token);
    for (size_t i = 0; i < TOKEN_DIGITS; i++) {
        const size_t bit = 6 * i;
        const unsigned two_bytes = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        text[i] = digits[two_bytes >> (10 - bit % 8) & 63];
    }
    text[TOKEN_DIGITS] = '\0';
}

static int value_of(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '-' ? 62 : digit == '_' ? 63 : -1;
}

bool token_read(struct token *token, const char *text, size_t length)
{
    uint8_t bytes[sizeof *token + 1] = { 0 };
    if (length != TOKEN_DIGITS)
        return false;
    for (size_t i = 0; i < TOKEN_DIGITS; i++) {
        const size_t bit = 6 * i;
        const int value = value_of(text[i]);
        if (value < 0)
            return false;
        const unsigned two_bytes = (unsigned)value << (10 - bit % 8);
        bytes[bit / 8] |= (uint8_t)(two_bytes >> 8);
        bytes[bit / 8 + 1] |= (uint8_t)two_bytes;
    }
    if (bytes[sizeof *token] != 0) /* the last two bits are none of the 32 bytes' */
        return false;
    memcpy(token, bytes, sizeof *token);
    return true;
}

#include "runtime/token.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { HOME_BYTES = 8, THREAD_BYTES = 1, SLOT_BYTES = 3, GENERATION_BYTES = 3 };

_Static_assert(HOME_BYTES + THREAD_BYTES + SLOT_BYTES + GENERATION_BYTES + TOKEN_SECRET_BYTES == TOKEN_BYTES, "nothing is left over");

static uint8_t *put(uint8_t *bytes, uint64_t number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(number >> 8 * (count - 1 - i));
    return bytes + count;
}

static uint64_t get(const uint8_t **bytes, unsigned count)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < count; i++)
        number = number << 8 | *(*bytes)++;
    return number;
}

void token_print(char text[TOKEN_DIGITS + 1], const struct token *token)
{
    uint8_t bytes[TOKEN_BYTES + 1] = { 0 }, *next = bytes;
    next = put(next, token->home, HOME_BYTES);
    next = put(next, token->actor.thread, THREAD_BYTES);
    next = put(next, token->actor.slot, SLOT_BYTES);
    next = put(next, token->actor.generation, GENERATION_BYTES);
    memcpy(next, token->secret, TOKEN_SECRET_BYTES);
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
    uint8_t bytes[TOKEN_BYTES + 1] = { 0 };
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
    if (bytes[TOKEN_BYTES] != 0) /* the last two bits are none of the 32 bytes' */
        return false;
    const uint8_t *next = bytes;
    const uint64_t home = get(&next, HOME_BYTES), thread = get(&next, THREAD_BYTES), slot = get(&next, SLOT_BYTES);
    if (slot >= ADDRESS_SLOTS)
        return false;
    *token = (struct token){ .home = home,
                             .actor = { .generation = get(&next, GENERATION_BYTES) & ADDRESS_GENERATION_MAX,
                                        .thread = (uint8_t)thread,
                                        .slot = slot & (ADDRESS_SLOTS - 1) } };
    memcpy(token->secret, next, TOKEN_SECRET_BYTES);
    return true;
}

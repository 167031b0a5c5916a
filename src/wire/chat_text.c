#include "wire/chat_text.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Of one object. Who sends more is better served by jansson, which looks for a name that stands there twice in a hash table. */
enum { MEMBERS_MAX = 12 };

/* Neither a 64-bit integer nor a double overflows with so few. */
enum { DIGITS_MAX = 18 };

struct span {
    const unsigned char *bytes;
    size_t length;
};

struct cursor {
    const unsigned char *at, *end;
};

/* What is looked for. */
struct message {
    bool is_chat_message; /* `type` says so */
    bool has_text;
    struct span text;
};

/* A macro, so that the compiler compares a length that it knows. */
#define IS(span, name) ((span).length == sizeof name - 1 && memcmp((span).bytes, name, sizeof name - 1) == 0)

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\r' || *cursor->at == '\t'))
        cursor->at++;
}

static bool skip(struct cursor *cursor, unsigned char byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

/* What ends a run of plain bytes in a string. */
static bool is_special(unsigned char byte)
{
    return byte == '"' || byte == '\\' || byte < 0x20;
}

/* No branches, so that the compiler looks at all of them at once. */
enum { BLOCK = 32 };
static bool block_has_special(const unsigned char *bytes)
{
    unsigned special = 0;
    for (int i = 0; i < BLOCK; i++)
        special |= (bytes[i] == '"') | (bytes[i] == '\\') | (bytes[i] < 0x20);
    return special != 0;
}

/* The highest bit of each byte that is special; and perhaps of bytes behind the first of them, in the order of memory (Bit Twiddling Hacks, "Determine
 * if a word has a byte less than n", "… equal to n"). */
static uint64_t specials_of(const unsigned char *bytes)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    word = le64toh(word);
    const uint64_t quotes = word ^ ones * '"', backslashes = word ^ ones * '\\';
    return (((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes)) & highs;
}

/* The first special byte, or end. */
static const unsigned char *find_special(const unsigned char *at, const unsigned char *end)
{
    /* Names are short, and a text is not: it goes on in larger steps. */
    enum { SHORT = 2 };
    for (unsigned words = 0; end - at >= (ptrdiff_t)sizeof(uint64_t); words++) {
        if (words >= SHORT) {
            while (end - at >= BLOCK && !block_has_special(at))
                at += BLOCK;
            if (end - at < (ptrdiff_t)sizeof(uint64_t))
                break;
        }
        const uint64_t specials = specials_of(at);
        if (specials != 0)
            return at + __builtin_ctzll(specials) / 8;
        at += sizeof(uint64_t);
    }
    while (at < end && !is_special(*at))
        at++;
    return at;
}

/* The rest of a string whose quotation mark has been taken, up to the other one, which is taken too. */
static bool take_string(struct cursor *cursor, struct span *string, bool *has_escapes)
{
    const unsigned char *at = cursor->at;
    *has_escapes = false;
    for (;;) {
        at = find_special(at, cursor->end);
        if (at == cursor->end || *at < 0x20)
            return false;
        if (*at == '"')
            break;
        *has_escapes = true;
        if (cursor->end - at < 2)
            return false;
        at += 2; /* whatever is escaped, it does not end the string */
    }
    *string = (struct span){ cursor->at, (size_t)(at - cursor->at) };
    cursor->at = at + 1;
    return true;
}

static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* \uXXXX: its value, or -1. */
static int32_t unicode_escape(const unsigned char *at, const unsigned char *end)
{
    int32_t value = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Bytes of one escape, or 0 if it means nothing. */
static size_t escape_length(const unsigned char *at, const unsigned char *end)
{
    static const char letters[] = { '"', '\\', '/', 'b', 'f', 'n', 'r', 't' };
    if (memchr(letters, at[1], sizeof letters) != NULL)
        return 2;
    const int32_t value = unicode_escape(at, end);
    if (value <= 0 || (value >= 0xDC00 && value <= 0xDFFF))
        return 0;
    if (value < 0xD800 || value > 0xDBFF)
        return 6;
    const int32_t low = unicode_escape(at + 6, end);
    return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
}

/* Returns false if an escape means nothing. *saved: by how many bytes all of them are longer than the one code point that each means. */
static bool check_escapes(struct span string, size_t *saved)
{
    const unsigned char *at = string.bytes, *end = string.bytes + string.length;
    *saved = 0;
    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        const size_t length = escape_length(at, end);
        if (length == 0)
            return false;
        *saved += length - 1;
        at += length;
    }
    return true;
}

/* A number that jansson cannot find too large. */
static bool skip_number(struct cursor *cursor)
{
    const unsigned char *at = cursor->at, *end = cursor->end;
    if (at < end && *at == '-')
        at++;
    const unsigned char *digits = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    if (at < end && *at == '.') {
        const unsigned char *fraction = ++at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        if (at == fraction)
            return false;
    }
    if (at - digits > DIGITS_MAX)
        return false;
    cursor->at = at;
    return true;
}

static bool skip_word(struct cursor *cursor, const char *word, size_t length)
{
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
        return false;
    cursor->at += length;
    return true;
}
#define SKIP_WORD(cursor, word) skip_word(cursor, word, sizeof word - 1)

/* A value that is neither list nor object. */
static bool skip_scalar(struct cursor *cursor)
{
    struct span string;
    bool has_escapes;
    size_t saved;
    if (skip(cursor, '"'))
        return take_string(cursor, &string, &has_escapes) && (!has_escapes || check_escapes(string, &saved));
    return skip_number(cursor) || SKIP_WORD(cursor, "true") || SKIP_WORD(cursor, "false") || SKIP_WORD(cursor, "null");
}

/* A name and its colon; one that has not been there before. */
static bool take_name(struct cursor *cursor, struct span names[MEMBERS_MAX], unsigned *count)
{
    bool has_escapes;
    struct span *name = &names[*count];
    if (*count == MEMBERS_MAX || !skip(cursor, '"') || !take_string(cursor, name, &has_escapes) || has_escapes)
        return false;
    for (unsigned i = 0; i < *count; i++) {
        if (names[i].length == name->length && memcmp(names[i].bytes, name->bytes, name->length) == 0)
            return false;
    }
    ++*count;
    skip_space(cursor);
    if (!skip(cursor, ':'))
        return false;
    skip_space(cursor);
    return true;
}

static bool take_text(struct cursor *cursor, struct message *message)
{
    bool has_escapes;
    message->has_text = skip(cursor, '"') && take_string(cursor, &message->text, &has_escapes);
    return message->has_text;
}

static bool take_type(struct cursor *cursor, struct message *message)
{
    struct span type;
    bool has_escapes;
    message->is_chat_message = skip(cursor, '"') && take_string(cursor, &type, &has_escapes) && IS(type, "chat_message");
    return message->is_chat_message;
}

typedef bool take_member_fn(struct cursor *cursor, struct span name, struct message *message);

static bool take_object(struct cursor *cursor, take_member_fn *take_member, struct message *message)
{
    struct span names[MEMBERS_MAX];
    unsigned count = 0;
    if (!skip(cursor, '{'))
        return false;
    do {
        skip_space(cursor);
        if (!take_name(cursor, names, &count) || !take_member(cursor, names[count - 1], message))
            return false;
        skip_space(cursor);
    } while (skip(cursor, ','));
    return skip(cursor, '}');
}

static bool take_member_of_data(struct cursor *cursor, struct span name, struct message *message)
{
    return IS(name, "message") ? take_text(cursor, message) : skip_scalar(cursor);
}

static bool take_member(struct cursor *cursor, struct span name, struct message *message)
{
    if (IS(name, "type"))
        return take_type(cursor, message);
    if (IS(name, "data"))
        return take_object(cursor, take_member_of_data, message);
    return skip_scalar(cursor);
}

/* The text is valid UTF-8: count what is not a continuation byte. No branches, so that the compiler can look at many at once. */
static size_t count_codepoints(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += (text.bytes[i] & 0xC0) != 0x80;
    return count;
}

enum chat_text_verdict chat_text_find(struct chat_text *text, const void *utf8, size_t length)
{
    struct message message = { .is_chat_message = false };
    struct cursor cursor = { utf8, (const unsigned char *)utf8 + length };
    size_t saved;
    skip_space(&cursor);
    if (!take_object(&cursor, take_member, &message))
        return CHAT_TEXT_NONE;
    skip_space(&cursor);
    if (cursor.at != cursor.end || !message.is_chat_message || !message.has_text)
        return CHAT_TEXT_NONE;
    if (!check_escapes(message.text, &saved))
        return CHAT_TEXT_INVALID;
    *text = (struct chat_text){ .bytes = (const char *)message.text.bytes,
                                .length = message.text.length,
                                .codepoints = count_codepoints(message.text) - saved };
    return CHAT_TEXT_FOUND;
}

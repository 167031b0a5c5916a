#include "wire/chat_text.h"

#include <stdint.h>
#include <string.h>

#include "runtime/hex.h"
#include "wire/specials.h"

/* Of one object. Who sends more is better served by jansson, which looks for a name that stands there twice in a hash table. */
enum { MEMBERS_MAX = 12 };

/* Neither a 64-bit integer nor a double overflows with so few. */
enum { DIGITS_MAX = 18 };

struct span {
    const unsigned char *bytes;
    size_t length;
};

/* The request. What takes a piece of it returns what is behind it, or NULL if it is not there. */
struct input {
    const unsigned char *start, *end;
    const unsigned char *block; /* the 64 bytes that were looked at last */
    uint64_t specials;          /* of them */
    bool has_other_than_ascii;  /* in all that was looked at: every string is */
};

/* What is looked for. */
struct message {
    bool is_chat_message; /* `type` says so */
    bool has_text, has_escapes;
    struct span text;
    uint32_t n, ack;
    bool has_bad_count;
};

/* A macro, so that the compiler compares a length that it knows. */
#define IS(span, name) ((span).length == sizeof name - 1 && memcmp((span).bytes, name, sizeof name - 1) == 0)

/* Without it the compiler makes one function that is told by a pointer whose members it takes, and calls what is short. */
#define INLINE inline __attribute__((always_inline))

static INLINE const unsigned char *skip_space(const struct input *input, const unsigned char *at)
{
    while (at < input->end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static INLINE bool is_at(const struct input *input, const unsigned char *at, unsigned char byte)
{
    return at < input->end && *at == byte;
}

/* Look at 64 bytes from here, or at as many as there are. */
static void look_at(struct input *input, const unsigned char *at)
{
    const size_t left = (size_t)(input->end - at);
    struct specials specials;
    if (left >= SPECIALS_BYTES) {
        specials = specials_of(at);
    } else if ((size_t)(input->end - input->start) >= SPECIALS_BYTES) {
        specials = specials_of(input->end - SPECIALS_BYTES);
        specials.bits = left == 0 ? 0 : specials.bits >> (SPECIALS_BYTES - left);
    } else {
        unsigned char bytes[SPECIALS_BYTES] = { 0 };
        memcpy(bytes, at, left);
        specials = specials_of(bytes);
    }
    input->block = at;
    input->specials = specials.bits;
    input->has_other_than_ascii |= specials.has_other_than_ascii;
}

/* The first special byte, or the end. */
static INLINE const unsigned char *find_special(struct input *input, const unsigned char *at)
{
    while (at < input->end) {
        if ((size_t)(at - input->block) >= SPECIALS_BYTES)
            look_at(input, at);
        const uint64_t specials = input->specials >> (at - input->block);
        if (specials != 0)
            return at + __builtin_ctzll(specials);
        at = input->block + SPECIALS_BYTES;
    }
    return input->end;
}

/* A string, whose span is without its quotation marks. */
static INLINE const unsigned char *take_string(struct input *input, const unsigned char *at, struct span *string, bool *has_escapes)
{
    if (!is_at(input, at, '"'))
        return NULL;
    string->bytes = ++at;
    *has_escapes = false;
    while (at = find_special(input, at), !is_at(input, at, '"')) {
        if (input->end - at < 2 || *at != '\\')
            return NULL;
        *has_escapes = true;
        at += 2; /* whatever is escaped, it does not end the string */
    }
    string->length = (size_t)(at - string->bytes);
    return at + 1;
}

/* \uXXXX: its value, or -1. */
static int32_t unicode_escape(const unsigned char *at, const unsigned char *end)
{
    return end - at < 6 || at[0] != '\\' || at[1] != 'u' ? -1 : hex_four((const char *)at + 2);
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
static const unsigned char *skip_number(const struct input *input, const unsigned char *at)
{
    const unsigned char *end = input->end;
    if (is_at(input, at, '-'))
        at++;
    const unsigned char *digits = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    if (at == digits || (*digits == '0' && at - digits > 1))
        return NULL;
    if (is_at(input, at, '.')) {
        const unsigned char *fraction = ++at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        if (at == fraction)
            return NULL;
    }
    return at - digits > DIGITS_MAX ? NULL : at;
}

static const unsigned char *skip_word(const struct input *input, const unsigned char *at, const char *word, size_t length)
{
    return (size_t)(input->end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}
#define SKIP_WORD(input, at, word) skip_word(input, at, word, sizeof word - 1)

/* A value that is neither list nor object. */
static const unsigned char *skip_scalar(struct input *input, const unsigned char *at)
{
    struct span string;
    bool has_escapes;
    size_t saved;
    if (at == input->end)
        return NULL;
    switch (*at) {
    case '"':
        at = take_string(input, at, &string, &has_escapes);
        return at != NULL && has_escapes && !check_escapes(string, &saved) ? NULL : at;
    case 't':
        return SKIP_WORD(input, at, "true");
    case 'f':
        return SKIP_WORD(input, at, "false");
    case 'n':
        return SKIP_WORD(input, at, "null");
    default:
        return skip_number(input, at);
    }
}

/* A member that counts: a whole number of at least so much, and what fits. Else it is a bad one. */
static const unsigned char *take_count(struct input *input, const unsigned char *at, uint32_t least, uint32_t *count, bool *is_bad)
{
    const unsigned char *end = skip_scalar(input, at);
    uint64_t value = 0;
    if (end == NULL)
        return NULL;
    if (end - at == 2 && memcmp(at, "-0", 2) == 0) /* is a number, and 0 */
        at++;
    for (; at < end && value <= UINT32_MAX; at++)
        value = *at >= '0' && *at <= '9' ? value * 10 + (*at - '0') : UINT64_MAX;
    if (value < least || value > UINT32_MAX)
        *is_bad = true;
    else
        *count = (uint32_t)value;
    return end;
}

static INLINE bool spans_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || (a.bytes[0] == b.bytes[0] && memcmp(a.bytes, b.bytes, a.length) == 0));
}

/* A name and its colon; one that has not been there before. */
static INLINE const unsigned char *take_name(struct input *input, const unsigned char *at, struct span names[MEMBERS_MAX], unsigned count)
{
    bool has_escapes;
    if (count == MEMBERS_MAX || (at = take_string(input, at, &names[count], &has_escapes)) == NULL || has_escapes)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        if (spans_equal(names[i], names[count]))
            return NULL;
    }
    at = skip_space(input, at);
    return is_at(input, at, ':') ? skip_space(input, at + 1) : NULL;
}

typedef const unsigned char *take_member_fn(struct input *input, const unsigned char *at, struct span name, struct message *message);

static INLINE const unsigned char *take_object(struct input *input, const unsigned char *at, take_member_fn *take_member, struct message *message)
{
    struct span names[MEMBERS_MAX];
    unsigned count = 0;
    if (!is_at(input, at, '{'))
        return NULL;
    do {
        at = take_name(input, skip_space(input, at + 1), names, count);
        if (at == NULL || (at = take_member(input, at, names[count++], message)) == NULL)
            return NULL;
        at = skip_space(input, at);
    } while (is_at(input, at, ','));
    return is_at(input, at, '}') ? at + 1 : NULL;
}

static INLINE const unsigned char *take_member_of_data(struct input *input, const unsigned char *at, struct span name, struct message *message)
{
    if (!IS(name, "message"))
        return skip_scalar(input, at);
    message->has_text = true;
    return take_string(input, at, &message->text, &message->has_escapes);
}

static INLINE const unsigned char *take_member(struct input *input, const unsigned char *at, struct span name, struct message *message)
{
    struct span type;
    bool has_escapes;
    if (IS(name, "data"))
        return take_object(input, at, take_member_of_data, message);
    if (IS(name, "n"))
        return take_count(input, at, 1, &message->n, &message->has_bad_count);
    if (IS(name, "ack"))
        return take_count(input, at, 0, &message->ack, &message->has_bad_count);
    if (!IS(name, "type"))
        return skip_scalar(input, at);
    at = take_string(input, at, &type, &has_escapes);
    message->is_chat_message = at != NULL && IS(type, "chat_message");
    return message->is_chat_message ? at : NULL;
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
    const unsigned char *start = utf8;
    struct message message = { .is_chat_message = false };
    struct input input = { .start = start, .end = start + length };
    size_t saved = 0;
    look_at(&input, start);
    const unsigned char *at = take_object(&input, skip_space(&input, start), take_member, &message);
    if (at == NULL || skip_space(&input, at) != input.end || !message.is_chat_message || !message.has_text)
        return CHAT_TEXT_NONE;
    if (message.has_escapes && !check_escapes(message.text, &saved))
        return CHAT_TEXT_INVALID;
    const size_t codepoints = input.has_other_than_ascii ? count_codepoints(message.text) : message.text.length;
    *text = (struct chat_text){ .bytes = (const char *)message.text.bytes, .length = message.text.length, .codepoints = codepoints - saved,
                                .n = message.n, .ack = message.ack, .has_bad_count = message.has_bad_count };
    return CHAT_TEXT_FOUND;
}

#include "wire/visible.h"

#include <utf8proc.h>

#include "runtime/hex.h"

bool codepoint_is_white_space(int32_t codepoint)
{
    switch (utf8proc_category(codepoint)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return true;
    default:
        return (codepoint >= '\t' && codepoint <= '\r') || codepoint == 0x85;
    }
}

bool codepoint_is_ignorable(int32_t codepoint)
{
    /* utf8proc knows nothing of code points that nobody has been given yet. */
    if (codepoint == 0x2065 || (codepoint >= 0xFFF0 && codepoint <= 0xFFF8) || (codepoint >= 0xE0000 && codepoint <= 0xE0FFF))
        return true;
    return utf8proc_get_property(codepoint)->ignorable;
}

bool codepoint_is_visible(int32_t codepoint)
{
    if (codepoint < 0x80)
        return !(codepoint == ' ' || (codepoint >= '\t' && codepoint <= '\r'));
    /* The blank pattern of braille, the marks of annotations, a note head that is none. */
    if (codepoint == 0x2800 || (codepoint >= 0xFFF9 && codepoint <= 0xFFFB) || codepoint == 0x1D159)
        return false;
    return !codepoint_is_white_space(codepoint) && !codepoint_is_ignorable(codepoint);
}

bool text_is_visible(const char *utf8, size_t length)
{
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t codepoint;
        const utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)utf8 + at, (utf8proc_ssize_t)(length - at), &codepoint);
        if (step <= 0 || codepoint_is_visible(codepoint))
            return true;
        at += (size_t)step;
    }
    return false;
}

/* What an escape means; *at is moved behind it. */
static int32_t take_escape(const char *utf8, size_t *at)
{
    enum { HIGH_FIRST = 0xD800, HIGH_LAST = 0xDBFF, LOW_FIRST = 0xDC00, ESCAPE = 6 };
    const char letter = utf8[*at + 1];
    if (letter != 'u') {
        *at += 2;
        return letter == 'b' ? '\b' : letter == 'f' || letter == 'n' || letter == 'r' || letter == 't' ? '\n' : letter;
    }
    const int32_t value = hex_four(utf8 + *at + 2);
    *at += ESCAPE;
    if (value < HIGH_FIRST || value > HIGH_LAST)
        return value;
    const int32_t low = hex_four(utf8 + *at + 2);
    *at += ESCAPE;
    return 0x10000 + ((value - HIGH_FIRST) << 10) + (low - LOW_FIRST);
}

bool json_text_is_visible(const char *utf8, size_t length)
{
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t codepoint;
        if (utf8[at] == '\\') {
            codepoint = take_escape(utf8, &at);
        } else {
            const utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)utf8 + at, (utf8proc_ssize_t)(length - at), &codepoint);
            if (step <= 0)
                return true;
            at += (size_t)step;
        }
        if (codepoint_is_visible(codepoint))
            return true;
    }
    return false;
}

#include "wire/interests.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "wire/visible.h"

/* Folding and composing make a topic shorter, down to a quarter (mathematical letters), but not further. What is longer cannot become short enough,
 * and must not be tried: utf8proc sorts combining marks in a time that grows with the square of their number. */
enum { UNFOLDED_BYTES_MAX = 4 * TOPIC_BYTES_MAX };

enum { ZERO_WIDTH_NON_JOINER = 0x200C, ZERO_WIDTH_JOINER = 0x200D };

/* Code points of a topic that is being made. */
struct draft {
    size_t count;
    int32_t codepoints[UNFOLDED_BYTES_MAX];
};

void interests_init(struct interests *interests)
{
    interests->count = 0;
    interests->length = 0;
}

static bool is_joiner(int32_t codepoint)
{
    return codepoint == ZERO_WIDTH_JOINER || codepoint == ZERO_WIDTH_NON_JOINER;
}

static bool is_emoji(int32_t codepoint)
{
    return utf8proc_get_property(codepoint)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool is_skin_tone(int32_t codepoint)
{
    return codepoint >= 0x1F3FB && codepoint <= 0x1F3FF;
}

/* Of a script in which joiners make other words: from Arabic to Burmese, and their neighbours (Unicode, section 23.2). */
static bool is_of_joining_script(int32_t codepoint)
{
    static const struct {
        int32_t first, last;
    } scripts[] = { { 0x0600, 0x109F }, { 0x1700, 0x18AF }, { 0x1900, 0x1CFF }, { 0xA800, 0xABFF }, { 0x10A00, 0x11FFF }, { 0x1E900, 0x1E95F } };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (codepoint >= scripts[i].first && codepoint <= scripts[i].last)
            return true;
    }
    return false;
}

/* Whether the joiner at i says something: within a word of such a script, or an emoji made of several (UAX #29, rule GB11). */
static bool is_needed(const struct draft *draft, size_t i)
{
    if (i == 0 || i + 1 == draft->count)
        return false;
    const int32_t following = draft->codepoints[i + 1];
    if (is_of_joining_script(draft->codepoints[i - 1]) && is_of_joining_script(following))
        return true;
    size_t before = i - 1;
    while (before > 0 && is_skin_tone(draft->codepoints[before]))
        before--;
    return draft->codepoints[i] == ZERO_WIDTH_JOINER && is_emoji(draft->codepoints[before]) && is_emoji(following);
}

/* Returns whether any was dropped: what stood beside it may now become one. */
static bool drop_joiners(struct draft *draft)
{
    bool is_dropped[UNFOLDED_BYTES_MAX];
    size_t kept = 0;
    for (size_t i = 0; i < draft->count; i++)
        is_dropped[i] = is_joiner(draft->codepoints[i]) && !is_needed(draft, i);
    for (size_t i = 0; i < draft->count; i++) {
        if (!is_dropped[i])
            draft->codepoints[kept++] = draft->codepoints[i];
    }
    const bool has_dropped = kept < draft->count;
    draft->count = kept;
    return has_dropped;
}

/* Append; of white space one blank, and none at the beginning. Returns false if there is no room. */
static bool put(struct draft *draft, int32_t codepoint)
{
    if (codepoint_is_white_space(codepoint)) {
        if (draft->count == 0 || draft->codepoints[draft->count - 1] == ' ')
            return true;
        codepoint = ' ';
    }
    if (draft->count == UNFOLDED_BYTES_MAX)
        return false;
    draft->codepoints[draft->count++] = codepoint;
    return true;
}

/* What is seen of a text, joiners included for now. */
static enum interests_error read_draft(struct draft *draft, const utf8proc_uint8_t *utf8, size_t length)
{
    enum interests_error error = INTERESTS_OK;
    draft->count = 0;
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step = utf8proc_iterate(utf8 + at, (utf8proc_ssize_t)(length - at), &codepoint);
        if (step <= 0)
            return INTERESTS_INVALID;
        if ((!codepoint_is_ignorable(codepoint) || is_joiner(codepoint)) && !put(draft, codepoint))
            error = INTERESTS_TOPIC_TOO_LONG;
        at += (size_t)step;
    }
    if (draft->count > 0 && draft->codepoints[draft->count - 1] == ' ')
        draft->count--;
    return error;
}

/* `#music` is music; but # with a mark is what it is a part of. */
static void drop_hashes(struct draft *draft)
{
    size_t at = 0;
    while (at < draft->count && (draft->codepoints[at] == '#' || draft->codepoints[at] == ' ')) {
        const int32_t following = at + 1 < draft->count ? draft->codepoints[at + 1] : ' ';
        const utf8proc_category_t category = utf8proc_category(following);
        if (draft->codepoints[at] == '#' && (category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME))
            break;
        at++;
    }
    draft->count -= at;
    memmove(draft->codepoints, &draft->codepoints[at], draft->count * sizeof draft->codepoints[0]);
}

static size_t write_draft(const struct draft *draft, utf8proc_uint8_t utf8[4 * UNFOLDED_BYTES_MAX])
{
    size_t length = 0;
    for (size_t i = 0; i < draft->count; i++)
        length += (size_t)utf8proc_encode_char(draft->codepoints[i], utf8 + length);
    return length;
}

/* NFKC and folded, which may make blanks of other things. */
static enum interests_error fold(struct draft *draft)
{
    utf8proc_uint8_t utf8[4 * UNFOLDED_BYTES_MAX], *folded = NULL;
    const size_t length = write_draft(draft, utf8);
    if (length > UNFOLDED_BYTES_MAX)
        return INTERESTS_TOPIC_TOO_LONG;
    const utf8proc_ssize_t folded_length = utf8proc_map(utf8, (utf8proc_ssize_t)length, &folded,
                                                        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
    if (folded_length < 0)
        return INTERESTS_INVALID;
    const enum interests_error error = read_draft(draft, folded, (size_t)folded_length);
    free(folded);
    return error;
}

static bool has_topic(const struct interests *interests, const void *topic, size_t length)
{
    size_t cursor = 0;
    const char *known;
    while ((known = interests_next((const uint8_t *)interests->bytes, interests->length, &cursor)) != NULL) {
        if (strlen(known) == length && memcmp(known, topic, length) == 0)
            return true;
    }
    return false;
}

enum interests_error interests_add(struct interests *interests, const char *utf8, size_t length)
{
    struct draft draft;
    utf8proc_uint8_t topic[4 * UNFOLDED_BYTES_MAX];
    if (memchr(utf8, '\0', length) != NULL)
        return INTERESTS_INVALID;
    enum interests_error error = read_draft(&draft, (const utf8proc_uint8_t *)utf8, length);
    do {
        if (error != INTERESTS_OK)
            return error;
        error = fold(&draft);
    } while (error != INTERESTS_OK || drop_joiners(&draft));
    drop_hashes(&draft);
    const size_t topic_length = write_draft(&draft, topic);
    if (!text_is_visible((const char *)topic, topic_length) || has_topic(interests, topic, topic_length))
        return INTERESTS_OK;
    if (topic_length > TOPIC_BYTES_MAX)
        return INTERESTS_TOPIC_TOO_LONG;
    if (interests->count == INTERESTS_MAX)
        return INTERESTS_TOO_MANY;
    memcpy(interests->bytes + interests->length, topic, topic_length);
    interests->bytes[interests->length + topic_length] = '\0';
    interests->length += topic_length + 1;
    interests->count++;
    return INTERESTS_OK;
}

const char *interests_next(const uint8_t *bytes, size_t length, size_t *cursor)
{
    if (*cursor >= length)
        return NULL;
    const char *topic = (const char *)bytes + *cursor;
    const uint8_t *end = memchr(topic, '\0', length - *cursor);
    if (end == NULL)
        return NULL; /* not one of ours: never read past the end */
    *cursor = (size_t)(end - bytes) + 1;
    return topic;
}

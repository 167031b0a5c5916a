#include "wire/interests.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Folding and composing make a topic shorter, down to a third or less (the Kelvin sign, Hangul's letters, Greek ones with two marks), but not to a quarter. What is longer cannot
 * become short enough, and must not be tried: utf8proc sorts combining marks in a time that grows with the square of their number. */
enum { UNFOLDED_BYTES_MAX = 4 * TOPIC_BYTES_MAX };

void interests_init(struct interests *interests)
{
    interests->count = 0;
    interests->length = 0;
}

/* Unicode's property White_Space: the separator categories, five control characters and NEL. */
static bool is_white_space(utf8proc_int32_t codepoint)
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

/* Where the topic begins and ends without the white space around it. */
static void trim(const utf8proc_uint8_t *utf8, size_t length, size_t *begin, size_t *end)
{
    bool has_begun = false;
    *begin = *end = 0;
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step = utf8proc_iterate(utf8 + at, (utf8proc_ssize_t)(length - at), &codepoint);
        if (step <= 0) { /* no UTF-8: the caller will see */
            *end = length;
            return;
        }
        if (!is_white_space(codepoint)) {
            if (!has_begun)
                *begin = at;
            has_begun = true;
            *end = at + (size_t)step;
        }
        at += (size_t)step;
    }
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
    size_t begin, end;
    if (memchr(utf8, '\0', length) != NULL)
        return INTERESTS_INVALID;
    trim((const utf8proc_uint8_t *)utf8, length, &begin, &end);
    if (end - begin > UNFOLDED_BYTES_MAX)
        return INTERESTS_TOPIC_TOO_LONG;
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t folded_length =
        utf8proc_map((const utf8proc_uint8_t *)utf8 + begin, (utf8proc_ssize_t)(end - begin), &folded,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    if (folded_length < 0)
        return INTERESTS_INVALID;

    enum interests_error error = INTERESTS_OK;
    trim(folded, (size_t)folded_length, &begin, &end);
    size_t topic_length = end - begin;
    if (topic_length == 0 || has_topic(interests, folded + begin, topic_length))
        goto out;
    if (topic_length > TOPIC_BYTES_MAX) {
        error = INTERESTS_TOPIC_TOO_LONG;
        goto out;
    }
    if (interests->count == INTERESTS_MAX) {
        error = INTERESTS_TOO_MANY;
        goto out;
    }
    memcpy(interests->bytes + interests->length, folded + begin, topic_length);
    interests->bytes[interests->length + topic_length] = '\0';
    interests->length += topic_length + 1;
    interests->count++;
out:
    free(folded);
    return error;
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

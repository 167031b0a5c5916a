#include "options/catalogue.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct option option_catalogue[OPTIONS_COUNT] = {
#define GROUP(title)
#define NUMBER(member, flag, default_value, min, max, unit, help) \
    { flag, KIND_NUMBER, offsetof(struct options, member), min, max, default_value, NULL, unit },
#define DURATION(member, flag, default_value, min_ms, max_ms, help) \
    { flag, KIND_DURATION, offsetof(struct options, member), min_ms, max_ms, 0, default_value, "time" },
#define TEXT(member, flag, default_value, value, help) \
    { flag, KIND_TEXT, offsetof(struct options, member), 0, 0, 0, default_value, value },
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
};

static bool parse_number(const char *text, int64_t *number)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 15)
        return false;
    *number = strtoll(text, &end, 10);
    return *end == '\0';
}

static bool parse_duration(const char *text, int64_t *milliseconds)
{
    static const struct {
        const char *unit;
        int64_t milliseconds;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
    char *end;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 12)
        return false;
    int64_t number = strtoll(text, &end, 10);
    if (number == 0 && *end == '\0') { /* in any unit */
        *milliseconds = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *milliseconds = number * units[i].milliseconds;
            return true;
        }
    }
    return false;
}

static void print_duration(char *text, size_t capacity, int64_t milliseconds)
{
    if (milliseconds % 1000 == 0)
        snprintf(text, capacity, "%" PRId64 "s", milliseconds / 1000);
    else
        snprintf(text, capacity, "%" PRId64 "ms", milliseconds);
}

bool option_set(struct options *options, const struct option *option, const char *value, const char *source, char error[OPTIONS_ERROR_BYTES])
{
    void *member = (char *)options + option->offset;
    int64_t number = 0;
    char low[32], high[32];
    switch (option->kind) {
    case KIND_NUMBER:
        if (parse_number(value, &number) && number >= option->min && number <= option->max) {
            *(int64_t *)member = number;
            return true;
        }
        snprintf(error, OPTIONS_ERROR_BYTES, "%s %.40s: expected a whole number from %" PRId64 " to %" PRId64, source,
                 value, option->min, option->max);
        return false;
    case KIND_DURATION:
        if (parse_duration(value, &number) && number >= option->min && number <= option->max) {
            *(int64_t *)member = number;
            return true;
        }
        print_duration(low, sizeof low, option->min);
        print_duration(high, sizeof high, option->max);
        snprintf(error, OPTIONS_ERROR_BYTES,
                 "%s %.40s: expected a time from %s to %s, such as 500ms, 10s or 2m", source, value, low, high);
        return false;
    case KIND_TEXT:
        *(const char **)member = value;
        return true;
    }
    return false;
}

void option_set_default(struct options *options, const struct option *option)
{
    void *member = (char *)options + option->offset;
    switch (option->kind) {
    case KIND_NUMBER:
        *(int64_t *)member = option->default_number;
        break;
    case KIND_DURATION:
        parse_duration(option->default_text, member);
        break;
    case KIND_TEXT:
        *(const char **)member = option->default_text;
        break;
    }
}

const struct option *option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        if (strlen(option_catalogue[i].flag) == length && memcmp(option_catalogue[i].flag, name, length) == 0)
            return &option_catalogue[i];
    }
    return NULL;
}

/* The letters of a name, without what separates its words: RATECHAT, rate-chat and rate_chat are one. */
static size_t letters_of(const char *name, size_t length, char letters[OPTION_NAME_BYTES])
{
    size_t count = 0;
    for (size_t i = 0; i < length && count < OPTION_NAME_BYTES; i++) {
        if (name[i] != '-' && name[i] != '_')
            letters[count++] = (char)tolower((unsigned char)name[i]);
    }
    return count;
}

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t less = a < b ? a : b;
    return less < c ? less : c;
}

/* How many letters have to be put in, taken out or replaced to make one of the other (Levenshtein's distance). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[OPTION_NAME_BYTES + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

size_t option_distance(const char *name, size_t length, const char *known)
{
    char written[OPTION_NAME_BYTES], right[OPTION_NAME_BYTES];
    const size_t written_length = letters_of(name, length, written), right_length = letters_of(known, strlen(known), right);
    return distance(written, written_length, right, right_length);
}

const struct option *option_nearest(const char *name, size_t length, bool *is_near)
{
    char written[OPTION_NAME_BYTES];
    const size_t written_length = letters_of(name, length, written);
    const struct option *nearest = NULL;
    size_t least_distance = SIZE_MAX;
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        const size_t apart = option_distance(name, length, option_catalogue[i].flag);
        if (apart < least_distance) {
            least_distance = apart;
            nearest = &option_catalogue[i];
        }
    }
    *is_near = least_distance <= (written_length < 6 ? 2 : written_length / 3);
    return nearest;
}

void option_variable(const struct option *option, char name[OPTION_NAME_BYTES])
{
    size_t length = (size_t)snprintf(name, OPTION_NAME_BYTES, "CHATTERBOX_%s", option->flag);
    for (size_t i = 0; i < length; i++)
        name[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
}

#include "runtime/log_line.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "runtime/check.h"

/* One byte is kept for the end of the line; and what ends an object must always fit. */
enum { ROOM = LOG_LINE_BYTES - 1, END_BYTES = 2, ESCAPE_BYTES = 6 };

/* A format of more pairs, or a longer one, nobody writes. */
enum { PAIRS_MAX = 32, SHAPE_BYTES = 1024 };

static const char *const names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

/* syslog(3)'s numbers. */
static const char *const priorities[] = {
    [LOG_ERROR] = "<3>",
    [LOG_WARN] = "<4>",
    [LOG_INFO] = "<6>",
    [LOG_DEBUG] = "<7>",
};

const char *log_level_name(enum log_level level)
{
    return level <= LOG_DEBUG ? names[level] : NULL;
}

/* The number of bytes that snprintf() really wrote. */
static size_t written(int printed, size_t room)
{
    if (printed < 0)
        return 0;
    return (size_t)printed < room ? (size_t)printed : room - 1;
}

static size_t begin_line(char *line, struct log_form form, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    char date[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    const char *priority = form.has_priorities ? priorities[level] : "";
    const char *format = form.is_json ? "%s{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%.64s\"" : "%sts=%s.%03ldZ level=%s event=%s";
    return written(snprintf(line, ROOM, format, priority, date, now.tv_nsec / 1000000, names[level], event), ROOM);
}

/* JSON. The format says where keys and values begin and end, what is printed does not: a value may hold spaces, quotes and anything else. So they are printed with
 * a byte between them that none of the values has. */

struct shape {
    char format[SHAPE_BYTES]; /* key, mark, value, mark, key… */
    size_t marks;
    uint32_t numbers; /* one bit for each pair */
};

static void put_shape(struct shape *shape, size_t *length, char byte)
{
    CHECK(*length < SHAPE_BYTES - 1);
    shape->format[(*length)++] = byte;
    shape->format[*length] = '\0';
}

static void make_shape(struct shape *shape, const char *pairs, char mark)
{
    size_t length = 0, pair = 0;
    bool is_quoted = false, is_key = true;
    *shape = (struct shape){ .marks = 0 };
    for (const char *at = pairs; *at != '\0'; at++) {
        const bool is_end = !is_quoted && *at == ' ';
        if (is_end || (is_key && *at == '=')) {
            put_shape(shape, &length, mark);
            shape->marks++;
            is_key = is_end;
            pair += is_end ? 1 : 0;
            CHECK(pair < PAIRS_MAX);
        } else if (*at == '"') {
            is_quoted = !is_quoted;
        } else {
            put_shape(shape, &length, *at);
        }
        const bool is_last = !is_quoted && (at[1] == ' ' || at[1] == '\0');
        if (is_last && (*at == 'd' || *at == 'u') && memrchr(pairs, '%', (size_t)(at - pairs)) > memrchr(pairs, '=', (size_t)(at - pairs)))
            shape->numbers |= UINT32_C(1) << pair;
    }
}

static size_t count(const char *text, char byte)
{
    size_t found = 0;
    for (; *text != '\0'; text++)
        found += *text == byte;
    return found;
}

/* Print with a mark that no value has. Returns it, or '\0' if they have them all. */
static char print_marked(char values[LOG_LINE_BYTES], struct shape *shape, const char *pairs, va_list arguments)
{
    for (int byte = 1; byte < ' '; byte++) {
        const char mark = (char)byte;
        va_list again;
        make_shape(shape, pairs, mark);
        va_copy(again, arguments);
        const int printed = vsnprintf(values, LOG_LINE_BYTES, shape->format, again);
        va_end(again);
        const size_t found = count(values, mark);
        if (found == shape->marks || (printed >= LOG_LINE_BYTES && found < shape->marks))
            return mark;
    }
    return '\0';
}

static const char replacement[] = { '\xEF', '\xBF', '\xBD' }; /* U+FFFD */

static size_t put_string(char *line, size_t length, const char *text, size_t text_length)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    line[length++] = '"';
    for (size_t i = 0; i < text_length && length + ESCAPE_BYTES + END_BYTES <= ROOM;) {
        utf8proc_int32_t point;
        const utf8proc_ssize_t taken = utf8proc_iterate(bytes + i, (utf8proc_ssize_t)(text_length - i), &point);
        if (taken <= 0) {
            memcpy(line + length, replacement, sizeof replacement);
            length += sizeof replacement;
            i++;
            continue;
        }
        if (point < ' ') {
            length += (size_t)snprintf(line + length, ESCAPE_BYTES + 1, "\\u%04x", (unsigned)point & 0x1F);
        } else {
            if (point == '"' || point == '\\')
                line[length++] = '\\';
            memcpy(line + length, text + i, (size_t)taken);
            length += (size_t)taken;
        }
        i += (size_t)taken;
    }
    line[length++] = '"';
    return length;
}

static bool is_number(const char *text, size_t length)
{
    const size_t sign = length > 0 && text[0] == '-' ? 1 : 0;
    if (length == sign || (text[sign] == '0' && length > sign + 1))
        return false;
    for (size_t i = sign; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

/* `,"key":value`, unless the line is full: then what would not fit is left out. */
static size_t put_pair(char *line, size_t length, const char *key, size_t key_length, const char *value, size_t value_length, bool may_be_number)
{
    if (length + ESCAPE_BYTES * key_length + sizeof ",\"\":\"\"" + ESCAPE_BYTES + END_BYTES > ROOM)
        return length;
    line[length++] = ',';
    length = put_string(line, length, key, key_length);
    line[length++] = ':';
    if (!may_be_number || !is_number(value, value_length) || length + value_length + END_BYTES > ROOM)
        return put_string(line, length, value, value_length);
    memcpy(line + length, value, value_length);
    return length + value_length;
}

static size_t put_pairs(char *line, size_t length, const char *pairs, va_list arguments)
{
    char values[LOG_LINE_BYTES];
    struct shape shape;
    const char mark = print_marked(values, &shape, pairs, arguments);
    const char *const end = values + strlen(values);
    if (mark == '\0')
        return put_pair(line, length, "text", 4, values, (size_t)(end - values), false);
    const char *key = values;
    for (size_t pair = 0; key < end; pair++) {
        const char *value = memchr(key, mark, (size_t)(end - key));
        if (value++ == NULL) /* cut within a key */
            return length;
        const char *next = memchr(value, mark, (size_t)(end - value));
        const char *value_end = next != NULL ? next : end;
        length = put_pair(line, length, key, (size_t)(value - 1 - key), value, (size_t)(value_end - value), (shape.numbers >> pair & 1) != 0);
        key = next != NULL ? next + 1 : end;
    }
    return length;
}

size_t log_line(char line[LOG_LINE_BYTES], struct log_form form, enum log_level level, const char *event, const char *pairs, va_list arguments)
{
    size_t length = begin_line(line, form, level, event);
    if (form.is_json) {
        if (pairs[0] != '\0')
            length = put_pairs(line, length, pairs, arguments);
        line[length++] = '}';
    } else if (pairs[0] != '\0') {
        line[length++] = ' ';
        length += written(vsnprintf(line + length, ROOM - length, pairs, arguments), ROOM - length);
    }
    /* What came from outside must not begin a line of its own. */
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    }
    line[length++] = '\n';
    return length;
}

size_t log_print(char line[LOG_LINE_BYTES], struct log_form form, enum log_level level, const char *event, const char *pairs, ...)
{
    va_list arguments;
    va_start(arguments, pairs);
    const size_t length = log_line(line, form, level, event, pairs, arguments);
    va_end(arguments);
    return length;
}

size_t log_line_plain(char line[LOG_LINE_BYTES], struct log_form form, const char *text, size_t length)
{
    if (form.is_json)
        return log_print(line, form, LOG_ERROR, "fatal", "text=\"%.*s\"", (int)length, text);
    const char *priority = form.has_priorities ? priorities[LOG_ERROR] : "";
    return written(snprintf(line, LOG_LINE_BYTES, "%schatterbox: %.*s\n", priority, (int)length, text), LOG_LINE_BYTES);
}

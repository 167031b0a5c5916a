#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 1000, RARE_LIMIT_MS = 60000 };

static const char *const names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

bool log_level_parse(const char *name, enum log_level *level)
{
    for (enum log_level i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(names[i], name) == 0) {
            *level = i;
            return true;
        }
    }
    return false;
}

/* The number of bytes that snprintf() really wrote. */
static size_t written(int printed, size_t room)
{
    if (printed < 0)
        return 0;
    return (size_t)printed < room ? (size_t)printed : room - 1;
}

/* Begin a line in the form of all of them. Returns its length. */
static size_t begin_line(char line[LOG_LINE_BYTES], size_t room, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(line, room, "ts=%Y-%m-%dT%H:%M:%S", &utc);
    return length + written(snprintf(line + length, room - length, ".%03ldZ level=%s event=%s", now.tv_nsec / 1000000, names[level], event),
                            room - length);
}

static size_t print(char line[LOG_LINE_BYTES], enum log_level level, const char *event, const char *pairs, va_list arguments)
{
    const size_t room = LOG_LINE_BYTES - 1; /* one byte is kept for the end of the line */
    size_t length = begin_line(line, room, level, event);
    if (pairs[0] != '\0') {
        line[length++] = ' ';
        length += written(vsnprintf(line + length, room - length, pairs, arguments), room - length);
    }
    /* What came from outside must not begin a line of its own. */
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    }
    line[length++] = '\n';
    return length;
}

size_t log_print(char line[LOG_LINE_BYTES], enum log_level level, const char *event, const char *pairs, ...)
{
    va_list arguments;
    va_start(arguments, pairs);
    size_t length = print(line, level, event, pairs, arguments);
    va_end(arguments);
    return length;
}

static void put(const struct log *log, const char *line, size_t length)
{
    if (write(log->fd, line, length) != (ssize_t)length && log->lost != NULL)
        atomic_fetch_add_explicit(log->lost, 1, memory_order_relaxed); /* a count alone: it pairs with nothing */
}

void log_event(const struct log *log, enum log_level level, const char *event, const char *pairs, ...)
{
    if (level > log->level)
        return;
    char line[LOG_LINE_BYTES];
    va_list arguments;
    va_start(arguments, pairs);
    size_t length = print(line, level, event, pairs, arguments);
    va_end(arguments);
    put(log, line, length);
}

void log_plain(const struct log *log, const char *text, size_t length)
{
    char line[LOG_LINE_BYTES];
    int printed = snprintf(line, sizeof line, "chatterbox: %.*s\n", (int)length, text);
    put(log, line, written(printed, sizeof line));
}

static bool pass(struct log_limit *state, uint64_t now_ms, uint64_t period_ms, uint64_t *suppressed)
{
    if (state->last_ms != 0 && now_ms - state->last_ms < period_ms) {
        state->suppressed++;
        return false;
    }
    *suppressed = state->suppressed;
    state->suppressed = 0;
    state->last_ms = now_ms;
    return true;
}

bool log_limit_pass(struct log_limit *state, uint64_t now_ms, uint64_t *suppressed)
{
    return pass(state, now_ms, LIMIT_MS, suppressed);
}

bool log_limit_pass_rarely(struct log_limit *state, uint64_t now_ms, uint64_t *suppressed)
{
    return pass(state, now_ms, RARE_LIMIT_MS, suppressed);
}

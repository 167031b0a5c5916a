#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 1024, LIMIT_MS = 1000 };

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

void log_event(const struct log *log, enum log_level level, const char *event, const char *pairs, ...)
{
    if (level > log->level)
        return;
    char line[LINE_BYTES];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(line, sizeof line, "ts=%Y-%m-%dT%H:%M:%S", &utc);
    size_t room = sizeof line - 1; /* one byte is kept for the end of the line */
    length += written(snprintf(line + length, room - length, ".%03ldZ level=%s event=%s", now.tv_nsec / 1000000,
                               names[level], event),
                      room - length);
    if (pairs[0] != '\0') {
        line[length++] = ' ';
        va_list arguments;
        va_start(arguments, pairs);
        length += written(vsnprintf(line + length, room - length, pairs, arguments), room - length);
        va_end(arguments);
    }
    /* What came from outside must not begin a line of its own. */
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    }
    line[length++] = '\n';
    ssize_t ignored = write(log->fd, line, length); /* there is nowhere to report that the log cannot be written */
    (void)ignored;
}

bool log_limit_pass(struct log_limit *state, uint64_t now_ms, uint64_t *suppressed)
{
    if (state->last_ms != 0 && now_ms - state->last_ms < LIMIT_MS) {
        state->suppressed++;
        return false;
    }
    *suppressed = state->suppressed;
    state->suppressed = 0;
    state->last_ms = now_ms;
    return true;
}

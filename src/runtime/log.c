#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_MS = 1000, RARE_LIMIT_MS = 60000 };

bool log_level_parse(const char *name, enum log_level *level)
{
    for (enum log_level i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(log_level_name(i), name) == 0) {
            *level = i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(const char *name, struct log_form *form)
{
    form->is_json = strcmp(name, "json") == 0;
    return form->is_json || strcmp(name, "logfmt") == 0;
}

bool log_is_journal(int fd, const char *stream)
{
    struct stat file;
    char own[64];
    if (stream == NULL || fstat(fd, &file) != 0)
        return false;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    return strcmp(own, stream) == 0;
}

bool log_init(struct log *log, int fd, const char *level, const char *format)
{
    *log = (struct log){ .fd = fd, .form = { .has_priorities = log_is_journal(fd, getenv("JOURNAL_STREAM")) } };
    return log_level_parse(level, &log->level) && log_format_parse(format, &log->form);
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
    size_t length = log_line(line, log->form, level, event, pairs, arguments);
    va_end(arguments);
    put(log, line, length);
}

void log_plain(const struct log *log, const char *text, size_t length)
{
    char line[LOG_LINE_BYTES];
    put(log, line, log_line_plain(line, log->form, text, length));
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

/* log.h: logfmt lines to stderr: ts=… level=… event=… and pairs.
 *
 * Never what people write, never an address of a client, never a password.
 *
 * Threads: a struct log is read-only after init; a line is one write(2), so lines of several threads do not mix. In a server that write never waits:
 *          log_sink.h.
 */
#ifndef CHATTERBOX_RUNTIME_LOG_H
#define CHATTERBOX_RUNTIME_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum { LOG_LINE_BYTES = 1024 };

struct log {
    int fd;
    enum log_level level;
    _Atomic int64_t *lost; /* any thread counts into it the lines that could not be written; NULL: nobody wants to know */
};

/* Returns false if the name is none of error, warn, info, debug. */
bool log_level_parse(const char *name, enum log_level *level);

/* pairs is a printf format that yields `key=value key="quoted value"`, or "" for none. Lines over 1,024 bytes are cut. */
void log_event(const struct log *log, enum log_level level, const char *event, const char *pairs, ...)
    __attribute__((format(printf, 4, 5)));

/* The line alone. Returns its length. */
size_t log_print(char line[LOG_LINE_BYTES], enum log_level level, const char *event, const char *pairs, ...) __attribute__((format(printf, 4, 5)));

/* For whoever looks at why the process ends: `chatterbox: ` and the text, at any level. */
void log_plain(const struct log *log, const char *text, size_t length);

/* For events that may come in floods: lets one line a second through. state is the caller's, zeroed at first, one for each
 * event and thread; now_ms is a monotonic time. The next line that gets through should say *suppressed. */
struct log_limit {
    uint64_t last_ms;
    uint64_t suppressed;
};
bool log_limit_pass(struct log_limit *state, uint64_t now_ms, uint64_t *suppressed);

/* The same for what stays as it is until an operator does something: one line a minute. */
bool log_limit_pass_rarely(struct log_limit *state, uint64_t now_ms, uint64_t *suppressed);

#endif

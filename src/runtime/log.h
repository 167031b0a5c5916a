/* log.h: logfmt lines to stderr: ts=… level=… event=… and pairs.
 *
 * Never what people write, never an address of a client, never a password.
 *
 * Threads: a struct log is read-only after init; a line is one write(2), so lines of several threads do not mix.
 */
#ifndef CHATTERBOX_RUNTIME_LOG_H
#define CHATTERBOX_RUNTIME_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    int fd;
    enum log_level level;
};

/* Returns false if the name is none of error, warn, info, debug. */
bool log_level_parse(const char *name, enum log_level *level);

/* pairs is a printf format that yields `key=value key="quoted value"`, or "" for none. Lines over 1,024 bytes are cut. */
void log_event(const struct log *log, enum log_level level, const char *event, const char *pairs, ...)
    __attribute__((format(printf, 4, 5)));

/* For events that may come in floods: lets one line a second through. state is the caller's, zeroed at first, one for each
 * event and thread; now_ms is a monotonic time. The next line that gets through should say *suppressed. */
struct log_limit {
    uint64_t last_ms;
    uint64_t suppressed;
};
bool log_limit_pass(struct log_limit *state, uint64_t now_ms, uint64_t *suppressed);

#endif

/* log.h: lines to stderr, in a form of log_line.h's.
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

#include "runtime/log_line.h"

struct log {
    int fd;
    enum log_level level;
    struct log_form form;
    _Atomic int64_t *lost; /* any thread counts into it the lines that could not be written; NULL: nobody wants to know */
};

/* Returns false if the name is none of error, warn, info, debug. */
bool log_level_parse(const char *name, enum log_level *level);

/* Returns false if the name is none of logfmt and json. */
bool log_format_parse(const char *name, struct log_form *form);

/* Whether fd is what stream (JOURNAL_STREAM of systemd.exec(5), or NULL) says that journald reads: its device and inode. A descriptor that was sent elsewhere is none. */
bool log_is_journal(int fd, const char *stream);

/* Lines to fd, with priorities if journald reads it. Returns false if level or format is no name. */
bool log_init(struct log *log, int fd, const char *level, const char *format);

/* pairs is a printf format that yields `key=value key="quoted value"`, or "" for none. Lines over 1,024 bytes are cut. */
void log_event(const struct log *log, enum log_level level, const char *event, const char *pairs, ...)
    __attribute__((format(printf, 4, 5)));

/* For whoever looks at why the process ends: log_line_plain(), at any level. */
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

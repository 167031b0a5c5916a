/* log_line.h: what a line of the log looks like.
 *
 * logfmt:     ts=… level=… event=… and the pairs as they are printed.
 * JSON:       one object (RFC 8259) of the same members. A value is a number where its format is a decimal number, else a string, whatever it holds; bytes that are
 *             no UTF-8 become U+FFFD. A line that is cut is an object, too.
 * Priorities: `<4>` and the like at the line's beginning (sd-daemon(3)). journald takes them off.
 *
 * Threads: pure but for the clock; any.
 */
#ifndef CHATTERBOX_RUNTIME_LOG_LINE_H
#define CHATTERBOX_RUNTIME_LOG_LINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum { LOG_LINE_BYTES = 1024 };

struct log_form {
    bool is_json;
    bool has_priorities;
};

/* NULL for a number that is no level. */
const char *log_level_name(enum log_level level);

/* pairs as log_event()'s. Returns the length, with the newline. */
size_t log_line(char line[LOG_LINE_BYTES], struct log_form form, enum log_level level, const char *event, const char *pairs, va_list arguments)
    __attribute__((format(printf, 5, 0)));

/* The same with its arguments. */
size_t log_print(char line[LOG_LINE_BYTES], struct log_form form, enum log_level level, const char *event, const char *pairs, ...)
    __attribute__((format(printf, 5, 6)));

/* Last words: `chatterbox: ` and the text, or an object whose event is fatal. */
size_t log_line_plain(char line[LOG_LINE_BYTES], struct log_form form, const char *text, size_t length);

#endif

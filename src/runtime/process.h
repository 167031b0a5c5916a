/* process.h: what the system says of this process, for Prometheus, by the names that all its libraries give.
 *
 * Threads: any. It asks the system five times, and never for more than a line.
 */
#ifndef CHATTERBOX_RUNTIME_PROCESS_H
#define CHATTERBOX_RUNTIME_PROCESS_H

#include <stddef.h>

/* Room for all of it. */
enum { PROCESS_TEXT_BYTES = 2048 };

/* What is known of: process_start_time_seconds, process_cpu_seconds_total, process_resident_memory_bytes, process_max_fds, process_open_fds. Returns the length, or 0
 * if it does not fit. */
size_t process_print(char *text, size_t capacity);

#endif

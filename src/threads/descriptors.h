/* descriptors.h: how many users the process has descriptors for.
 *
 * Threads: main, before other threads start.
 */
#ifndef CHATTERBOX_THREADS_DESCRIPTORS_H
#define CHATTERBOX_THREADS_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

enum { DESCRIPTORS_ERROR_BYTES = 256 };

/* Raise the limit as far as it may be raised. *connections becomes what is wanted, or, if that is below 1, what the limit allows to so many threads, of which
 * those that listen at more than one place do it at so many more in all. On
 * false, when that is less than is wanted, error holds one line. */
bool descriptors_plan(int64_t wanted, unsigned threads, unsigned more_places, uint32_t *connections, char error[DESCRIPTORS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

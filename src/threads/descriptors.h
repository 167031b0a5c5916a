/* descriptors.h: how many users the limit of descriptors has room for.
 *
 * Threads: main, before any other.
 */
#ifndef CHATTERBOX_THREADS_DESCRIPTORS_H
#define CHATTERBOX_THREADS_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

enum { DESCRIPTORS_ERROR_BYTES = 256 };

/* Raise the soft limit to the hard one, as anybody may. wanted: --max-connections, or less than 1 for as many as possible. Returns false with one
 * line if there is no room for them. */
bool descriptors_plan(unsigned threads, int64_t wanted, uint32_t *max_connections, char error[DESCRIPTORS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

/* fuzz.h: what every target has. One file, one target: LLVMFuzzerTestOneInput() takes any bytes, and a CHECK() that fails, a sanitizer's
 * report or a time-out is a finding. With the preset fuzz libFuzzer calls it; in every other build replay.c does, with the corpus.
 */
#ifndef CHATTERBOX_TESTS_FUZZ_FUZZ_H
#define CHATTERBOX_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

/* Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line of *data, without its end, as a NUL-terminated copy of its own, so that a read past it is seen. NULL: there is none. The
 * caller frees it. */
static inline char *take_line(const uint8_t **data, size_t *size, size_t *length)
{
    if (*size == 0)
        return NULL;
    const uint8_t *end = memchr(*data, '\n', *size);
    *length = end != NULL ? (size_t)(end - *data) : *size;
    char *line = malloc(*length + 1);
    CHECK_MEMORY(line);
    memcpy(line, *data, *length);
    line[*length] = '\0';
    size_t taken = *length + (end != NULL ? 1 : 0);
    *data += taken;
    *size -= taken;
    return line;
}

static inline uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

#endif

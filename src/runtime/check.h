/* check.h: assertions about our own code that stay in release builds. */
#ifndef CHATTERBOX_RUNTIME_CHECK_H
#define CHATTERBOX_RUNTIME_CHECK_H

#include <stdio.h>
#include <stdlib.h>

/* A programmer's error: say where and stop, before a wrong message reaches anybody. */
#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            fprintf(stderr, "chatterbox: %s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                                  \
        }                                                                                             \
    } while (0)

/* The process ends when memory does: nothing that we could still promise would be kept. */
#define CHECK_MEMORY(pointer)                                 \
    do {                                                      \
        if ((pointer) == NULL) {                              \
            fputs("chatterbox: out of memory\n", stderr);     \
            abort();                                          \
        }                                                     \
    } while (0)

#endif

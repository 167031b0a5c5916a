/* interests.h: what a user likes, normalised so that equal topics are equal bytes.
 *
 * A topic is case-folded and NFKC-normalised UTF-8 of 1 to 64 bytes, in which something is to be seen. Default_Ignorable_Code_Points are
 * dropped, but for joiners within emoji and within words of scripts that need them; runs of white space are one blank, and there is none at
 * either end; leading `#` are dropped. Normalised again it stays as it is. Topics travel and are kept as a flat run of bytes, each topic followed by
 * one NUL; a topic itself holds none. `Coding`, ` coding `, `#coding` and `CODING` meet.
 *
 * Threads: pure functions; any thread.
 * Source:  the request submit_interests in README.md here; utf8proc does the Unicode.
 */
#ifndef CHATTERBOX_WIRE_INTERESTS_H
#define CHATTERBOX_WIRE_INTERESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/payload.h"

enum { INTERESTS_MAX = 10, TOPIC_BYTES_MAX = 64 };

/* A list being built. */
struct interests {
    size_t count;
    size_t length; /* bytes in use */
    char bytes[INTERESTS_MAX * (TOPIC_BYTES_MAX + 1)];
};

/* INVALID: not UTF-8, or it holds a NUL. */
enum interests_error { INTERESTS_OK, INTERESTS_INVALID, INTERESTS_TOPIC_TOO_LONG, INTERESTS_TOO_MANY };

void interests_init(struct interests *interests);

/* Normalise one topic and add it; an empty one and one that is there already are dropped, which is no error.
 * An error leaves the list as it was. */
enum interests_error interests_add(struct interests *interests, const char *utf8, size_t length)
    __attribute__((warn_unused_result));

/* Step through a flat run of topics: *cursor starts at 0. Returns the next topic, NUL-terminated, or NULL at the end. */
const char *interests_next(const uint8_t *bytes, size_t length, size_t *cursor);

#endif

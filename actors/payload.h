/* payload.h: the bytes that travel with a message.
 *
 * A payload has one owner at any time, and its ownership moves with the message that carries it.
 * What the bytes are is said by message.def:
 *   BYTES      UTF-8 text, not NUL-terminated
 *   INTERESTS  topics, as in interests.h
 *   PARTNER    the partner's user id (USER_ID_BYTES), then topics as in INTERESTS
 *
 * Threads: may be freed by another thread than the one that made it.
 */
#ifndef CHATTERBOX_PAYLOAD_H
#define CHATTERBOX_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

struct payload {
    uint32_t length;   /* bytes in use */
    uint32_t capacity; /* bytes there are */
    uint8_t bytes[];
};

/* Room for capacity bytes, length 0. Never NULL: the process ends when memory does. */
struct payload *payload_new(size_t capacity);

/* A copy of length bytes. */
struct payload *payload_copy(const void *bytes, size_t length);

/* Free and null the pointer; NULL inside is fine. */
void payload_free(struct payload **payload);

#endif

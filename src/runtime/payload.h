/* payload.h: the bytes that travel with a message.
 *
 * A payload has one owner at any time, and its ownership moves with the message that carries it.
 * What the bytes are is said by message.def:
 *   BYTES      UTF-8 text, not NUL-terminated
 *   SEEKER     the user's struct identity, then topics as in interests.h
 *   PARTNER    struct peer, then topics as in interests.h
 *   USER_IDS   user ids, one after the other
 *   RESUME     struct resume_ask of token.h; no payload: the client does not ask for it
 *   REPORT     the reporter (HASH_BYTES that tell reporters apart), then the struct identity of the reported
 *
 * Threads: may be freed by another thread than the one that made it.
 */
#ifndef CHATTERBOX_RUNTIME_PAYLOAD_H
#define CHATTERBOX_RUNTIME_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct payload {
    struct payload *next;   /* in a run: message.h */
    uint32_t length;        /* bytes in use */
    uint32_t capacity : 31; /* bytes there are */
    bool is_pooled : 1;     /* from pool.h: payload.c's */
    uint8_t bytes[];
};

/* For what is on its way: room for capacity bytes or more, length 0. Small ones come from the thread's pool. Never NULL: the
 * process ends when memory does. */
struct payload *payload_new(size_t capacity);

/* For what stays: a copy of length bytes, and no byte more. */
struct payload *payload_copy(const void *bytes, size_t length);

/* Free and null the pointer; NULL inside is fine. */
void payload_free(struct payload **payload);

/* Room for more bytes after those in use. The payload may move: *pointer is then the new one. */
static inline void payload_reserve(struct payload **pointer, size_t more)
{
    struct payload *payload = *pointer;
    if (more <= payload->capacity - payload->length)
        return;
    struct payload *grown = payload_new(((size_t)payload->length + more) * 2);
    memcpy(grown->bytes, payload->bytes, payload->length);
    grown->length = payload->length;
    payload_free(pointer);
    *pointer = grown;
}

/* Append; moves it likewise. */
static inline void payload_append(struct payload **pointer, const void *bytes, size_t length)
{
    payload_reserve(pointer, length);
    if (length > 0)
        memcpy((*pointer)->bytes + (*pointer)->length, bytes, length);
    (*pointer)->length += (uint32_t)length;
}

/* How many bytes two texts have in common at their beginnings. */
static inline size_t payload_shared(const uint8_t *one, size_t one_length, const uint8_t *other, size_t other_length)
{
    const size_t most = one_length < other_length ? one_length : other_length;
    size_t same = 0;
    uint64_t a, b;
    for (; same + sizeof a <= most; same += sizeof a) {
        memcpy(&a, one + same, sizeof a);
        memcpy(&b, other + same, sizeof b);
        if (a != b)
            break;
    }
    while (same < most && one[same] == other[same])
        same++;
    return same;
}

#endif

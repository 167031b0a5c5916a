/* ring.h: messages from one thread to one other, in order: ck_ring, with what it takes to sleep on a full one.
 *
 * Threads: put, may_sleep_on: the producer. take, is_empty, and wants_room: the consumer. new, free: main, while neither runs.
 * Ownership: a message is copied in and out, and its payload moves with it.
 */
#ifndef CHATTERBOX_RUNTIME_RING_H
#define CHATTERBOX_RUNTIME_RING_H

#include <stdbool.h>

#include "runtime/message.h"

struct ring;

/* capacity: a power of two of at least 2; one slot stays empty. */
struct ring *ring_new(unsigned capacity);

/* With every message still in it. NULL is none. */
void ring_free(struct ring *ring);

/* Returns false if it is full. */
bool ring_put(struct ring *ring, const struct message *message) __attribute__((warn_unused_result));

/* Returns false if it is empty. */
bool ring_take(struct ring *ring, struct message *message) __attribute__((warn_unused_result));

bool ring_is_empty(const struct ring *ring);

/* Whether the producer, who has announced sleep (wakeup.h), may sleep until there is room: it leaves word that it waits for it, and looks once
 * more. */
bool ring_may_sleep_on(struct ring *ring);

/* After taking: whether the producer waits for the room that there is now, and has to be signalled. It is told so once. */
bool ring_wants_room(struct ring *ring);

#endif

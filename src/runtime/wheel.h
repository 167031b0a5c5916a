/* wheel.h: many deadlines, looked at ten times a second.
 *
 * A hashed timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987, scheme 6): setting and
 * cancelling are O(1), and a connection needs three words instead of a timer.
 *
 * Threads: one.
 */
#ifndef CHATTERBOX_RUNTIME_WHEEL_H
#define CHATTERBOX_RUNTIME_WHEEL_H

#include <stdint.h>

enum { WHEEL_TICK_MS = 100, WHEEL_SLOTS = 512 };

/* Inside what has a deadline. All zero: not set. */
struct wheel_entry {
    struct wheel_entry *next, *previous;
    uint64_t tick;
};

struct wheel {
    uint64_t tick; /* all slots up to this one have been looked at */
    struct wheel_entry slots[WHEEL_SLOTS]; /* heads of rings */
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Set or move a deadline. It is met no earlier, and at most two ticks later. */
void wheel_set(struct wheel *wheel, struct wheel_entry *entry, uint64_t deadline_ms);

void wheel_cancel(struct wheel_entry *entry);

/* Call due() for each entry whose deadline has passed; the entry is no longer set by then and may be set again, and any other
 * entry may be set or cancelled. */
void wheel_advance(struct wheel *wheel, uint64_t now_ms, void (*due)(struct wheel_entry *entry, void *owner), void *owner);

#endif

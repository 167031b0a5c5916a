#include "runtime/wheel.h"

#include <stddef.h>

static void unlink_entry(struct wheel_entry *entry)
{
    entry->next->previous = entry->previous;
    entry->previous->next = entry->next;
    entry->next = entry->previous = NULL;
}

static void link_before(struct wheel_entry *head, struct wheel_entry *entry)
{
    entry->next = head;
    entry->previous = head->previous;
    head->previous->next = entry;
    head->previous = entry;
}

static void init_head(struct wheel_entry *head)
{
    head->next = head->previous = head;
}

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
    wheel->tick = now_ms / WHEEL_TICK_MS;
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        init_head(&wheel->slots[i]);
}

void wheel_set(struct wheel *wheel, struct wheel_entry *entry, uint64_t deadline_ms)
{
    wheel_cancel(entry);
    entry->tick = (deadline_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
    if (entry->tick <= wheel->tick)
        entry->tick = wheel->tick + 1;
    link_before(&wheel->slots[entry->tick % WHEEL_SLOTS], entry);
}

void wheel_cancel(struct wheel_entry *entry)
{
    if (entry->next != NULL)
        unlink_entry(entry);
}

void wheel_advance(struct wheel *wheel, uint64_t now_ms, void (*due)(struct wheel_entry *entry, void *owner), void *owner)
{
    uint64_t target = now_ms / WHEEL_TICK_MS;
    while (wheel->tick < target) {
        wheel->tick++;
        struct wheel_entry *head = &wheel->slots[wheel->tick % WHEEL_SLOTS];
        if (head->next == head)
            continue;
        /* Take the slot's ring apart first: due() may change every ring, also this one. */
        struct wheel_entry ring;
        ring.next = head->next;
        ring.previous = head->previous;
        ring.next->previous = ring.previous->next = &ring;
        init_head(head);
        while (ring.next != &ring) {
            struct wheel_entry *entry = ring.next;
            unlink_entry(entry);
            if (entry->tick <= wheel->tick)
                due(entry, owner);
            else /* a later round */
                link_before(head, entry);
        }
    }
}

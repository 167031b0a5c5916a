/* reminders.h: what session actors want to be reminded of (session_state.h's remind() and forget()): one wheel for all of a thread, whose timer runs only
 * while somebody waits.
 *
 * Threads:   the session thread's.
 * Ownership: a reminder is the host's; the actor keeps the pointer to it, which is NULL while there is none.
 */
#ifndef CHATTERBOX_THREADS_REMINDERS_H
#define CHATTERBOX_THREADS_REMINDERS_H

#include <stdint.h>
#include <uv.h>

#include "runtime/message.h"
#include "runtime/wheel.h"

struct reminder;

struct reminders {
    struct wheel wheel; /* struct reminder */
    uv_timer_t tick;
    unsigned count;
    void (*on_due)(void *owner, struct address actor);
    void *owner;
};

/* on_due: that actor's time has come; it must have its reminder forgotten, or set again. */
void reminders_init(struct reminders *reminders, uv_loop_t *loop, void (*on_due)(void *owner, struct address actor), void *owner);

/* In so long from now, instead of whenever it was. */
void reminders_set(struct reminders *reminders, struct reminder **reminder, struct address actor, uint32_t in_ms);

/* Nulls the pointer; NULL is allowed. */
void reminders_forget(struct reminders *reminders, struct reminder **reminder);

/* The timer. */
void reminders_close(struct reminders *reminders);

#endif

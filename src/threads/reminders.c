#include "threads/reminders.h"

#include <stddef.h>
#include <stdlib.h>

#include "runtime/check.h"

struct reminder {
    struct wheel_entry entry;
    struct address actor;
};

void reminders_init(struct reminders *reminders, uv_loop_t *loop, void (*on_due)(void *owner, struct address actor), void *owner)
{
    *reminders = (struct reminders){ .on_due = on_due, .owner = owner };
    uv_timer_init(loop, &reminders->tick);
    reminders->tick.data = reminders;
}

static void on_entry(struct wheel_entry *entry, void *owner)
{
    const struct reminders *reminders = owner;
    const struct reminder *reminder = (struct reminder *)((char *)entry - offsetof(struct reminder, entry));
    reminders->on_due(reminders->owner, reminder->actor);
}

static void on_tick(uv_timer_t *tick)
{
    struct reminders *reminders = tick->data;
    wheel_advance(&reminders->wheel, uv_now(tick->loop), on_entry, reminders);
}

void reminders_set(struct reminders *reminders, struct reminder **pointer, struct address actor, uint32_t in_ms)
{
    uv_loop_t *loop = reminders->tick.loop;
    uv_update_time(loop); /* a long batch may lie between the loop's time and now */
    if (*pointer == NULL) {
        *pointer = calloc(1, sizeof **pointer);
        CHECK_MEMORY(*pointer);
        if (reminders->count++ == 0) {
            wheel_init(&reminders->wheel, uv_now(loop)); /* it stood still */
            uv_timer_start(&reminders->tick, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
        }
    }
    (*pointer)->actor = actor;
    wheel_set(&reminders->wheel, &(*pointer)->entry, uv_now(loop) + in_ms);
}

void reminders_forget(struct reminders *reminders, struct reminder **pointer)
{
    if (*pointer == NULL)
        return;
    wheel_cancel(&(*pointer)->entry);
    free(*pointer);
    *pointer = NULL;
    if (--reminders->count == 0)
        uv_timer_stop(&reminders->tick);
}

void reminders_close(struct reminders *reminders)
{
    uv_close((uv_handle_t *)&reminders->tick, NULL);
}

#include "threads/watchdog.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS_PER_TIME = 2, USEC_PER_MS = 1000 };

static void begin_round(uv_timer_t *timer)
{
    struct watchdog *watchdog = timer->data;
    if (watchdog->awaited > 0 || watchdog->stopping->phase == EXITING)
        return;
    watchdog->awaited = watchdog->stopping->all.count;
    stopping_send(watchdog->stopping, PROBE, watchdog->stopping->all);
}

uint64_t watchdog_interval_ms(const char *usec, const char *pid)
{
    if (usec == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()))
        return 0;
    char *end;
    const long long time_us = strtoll(usec, &end, 10);
    if (end == usec || *end != '\0' || time_us <= 0)
        return 0;
    const uint64_t interval_ms = (uint64_t)time_us / USEC_PER_MS / ROUNDS_PER_TIME;
    return interval_ms > 0 ? interval_ms : 1;
}

void watchdog_start(struct watchdog *watchdog, struct stopping *stopping, uint64_t interval_ms)
{
    *watchdog = (struct watchdog){ .stopping = stopping };
    uv_timer_init(stopping->executor->loop, &watchdog->timer);
    watchdog->timer.data = watchdog;
    if (interval_ms > 0)
        uv_timer_start(&watchdog->timer, begin_round, 0, interval_ms);
}

void watchdog_on_probed(struct watchdog *watchdog)
{
    if (--watchdog->awaited == 0)
        notify_alive(watchdog->stopping->notify);
}

void watchdog_leave(struct watchdog *watchdog)
{
    uv_close((uv_handle_t *)&watchdog->timer, NULL);
}

/* watchdog.h: tells systemd that no thread hangs (WatchdogSec=), which else ends the service and starts it again.
 *
 * Twice in WATCHDOG_USEC main sends PROBE to all other threads. When the last one has answered, systemd is told, and not before: one thread that does
 * not come to its messages is enough for silence. A round that is not over is not followed by another one.
 *
 * Threads: main. Source: sd_watchdog_enabled(3).
 */
#ifndef CHATTERBOX_THREADS_WATCHDOG_H
#define CHATTERBOX_THREADS_WATCHDOG_H

#include "threads/stopping.h"

struct watchdog {
    struct stopping *stopping; /* whose executor, threads and systemd these are: no thread is asked that has been told to leave */
    unsigned awaited;          /* PROBED, in this round */
    uv_timer_t timer;
};

/* usec, pid: WATCHDOG_USEC and WATCHDOG_PID, or NULL. Returns how many milliseconds lie between two rounds; 0 if nobody wants to be told by this process. */
uint64_t watchdog_interval_ms(const char *usec, const char *pid);

/* The first round begins at once, if interval_ms is not 0. */
void watchdog_start(struct watchdog *watchdog, struct stopping *stopping, uint64_t interval_ms);

/* A thread has answered. */
void watchdog_on_probed(struct watchdog *watchdog);

/* Close the handles. */
void watchdog_leave(struct watchdog *watchdog);

#endif

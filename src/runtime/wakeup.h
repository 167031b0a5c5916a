/* wakeup.h: how a thread that sleeps in its loop is woken, and how the others know that it must be.
 *
 * The one subtle place. A consumer announces sleep, then looks once more whether there is something for it; a producer publishes, then
 * looks whether the consumer sleeps. Each writes one thing and then reads the other's, and a sequentially consistent fence stands between
 * the two on both sides. Of two such fences one comes first in the order that all threads agree on, so at least one of the two sees what
 * the other wrote: the consumer the message, or the producer the sleep (C11, section 7.17.3; Dekker's algorithm). Nothing else is needed, on any
 * machine: stores of `awake` itself may be as late as they like. (A ring's indexes are ck's and no C11 atomics; for them the fences count as the
 * machine's.)
 *
 *      producer                              consumer
 *      ring_put()                            wakeup_announce_sleep():  awake = false
 *      wakeup_fence()                                                  fence
 *      wakeup_if_asleep():  awake?           ring_is_empty()?
 *
 * To look first and exchange only then is what keeps the line of a thread that is awake in everybody's cache.
 *
 * An eventfd of our own, since libuv's uv_async_t has a second protocol behind it, with a flag that it spins for, which this one makes superfluous.
 *
 * Threads: open, close: main, while no other thread runs. announce_sleep, take_back: the consumer. if_asleep: any.
 * Tested:  tests/model/wakeup.pml, tests/stress/mailbox_stress.c.
 */
#ifndef CHATTERBOX_RUNTIME_WAKEUP_H
#define CHATTERBOX_RUNTIME_WAKEUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct wakeup {
    uv_poll_t poll;
    int fd; /* an eventfd */

    /* Written by all threads: true while the consumer is awake, or while a wake-up is on its way to it. */
    _Alignas(64) atomic_bool awake;
};

/* The consumer counts as awake until it first announces sleep. Returns 0 or a libuv error. The handle keeps no loop running. */
int wakeup_open(struct wakeup *wakeup, uv_loop_t *loop) __attribute__((warn_unused_result));

/* The struct must stay where it is until the loop has run once more. */
void wakeup_close(struct wakeup *wakeup);

/* From here on producers signal. To be followed by a look at everything that they might have published. */
void wakeup_announce_sleep(struct wakeup *wakeup);

/* They need not any more. */
void wakeup_take_back(struct wakeup *wakeup);

/* After something was published, before wakeup_if_asleep() (once for several of them). */
static inline void wakeup_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

/* Signal the consumer, unless it is awake or has been signalled. Returns whether it did. */
bool wakeup_if_asleep(struct wakeup *wakeup);

#endif

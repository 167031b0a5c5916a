#include "runtime/wakeup.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_signal(uv_poll_t *poll, int status, int events)
{
    struct wakeup *wakeup = (struct wakeup *)poll;
    (void)status;
    (void)events;
    uint64_t count;
    /* The poll has returned, which is all that was wanted; this ends the signal. */
    ssize_t length = read(wakeup->fd, &count, sizeof count);
    (void)length;
}

int wakeup_open(struct wakeup *wakeup, uv_loop_t *loop)
{
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wakeup->fd < 0)
        return uv_translate_sys_error(errno);
    int error = uv_poll_init(loop, &wakeup->poll, wakeup->fd);
    if (error != 0) {
        close(wakeup->fd);
        return error;
    }
    uv_poll_start(&wakeup->poll, UV_READABLE, on_signal);
    uv_unref((uv_handle_t *)&wakeup->poll);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    close(((struct wakeup *)handle)->fd);
}

void wakeup_close(struct wakeup *wakeup)
{
    uv_close((uv_handle_t *)&wakeup->poll, on_closed);
}

void wakeup_announce_sleep(struct wakeup *wakeup)
{
    atomic_store_explicit(&wakeup->awake, false, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst); /* pairs with wakeup_fence() */
}

void wakeup_take_back(struct wakeup *wakeup)
{
    /* A producer that still sees false merely signals once more than needed. */
    atomic_store_explicit(&wakeup->awake, true, memory_order_relaxed);
}

bool wakeup_if_asleep(struct wakeup *wakeup)
{
    /* The exchange is for the other producers: one of all those who see that it sleeps does what costs a system call. */
    if (atomic_load_explicit(&wakeup->awake, memory_order_relaxed) ||
        atomic_exchange_explicit(&wakeup->awake, true, memory_order_relaxed))
        return false;
    const uint64_t one = 1;
    /* It can only fail for being signalled 2^64 times without having been read: then it is readable. */
    ssize_t written = write(wakeup->fd, &one, sizeof one);
    (void)written;
    return true;
}

#include "threads/stopping.h"

#include "threads/departures.h"

/* What systemd gives beyond the time that a step may take. */
enum { GRACE_MS = 5000 };

void stopping_send(struct stopping *stopping, enum message_type type, struct stopping_threads threads)
{
    for (unsigned i = 0; i < threads.count; i++)
        executor_send(stopping->executor, &(struct message){ .type = (uint16_t)type, .to = address_of_thread(threads.first + i) });
}

static void enter_phase(struct stopping *stopping, enum stopping_phase phase);

static void drain(struct stopping *stopping, struct stopping_threads threads)
{
    stopping->awaited = threads.count;
    stopping_send(stopping, DRAIN, threads);
    if (threads.count == 0)
        enter_phase(stopping, stopping->phase + 1);
}

static void enter_phase(struct stopping *stopping, enum stopping_phase phase)
{
    stopping->phase = phase;
    switch (phase) {
    case SERVING:
        break;
    case ANNOUNCED:
        notify_stopping(stopping->notify, "Serves until --drain-delay is over", stopping->options->drain_delay_ms + GRACE_MS);
        stopping_send(stopping, LEAVING, stopping->io);
        break;
    case EMPTYING:
        notify_stopping(stopping->notify, "Lets chats end until --drain-time is over", stopping->options->drain_time_ms + GRACE_MS);
        stopping->awaited = stopping->sessions.count;
        stopping_send(stopping, LAST_CALL, stopping->io);
        stopping_send(stopping, LAST_CALL, stopping->sessions);
        break;
    case DRAINING_IO:
        notify_stopping(stopping->notify, "Says good-bye", stopping->options->drain_timeout_ms + GRACE_MS);
        drain(stopping, stopping->io);
        break;
    case DRAINING_SESSIONS:
        drain(stopping, stopping->sessions);
        break;
    case DRAINING_MATCHER:
        drain(stopping, stopping->matcher);
        break;
    case DRAINING_BUS:
        drain(stopping, stopping->bus);
        break;
    case EXITING:
        stopping_send(stopping, EXIT, stopping->all);
        break;
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct stopping *stopping = timer->data;
    log_event(stopping->log, LOG_WARN, "drain_timeout", "phase=%d awaited=%u", (int)stopping->phase, stopping->awaited);
    if (stopping->phase != EXITING)
        enter_phase(stopping, EXITING);
}

/* Somebody does not answer the close, or cannot be told that its partner has left. */
static void on_last_departure_late(uv_timer_t *timer)
{
    stopping_begin(timer->data);
}

static void on_closing_time(uv_timer_t *timer)
{
    struct stopping *stopping = timer->data;
    const int64_t last_ms = DEPARTURES_SPREAD_MS + stopping->options->drain_timeout_ms;
    log_event(stopping->log, LOG_INFO, "closing_time", "for_ms=%lld", (long long)last_ms);
    notify_stopping(stopping->notify, "Closes the chats that are left", last_ms + GRACE_MS);
    stopping_send(stopping, CLOSING_TIME, stopping->sessions);
    uv_timer_start(timer, on_last_departure_late, (uint64_t)last_ms, 0);
}

/* The delay is over, or there is none. */
static void empty(struct stopping *stopping)
{
    const int64_t time_ms = stopping->options->drain_time_ms;
    if (time_ms == 0) {
        stopping_begin(stopping);
        return;
    }
    log_event(stopping->log, LOG_INFO, "last_call", "for_ms=%lld", (long long)time_ms);
    enter_phase(stopping, EMPTYING);
    uv_timer_start(&stopping->timer, on_closing_time, (uint64_t)time_ms, 0);
}

static void on_delay_over(uv_timer_t *timer)
{
    empty(timer->data);
}

void stopping_init(struct stopping *stopping)
{
    stopping->phase = SERVING;
    uv_timer_init(stopping->executor->loop, &stopping->timer);
    stopping->timer.data = stopping;
}

void stopping_ask(struct stopping *stopping)
{
    const int64_t delay_ms = stopping->options->drain_delay_ms;
    if (stopping->phase != SERVING) {
        stopping_begin(stopping);
        return;
    }
    if (delay_ms == 0) {
        empty(stopping);
        return;
    }
    log_event(stopping->log, LOG_INFO, "stop_announced", "for_ms=%lld", (long long)delay_ms);
    enter_phase(stopping, ANNOUNCED);
    uv_timer_start(&stopping->timer, on_delay_over, (uint64_t)delay_ms, 0);
}

void stopping_begin(struct stopping *stopping)
{
    if (stopping->phase > EMPTYING)
        return;
    certificate_close(stopping->certificate);
    uv_timer_start(&stopping->timer, on_timeout, (uint64_t)stopping->options->drain_timeout_ms, 0);
    enter_phase(stopping, DRAINING_IO);
}

void stopping_on_deserted(struct stopping *stopping)
{
    if (stopping->phase == EMPTYING && --stopping->awaited == 0)
        stopping_begin(stopping);
}

void stopping_on_drained(struct stopping *stopping)
{
    if (stopping->phase != EXITING && --stopping->awaited == 0)
        enter_phase(stopping, stopping->phase + 1);
}

void stopping_leave(struct stopping *stopping)
{
    uv_close((uv_handle_t *)&stopping->timer, NULL);
}

#include "threads/stopping.h"

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
        notify_stopping(stopping->notify, "Serves until --drain-delay is over");
        stopping_send(stopping, LEAVING, stopping->io);
        break;
    case DRAINING_IO:
        notify_stopping(stopping->notify, "Says good-bye");
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

static void on_delay_over(uv_timer_t *timer)
{
    stopping_begin(timer->data);
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
    if (stopping->phase != SERVING || delay_ms == 0) {
        stopping_begin(stopping);
        return;
    }
    log_event(stopping->log, LOG_INFO, "stop_announced", "for_ms=%lld", (long long)delay_ms);
    enter_phase(stopping, ANNOUNCED);
    uv_timer_start(&stopping->timer, on_delay_over, (uint64_t)delay_ms, 0);
}

void stopping_begin(struct stopping *stopping)
{
    if (stopping->phase > ANNOUNCED)
        return;
    certificate_close(stopping->certificate);
    uv_timer_start(&stopping->timer, on_timeout, (uint64_t)stopping->options->drain_timeout_ms, 0);
    enter_phase(stopping, DRAINING_IO);
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

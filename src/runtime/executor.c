#include "runtime/executor.h"

#include <pthread.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/pool.h"

/* Messages delivered before the sockets get their turn. */
enum { BATCH = 1024 };

static void close_own_handles(struct executor *executor)
{
    uv_close((uv_handle_t *)&executor->prepare, NULL);
    uv_close((uv_handle_t *)&executor->check, NULL);
    uv_close((uv_handle_t *)&executor->idle, NULL);
}

/* Let the owner finish, and hand over what it has caused. Returns true if there may be more to do. */
static bool end_turn(struct executor *executor)
{
    if (executor->handler->on_turn_end != NULL)
        executor->handler->on_turn_end(executor->owner);
    bool had_staged = mailbox_staged(executor->mailbox) > 0;
    /* An owner that waits for the last staged message to go, in order to end, has not seen it gone. */
    bool has_news = mailbox_flush(executor->mailbox) && had_staged;
    return has_news || (executor->handler->has_work != NULL && executor->handler->has_work(executor->owner));
}

/* Deliver a batch of messages. Returns true if there may be more to do. */
static bool run_batch(struct executor *executor)
{
    size_t delivered = mailbox_drain(executor->mailbox, BATCH, executor->handler->on_message, executor->owner);
    bool has_more = end_turn(executor);
    return has_more || delivered >= BATCH;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* an active idle handle keeps the poll from blocking */
}

/* Returns true if there may be more to do. */
static bool end_turn_again(struct executor *executor)
{
    /* An owner that drains concludes from a turn without messages that all rings are empty (matcher_thread.c), so they are looked at. */
    return executor->is_draining ? run_batch(executor) : end_turn(executor) || executor->has_more;
}

static bool prepare_sleep(struct executor *executor)
{
    if (!mailbox_prepare_sleep(executor->mailbox))
        return false;
    if (executor->guest == NULL || mailbox_prepare_sleep(executor->guest->mailbox))
        return true;
    mailbox_wake(executor->mailbox);
    return false;
}

static void leave(struct executor *executor)
{
    executor->handler->on_exit(executor->owner);
    mailbox_flush(executor->mailbox);
}

/* The loop's time is that of its last poll, so one look at the clock is enough. */
static void count_turn(struct executor *executor)
{
    enum { NANOSECONDS_PER_MS = 1000000 };
    if (executor->turn_began_ms != 0)
        mailbox_count_turn(executor->mailbox, uv_hrtime() / NANOSECONDS_PER_MS - executor->turn_began_ms);
}

/* Before the poll, after timers: it may block only if there is nothing to do and the senders know that they must signal. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct executor *executor = prepare->data;
    bool has_more = end_turn_again(executor);
    if (executor->guest != NULL)
        has_more |= end_turn_again(executor->guest);
    if (executor->guest != NULL && executor->guest->is_exiting) {
        leave(executor->guest);
        executor->guest = NULL;
    }
    if (executor->is_exiting && executor->guest == NULL) {
        leave(executor);
        close_own_handles(executor);
        return;
    }
    count_turn(executor);
    if (has_more || !prepare_sleep(executor))
        uv_idle_start(&executor->idle, on_idle);
    else
        uv_idle_stop(&executor->idle);
}

/* After the poll and the callbacks of the sockets. */
static void on_check(uv_check_t *check)
{
    struct executor *executor = check->data;
    executor->turn_began_ms = uv_now(executor->loop);
    mailbox_wake(executor->mailbox);
    if (executor->guest != NULL) {
        mailbox_wake(executor->guest->mailbox);
        mailbox_flush(executor->mailbox); /* what the sockets have brought */
        executor->guest->has_more = run_batch(executor->guest);
    }
    executor->has_more = run_batch(executor);
}

/* Both are awake to each other until the next poll, so nobody signals. Neither's turn ends here: that comes after the poll, as always. */
void executor_serve_guest(struct executor *host)
{
    struct executor *guest = host->guest;
    if (guest == NULL)
        return;
    mailbox_wake(host->mailbox);
    mailbox_wake(guest->mailbox);
    mailbox_flush(host->mailbox);
    mailbox_drain(guest->mailbox, BATCH, guest->handler->on_message, guest->owner);
    mailbox_flush(guest->mailbox);
    mailbox_drain(host->mailbox, BATCH, host->handler->on_message, host->owner);
}

int executor_init(struct executor *executor, struct mailbox *mailbox, const struct executor_handler *handler, void *owner)
{
    *executor = (struct executor){ .mailbox = mailbox, .handler = handler, .owner = owner };
    int error = uv_loop_init(&executor->own_loop);
    if (error != 0)
        return error;
    executor->loop = &executor->own_loop;
    error = mailbox_attach(mailbox, executor->loop);
    if (error != 0) {
        uv_loop_close(executor->loop);
        return error;
    }
    uv_prepare_init(executor->loop, &executor->prepare);
    uv_check_init(executor->loop, &executor->check);
    uv_idle_init(executor->loop, &executor->idle);
    executor->prepare.data = executor;
    executor->check.data = executor;
    executor->idle.data = executor;
    return 0;
}

int executor_init_guest(struct executor *guest, struct mailbox *mailbox, const struct executor_handler *handler, void *owner,
                        struct executor *host)
{
    CHECK(host->guest == NULL && !host->is_started);
    *guest = (struct executor){ .mailbox = mailbox, .handler = handler, .owner = owner, .loop = host->loop, .is_guest = true };
    int error = mailbox_attach(mailbox, host->loop);
    if (error == 0)
        host->guest = guest;
    return error;
}

bool executor_init_or_log(struct executor *executor, struct mailbox *mailbox, const struct executor_handler *handler, void *owner,
                          const struct log *log, struct executor *host)
{
    int error = host != NULL ? executor_init_guest(executor, mailbox, handler, owner, host) : executor_init(executor, mailbox, handler, owner);
    if (error != 0)
        log_event(log, LOG_ERROR, "executor_failed", "error=\"%s\"", uv_strerror(error));
    return error == 0;
}

void executor_run(struct executor *executor)
{
    uv_prepare_start(&executor->prepare, on_prepare);
    uv_check_start(&executor->check, on_check);
    if (executor->handler->on_start != NULL)
        executor->handler->on_start(executor->owner);
    if (executor->guest != NULL)
        executor->guest->handler->on_start(executor->guest->owner);
    uv_run(executor->loop, UV_RUN_DEFAULT);
}

static void run_thread(void *argument)
{
    executor_run(argument);
    pool_empty();
}

int executor_start(struct executor *executor, const char *name)
{
    if (executor->is_guest)
        return 0;
    int error = uv_thread_create(&executor->thread, run_thread, executor);
    if (error != 0)
        return error;
    executor->is_started = true;
    pthread_setname_np(executor->thread, name);
    return 0;
}

bool executor_send(struct executor *executor, const struct message *message)
{
    return mailbox_send(executor->mailbox, message);
}

void executor_tell_drained(struct executor *executor)
{
    if (executor->has_drained)
        return;
    executor->has_drained = true;
    executor_send(executor, &(struct message){ .type = DRAINED, .to = address_of_thread(THREAD_MAIN) });
}

void executor_drain(struct executor *executor, bool has_something_left)
{
    if (executor->is_draining && !executor->has_drained && !has_something_left && mailbox_flush(executor->mailbox))
        executor_tell_drained(executor);
}

void executor_rest(struct executor *executor, unsigned microseconds)
{
    mailbox_flush(executor->mailbox);
    usleep(microseconds);
}

void executor_exit(struct executor *executor)
{
    executor->is_exiting = true;
}

void executor_obey(struct executor *executor, enum message_type order)
{
    if (order == PROBE)
        executor_send(executor, &(struct message){ .type = PROBED, .to = address_of_thread(THREAD_MAIN) });
    else if (order == DRAIN)
        executor->is_draining = true;
    else if (order == EXIT)
        executor_exit(executor);
}

void executor_join(struct executor *executor)
{
    if (executor->is_started)
        uv_thread_join(&executor->thread);
    executor->is_started = false;
}

void executor_fini(struct executor *executor)
{
    mailbox_detach(executor->mailbox);
    if (executor->is_guest)
        return;
    /* One that never ran still has its handles. */
    if (!uv_is_closing((uv_handle_t *)&executor->prepare))
        close_own_handles(executor);
    uv_run(executor->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(executor->loop) == 0);
}

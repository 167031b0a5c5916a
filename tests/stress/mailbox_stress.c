/* mailbox_stress.c: a conservation law for mailboxes and executors.
 *
 * Every thread sends numbered messages with payloads to every thread it may talk to, in bursts between random pauses, so that
 * receivers fall asleep and are woken all the time. Each receiver checks that numbers come in order from each sender. In the end all that was sent
 * has been received; in a second run the threads are stopped with messages in flight, and what was not received is
 * freed with the rings (LeakSanitizer watches).
 *
 * With --guests 1 every other worker is the guest of the one before it (executor.h).
 *
 *   mailbox_stress [--capacity N] [--messages N] [--seed N] [--threads N] [--guests 0|1] [--patience-ms N]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/executor.h"

enum { WORKERS_MAX = 8, BURST_MAX = 64 };

/* Between any two sessions, between any two I/O threads, and both ways between the two kinds. */
static const enum message_type types[2][2] = {
    { TEXT_WRITTEN, CLIENT_TEXT }, /* from I/O to I/O, to session */
    { EVENT_TEXT, PEER_TEXT },     /* from session to I/O, to session */
};

struct worker {
    struct executor executor;
    unsigned thread;
    unsigned workers;
    uint64_t random;
    uint64_t to_send;                       /* to each receiver */
    uint64_t sent[WORKERS_MAX + 1];         /* by receiver's thread */
    uint64_t received[WORKERS_MAX + 1];     /* by sender's thread */
    bool has_reported;
    uv_timer_t pause;
};

struct control {
    struct executor executor;
    unsigned workers;
    unsigned done;
    bool must_stop_early;
    uint64_t patience_ms; /* with what has not arrived by then */
    uv_timer_t stop;
    uv_timer_t deadline;
};

static uint64_t next_random(struct worker *worker)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return worker->random >> 33;
}

static int kind_of(unsigned thread)
{
    return thread % 2; /* odd threads are sessions */
}

static void send_one(struct worker *worker, unsigned to)
{
    uint64_t number = ++worker->sent[to];
    enum message_type type = types[kind_of(worker->thread)][kind_of(to)];
    /* Now and then another receiver, so that there are runs of all lengths. */
    struct message message = { .type = (uint16_t)type,
                               .to = { .generation = 1 + next_random(worker) % 4 / 3, .thread = (uint8_t)to } };
    message.payload = payload_new(sizeof number + next_random(worker) % 100);
    memcpy(message.payload->bytes, &number, sizeof number);
    message.payload->length = sizeof number;
    executor_send(&worker->executor, &message);
}

static bool has_finished(const struct worker *worker)
{
    for (unsigned other = 1; other <= worker->workers; other++) {
        if (worker->sent[other] < worker->to_send || worker->received[other] < worker->to_send)
            return false;
    }
    return true;
}

static void report_when_finished(struct worker *worker)
{
    if (worker->has_reported || !has_finished(worker))
        return;
    worker->has_reported = true;
    executor_send(&worker->executor, &(struct message){ .type = DRAINED, .to = address_of_thread(THREAD_MAIN) });
}

static void on_pause_over(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    uint64_t burst = 1 + next_random(worker) % BURST_MAX;
    bool has_more = false;
    for (unsigned to = 1; to <= worker->workers; to++) {
        for (uint64_t i = 0; i < burst && worker->sent[to] < worker->to_send; i++)
            send_one(worker, to);
        has_more |= worker->sent[to] < worker->to_send;
    }
    if (has_more)
        uv_timer_start(&worker->pause, on_pause_over, next_random(worker) % 8 == 0 ? 1 : 0, 0);
    report_when_finished(worker);
}

static void worker_on_start(void *owner)
{
    struct worker *worker = owner;
    uv_timer_init(worker->executor.loop, &worker->pause);
    worker->pause.data = worker;
    uv_timer_start(&worker->pause, on_pause_over, 0, 0);
}

static void worker_on_message(void *owner, struct message *message)
{
    struct worker *worker = owner;
    if (message->type == EXIT) {
        executor_exit(&worker->executor);
        return;
    }
    unsigned from = message->from.thread;
    struct payload *payload;
    while ((payload = message_take_payload(message)) != NULL) {
        uint64_t number;
        memcpy(&number, payload->bytes, sizeof number);
        if (number != worker->received[from] + 1) {
            printf("mailbox_stress: thread %u expected message %llu of thread %u and got %llu\n", worker->thread,
                   (unsigned long long)worker->received[from] + 1, from, (unsigned long long)number);
            exit(1);
        }
        worker->received[from] = number;
        payload_free(&payload);
    }
    report_when_finished(worker);
}

static void worker_on_exit(void *owner)
{
    struct worker *worker = owner;
    uv_close((uv_handle_t *)&worker->pause, NULL);
}

static const struct executor_handler worker_handler = {
    .on_start = worker_on_start, .on_message = worker_on_message, .on_exit = worker_on_exit
};

static void stop_all(struct control *control)
{
    for (unsigned thread = 1; thread <= control->workers; thread++)
        executor_send(&control->executor, &(struct message){ .type = EXIT, .to = address_of_thread(thread) });
    uv_close((uv_handle_t *)&control->stop, NULL);
    uv_close((uv_handle_t *)&control->deadline, NULL);
    executor_exit(&control->executor);
}

static void on_stop(uv_timer_t *timer)
{
    stop_all(timer->data);
}

static void on_deadline(uv_timer_t *timer)
{
    struct control *control = timer->data;
    printf("mailbox_stress: a message is stranded: %u of %u threads have not received everything\n",
           control->workers - control->done, control->workers);
    exit(1);
}

static void control_on_start(void *owner)
{
    struct control *control = owner;
    uv_timer_init(control->executor.loop, &control->stop);
    uv_timer_init(control->executor.loop, &control->deadline);
    control->stop.data = control->deadline.data = control;
    if (control->must_stop_early)
        uv_timer_start(&control->stop, on_stop, 20, 0);
    uv_timer_start(&control->deadline, on_deadline, control->patience_ms, 0);
}

static void control_on_message(void *owner, struct message *message)
{
    struct control *control = owner;
    if (message->type == DRAINED && ++control->done == control->workers && !control->must_stop_early)
        stop_all(control);
}

static void control_on_exit(void *owner)
{
    (void)owner;
}

static const struct executor_handler control_handler = {
    .on_start = control_on_start, .on_message = control_on_message, .on_exit = control_on_exit
};

static uint64_t run(unsigned workers, bool has_guests, unsigned capacity, uint64_t messages, uint64_t seed, uint64_t patience_ms, bool must_stop_early)
{
    enum thread_role roles[WORKERS_MAX + 1] = { ROLE_MAIN };
    for (unsigned thread = 1; thread <= workers; thread++)
        roles[thread] = kind_of(thread) ? ROLE_SESSION : ROLE_IO;
    struct exchange *exchange = exchange_new(roles, workers + 1, capacity);
    struct control *control = calloc(1, sizeof *control);
    struct worker *all = calloc(workers, sizeof *all);
    CHECK_MEMORY(control);
    CHECK_MEMORY(all);
    control->workers = workers;
    control->must_stop_early = must_stop_early;
    control->patience_ms = patience_ms;
    CHECK(executor_init(&control->executor, exchange_mailbox(exchange, 0), &control_handler, control) == 0);
    for (unsigned i = 0; i < workers; i++) {
        all[i].thread = i + 1;
        all[i].workers = workers;
        all[i].random = seed + i;
        all[i].to_send = messages;
        struct mailbox *box = exchange_mailbox(exchange, i + 1);
        if (has_guests && i % 2 == 1)
            CHECK(executor_init_guest(&all[i].executor, box, &worker_handler, &all[i], &all[i - 1].executor) == 0);
        else
            CHECK(executor_init(&all[i].executor, box, &worker_handler, &all[i]) == 0);
    }
    for (unsigned i = 0; i < workers; i++)
        CHECK(executor_start(&all[i].executor, "worker") == 0);
    executor_run(&control->executor);
    uint64_t received = 0, sent = 0;
    for (unsigned i = 0; i < workers; i++)
        executor_join(&all[i].executor);
    for (unsigned i = workers; i-- > 0;) { /* guests before their hosts */
        for (unsigned other = 1; other <= workers; other++) {
            received += all[i].received[other];
            sent += all[i].sent[other];
        }
        executor_fini(&all[i].executor);
    }
    executor_fini(&control->executor);
    exchange_free(&exchange);
    free(all);
    free(control);
    if (!must_stop_early && sent != received) {
        printf("mailbox_stress: %llu sent, %llu received\n", (unsigned long long)sent, (unsigned long long)received);
        exit(1);
    }
    return received;
}

int main(int argc, char **argv)
{
    unsigned capacity = 4096, threads = 6;
    uint64_t messages = 30000, seed = 1, patience_ms = 240000;
    bool has_guests = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned long value = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--capacity") == 0)
            capacity = (unsigned)value;
        else if (strcmp(argv[i], "--messages") == 0)
            messages = value;
        else if (strcmp(argv[i], "--seed") == 0)
            seed = value;
        else if (strcmp(argv[i], "--threads") == 0)
            threads = (unsigned)value;
        else if (strcmp(argv[i], "--guests") == 0)
            has_guests = value != 0;
        else if (strcmp(argv[i], "--patience-ms") == 0)
            patience_ms = value;
    }
    CHECK(threads >= 1 && threads <= WORKERS_MAX);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    uint64_t received = run(threads, has_guests, capacity, messages, seed, patience_ms, false);
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (unsigned i = 0; i < 20; i++)
        run(threads, has_guests, capacity, UINT64_MAX, seed + i, patience_ms, true);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("mailbox_stress: capacity %u: %llu messages in order in %.2f s; 20 stops in mid-flight\n", capacity,
           (unsigned long long)received, seconds);
    return 0;
}

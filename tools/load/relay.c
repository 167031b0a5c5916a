/* load relay: users in pairs who write to each other, each the next message when one has been heard (closed loop), or all together at a
 * rate (open loop).
 */
#include "load/relay.h"

#include <inttypes.h>
#include <stdio.h>

#include "load/report.h"
#include "load/requests.h"
#include "load/user.h"

static void on_relay_chat(struct user *user, const char *text, size_t length)
{
    struct load *load = user->load;
    size_t message_length;
    unsigned writer;
    uint64_t number, when_ns;
    const char *message = find_member(text, length, "message", &message_length);
    if (message == NULL || sscanf(message, "%u %" SCNu64 " %" SCNu64, &writer, &number, &when_ns) != 3) {
        load->errors++;
        return;
    }
    if (user->partner == 0)
        user->partner = writer + 1;
    if (user->partner != writer + 1)
        load->misdelivered++;
    else if (number <= user->received)
        load->doubled++;
    else
        load->lost += number - user->received - 1;
    user->received = number;
    struct user *other = &load->users[writer];
    other->in_flight--;
    if (load->is_measuring) {
        load->received++;
        histogram_add(&load->latency, now_ns() - when_ns);
    }
    if (load->options->rate == 0 && !load->is_over)
        user_write_chat(other, now_ns());
}

static void on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    struct load *load = user->load;
    switch (kind) {
    case EVENT_CONNECTED:
        load->connecting--;
        load->connected++;
        user_submit(user, "\"load %u\"", user->index / 2);
        break;
    case EVENT_SUCCESS:
        user_search(user);
        break;
    case EVENT_NO_MATCH:
        break;
    case EVENT_MATCHED:
        if (user->step == STEP_CONNECTING) { /* a server that does nothing else */
            load->connecting--;
            load->connected++;
        }
        user->step = STEP_CHATTING;
        load->ready++;
        break;
    case EVENT_CHAT:
        on_relay_chat(user, text, length);
        break;
    case EVENT_PARTNER_LEFT:
    case EVENT_ERROR:
        load->errors++;
        break;
    case EVENT_CLOSED:
        load->closed += !load->is_over;
        break;
    }
}

static bool is_set_up(const struct run *run)
{
    return run->load.ready == run->options.users;
}

/* Open loop: what should have been sent by now is, with the time at which it should have been. */
static void on_pace(uv_timer_t *timer)
{
    struct run *run = timer->data;
    uint64_t began = run->load.users[0].began_ns; /* of pacing, see start_traffic() */
    double interval_ns = 1e9 / run->options.rate;
    uint64_t due = (uint64_t)((double)(now_ns() - began) / interval_ns);
    while (run->paced < due && !run->load.is_over) {
        struct user *user = &run->load.users[run->paced % run->options.users];
        user_write_chat(user, began + (uint64_t)((double)run->paced * interval_ns));
        run->paced++;
    }
    load_flush(&run->load);
}

static void start_traffic(struct run *run)
{
    if (run->options.rate > 0) {
        run->load.users[0].began_ns = now_ns();
        uv_timer_start(&run->pace, on_pace, 1, 1);
    } else {
        for (unsigned i = 0; i < run->options.users; i++) {
            for (unsigned w = 0; w < run->options.window; w++)
                user_write_chat(&run->load.users[i], now_ns());
        }
        load_flush(&run->load);
    }
    run_warm_up(run);
}

static void print(const struct run *run, double seconds)
{
    const struct load *load = &run->load;
    report_histogram("latency", &load->latency);
    printf(",\"messages\":%" PRIu64 ",\"messages_per_second\":%.0f", load->received, (double)load->received / seconds);
    if (run->server_cpu > 0)
        printf(",\"messages_per_cpu_second\":%.0f", (double)load->received / run->server_cpu);
}

const struct mode relay_mode = { .name = "relay",
                                 .on_event = on_event,
                                 .begin = run_set_up,
                                 .is_set_up = is_set_up,
                                 .on_set_up = start_traffic,
                                 .print = print,
                                 .is_rate = true };

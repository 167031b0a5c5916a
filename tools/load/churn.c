/* load churn: whole sessions, one after the other: connect, interests, match, three messages each way, end, close. */
#include "load/churn.h"

#include <stdio.h>

#include "load/report.h"
#include "load/requests.h"
#include "load/user.h"

enum { CHURN_MESSAGES = 3 };

static void on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    static const char end_chat[] = "{\"type\":\"end_chat\"}";
    struct load *load = user->load;
    (void)text;
    (void)length;
    switch (kind) {
    case EVENT_CONNECTED:
        if (load->is_measuring)
            histogram_add(&load->connect_latency, now_ns() - user->began_ns);
        user_submit(user, "\"load %u\"", user->index / 2);
        break;
    case EVENT_SUCCESS:
        if (user->step == STEP_SUBMITTED)
            user_search(user);
        else
            user_close(user);
        break;
    case EVENT_NO_MATCH:
        break;
    case EVENT_MATCHED:
        if (load->is_measuring)
            histogram_add(&load->match_latency, now_ns() - user->began_ns);
        user->step = STEP_CHATTING;
        for (int i = 0; i < CHURN_MESSAGES; i++)
            user_write_chat(user, now_ns());
        break;
    case EVENT_CHAT:
        load->received++;
        /* The one with the even number ends it, when it has heard everything. */
        if (++user->received == CHURN_MESSAGES && user->index % 2 == 0) {
            user_send(user, end_chat, sizeof end_chat - 1);
            user->step = STEP_DONE;
        }
        break;
    case EVENT_PARTNER_LEFT:
        load->lost += CHURN_MESSAGES - user->received;
        user_close(user);
        break;
    case EVENT_ERROR:
        load->errors++;
        break;
    case EVENT_CLOSED:
        if (load->is_measuring)
            load->sessions++;
        if (!load->is_over)
            user_connect(user);
        break;
    }
}

/* All at once. Who has left comes back immediately, so there is no moment to wait for at which all are set up. */
static void begin(struct run *run)
{
    while (run->load.next < run->options.users)
        run_connect_next(run);
    run_warm_up(run);
}

static void print(const struct run *run, double seconds)
{
    const struct load *load = &run->load;
    report_histogram("connect", &load->connect_latency);
    report_histogram("match", &load->match_latency);
    printf(",\"sessions_per_second\":%.0f", (double)load->sessions / seconds);
    if (run->server_cpu > 0)
        printf(",\"sessions_per_cpu_second\":%.0f", (double)load->sessions / run->server_cpu);
}

const struct mode churn_mode = { .name = "churn", .on_event = on_event, .begin = begin, .print = print, .is_rate = true };

/* load idle and load wait: users who are there and do nothing, after their interests or in a search that finds nobody; what each of
 * them costs the server in memory.
 */
#include "load/idle.h"

#include <stdio.h>

#include "load/report.h"
#include "load/requests.h"
#include "load/user.h"

/* What both have in common; is_there: this event is the last that a user waits for. */
static void on_event(struct user *user, enum event_kind kind, bool is_there)
{
    struct load *load = user->load;
    if (is_there) {
        load->connecting--;
        load->connected++;
    } else if (kind == EVENT_CONNECTED) {
        histogram_add(&load->connect_latency, now_ns() - user->began_ns);
    } else if (kind == EVENT_CLOSED) {
        load->closed += !load->is_over;
    } else {
        load->errors++;
    }
}

static void idle_on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    (void)text;
    (void)length;
    on_event(user, kind, kind == EVENT_SUCCESS);
    if (kind == EVENT_CONNECTED)
        user_submit(user, "\"music\",\"load %u\",\"mine %u\"", user->index % 1000, user->index % 1000);
}

static void wait_on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    (void)text;
    (void)length;
    if (kind == EVENT_SUCCESS) {
        user_search(user);
        return;
    }
    on_event(user, kind, kind == EVENT_NO_MATCH);
    if (kind == EVENT_CONNECTED)
        user_submit(user, "\"alone %u\"", user->index);
}

static bool is_set_up(const struct run *run)
{
    return run->load.connected == run->options.users;
}

static void print(const struct run *run, double seconds)
{
    (void)seconds;
    report_histogram("connect", &run->load.connect_latency);
    printf(",\"pss_bytes_per_user\":%.0f", (double)(run->pss_after - run->pss_before) * 1024 / run->options.users);
}

const struct mode idle_mode = { .name = "idle",
                                .on_event = idle_on_event,
                                .begin = run_set_up,
                                .is_set_up = is_set_up,
                                .on_set_up = run_begin_measuring,
                                .print = print };

const struct mode wait_mode = { .name = "wait",
                                .on_event = wait_on_event,
                                .begin = run_set_up,
                                .is_set_up = is_set_up,
                                .on_set_up = run_begin_measuring,
                                .print = print };

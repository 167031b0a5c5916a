#include "load/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "load/fail.h"
#include "load/process.h"
#include "load/user.h"

enum { CONNECTING_MAX = 200, WARM_UP_MS = 500, SET_UP_MS = 20 };

void run_connect_next(struct run *run)
{
    struct load *load = &run->load;
    struct user *user = &load->users[load->next];
    user->index = load->next++;
    user->load = load;
    user_connect(user);
}

static void connect_more(struct run *run)
{
    struct load *load = &run->load;
    while (load->next < run->options.users && load->connecting < CONNECTING_MAX) {
        load->connecting++;
        run_connect_next(run);
    }
}

static void on_check(uv_check_t *check)
{
    struct run *run = check->data;
    if (!run->load.is_over)
        connect_more(run);
    load_flush(&run->load);
}

static void finish(uv_timer_t *timer)
{
    struct run *run = timer->data;
    struct load *load = &run->load;
    run->end_ns = now_ns();
    run->server_cpu = processes_cpu_seconds(&run->options.servers) - run->server_cpu;
    run->own_cpu = process_own_cpu_seconds() - run->own_cpu;
    run->pss_after = processes_pss_kib(&run->options.servers);
    load->is_measuring = false;
    load->is_over = true;
    uv_stop(load->loop);
}

void run_begin_measuring(struct run *run)
{
    run->begin_ns = now_ns();
    run->server_cpu = processes_cpu_seconds(&run->options.servers);
    run->own_cpu = process_own_cpu_seconds();
    run->load.is_measuring = true;
    uv_timer_start(&run->phase, finish, (uint64_t)(run->options.seconds * 1000), 0);
}

static void on_warm(uv_timer_t *timer)
{
    run_begin_measuring(timer->data);
}

void run_warm_up(struct run *run)
{
    uv_timer_start(&run->phase, on_warm, WARM_UP_MS, 0);
}

static void on_setup(uv_timer_t *timer)
{
    struct run *run = timer->data;
    if (run->load.closed > 0)
        load_fail("the server closed a connection");
    if (run->options.mode->is_set_up(run)) {
        uv_timer_stop(&run->phase);
        run->options.mode->on_set_up(run);
    }
}

void run_set_up(struct run *run)
{
    connect_more(run);
    uv_timer_start(&run->phase, on_setup, SET_UP_MS, SET_UP_MS);
}

static void on_progress(uv_timer_t *timer)
{
    struct run *run = timer->data;
    const struct load *load = &run->load;
    fprintf(stderr, "load %s: %u connected, %" PRIu64 " messages/s, %" PRIu64 " sessions, %" PRIu64 " errors\n",
            run->options.mode->name, load->connected, load->received - run->reported, load->sessions, load->errors);
    run->reported = load->received;
}

void run_go(struct run *run)
{
    struct load *load = &run->load;
    load->loop = uv_default_loop();
    load->options = &run->options;
    load->users = calloc(run->options.users, sizeof *load->users);
    if (load->users == NULL)
        load_fail("out of memory");
    load->on_event = run->options.mode->on_event;
    run->pss_before = processes_pss_kib(&run->options.servers);
    uv_timer_init(load->loop, &run->phase);
    uv_timer_init(load->loop, &run->progress);
    uv_timer_init(load->loop, &run->pace);
    uv_check_init(load->loop, &run->check);
    run->phase.data = run->progress.data = run->pace.data = run->check.data = run;
    uv_check_start(&run->check, on_check);
    uv_timer_start(&run->progress, on_progress, 1000, 1000);
    run->options.mode->begin(run);
    uv_run(load->loop, UV_RUN_DEFAULT);
}

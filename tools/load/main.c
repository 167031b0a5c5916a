/* load: what does the server cost, and how late is it?
 *
 *   load idle   users who submitted interests: connect latency, server memory for each (PSS)
 *   load relay  users in pairs who write to each other: closed loop with a window, or open loop at a rate, with the latency
 *               from the time a message should have been sent, so that a stall is not hidden
 *   load churn  whole sessions: connect, interests, match, three messages each way, end, close
 *   load wait   users who search, each under an interest that nobody shares, for --seconds
 *
 * Prints a progress line each second to stderr and one JSON line to stdout at the end. Loopback only, unless --host says otherwise.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"

enum { CONNECTING_MAX = 200, CHURN_MESSAGES = 3, WARM_UP_MS = 500 };

static const char *const mode_names[MODES] = { [MODE_IDLE] = "idle", [MODE_RELAY] = "relay", [MODE_CHURN] = "churn", [MODE_WAIT] = "wait" };

/* Steps of a user. */
enum { STEP_CONNECTING, STEP_SUBMITTED, STEP_SEARCHING, STEP_CHATTING, STEP_DONE };

struct run {
    struct load load;
    struct options options;
    uv_timer_t phase, progress, pace;
    uv_check_t check;
    uint64_t begin_ns, end_ns;
    double server_cpu, own_cpu; /* seconds, at begin; then spent */
    long pss_before, pss_after; /* KiB */
    uint64_t reported;
    uint64_t paced; /* messages that should have been sent */
    unsigned ready;
};

static void fail(const char *why)
{
    fprintf(stderr, "load: %s\n", why);
    exit(2);
}

static double server_cpu_seconds(int pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = pid > 0 ? fopen(path, "r") : NULL;
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) != NULL) {
        const char *after_name = strrchr(line, ')');
        if (after_name != NULL)
            sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    }
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long server_pss_kib(int pid)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = pid > 0 ? fopen(path, "r") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Pss: %ld kB", &kib) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    return kib;
}

/* What users say. */

static void submit(struct user *user, unsigned topic)
{
    char text[160];
    int length = snprintf(text, sizeof text,
                          "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"music\",\"load %u\",\"mine %u\"]}}", topic,
                          topic);
    if (user->load->options->mode != MODE_IDLE)
        length = snprintf(text, sizeof text, "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"%s %u\"]}}",
                          user->load->options->mode == MODE_WAIT ? "alone" : "load", topic);
    user_send(user, text, (size_t)length);
    user->step = STEP_SUBMITTED;
}

static void search(struct user *user)
{
    static const char text[] = "{\"type\":\"start_matching\"}";
    user->began_ns = now_ns();
    user->step = STEP_SEARCHING;
    user->sent = user->received = 0;
    user_send(user, text, sizeof text - 1);
}

/* "<writer> <number> <when>", filled up to the size asked for. */
static void write_chat(struct user *user, uint64_t when_ns)
{
    char text[2400];
    const struct options *options = user->load->options;
    int length = snprintf(text, sizeof text, "{\"type\":\"chat_message\",\"data\":{\"message\":\"%u %" PRIu64 " %" PRIu64,
                          user->index, ++user->sent, when_ns);
    const int before = (int)strlen("{\"type\":\"chat_message\",\"data\":{\"message\":\"");
    while (length - before < (int)options->size)
        text[length++] = 'x';
    memcpy(text + length, "\"}}", 3);
    user->in_flight++;
    user->load->sent++;
    user_send(user, text, (size_t)length + 3);
}

/* relay */

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
        write_chat(other, now_ns());
}

static void relay_on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    struct load *load = user->load;
    struct run *run = (struct run *)load;
    switch (kind) {
    case EVENT_CONNECTED:
        load->connecting--;
        load->connected++;
        submit(user, user->index / 2);
        break;
    case EVENT_SUCCESS:
        search(user);
        break;
    case EVENT_NO_MATCH:
        break;
    case EVENT_MATCHED:
        if (user->step == STEP_CONNECTING) { /* a server that does nothing else */
            load->connecting--;
            load->connected++;
        }
        user->step = STEP_CHATTING;
        run->ready++;
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

/* idle, wait */

static void wait_on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    struct load *load = user->load;
    (void)text;
    (void)length;
    if (kind == EVENT_CONNECTED) {
        histogram_add(&load->connect_latency, now_ns() - user->began_ns);
        submit(user, user->index);
    } else if (kind == EVENT_SUCCESS) {
        search(user);
    } else if (kind == EVENT_NO_MATCH) {
        load->connecting--;
        load->connected++;
    } else if (kind == EVENT_CLOSED) {
        load->closed += !load->is_over;
    } else {
        load->errors++;
    }
}

static void idle_on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    struct load *load = user->load;
    (void)text;
    (void)length;
    if (kind == EVENT_CONNECTED) {
        histogram_add(&load->connect_latency, now_ns() - user->began_ns);
        submit(user, user->index % 1000);
    } else if (kind == EVENT_SUCCESS) {
        load->connecting--;
        load->connected++;
    } else if (kind == EVENT_CLOSED) {
        load->closed += !load->is_over;
    } else {
        load->errors++;
    }
}

/* churn */

static void churn_on_event(struct user *user, enum event_kind kind, const char *text, size_t length)
{
    static const char end_chat[] = "{\"type\":\"end_chat\"}";
    struct load *load = user->load;
    (void)text;
    (void)length;
    switch (kind) {
    case EVENT_CONNECTED:
        if (load->is_measuring)
            histogram_add(&load->connect_latency, now_ns() - user->began_ns);
        submit(user, user->index / 2);
        break;
    case EVENT_SUCCESS:
        if (user->step == STEP_SUBMITTED)
            search(user);
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
            write_chat(user, now_ns());
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

/* The course of a run. */

static void connect_more(struct run *run)
{
    struct load *load = &run->load;
    while (load->next < run->options.users && load->connecting < CONNECTING_MAX) {
        struct user *user = &load->users[load->next];
        user->index = load->next++;
        user->load = load;
        load->connecting++;
        user_connect(user);
    }
}

static void on_check(uv_check_t *check)
{
    struct run *run = check->data;
    if (!run->load.is_over && run->options.mode != MODE_CHURN)
        connect_more(run);
    load_flush(&run->load);
}

static void finish(uv_timer_t *timer)
{
    struct run *run = timer->data;
    struct load *load = &run->load;
    run->end_ns = now_ns();
    run->server_cpu = server_cpu_seconds(run->options.pid) - run->server_cpu;
    run->own_cpu = own_cpu_seconds() - run->own_cpu;
    run->pss_after = server_pss_kib(run->options.pid);
    load->is_measuring = false;
    load->is_over = true;
    uv_stop(load->loop);
}

static void begin_measuring(uv_timer_t *timer)
{
    struct run *run = timer->data;
    run->begin_ns = now_ns();
    run->server_cpu = server_cpu_seconds(run->options.pid);
    run->own_cpu = own_cpu_seconds();
    run->load.is_measuring = true;
    uv_timer_start(&run->phase, finish, (uint64_t)(run->options.seconds * 1000), 0);
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
        write_chat(user, began + (uint64_t)((double)run->paced * interval_ns));
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
                write_chat(&run->load.users[i], now_ns());
        }
        load_flush(&run->load);
    }
    uv_timer_start(&run->phase, begin_measuring, WARM_UP_MS, 0);
}

static void on_setup(uv_timer_t *timer)
{
    struct run *run = timer->data;
    enum mode mode = run->options.mode;
    if (run->load.closed > 0)
        fail("the server closed a connection");
    if (mode == MODE_RELAY && run->ready == run->options.users) {
        uv_timer_stop(&run->phase);
        start_traffic(run);
    } else if (mode != MODE_RELAY && run->load.connected == run->options.users) {
        uv_timer_stop(&run->phase);
        begin_measuring(timer);
    }
}

static void on_progress(uv_timer_t *timer)
{
    struct run *run = timer->data;
    const struct load *load = &run->load;
    fprintf(stderr, "load %s: %u connected, %" PRIu64 " messages/s, %" PRIu64 " sessions, %" PRIu64 " errors\n",
            mode_names[run->options.mode], load->connected, load->received - run->reported, load->sessions, load->errors);
    run->reported = load->received;
}

static void print_histogram(const char *name, const struct histogram *histogram)
{
    printf(",\"%s_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}", name,
           (double)histogram_quantile(histogram, 0.5) / 1e3, (double)histogram_quantile(histogram, 0.9) / 1e3,
           (double)histogram_quantile(histogram, 0.99) / 1e3, (double)histogram_quantile(histogram, 0.999) / 1e3,
           (double)histogram->max / 1e3);
}

static int report(const struct run *run)
{
    const struct load *load = &run->load;
    double seconds = (double)(run->end_ns - run->begin_ns) / 1e9;
    double own_share = run->own_cpu / seconds;
    bool is_churn = run->options.mode == MODE_CHURN, is_idle = !is_churn && run->options.mode != MODE_RELAY;
    uint64_t wrong = load->lost + load->doubled + load->misdelivered + load->errors + load->closed;
    printf("{\"mode\":\"%s\",\"users\":%u,\"seconds\":%.2f,\"server_cpu_seconds\":%.2f,\"load_cpu_share\":%.2f",
           mode_names[run->options.mode], run->options.users, seconds, run->server_cpu, own_share);
    if (is_idle) {
        print_histogram("connect", &load->connect_latency);
        printf(",\"pss_bytes_per_user\":%.0f", (double)(run->pss_after - run->pss_before) * 1024 / run->options.users);
    } else if (is_churn) {
        print_histogram("connect", &load->connect_latency);
        print_histogram("match", &load->match_latency);
        printf(",\"sessions_per_second\":%.0f", (double)load->sessions / seconds);
        if (run->server_cpu > 0)
            printf(",\"sessions_per_cpu_second\":%.0f", (double)load->sessions / run->server_cpu);
    } else {
        print_histogram("latency", &load->latency);
        printf(",\"messages\":%" PRIu64 ",\"messages_per_second\":%.0f", load->received, (double)load->received / seconds);
        if (run->server_cpu > 0)
            printf(",\"messages_per_cpu_second\":%.0f", (double)load->received / run->server_cpu);
    }
    printf(",\"lost\":%" PRIu64 ",\"doubled_or_reordered\":%" PRIu64 ",\"misdelivered\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"closed\":%" PRIu64 ",\"load_is_bottleneck\":%s}\n",
           load->lost, load->doubled, load->misdelivered, load->errors, load->closed, own_share > 0.9 ? "true" : "false");
    if (own_share > 0.9 && !is_idle)
        fprintf(stderr, "load: this generator used a whole core: the rate is its own limit, not the server's\n");
    return wrong == 0 ? 0 : 1;
}

static double number(const char *flag, const char *text, double min, double max)
{
    char *end, line[128];
    double value = text != NULL ? strtod(text, &end) : 0;
    if (text == NULL || *end != '\0' || value < min || value > max) {
        snprintf(line, sizeof line, "%s: expected a number from %g to %g", flag, min, max);
        fail(line);
    }
    return value;
}

static enum protocol protocol(const char *name)
{
    static const char *const names[] = { "chatterbox", "websocket", "raw" };
    for (int i = PROTOCOL_CHATTERBOX; i <= PROTOCOL_RAW; i++) {
        if (name != NULL && strcmp(names[i], name) == 0)
            return (enum protocol)i;
    }
    fail("--protocol: expected chatterbox, websocket or raw");
    return PROTOCOL_CHATTERBOX;
}

static const char *host(const char *address)
{
    struct sockaddr_in parsed;
    if (address == NULL || uv_ip4_addr(address, 0, &parsed) != 0)
        fail("--host: expected an IPv4 address");
    return address;
}

#define FLAGS "--host, --port, --protocol, --users, --seconds, --window, --rate, --size or --pid"

static void parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){ .host = "127.0.0.1", .port = 8000, .users = 200, .seconds = 5, .window = 1, .size = 64 };
    while (options->mode < MODES && (argc < 2 || strcmp(argv[1], mode_names[options->mode]) != 0))
        options->mode++;
    if (options->mode == MODES)
        fail("expected idle, relay, churn or wait; then " FLAGS);
    for (int i = 2; i < argc; i += 2) {
        const char *flag = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(flag, "--host") == 0)
            options->host = host(value);
        else if (strcmp(flag, "--port") == 0)
            options->port = (int)number(flag, value, 1, 65535);
        else if (strcmp(flag, "--protocol") == 0)
            options->protocol = protocol(value);
        else if (strcmp(flag, "--users") == 0)
            options->users = (unsigned)number(flag, value, 2, 100000) & ~1u;
        else if (strcmp(flag, "--seconds") == 0)
            options->seconds = number(flag, value, 0.1, 3600);
        else if (strcmp(flag, "--window") == 0)
            options->window = (unsigned)number(flag, value, 1, 16);
        else if (strcmp(flag, "--rate") == 0)
            options->rate = number(flag, value, 0, 1e8);
        else if (strcmp(flag, "--size") == 0)
            options->size = (unsigned)number(flag, value, 40, 2000);
        else if (strcmp(flag, "--pid") == 0)
            options->pid = (int)number(flag, value, 1, 1e9);
        else
            fail("unknown flag; expected " FLAGS);
    }
    /* One loopback address has ports for 28,000 connections. */
    options->sources = strncmp(options->host, "127.", 4) == 0 ? 1 + options->users / 10000 : 0;
}

int main(int argc, char **argv)
{
    static struct run run;
    struct rlimit limit;
    parse(&run.options, argc, argv);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    struct load *load = &run.load;
    load->loop = uv_default_loop();
    load->options = &run.options;
    load->users = calloc(run.options.users, sizeof *load->users);
    if (load->users == NULL)
        fail("out of memory");
    static void (*const on_event[MODES])(struct user *, enum event_kind, const char *, size_t) = {
        [MODE_IDLE] = idle_on_event, [MODE_RELAY] = relay_on_event, [MODE_CHURN] = churn_on_event, [MODE_WAIT] = wait_on_event
    };
    load->on_event = on_event[run.options.mode];
    run.pss_before = server_pss_kib(run.options.pid);
    uv_timer_init(load->loop, &run.phase);
    uv_timer_init(load->loop, &run.progress);
    uv_timer_init(load->loop, &run.pace);
    uv_check_init(load->loop, &run.check);
    run.phase.data = run.progress.data = run.pace.data = run.check.data = &run;
    uv_check_start(&run.check, on_check);
    uv_timer_start(&run.progress, on_progress, 1000, 1000);
    if (run.options.mode == MODE_CHURN) {
        for (unsigned i = 0; i < run.options.users; i++) {
            load->users[i].index = i;
            load->users[i].load = load;
            user_connect(&load->users[i]);
        }
        uv_timer_start(&run.phase, begin_measuring, WARM_UP_MS, 0);
    } else {
        connect_more(&run);
        uv_timer_start(&run.phase, on_setup, 20, 20);
    }
    uv_run(load->loop, UV_RUN_DEFAULT);
    return report(&run);
}

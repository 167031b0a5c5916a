/* chatterbox-echo: the server's network code with an actor behind it that says everything back, text and binary, so that suites which
 * test WebSocket servers with an echo can be run against the very path that every frame of a chat takes.
 *
 *     main ── signals
 *      ├── io-0 …   sockets: src/net/, as in chatterbox
 *      └── echo     in the place of the session threads
 *
 * Takes chatterbox's flags, and serves the same paths; --max-message is 16 MiB unless set, and the write queue holds all that credits let in.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission/identity.h"
#include "net/entrances.h"
#include "options.h"
#include "runtime/check.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "threads/io_thread.h"

enum { IO_THREADS_MAX = 8, THREADS = 2 + IO_THREADS_MAX, CONNECTIONS_MAX = 1000 };
enum { FIRST_IO_THREAD = 1 };

struct echo {
    struct executor executor;
    unsigned connections;
};

struct harness {
    struct options options;
    struct log log;
    struct identity_key identity_key; /* all zero: the echo does not care who it is */
    struct networks trusted_proxies;  /* none */
    struct executor executor; /* main's own */
    struct exchange *exchange;
    struct metrics *metrics;
    unsigned io_threads, echo_thread;
    struct net *io[IO_THREADS_MAX];
    struct echo echo;
    uv_signal_t terminate;
    unsigned awaited; /* DRAINED */
    bool is_exiting;
    int exit_status;
};

/* The echo. An actor is nothing but an address: that of its connection, on this thread. */

static struct address actor_of(const struct echo *echo, struct address connection)
{
    connection.thread = (uint8_t)mailbox_thread(echo->executor.mailbox);
    return connection;
}

static void echo_on_message(void *owner, struct message *message)
{
    struct echo *echo = owner;
    struct message answer = { .to = message->from };
    switch ((enum message_type)message->type) {
    case CONN_OPENED:
        echo->connections++;
        answer.type = CONN_ACCEPTED;
        answer.from = actor_of(echo, message->from);
        executor_send(&echo->executor, &answer);
        message_discard(message); /* whoever wants to be able to come back: nobody is */
        break;
    case CLIENT_TEXT:
        answer.type = EVENT_TEXT;
        answer.payload = message->payload;
        answer.more = message->more;
        answer.event.writer = message->from;
        answer.event.is_binary = message->client_text.is_binary;
        executor_send(&echo->executor, &answer);
        break;
    case CONN_GONE:
        echo->connections--;
        if (message->conn_close.code != 0) {
            answer.type = CONN_CLOSE;
            answer.conn_close.code = message->conn_close.code;
            executor_send(&echo->executor, &answer);
        }
        break;
    case DRAIN:
        echo->executor.is_draining = true;
        break;
    case EXIT:
        executor_exit(&echo->executor);
        break;
    default: /* the I/O threads and main send nothing else */
        message_discard(message);
        break;
    }
}

static void echo_on_turn_end(void *owner)
{
    struct echo *echo = owner;
    executor_drain(&echo->executor, echo->connections > 0);
}

static void echo_nothing(void *owner)
{
    (void)owner; /* no handles of its own */
}

static const struct executor_handler echo_handler = {
    .on_start = echo_nothing,
    .on_message = echo_on_message,
    .on_turn_end = echo_on_turn_end,
    .on_exit = echo_nothing,
};

/* main. */

static void send_to_all(struct harness *harness, enum message_type type)
{
    for (unsigned thread = FIRST_IO_THREAD; thread <= harness->echo_thread; thread++)
        executor_send(&harness->executor, &(struct message){ .type = (uint16_t)type, .to = address_of_thread(thread) });
}

static void on_message(void *owner, struct message *message)
{
    struct harness *harness = owner;
    if (message->type == FATAL) {
        fprintf(stderr, "chatterbox-echo: %.*s\n", (int)message->payload->length, (const char *)message->payload->bytes);
        harness->exit_status = 1;
    }
    if (message->type == FATAL || --harness->awaited == 0) {
        harness->is_exiting = true;
        send_to_all(harness, EXIT);
    }
    message_discard(message);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct harness *harness = handle->data;
    log_event(&harness->log, LOG_INFO, "stopping", "signal=%d", signal);
    uv_signal_stop(handle); /* a second one ends the process */
    harness->awaited = harness->io_threads + 1;
    send_to_all(harness, DRAIN);
}

static void on_turn_end(void *owner)
{
    struct harness *harness = owner;
    mailbox_flush(harness->executor.mailbox);
    if (harness->is_exiting && mailbox_staged(harness->executor.mailbox) == 0)
        executor_exit(&harness->executor);
}

static void on_exit_loop(void *owner)
{
    struct harness *harness = owner;
    uv_close((uv_handle_t *)&harness->terminate, NULL);
}

static const struct executor_handler handler = {
    .on_start = echo_nothing,
    .on_message = on_message,
    .on_turn_end = on_turn_end,
    .on_exit = on_exit_loop,
};

/* chatterbox's flags, with other defaults: what comes later on a command line wins. */
static void parse_flags(struct harness *harness, int argc, char *argv[])
{
    static char *const defaults[] = { "--max-message=16777216", "--write-queue=1073741824", "--io-threads=1", "--allowed-origins=*" };
    enum { DEFAULTS = sizeof defaults / sizeof defaults[0] };
    char **all = calloc((size_t)argc + DEFAULTS + 1, sizeof *all);
    CHECK_MEMORY(all);
    all[0] = argv[0];
    memcpy(all + 1, defaults, sizeof defaults);
    memcpy(all + 1 + DEFAULTS, argv + 1, ((size_t)argc - 1) * sizeof *all);
    char error[OPTIONS_ERROR_BYTES] = "only flags that begin to serve make sense here";
    if (options_parse(&harness->options, argc + DEFAULTS, all, environ, options_read_file, error) != OPTIONS_RUN) {
        fprintf(stderr, "chatterbox-echo: %s\n", error);
        exit(2);
    }
    free(all);
    int64_t io_threads = harness->options.io_threads;
    harness->io_threads = (unsigned)(io_threads < IO_THREADS_MAX ? io_threads : IO_THREADS_MAX);
    harness->echo_thread = FIRST_IO_THREAD + harness->io_threads;
}

static void open_threads(struct harness *harness, const struct entrances *entrances)
{
    enum thread_role roles[THREADS] = { [THREAD_MAIN] = ROLE_MAIN };
    for (unsigned i = 0; i < harness->io_threads; i++)
        roles[FIRST_IO_THREAD + i] = ROLE_IO;
    roles[harness->echo_thread] = ROLE_SESSION;
    const unsigned threads = harness->echo_thread + 1;
    harness->exchange = exchange_new(roles, threads, (unsigned)harness->options.ring_capacity);
    harness->metrics = aligned_alloc(64, threads * sizeof *harness->metrics);
    CHECK_MEMORY(harness->metrics);
    memset(harness->metrics, 0, threads * sizeof *harness->metrics);

    CHECK(executor_init(&harness->executor, exchange_mailbox(harness->exchange, THREAD_MAIN), &handler, harness) == 0);
    uv_signal_init(harness->executor.loop, &harness->terminate);
    harness->terminate.data = harness;
    CHECK(executor_init(&harness->echo.executor, exchange_mailbox(harness->exchange, harness->echo_thread), &echo_handler,
                        &harness->echo) == 0);
    for (unsigned i = 0; i < harness->io_threads; i++) {
        struct io_thread_config config = {
            .options = &harness->options,
            .log = &harness->log,
            .identity_key = &harness->identity_key,
            .trusted_proxies = &harness->trusted_proxies,
            .metrics_sets = harness->metrics,
            .metrics_count = threads,
            .thread = FIRST_IO_THREAD + i,
            .first_io_thread = FIRST_IO_THREAD,
            .io_threads = harness->io_threads,
            .first_session_thread = harness->echo_thread,
            .session_threads = 1,
            .entrances = entrances,
            .max_connections = CONNECTIONS_MAX,
            .config = "{}",
            .accepts_binary = true,
        };
        harness->io[i] = io_thread_new(&config, exchange_mailbox(harness->exchange, config.thread));
        CHECK(harness->io[i] != NULL);
    }
}

int main(int argc, char *argv[])
{
    static struct harness harness = { .log = { .fd = STDERR_FILENO } };
    parse_flags(&harness, argc, argv);
    CHECK(log_level_parse(harness.options.log_level, &harness.log.level)); /* options_parse() has checked it */
    signal(SIGPIPE, SIG_IGN);

    char error[ENTRANCES_ERROR_BYTES];
    static struct entrances entrances;
    if (!entrances_plan(&entrances, &harness.options, 0, error) || !entrances_open(&entrances, &harness.options, harness.io_threads, error)) {
        fprintf(stderr, "chatterbox-echo: %s\n", error);
        return 1;
    }
    open_threads(&harness, &entrances);
    CHECK(executor_start(&harness.echo.executor, "echo") == 0);
    for (unsigned i = 0; i < harness.io_threads; i++)
        CHECK(executor_start(io_thread_executor(harness.io[i]), "io") == 0);
    uv_signal_start(&harness.terminate, on_signal, SIGTERM); /* before anybody is told that there is a server to end */
    log_event(&harness.log, LOG_INFO, "listening", "address=%s port=%u", entrances.of[0].address, entrances_port(&entrances));

    executor_run(&harness.executor);
    executor_join(&harness.echo.executor);
    for (unsigned i = 0; i < harness.io_threads; i++)
        executor_join(io_thread_executor(harness.io[i]));
    for (unsigned i = 0; i < harness.io_threads; i++)
        io_thread_free(&harness.io[i]);
    executor_fini(&harness.echo.executor);
    executor_fini(&harness.executor);
    exchange_free(&harness.exchange);
    free(harness.metrics);
    entrances_remove_files(&entrances);
    log_event(&harness.log, LOG_INFO, "stopped", "status=%d", harness.exit_status);
    return harness.exit_status;
}

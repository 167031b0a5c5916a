#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission/identity.h"
#include "http/ice_servers.h"
#include "http/origin.h"
#include "net/entrances.h"
#include "redis/address.h"
#include "redis/child.h"
#include "redis/choice.h"
#include "runtime/check.h"
#include "runtime/cores.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/log_sink.h"
#include "runtime/metrics.h"
#include "runtime/notify.h"
#include "runtime/passed.h"
#include "runtime/signals.h"
#include "threads/bus_thread.h"
#include "threads/certificate.h"
#include "threads/cluster.h"
#include "threads/descriptors.h"
#include "threads/io_thread.h"
#include "threads/matcher_thread.h"
#include "threads/session_thread.h"
#include "threads/stopping.h"
#include "threads/watchdog.h"
#include "wire/json_arena.h"

enum { IO_THREADS_MAX = ENTRANCES_THREADS_MAX, SESSION_THREADS_MAX = 64 };

enum { EXIT_FAILED = 1, EXIT_BAD_USAGE = 2, ERROR_BYTES = 256 };

/* The last lines of the log get so long, where nobody reads it: at an ordered end, and at a second signal. */
enum { LAST_WORDS_MS = 500, LAST_WORDS_AT_ONCE_MS = 50 };

struct server {
    const struct options *options;
    struct log log;
    struct log_sink sink;
    struct executor executor; /* main's own */
    struct exchange *exchange;
    struct metrics *metrics; /* by thread; the last one is the log's, which any thread may add to */
    unsigned metrics_count;
    unsigned io_threads, session_threads, threads; /* executors, of which session threads may be guests on I/O threads */
    bool are_sessions_guests;
    unsigned first_io_thread, first_session_thread, matcher_thread, bus_thread; /* ids; no bus: THREAD_MAIN */
    struct net *io[IO_THREADS_MAX];
    struct session_thread *session[SESSION_THREADS_MAX];
    struct matcher_thread *matcher;
    struct bus_thread *bus; /* NULL without --cluster-secret-file */
    struct entrances entrances;
    unsigned passed; /* sockets */
    struct certificate certificate;
    struct identity_key identity_key;
    struct networks trusted_proxies;
    uint32_t max_connections;
    struct redis_address address;
    struct data_dir data; /* if the address has_file */
    struct cluster cluster;
    char *config; /* what GET /config answers */
    struct redis_child child;
    bool has_child;
    struct signals signals;
    struct notify notify;
    struct stopping stopping;
    struct watchdog watchdog;
    int exit_status;
};

static struct executor *executor_of(struct server *server, unsigned thread)
{
    if (thread == THREAD_MAIN)
        return &server->executor;
    if (thread == server->matcher_thread)
        return matcher_thread_executor(server->matcher);
    if (thread == server->bus_thread)
        return bus_thread_executor(server->bus);
    if (thread >= server->first_session_thread)
        return session_thread_executor(server->session[thread - server->first_session_thread]);
    return io_thread_executor(server->io[thread - server->first_io_thread]);
}

/* The end is asked for: announced by the first signal, and chats let end, if --drain-delay and --drain-time say so; begun by it or the next one; a further one ends the process. */
static void on_signal(void *owner, enum signals_meaning meaning, int number)
{
    struct server *server = owner;
    if (meaning == SIGNALS_HANGUP) {
        if (certificate_context(&server->certificate) == NULL) { /* else it is loaded anew: certificate.c hears it, too */
            log_event(&server->log, LOG_INFO, "hangup_ignored", "advice=\"nothing is to be opened again; SIGTERM stops the server\"");
            if (server->stopping.phase == SERVING) {
                notify_reloading(&server->notify);
                notify_ready(&server->notify, "Serves; there was nothing to load");
            }
        }
        return;
    }
    if (server->stopping.phase != SERVING && meaning == SIGNALS_END)
        return;
    if (server->stopping.phase > EMPTYING) {
        if (server->has_child)
            redis_child_kill_now(&server->child);
        entrances_remove_files(&server->entrances);
        log_sink_settle(&server->sink, LAST_WORDS_AT_ONCE_MS);
        _exit(128 + number);
    }
    log_event(&server->log, LOG_INFO, "stopping", "signal=%d", number);
    stopping_ask(&server->stopping);
}

/* main's executor. */

static void on_message(void *owner, struct message *message)
{
    struct server *server = owner;
    switch ((enum message_type)message->type) {
    case DESERTED:
        stopping_on_deserted(&server->stopping);
        break;
    case DRAINED:
        stopping_on_drained(&server->stopping);
        break;
    case PROBED:
        watchdog_on_probed(&server->watchdog);
        break;
    case FATAL:
        log_plain(&server->log, (const char *)message->payload->bytes, message->payload->length);
        server->exit_status = EXIT_FAILED;
        stopping_begin(&server->stopping);
        break;
    default: /* message.def has no other type for main */
        break;
    }
    message_discard(message);
}

static void on_start(void *owner)
{
    struct server *server = owner;
    certificate_watch(&server->certificate, &server->executor, &server->notify, &server->metrics[THREAD_MAIN], server->first_io_thread, server->io_threads);
}

static void on_turn_end(void *owner)
{
    struct server *server = owner;
    if (server->stopping.phase == EXITING && mailbox_flush(server->executor.mailbox))
        executor_exit(&server->executor);
}

static void on_exit_loop(void *owner)
{
    struct server *server = owner;
    signals_stop(&server->signals);
    stopping_leave(&server->stopping);
    watchdog_leave(&server->watchdog);
    certificate_leave(&server->certificate);
    if (server->has_child)
        redis_child_stop(&server->child);
}

static const struct executor_handler handler = {
    .on_start = on_start,
    .on_message = on_message,
    .on_turn_end = on_turn_end,
    .on_exit = on_exit_loop,
};

/* Starting, in order. Each returns 0 or an exit status after one line on stderr. */

static int fail(const struct server *server, int status, const char *why)
{
    char error[OPTIONS_ERROR_BYTES];
    snprintf(error, sizeof error, "%s", why);
    options_locate(server->options, error);
    log_plain(&server->log, error, strlen(error));
    return status;
}

static void plan_threads(struct server *server)
{
    const struct options *options = server->options;
    unsigned half = cores_available("") / 2;
    unsigned default_threads = half < 1 ? 1 : half > IO_THREADS_MAX ? IO_THREADS_MAX : half;
    server->io_threads = options->io_threads > 0 ? (unsigned)options->io_threads : default_threads;
    /* Where there are few cores a thread that wakes another one takes its time from it. */
    const int64_t session_threads = options->session_threads >= 0 ? options->session_threads : half <= 1 ? 0 : default_threads;
    server->are_sessions_guests = session_threads == 0;
    server->session_threads = server->are_sessions_guests ? server->io_threads : (unsigned)session_threads;
    server->first_io_thread = 1;
    server->first_session_thread = 1 + server->io_threads;
    server->matcher_thread = server->first_session_thread + server->session_threads;
    server->threads = server->matcher_thread + 1;
    if (options->cluster_secret_file[0] != '\0')
        server->bus_thread = server->threads++;
}

static int start_redis(struct server *server)
{
    char error[REDIS_CHILD_ERROR_BYTES];
    if (server->address.kind != REDIS_EMBEDDED)
        return 0;
    if (!redis_child_start(&server->child, server->executor.loop, &server->log, server->address.has_file ? &server->data : NULL, error))
        return fail(server, EXIT_FAILED, error);
    server->has_child = true;
    snprintf(server->address.path, sizeof server->address.path, "%s", server->child.directory.socket);
    return 0;
}

static bool make_bus_thread(struct server *server)
{
    if (server->bus_thread == THREAD_MAIN)
        return true;
    struct bus_thread_config bus = {
        .options = server->options, .log = &server->log, .metrics_sets = server->metrics,
        .metrics_count = server->metrics_count, .thread = server->bus_thread,
        .first_session_thread = server->first_session_thread, .session_threads = server->session_threads,
        .matcher_thread = server->matcher_thread, .cluster = &server->cluster,
    };
    server->bus = bus_thread_new(&bus, exchange_mailbox(server->exchange, server->bus_thread));
    return server->bus != NULL;
}

static int make_threads(struct server *server)
{
    struct matcher_thread_config matcher = {
        .options = server->options, .log = &server->log,
        .metrics = &server->metrics[server->matcher_thread], .address = &server->address,
        .first_session_thread = server->first_session_thread, .session_threads = server->session_threads,
        .incarnation = server->cluster.incarnation,
    };
    server->matcher = matcher_thread_new(&matcher, exchange_mailbox(server->exchange, server->matcher_thread));
    if (server->matcher == NULL || !make_bus_thread(server))
        return EXIT_FAILED;
    for (unsigned i = 0; i < server->io_threads; i++) {
        unsigned thread = server->first_io_thread + i;
        struct io_thread_config io = {
            .options = server->options, .log = &server->log,
            .incarnation = server->cluster.incarnation, .identity_key = &server->identity_key,
            .trusted_proxies = &server->trusted_proxies, .metrics_sets = server->metrics,
            .metrics_count = server->metrics_count, .thread = thread,
            .first_io_thread = server->first_io_thread, .io_threads = server->io_threads,
            .first_session_thread = server->first_session_thread,
            .session_threads = server->session_threads, .entrances = &server->entrances,
            .tls = certificate_context(&server->certificate),
            .max_connections = server->max_connections, .config = server->config,
        };
        server->io[i] = io_thread_new(&io, exchange_mailbox(server->exchange, thread));
        if (server->io[i] == NULL)
            return EXIT_FAILED;
    }
    for (unsigned i = 0; i < server->session_threads; i++) {
        unsigned thread = server->first_session_thread + i;
        struct session_thread_config session = {
            .first_io_thread = server->first_io_thread, .io_threads = server->io_threads,
            .session_threads = server->session_threads, .max_connections = server->max_connections,
            .options = server->options, .log = &server->log,
            .incarnation = server->cluster.incarnation, .metrics = &server->metrics[thread],
            .matcher_thread = server->matcher_thread,
            .host = server->are_sessions_guests ? io_thread_executor(server->io[i]) : NULL,
        };
        server->session[i] = session_thread_new(&session, exchange_mailbox(server->exchange, thread));
        if (server->session[i] == NULL)
            return EXIT_FAILED;
    }
    return 0;
}

static int start_threads(struct server *server)
{
    /* Receivers before senders, though nothing depends on it: messages wait in the rings. */
    for (unsigned thread = server->threads - 1; thread >= 1; thread--) {
        char name[16];
        if (thread == server->matcher_thread)
            snprintf(name, sizeof name, "matcher");
        else if (thread == server->bus_thread)
            snprintf(name, sizeof name, "bus");
        else if (thread >= server->first_session_thread)
            snprintf(name, sizeof name, "session-%u", thread - server->first_session_thread);
        else
            snprintf(name, sizeof name, "io-%u", thread - server->first_io_thread);
        int error = executor_start(executor_of(server, thread), name);
        if (error != 0)
            return fail(server, EXIT_FAILED, uv_strerror(error)); /* the process ends, and the threads that run with it */
    }
    return 0;
}

static void log_entrances(const struct server *server)
{
    for (unsigned i = 0; i < server->entrances.count; i++) {
        const struct entrance *entrance = &server->entrances.of[i];
        if (entrance->redirects)
            log_event(&server->log, LOG_INFO, "redirecting", "port=%u", entrance->port);
        else
            log_event(&server->log, LOG_INFO, "listening",
                      "address=%s%s port=%u io_threads=%u session_threads=%u max_connections=%u version=" CHATTERBOX_VERSION,
                      entrance->is_local ? "unix:" : "", entrance->address, entrance->port, server->io_threads,
                      server->are_sessions_guests ? 0 : server->session_threads, server->max_connections);
    }
}

static int open_main(struct server *server)
{
    enum thread_role roles[THREADS_MAX];
    for (unsigned thread = 0; thread < server->threads; thread++)
        roles[thread] = thread == THREAD_MAIN                     ? ROLE_MAIN
                        : thread == server->matcher_thread        ? ROLE_MATCHER
                        : thread == server->bus_thread            ? ROLE_BUS
                        : thread >= server->first_session_thread ? ROLE_SESSION
                                                                  : ROLE_IO;
    server->exchange = exchange_new(roles, server->threads, (unsigned)server->options->ring_capacity);
    for (unsigned thread = 0; thread < server->threads; thread++)
        mailbox_count_into(exchange_mailbox(server->exchange, thread), &server->metrics[thread]);
    int error =
        executor_init(&server->executor, exchange_mailbox(server->exchange, THREAD_MAIN), &handler, server);
    if (error != 0)
        return fail(server, EXIT_FAILED, uv_strerror(error));
    signals_start(&server->signals, server->executor.loop, on_signal, server);
    server->stopping = (struct stopping){
        .options = server->options, .log = &server->log, .executor = &server->executor, .notify = &server->notify,
        .certificate = &server->certificate,
        .io = { server->first_io_thread, server->io_threads },
        .sessions = { server->first_session_thread, server->session_threads },
        .matcher = { server->matcher_thread, 1 },
        .bus = { server->bus_thread, server->bus_thread != THREAD_MAIN },
        .all = { 1, server->threads - 1 },
    };
    stopping_init(&server->stopping);
    watchdog_start(&server->watchdog, &server->stopping, watchdog_interval_ms(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")));
    return 0;
}

/* What flags name is opened, and what they say is understood. */
static int load(struct server *server, enum redis_purpose purpose)
{
    char error[ERROR_BYTES];
    const unsigned passed = purpose == REDIS_TO_USE ? passed_take() : ENTRANCES_NOT_KNOWN;
    const enum redis_choice choice = redis_choose(&server->address, &server->data, server->options, purpose, &server->log, error);
    if (choice != REDIS_CHOSEN)
        return fail(server, choice == REDIS_CHOICE_BAD ? EXIT_BAD_USAGE : EXIT_FAILED, error);
    const bool has_secret_of_data = server->address.has_file && server->options->secret_file[0] == '\0';
    const char *secret_file = has_secret_of_data ? server->data.secret : server->options->secret_file;
    if (!cluster_load(&server->cluster, server->options, &server->address, &server->log, error) || !networks_parse(&server->trusted_proxies, server->options->trusted_proxies, error) ||
        !cluster_identity_key(&server->cluster, secret_file, &server->identity_key, error) ||
        !origin_list_check(server->options->allowed_origins, error) ||
        (server->config = ice_servers_to_json(server->options->ice_servers, error)) == NULL ||
        !certificate_load(&server->certificate, server->options, &server->log, error) || !entrances_plan(&server->entrances, server->options, passed, error) ||
        !descriptors_plan(server->options->max_connections, server->threads, server->io_threads * (server->entrances.count > 0 ? server->entrances.count - 1 : 0), &server->max_connections, error))
        return fail(server, EXIT_BAD_USAGE, error);
    server->passed = passed;
    return 0;
}

static int start(struct server *server)
{
    char error[ERROR_BYTES];
    int status = load(server, REDIS_TO_USE);
    if (status != 0)
        return status;
    if (!entrances_open(&server->entrances, server->options, server->io_threads, error))
        return fail(server, EXIT_FAILED, error);
    if ((status = open_main(server)) != 0 || (status = start_redis(server)) != 0 ||
        (status = make_threads(server)) != 0 || (status = start_threads(server)) != 0)
        return status;
    options_warn(environ, &server->log); /* a start that fails says one line alone */
    log_entrances(server);
    if (server->passed > 0 && !entrances_has_passed(&server->entrances))
        log_event(&server->log, LOG_WARN, "sockets_not_used", "passed=%u advice=\"--listen systemd takes the sockets that systemd has opened\"", server->passed);
    if (!notify_init(&server->notify, getenv("NOTIFY_SOCKET")))
        log_event(&server->log, LOG_WARN, "notify_failed", "error=\"NOTIFY_SOCKET: expected the path of a socket, or @ and a name\"");
    notify_ready(&server->notify, "Serves");
    return 0;
}

static void free_all(struct server *server)
{
    for (unsigned thread = 1; thread < server->threads; thread++)
        executor_join(executor_of(server, thread));
    for (unsigned i = 0; i < server->session_threads; i++)
        session_thread_free(&server->session[i]); /* guests before their hosts */
    for (unsigned i = 0; i < server->io_threads; i++)
        io_thread_free(&server->io[i]);
    matcher_thread_free(&server->matcher);
    bus_thread_free(&server->bus);
    executor_fini(&server->executor);
    exchange_free(&server->exchange);
    free(server->config);
    cluster_fini(&server->cluster);
    certificate_fini(&server->certificate);
    /* The metrics stay: the log's thread counts into them until the process ends. */
}

/* What the rest stands on: counters, and a log that nobody waits for. */
static int begin(struct server *server)
{
    server->metrics_count = server->threads + 1;
    server->metrics = aligned_alloc(64, server->metrics_count * sizeof *server->metrics);
    CHECK_MEMORY(server->metrics);
    memset(server->metrics, 0, server->metrics_count * sizeof *server->metrics);
    int error = log_sink_start(&server->sink, &server->log, STDERR_FILENO, &server->metrics[server->threads].value[METRIC_LOG_LINES_LOST_TOTAL]);
    return error != 0 ? fail(server, EXIT_FAILED, uv_strerror(-error)) : 0;
}

static void prepare(struct server *server, const struct options *options, const char *log_level)
{
    *server = (struct server){ .options = options, .notify = { .fd = -1 } };
    CHECK(log_init(&server->log, STDERR_FILENO, log_level, options->log_format)); /* options_parse() has checked them */
    json_arena_install();
    plan_threads(server);
}

int server_check(const struct options *options)
{
    static struct server server;
    prepare(&server, options, "error");
    return load(&server, REDIS_TO_LOOK_AT) == 0 ? 0 : EXIT_BAD_USAGE;
}

int server_run(const struct options *options)
{
    static struct server server; /* one for the process, and too large for a stack */
    prepare(&server, options, options->log_level);
    signals_init(&server.signals);
    int status = begin(&server);
    if (status != 0)
        return status;
    status = start(&server);
    if (status == 0) {
        executor_run(&server.executor);
        free_all(&server);
        status = server.exit_status;
        log_event(&server.log, LOG_INFO, "stopped", "status=%d", status);
    } else if (server.has_child) {
        redis_child_kill_now(&server.child);
    }
    entrances_remove_files(&server.entrances);
    log_sink_stop(&server.sink, &server.log, LAST_WORDS_MS);
    notify_fini(&server.notify);
    return status;
}

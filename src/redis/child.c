#include "redis/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/check.h"

enum { BACKOFF_FIRST_MS = 10, BACKOFF_MAX_MS = 1000, GOOD_RUN_MS = 5000, PATIENCE_MS = 1000, ARGUMENTS_MAX = 48 };

/* A file of reports that has grown above this, and to twice of what is left of it when it is written anew, is. */
enum { RENEWED_BYTES = 64 << 20, WATCH_MS = 5000 };

/* How often it looks whether the socket is there, and how long after its start Redis has made one. */
enum { LOOK_MS = 1000, SOCKET_MS = 5000 };

/* The pipe from one process; it may outlive it, so each has its own. */
struct output {
    uv_pipe_t pipe;
    const struct log *log;
    enum log_level level;
    size_t length; /* of the line that has begun */
    char line[512];
};

static void launch(struct redis_child *child);

/* Look a program up as a shell would. */
static bool find_program(const char *name, char *path, size_t capacity)
{
    const char *search = getenv("PATH");
    if (search == NULL)
        search = "/usr/local/bin:/usr/bin:/bin";
    while (*search != '\0') {
        size_t length = strcspn(search, ":");
        int printed = snprintf(path, capacity, "%.*s/%s", (int)length, search, name);
        if (printed > 0 && (size_t)printed < capacity && access(path, X_OK) == 0)
            return true;
        search += length + (search[length] == ':');
    }
    return false;
}

/* Valkey is Redis 7.2 under another name, and so are its programs. */
static bool find_server(struct redis_child *child)
{
    static const char *const names[][2] = { { "redis-server", "redis-check-aof" }, { "valkey-server", "valkey-check-aof" } };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        child->repair = names[i][1];
        if (find_program(names[i][0], child->server, sizeof child->server))
            return true;
    }
    return false;
}

static void on_retry(uv_timer_t *timer)
{
    launch(timer->data);
}

static void on_patience_over(uv_timer_t *timer)
{
    struct redis_child *child = timer->data;
    if (child->is_running)
        uv_process_kill(&child->process, SIGKILL);
}

static void retry_later(struct redis_child *child)
{
    uv_timer_start(&child->timer, on_retry, child->backoff_ms, 0);
    child->backoff_ms = child->backoff_ms * 2 < BACKOFF_MAX_MS ? child->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void close_timers(struct redis_child *child)
{
    if (!uv_is_closing((uv_handle_t *)&child->timer)) {
        uv_close((uv_handle_t *)&child->timer, NULL);
        uv_close((uv_handle_t *)&child->look, NULL);
        uv_close((uv_handle_t *)&child->watch, NULL);
    }
    private_directory_remove(&child->directory);
}

/* Cleaners of /tmp and remounts take the socket away, unseen by those who are connected; nobody could connect again. A Redis cannot make its socket
 * a second time, so it is replaced. */
static void on_look(uv_timer_t *timer)
{
    struct redis_child *child = timer->data;
    struct stat status;
    if (!child->is_running || child->has_vanished || uv_now(child->loop) - child->started_ms < SOCKET_MS)
        return;
    if (private_directory_is_there(&child->directory) && (lstat(child->directory.socket, &status) == 0 || errno != ENOENT))
        return;
    child->has_vanished = true;
    log_event(child->log, LOG_WARN, "redis_embedded_vanished",
              "socket=\"%s\" advice=\"something has removed it: keep cleaners of temporary files away from it; Redis is started again\"",
              child->directory.socket);
    uv_process_kill(&child->process, SIGKILL);
}

static void on_process_closed(uv_handle_t *handle)
{
    struct redis_child *child = handle->data;
    child->is_running = false;
    if (child->is_stopping)
        close_timers(child);
    else
        retry_later(child);
}

/* It ends by itself at the start if it cannot read its file. */
static void tell_death(const struct redis_child *child, int status, int signal)
{
    if (child->data != NULL && status != 0)
        log_event(child->log, LOG_WARN, "redis_embedded_died",
                  "status=%d signal=%d remedy=\"if it cannot read its file: %s --fix %s/" DATA_DIR_REPORTS "/" DATA_DIR_FILE
                  ".manifest, or move %s/" DATA_DIR_REPORTS " away, and with it reports and bans\"",
                  status, signal, child->repair, child->data->path, child->data->path);
    else
        log_event(child->log, LOG_WARN, "redis_embedded_died", "status=%d signal=%d", status, signal);
}

static void on_process_exit(uv_process_t *process, int64_t status, int signal)
{
    struct redis_child *child = process->data;
    if (!child->is_stopping) {
        if (!child->is_renewing)
            tell_death(child, (int)status, signal);
        if (uv_now(child->loop) - child->started_ms >= GOOD_RUN_MS)
            child->backoff_ms = BACKOFF_FIRST_MS;
    }
    uv_close((uv_handle_t *)process, on_process_closed);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct output *output = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(output->line + output->length, (unsigned)(sizeof output->line - 1 - output->length));
}

static void on_output_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* What Redis says becomes lines of our own log. */
static void on_output(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct output *output = stream->data;
    (void)buffer;
    if (length < 0) {
        uv_close((uv_handle_t *)stream, on_output_closed);
        return;
    }
    output->length += (size_t)length;
    output->line[output->length] = '\0';
    char *begin = output->line, *end;
    while ((end = strchr(begin, '\n')) != NULL || strlen(begin) == sizeof output->line - 1) {
        if (end != NULL)
            *end = '\0';
        for (char *c = begin; *c != '\0'; c++)
            *c = *c == '"' ? '\'' : *c;
        if (begin[0] != '\0')
            log_event(output->log, output->level, "redis_embedded_says", "text=\"%s\"", begin);
        begin = end != NULL ? end + 1 : begin + strlen(begin);
    }
    output->length = strlen(begin);
    memmove(output->line, begin, output->length);
}

static void put_arguments(struct redis_child *child, char *arguments[ARGUMENTS_MAX])
{
    char *const of_all[] = { child->setpriv, "--pdeathsig", "KILL",
                             child->server, "--port", "0", "--unixsocket", child->directory.socket, "--unixsocketperm", "700",
                             "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "warning",
                             /* Neither may keep or print the arguments of commands, which name interests. */
                             "--slowlog-log-slower-than", "-1", "--crash-log-enabled", "no" };
    char *const of_none[] = { "--appendonly", "no", "--dir", child->directory.path };
    /* Nor may it write the file anew by itself: it would write everything that it holds by then, users too (way_up.c). As text, without an RDB in front. */
    char *const of_data[] = { "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--aof-use-rdb-preamble", "no",
                              "--appenddirname", DATA_DIR_REPORTS, "--appendfilename", DATA_DIR_FILE,
                              "--dir", child->data != NULL ? (char *)child->data->path : NULL };
    _Static_assert((sizeof of_all + sizeof of_data) / sizeof of_all[0] < ARGUMENTS_MAX, "room for all, and the last NULL");
    char *const *more = child->data != NULL ? of_data : of_none;
    const size_t count = sizeof of_all / sizeof of_all[0];
    const size_t more_count = child->data != NULL ? sizeof of_data / sizeof of_data[0] : sizeof of_none / sizeof of_none[0];
    memcpy(arguments, of_all, sizeof of_all);
    memcpy(arguments + count, more, more_count * sizeof *more);
    arguments[count + more_count] = NULL;
}

static struct output *open_output(struct redis_child *child, enum log_level level)
{
    struct output *output = calloc(1, sizeof *output);
    CHECK_MEMORY(output);
    output->log = child->log;
    output->level = level;
    uv_pipe_init(child->loop, &output->pipe, 0);
    output->pipe.data = output;
    return output;
}

static int spawn(struct redis_child *child)
{
    /* Not even its last words go to our descriptor 2: whoever reads that may have stopped. */
    struct output *output = open_output(child, LOG_DEBUG), *errors = open_output(child, LOG_WARN);

    char *arguments[ARGUMENTS_MAX];
    put_arguments(child, arguments);
    uv_stdio_container_t stdio[4] = {
        { .flags = UV_IGNORE },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&output->pipe },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&errors->pipe },
        { .flags = UV_IGNORE },
    };
    if (child->data != NULL) {
        data_dir_tidy(child->data);
        stdio[3] = (uv_stdio_container_t){ .flags = UV_INHERIT_FD, .data.fd = child->data->lock_fd };
    }
    uv_process_options_t options = { .file = child->setpriv,
                                     .args = arguments,
                                     .exit_cb = on_process_exit,
                                     .flags = UV_PROCESS_DETACHED,
                                     .stdio = stdio,
                                     .stdio_count = child->data != NULL ? 4 : 3 };
    child->process.data = child;
    int error = uv_spawn(child->loop, &child->process, &options);
    if (error != 0) {
        uv_close((uv_handle_t *)&output->pipe, on_output_closed);
        uv_close((uv_handle_t *)&errors->pipe, on_output_closed);
        return error;
    }
    child->is_running = true;
    child->has_vanished = false;
    child->is_renewing = false;
    child->least_bytes = child->data != NULL ? data_dir_size(child->data) : 0;
    child->started_ms = uv_now(child->loop);
    uv_read_start((uv_stream_t *)&output->pipe, allocate, on_output);
    uv_read_start((uv_stream_t *)&errors->pipe, allocate, on_output);
    log_event(child->log, LOG_INFO, "redis_embedded", "socket=\"%s\" pid=%d", child->directory.socket, child->process.pid);
    return 0;
}

static void launch(struct redis_child *child)
{
    if (!private_directory_is_there(&child->directory) && !private_directory_make_again(&child->directory)) {
        log_event(child->log, LOG_ERROR, "redis_embedded_failed", "directory=\"%s\" error=\"%s\"", child->directory.path, strerror(errno));
        retry_later(child);
        return;
    }
    unlink(child->directory.socket);
    int error = spawn(child);
    if (error != 0) {
        log_event(child->log, LOG_ERROR, "redis_embedded_failed", "error=\"%s\"", uv_strerror(error));
        uv_close((uv_handle_t *)&child->process, on_process_closed);
    }
}

/* Written anew by the next one, before there are users in it (way_up.c). To the matcher it is a connection that is lost. */
static void on_watch(uv_timer_t *timer)
{
    struct redis_child *child = timer->data;
    const uint64_t bytes = data_dir_size(child->data);
    if (!child->is_running || child->is_stopping || child->is_renewing)
        return;
    if (bytes < child->least_bytes)
        child->least_bytes = bytes;
    if (bytes <= RENEWED_BYTES || bytes / 2 <= child->least_bytes)
        return;
    log_event(child->log, LOG_INFO, "redis_embedded_renewed", "bytes=%llu", (unsigned long long)bytes);
    child->is_renewing = true;
    uv_process_kill(&child->process, SIGTERM);
}

bool redis_child_start(struct redis_child *child, uv_loop_t *loop, const struct log *log, const struct data_dir *data,
                       char error[REDIS_CHILD_ERROR_BYTES])
{
    *child = (struct redis_child){ .loop = loop, .log = log, .data = data, .backoff_ms = BACKOFF_FIRST_MS };
    if (!find_server(child)) {
        snprintf(error, REDIS_CHILD_ERROR_BYTES,
                 "no redis-server or valkey-server in PATH to embed; install the package of that name, or give --redis unix:PATH or redis://…");
        return false;
    }
    if (!find_program("setpriv", child->setpriv, sizeof child->setpriv)) {
        snprintf(error, REDIS_CHILD_ERROR_BYTES, "no setpriv in PATH; install the package util-linux");
        return false;
    }
    if (!private_directory_make(&child->directory, error))
        return false;
    uv_timer_init(loop, &child->timer);
    uv_timer_init(loop, &child->look);
    uv_timer_init(loop, &child->watch);
    child->timer.data = child->look.data = child->watch.data = child;
    uv_timer_start(&child->look, on_look, LOOK_MS, LOOK_MS);
    if (data != NULL)
        uv_timer_start(&child->watch, on_watch, WATCH_MS, WATCH_MS);
    int status = spawn(child);
    if (status != 0) {
        snprintf(error, REDIS_CHILD_ERROR_BYTES, "cannot start %.80s: %s", child->server, uv_strerror(status));
        uv_close((uv_handle_t *)&child->process, NULL);
        close_timers(child);
        return false;
    }
    return true;
}

void redis_child_stop(struct redis_child *child)
{
    child->is_stopping = true;
    uv_timer_stop(&child->timer);
    uv_timer_stop(&child->look);
    if (!child->is_running) {
        close_timers(child);
        return;
    }
    uv_process_kill(&child->process, SIGTERM);
    uv_timer_start(&child->timer, on_patience_over, PATIENCE_MS, 0);
}

void redis_child_kill_now(struct redis_child *child)
{
    if (child->is_running)
        uv_process_kill(&child->process, SIGKILL);
    private_directory_remove(&child->directory);
}

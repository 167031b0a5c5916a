#include "redis/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/check.h"

enum { BACKOFF_FIRST_MS = 10, BACKOFF_MAX_MS = 1000, GOOD_RUN_MS = 5000, PATIENCE_MS = 1000 };

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
    if (!uv_is_closing((uv_handle_t *)&child->timer))
        uv_close((uv_handle_t *)&child->timer, NULL);
    if (!uv_is_closing((uv_handle_t *)&child->look))
        uv_close((uv_handle_t *)&child->look, NULL);
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

static void on_process_exit(uv_process_t *process, int64_t status, int signal)
{
    struct redis_child *child = process->data;
    if (!child->is_stopping) {
        log_event(child->log, LOG_WARN, "redis_embedded_died", "status=%d signal=%d", (int)status, signal);
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

    char *arguments[] = { child->setpriv, "--pdeathsig", "KILL",
                          child->server,  "--port", "0", "--unixsocket", child->directory.socket, "--unixsocketperm", "700",
                          "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
                          "--dir", child->directory.path, "--daemonize", "no", "--loglevel", "warning",
                          /* Neither may keep or print the arguments of commands, which name interests. */
                          "--slowlog-log-slower-than", "-1", "--crash-log-enabled", "no", NULL };
    uv_stdio_container_t stdio[3] = {
        { .flags = UV_IGNORE },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&output->pipe },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&errors->pipe },
    };
    uv_process_options_t options = { .file = child->setpriv,
                                     .args = arguments,
                                     .exit_cb = on_process_exit,
                                     .flags = UV_PROCESS_DETACHED,
                                     .stdio = stdio,
                                     .stdio_count = 3 };
    child->process.data = child;
    int error = uv_spawn(child->loop, &child->process, &options);
    if (error != 0) {
        uv_close((uv_handle_t *)&output->pipe, on_output_closed);
        uv_close((uv_handle_t *)&errors->pipe, on_output_closed);
        return error;
    }
    child->is_running = true;
    child->has_vanished = false;
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

bool redis_child_start(struct redis_child *child, uv_loop_t *loop, const struct log *log,
                       char error[REDIS_CHILD_ERROR_BYTES])
{
    *child = (struct redis_child){ .loop = loop, .log = log, .backoff_ms = BACKOFF_FIRST_MS };
    if (!find_program("redis-server", child->server, sizeof child->server)) {
        snprintf(error, REDIS_CHILD_ERROR_BYTES,
                 "no redis-server in PATH to embed; install the package redis-server, or give --redis unix:PATH or redis://…");
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
    child->timer.data = child->look.data = child;
    uv_timer_start(&child->look, on_look, LOOK_MS, LOOK_MS);
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

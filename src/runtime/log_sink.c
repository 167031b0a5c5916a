#include "runtime/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int64_t count_lines(const char *text, size_t length)
{
    int64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Write whole lines, however long that takes. */
static void carry(struct log_sink *sink, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(sink->to, text, length);
        if (written >= 0) {
            text += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) { /* somebody who shares the descriptor has made it so */
            poll(&(struct pollfd){ .fd = sink->to, .events = POLLOUT }, 1, -1);
        } else if (errno != EINTR) { /* nobody will ever read it, a full disk: later lines may fare better */
            atomic_fetch_add_explicit(sink->lost, count_lines(text, length), memory_order_relaxed);
            return;
        }
    }
}

/* Pairs with nothing: the counter is only compared with itself. */
static void tell_lost(struct log_sink *sink)
{
    const int64_t lost = atomic_load_explicit(sink->lost, memory_order_relaxed);
    if (lost == sink->told)
        return;
    char line[LOG_LINE_BYTES];
    carry(sink, line, log_print(line, sink->form, LOG_WARN, "log_lines_lost", "lost=%lld", (long long)(lost - sink->told)));
    sink->told = lost;
}

static void *run(void *argument)
{
    struct log_sink *sink = argument;
    char text[PIPE_BUF]; /* so lines of others who write to the same pipe do not mix with ours */
    size_t length = 0;
    for (;;) {
        ssize_t got = read(sink->in, text + length, sizeof text - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
        const char *newline = memrchr(text, '\n', length);
        const size_t whole = newline != NULL ? (size_t)(newline - text) + 1 : 0;
        carry(sink, text, whole);
        tell_lost(sink);
        length -= whole;
        memmove(text, text + whole, length);
    }
    carry(sink, text, length);
    return NULL;
}

/* With all signals blocked: they are others' business. */
static int start_thread(struct log_sink *sink)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&sink->thread, NULL, run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(sink->thread, "log");
    return error;
}

int log_sink_start(struct log_sink *sink, struct log *log, int fd, _Atomic int64_t *lost)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    *sink = (struct log_sink){ .to = fd, .in = ends[0], .out = ends[1], .lost = lost, .form = log->form };
    int error = fcntl(sink->out, F_SETFL, O_WRONLY | O_NONBLOCK) != 0 ? errno : start_thread(sink);
    if (error != 0) {
        close(sink->in);
        close(sink->out);
        return error;
    }
    log->fd = sink->out;
    log->lost = lost;
    return 0;
}

void log_sink_settle(const struct log_sink *sink, unsigned patience_ms)
{
    int left = 0;
    for (unsigned waited_ms = 0; waited_ms < patience_ms && ioctl(sink->in, FIONREAD, &left) == 0 && left > 0; waited_ms++)
        poll(NULL, 0, 1);
}

void log_sink_stop(struct log_sink *sink, struct log *log, unsigned patience_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    log->fd = -1;
    close(sink->out); /* the thread ends when it has read what is there */
    if (pthread_timedjoin_np(sink->thread, NULL, &until) != 0)
        pthread_detach(sink->thread);
    else
        close(sink->in);
}

#include "runtime/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { SECOND_LOOK_MS = 1000 };

static const struct {
    int number;
    enum signals_meaning meaning;
} handled[SIGNALS_HANDLED] = {
    { SIGTERM, SIGNALS_STOP }, { SIGINT, SIGNALS_STOP },  { SIGQUIT, SIGNALS_STOP },
    { SIGPWR, SIGNALS_END },   { SIGXCPU, SIGNALS_END },  { SIGHUP, SIGNALS_HANGUP },
};

/* SIGTTOU would stop a server that logs to a terminal from the background (tostop). */
static const int meaningless[] = { SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGIO, SIGPROF, SIGVTALRM, SIGXFSZ, SIGTTOU,
#ifdef SIGSTKFLT
                                   SIGSTKFLT,
#endif
};

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

/* Only what would end the process: a profiler's handler stays. Returns whether it was ignored before. */
static bool ignore(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN))
        return false;
    const bool was_ignored = action.sa_handler == SIG_IGN;
    action = (struct sigaction){ .sa_handler = SIG_IGN };
    sigaction(number, &action, NULL);
    return was_ignored;
}

void signals_init(struct signals *signals)
{
    *signals = (struct signals){ .had_terminal = has_terminal() };
    for (size_t i = 0; i < sizeof meaningless / sizeof meaningless[0]; i++)
        ignore(meaningless[i]);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        ignore(number);
    signals->ignores_hangup = ignore(SIGHUP);
}

static void on_second_look(uv_timer_t *timer)
{
    struct signals *signals = timer->data;
    if (!has_terminal())
        signals->on_signal(signals->owner, SIGNALS_END, SIGHUP);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;
    enum signals_meaning meaning = SIGNALS_END;
    for (size_t i = 0; i < SIGNALS_HANDLED; i++) {
        if (handled[i].number == number)
            meaning = handled[i].meaning;
    }
    if (meaning == SIGNALS_HANGUP && signals->had_terminal) {
        if (!has_terminal())
            meaning = SIGNALS_END;
        else
            uv_timer_start(&signals->second_look, on_second_look, SECOND_LOOK_MS, 0);
    }
    signals->on_signal(signals->owner, meaning, number);
}

void signals_start(struct signals *signals, uv_loop_t *loop, signals_fn *callback, void *owner)
{
    signals->on_signal = callback;
    signals->owner = owner;
    for (size_t i = 0; i < SIGNALS_HANDLED; i++) {
        uv_signal_init(loop, &signals->handles[i]);
        signals->handles[i].data = signals;
        if (handled[i].number != SIGHUP || !signals->ignores_hangup)
            uv_signal_start(&signals->handles[i], on_signal, handled[i].number);
    }
    uv_timer_init(loop, &signals->second_look);
    signals->second_look.data = signals;
}

void signals_stop(struct signals *signals)
{
    for (size_t i = 0; i < SIGNALS_HANDLED; i++) {
        uv_close((uv_handle_t *)&signals->handles[i], NULL);
        if (handled[i].meaning != SIGNALS_STOP) /* the shell and the kernel may each send a SIGHUP */
            ignore(handled[i].number);
    }
    uv_close((uv_handle_t *)&signals->second_look, NULL);
}

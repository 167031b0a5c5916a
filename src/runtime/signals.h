/* signals.h: what the signals mean that end a process unless it says otherwise.
 *
 *   SIGTERM, SIGINT, SIGQUIT                  somebody wants it to stop; SIGPWR, SIGXCPU: the machine or a limit does
 *   SIGHUP                                    the same if the controlling terminal is gone; else a word from an operator (logrotate, `systemctl reload`);
 *                                             nothing at all if the process was started so (nohup)
 *   SIGUSR1, SIGUSR2, timers, real-time, …    nothing
 *
 * Those of a crash (SIGSEGV, SIGABRT, …) keep their meaning, and whatever had a handler before keeps it.
 *
 * Threads: main. Source: signal(7); nohup(1); credentials(7) for the terminal's hangup.
 */
#ifndef CHATTERBOX_RUNTIME_SIGNALS_H
#define CHATTERBOX_RUNTIME_SIGNALS_H

#include <stdbool.h>
#include <uv.h>

enum signals_meaning {
    SIGNALS_STOP,   /* asked for: a second one means at once */
    SIGNALS_END,    /* comes by itself, and more than once: the first is as STOP, the others say nothing new */
    SIGNALS_HANGUP  /* SIGHUP, and the terminal is there, or never was */
};

typedef void signals_fn(void *owner, enum signals_meaning meaning, int number);

enum { SIGNALS_HANDLED = 6 };

struct signals {
    uv_signal_t handles[SIGNALS_HANDLED];
    uv_timer_t second_look; /* at the terminal: a shell sends SIGHUP just before it goes */
    signals_fn *on_signal;
    void *owner;
    bool had_terminal;
    bool ignores_hangup;    /* inherited */
};

/* First of all: from here on none of those that mean nothing ends the process, nor does a hangup. */
void signals_init(struct signals *signals);

/* From here on on_signal is called in the loop, also for those that came before it ran. */
void signals_start(struct signals *signals, uv_loop_t *loop, signals_fn *on_signal, void *owner);

/* Close the handles. */
void signals_stop(struct signals *signals);

#endif

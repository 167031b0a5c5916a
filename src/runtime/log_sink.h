/* log_sink.h: writes log lines where a write may wait for ever, on a thread on which nobody waits.
 *
 * Whoever reads descriptor 2 may stop: a container's runtime, journald, `| less`, Ctrl-S on a terminal. So lines go into a pipe of our own, whose
 * end for writing never blocks, and this thread carries them to the descriptor. What does not fit is lost and counted; the next line that
 * is written says how many. O_NONBLOCK on descriptor 2 would be no way, since everybody who shares it would get it, too.
 *
 * Threads:   start, stop: main, while nobody logs; settle: main. The lines come from any thread, by the kernel's pipe, which keeps lines whole (pipe(7): PIPE_BUF).
 * Ownership: the sink must not move, nor end, before the process does: its thread may be stuck in a write.
 */
#ifndef CHATTERBOX_RUNTIME_LOG_SINK_H
#define CHATTERBOX_RUNTIME_LOG_SINK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/log.h"

struct log_sink {
    pthread_t thread;
    int to;                 /* the descriptor that lines are for */
    int in, out;            /* our pipe */
    _Atomic int64_t *lost;  /* log->lost: any thread adds to it */
    int64_t told;           /* of the lost; the sink's thread */
    struct log_form form;   /* log's */
};

/* From here on log goes to fd by way of the sink. lost: counts the lines that are lost, for as long as the process lives. Returns 0 or an errno, after which
 * log is as it was. */
int log_sink_start(struct log_sink *sink, struct log *log, int fd, _Atomic int64_t *lost) __attribute__((warn_unused_result));

/* Wait until the thread has taken what was logged before, but no longer than patience_ms. Others may go on logging. */
void log_sink_settle(const struct log_sink *sink, unsigned patience_ms);

/* Lines that were logged before are written now, unless that takes longer than patience_ms. Nothing may be logged after that. */
void log_sink_stop(struct log_sink *sink, struct log *log, unsigned patience_ms);

#endif

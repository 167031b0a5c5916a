/* stopping.h: how the server ends: told ahead, then one kind of thread after another, each when the one before has finished.
 *
 *     SERVING ─► ANNOUNCED ─► EMPTYING ─► DRAINING_IO ─► DRAINING_SESSIONS ─► DRAINING_MATCHER ─► DRAINING_BUS ─► EXITING
 *
 * ANNOUNCED is for whoever sends people here: `/readyz` says 503 and everything else is as it was, for --drain-delay; with 0 there is no such time.
 * EMPTYING lets chats end and sends everybody else away (LAST_CALL, actors/farewell.h). It ends when nobody is left, which every session thread says by
 * DESERTED; after --drain-time those are closed who are left (CLOSING_TIME). With --drain-time 0 it is not there. Then
 * each step ends with DRAINED of all its threads, or all of them together with --drain-timeout.
 *
 * Threads: main.
 */
#ifndef CHATTERBOX_THREADS_STOPPING_H
#define CHATTERBOX_THREADS_STOPPING_H

#include <stdbool.h>
#include <uv.h>

#include "options.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "threads/certificate.h"

enum stopping_phase { SERVING, ANNOUNCED, EMPTYING, DRAINING_IO, DRAINING_SESSIONS, DRAINING_MATCHER, DRAINING_BUS, EXITING };

/* Ids of threads that follow each other; none: a count of 0. */
struct stopping_threads {
    unsigned first, count;
};

struct stopping {
    const struct options *options;
    const struct log *log;
    struct executor *executor;       /* main's */
    const struct notify *notify;
    struct certificate *certificate; /* not loaded anew once threads are told to end */
    struct stopping_threads io, sessions, matcher, bus, all; /* all: but main */
    enum stopping_phase phase;
    unsigned awaited; /* DRAINED, in this phase; EMPTYING: DESERTED */
    uv_timer_t timer; /* --drain-delay, then --drain-time and what follows it, then --drain-timeout */
};

/* Of what is filled in above `phase`; main's executor has a loop by now. */
void stopping_init(struct stopping *stopping);

/* Announce the end, or go on to the next step if there is no --drain-delay. Announced or emptying: begin with the end. Once it has begun: nothing. */
void stopping_ask(struct stopping *stopping);

/* Begin with the end, announced or not. Once it has begun: nothing. */
void stopping_begin(struct stopping *stopping);

/* A message without a body to each of them. */
void stopping_send(struct stopping *stopping, enum message_type type, struct stopping_threads threads);

/* One more session thread has said DESERTED. */
void stopping_on_deserted(struct stopping *stopping);

/* One more thread has said DRAINED. */
void stopping_on_drained(struct stopping *stopping);

/* Close the handles. */
void stopping_leave(struct stopping *stopping);

#endif

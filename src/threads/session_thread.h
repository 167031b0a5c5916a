/* session_thread.h: a thread that hosts session actors: finds the actor that a message is for and lets it act.
 *
 * Threads:   new, free: main, while the thread does not run. Everything in between happens on its own executor.
 * Ownership: the actors and all that they own are the thread's.
 */
#ifndef CHATTERBOX_THREADS_SESSION_THREAD_H
#define CHATTERBOX_THREADS_SESSION_THREAD_H

#include "options.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

struct session_thread_config {
    const struct options *options;
    const struct log *log;
    struct metrics *metrics; /* its own set */
    unsigned matcher_thread;
    uint64_t incarnation; /* of this node */
    unsigned first_io_thread, io_threads, session_threads;
    uint32_t max_connections;
    struct executor *host; /* whose guest it is; NULL: it has a thread of its own */
};

struct session_thread;

/* Never NULL but when libuv fails, which is logged. */
struct session_thread *session_thread_new(const struct session_thread_config *config, struct mailbox *mailbox);

struct executor *session_thread_executor(struct session_thread *thread);

/* After its executor has been joined. */
void session_thread_free(struct session_thread **thread);

#endif

/* matcher_thread.h: the one thread that calls Redis: hosts the matcher and its store.
 *
 * Threads: new, free: main, while the thread does not run. Everything in between happens on its own executor.
 */
#ifndef CHATTERBOX_THREADS_MATCHER_THREAD_H
#define CHATTERBOX_THREADS_MATCHER_THREAD_H

#include "options.h"
#include "redis/address.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

struct matcher_thread_config {
    const struct options *options;
    const struct log *log;
    struct metrics *metrics; /* its own set */
    unsigned first_session_thread, session_threads;
    uint64_t incarnation;                /* of this process */
    const struct redis_address *address; /* where to connect; EMBEDDED with the child's path */
};

struct matcher_thread;

/* Never NULL but when libuv fails, which is logged. */
struct matcher_thread *matcher_thread_new(const struct matcher_thread_config *config, struct mailbox *mailbox);

struct executor *matcher_thread_executor(struct matcher_thread *thread);

/* After its executor has been joined. */
void matcher_thread_free(struct matcher_thread **thread);

#endif

/* io_thread.h: a thread that owns connections: accepts them, and routes between their sockets and the session actors.
 *
 * Threads: new, free: main, while the thread does not run. Everything in between happens on its own executor.
 */
#ifndef CHATTERBOX_THREADS_IO_THREAD_H
#define CHATTERBOX_THREADS_IO_THREAD_H

#include "options.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "tls/context.h"

struct entrances; /* net/entrances.h */

struct io_thread_config {
    const struct options *options;
    const struct log *log;
    const struct identity_key *identity_key; /* identity.h */
    const struct networks *trusted_proxies;  /* client_address.h */
    struct metrics *metrics_sets; /* of all threads; its own is [thread] */
    unsigned metrics_count;
    unsigned thread; /* its id */
    uint64_t incarnation; /* of this node */
    unsigned first_io_thread, io_threads;
    unsigned first_session_thread, session_threads;
    const struct entrances *entrances; /* open; its own sockets in there are the thread's from here on */
    const struct tls_context *tls; /* NULL: there is no TLS. It is shared, and TLS_CONTEXT brings another one */
    uint32_t max_connections;
    bool accepts_binary; /* else a binary message is answered with 1003 */
    const char *config; /* what GET /config answers; outlives the thread */
};

struct net;

/* Never NULL but when libuv fails, which is logged. */
struct net *io_thread_new(const struct io_thread_config *config, struct mailbox *mailbox);

struct executor *io_thread_executor(struct net *net);

/* After its executor has been joined. */
void io_thread_free(struct net **net);

#endif

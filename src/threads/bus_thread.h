/* bus_thread.h: the thread that talks to other nodes: connections to each Redis of the bus, beats, sealed batches out and in. There is none
 * without --cluster-secret-file.
 *
 * How an actor speaks to one on another node: it sends a message whose address has a node other than 0, and mailbox_send() puts it into the ring
 * to this thread. What came in one turn for one node goes out as one batch (bus/record.h, batch.h) on that node's channel. There its bus thread
 * opens it, and sends each message on to the session thread that the address names, with `from` in the index that it has given to the
 * sender's node. Answers go the same way back. A message to a node that is not alive, or that cannot be sent, is dropped and counted: whoever needs to
 * know hears PEER_NODE_DIED, or acknowledges and repeats.
 *
 * What it says of nodes, to the matcher and every session thread: PEER_NODE_ALIVE; and PEER_NODE_DIED for a node that is dead, that has left, or
 * that this one must part from since it begins a new life (bus/peers.h). Whatever was with a node of this index is over then; the same
 * node may be alive again at once, under another index.
 *
 * Threads: new, free: main, while the thread does not run. Everything in between happens on its own executor.
 */
#ifndef CHATTERBOX_THREADS_BUS_THREAD_H
#define CHATTERBOX_THREADS_BUS_THREAD_H

#include "options.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "threads/cluster.h"

struct bus_thread_config {
    const struct options *options;
    const struct log *log;
    struct metrics *metrics_sets; /* of all threads; its own is [thread] */
    unsigned metrics_count;
    unsigned thread; /* its id */
    unsigned first_session_thread, session_threads, matcher_thread;
    const struct cluster *cluster; /* outlives the thread */
};

struct bus_thread;

/* Never NULL but when libuv fails, which is logged. */
struct bus_thread *bus_thread_new(const struct bus_thread_config *config, struct mailbox *mailbox);

struct executor *bus_thread_executor(struct bus_thread *thread);

/* After its executor has been joined. */
void bus_thread_free(struct bus_thread **thread);

#endif

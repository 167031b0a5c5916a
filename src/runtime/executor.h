/* executor.h: a thread that hosts actors: a libuv loop and a mailbox.
 *
 * A turn of the loop is: deliver messages (at most a budget), let the owner finish the batch (write sockets, say), flush
 * the mailbox, and only when nothing is left announce sleep and poll.
 *
 * An executor may be the guest of another one, and then has its turns on the thread and in the loop of its host: first the guest takes what the
 * host has for it, then the host what the guest has made of that, so that they never wake each other. It has a mailbox of its own all the same, and
 * whoever talks to it, the host too, need not know.
 *
 * Threads:   init, start, join, fini: main. The rest: the executor's own thread.
 */
#ifndef CHATTERBOX_RUNTIME_EXECUTOR_H
#define CHATTERBOX_RUNTIME_EXECUTOR_H

#include <stdbool.h>
#include <uv.h>

#include "runtime/log.h"
#include "runtime/mailbox.h"

/* What the owner of an executor does. All are called on the executor's thread; owner is the pointer given at init. */
struct executor_handler {
    /* Before the first turn: open handles. NULL if there is nothing to do. */
    void (*on_start)(void *owner);
    /* One message, payload included, is the owner's from here on. */
    void (*on_message)(void *owner, struct message *message);
    /* After each batch of messages, which follows each poll; and again before the poll, after timers, when no message has been delivered (while draining: a
     * further batch). Before the flush; and once more if the flush hands over the last of what was staged. May send. NULL if there is nothing to do. */
    void (*on_turn_end)(void *owner);
    /* Whether there is work left that does not come as a message: then the thread does not sleep, and there are further turns. NULL: never. */
    bool (*has_work)(void *owner);
    /* executor_exit() was called: close all own handles. The thread ends when the loop has none left. */
    void (*on_exit)(void *owner);
};

struct executor {
    uv_loop_t *loop; /* its own one, or the host's */
    uv_loop_t own_loop;
    struct executor *guest; /* NULL: none */
    struct mailbox *mailbox;
    const struct executor_handler *handler;
    void *owner;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* active while there is more to deliver: the poll must not block */
    uv_thread_t thread;
    bool is_guest;
    bool is_started;
    bool is_draining; /* DRAIN came: finish what is there, take nothing new */
    bool has_drained; /* DRAINED was sent */
    bool has_more;    /* after the last batch */
    uint64_t turn_began_ms; /* by the loop's clock; 0: there was no poll yet */
    bool is_exiting;
};

/* Returns 0 or a libuv error. The mailbox is attached to the executor's loop. */
int executor_init(struct executor *executor, struct mailbox *mailbox, const struct executor_handler *handler, void *owner);

/* The same as the guest of another one, which has none and has not been started. */
int executor_init_guest(struct executor *guest, struct mailbox *mailbox, const struct executor_handler *handler, void *owner,
                        struct executor *host);

/* Either; host: NULL if it is nobody's guest. An error is logged, and false returned. */
bool executor_init_or_log(struct executor *executor, struct mailbox *mailbox, const struct executor_handler *handler, void *owner,
                          const struct log *log, struct executor *host) __attribute__((warn_unused_result));

/* Run on a thread of its own, named for the system's tools (15 bytes at most); a guest runs with its host. Returns 0 or a libuv error. */
int executor_start(struct executor *executor, const char *name);

/* Run on the calling thread until executor_exit() and all handles are closed. For main. */
void executor_run(struct executor *executor);

/* For an owner whose sockets bring much in one poll: its guest, if there is one, takes what there is now, and then the owner what the guest has made of it.
 * Else all of that would be out of the cache when they come to it. on_message is called for both; not to be called from within it, nor from
 * on_turn_end. */
void executor_serve_guest(struct executor *host);

/* Shorthand for mailbox_send() on the own mailbox. */
bool executor_send(struct executor *executor, const struct message *message);

/* Tell main that this thread has finished what was there: once, however often it is called. */
void executor_tell_drained(struct executor *executor);

/* For on_turn_end: the same as soon as the thread is draining, nothing is left, and all it has sent is handed over. */
void executor_drain(struct executor *executor, bool has_something_left);

/* For on_turn_end, at its end: hand over what was sent, then stand still, so that what comes collects. Nobody need wake the thread meanwhile, which has
 * not said that it sleeps. */
void executor_rest(struct executor *executor, unsigned microseconds);

/* What main may tell any thread: PROBE is answered by PROBED, DRAIN sets is_draining, EXIT is executor_exit(). */
void executor_obey(struct executor *executor, enum message_type order);

/* End the loop: on_exit is called once this turn is over. A host goes on until its guest has been told so too. */
void executor_exit(struct executor *executor);

void executor_join(struct executor *executor);

/* After all executors have been joined; a guest before its host. */
void executor_fini(struct executor *executor);

#endif

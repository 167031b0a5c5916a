/* mailbox.h: how one thread hands messages to another.
 *
 * Each thread owns one mailbox: a bounded single-producer ring (ck_ring) for every thread that may send to it, and
 * the FIFOs of what it could not hand over yet. Messages of one sender to one thread arrive in the order sent; between
 * two senders nothing is promised.
 *
 * Runs (message.h) are sent, travel and are delivered as one; and what is sent one after the other to another thread and could be one run
 * (message_continues()) becomes one.
 *
 * Threads:   everything that takes a struct mailbox is called by the thread that owns it, save where main is named.
 * Ownership: a message is copied in, and its payload moves with it.
 * Never blocks, never drops: what finds a ring full waits in the sender's FIFO (message.def says what else follows).
 *            The consumer of a full ring wakes the producer when there is room.
 */
#ifndef CHATTERBOX_RUNTIME_MAILBOX_H
#define CHATTERBOX_RUNTIME_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/message.h"
#include "runtime/metrics.h"

struct exchange; /* all mailboxes and the rings between them */
struct mailbox;

/* Mailboxes for threads 0..thread_count-1 with the given roles, and a ring of ring_capacity slots (a power of two of at
 * least 2, one of which stays empty) for each ordered pair of threads that talk (roles_talk). Main only, while no other
 * thread runs. */
struct exchange *exchange_new(const enum thread_role roles[], unsigned thread_count, unsigned ring_capacity);

/* Free rings and FIFOs with every message still in them. Main only, after all threads have been joined. */
void exchange_free(struct exchange **exchange);

struct mailbox *exchange_mailbox(struct exchange *exchange, unsigned thread);

/* Count what goes through rings, and wake-ups, into the owner's set. Main only, before any thread starts; without it nothing is counted. */
void mailbox_count_into(struct mailbox *box, struct metrics *metrics);

/* Open the wake-up on the owner's loop. Main only, before any thread starts. Returns 0 or a libuv error. */
int mailbox_attach(struct mailbox *box, uv_loop_t *loop);

/* Close the wake-up. Main only, after all threads have been joined: a late sender would touch a closing handle. */
void mailbox_detach(struct mailbox *box);

unsigned mailbox_thread(const struct mailbox *box);

/* The owner was busy for so long between two polls: counted with the turns of its kind of thread, if anything is. */
void mailbox_count_turn(struct mailbox *box, uint64_t milliseconds);

/* Send to the thread of message->to, which may be the own one, or to the bus thread if it names another node. A payload is taken over. The receiver is woken by the next
 * mailbox_flush(). Returns true if messages to that thread wait for room and the type asks to throttle (message.def); whether this one finds
 * room is seen when it is handed over, so the next one may be the first to tell. */
bool mailbox_send(struct mailbox *own, const struct message *message);

/* Hand over what was sent and what waits, as far as there is room, and wake the receivers that sleep. Call after each batch of sends. Returns
 * whether nothing is left that waits. */
bool mailbox_flush(struct mailbox *own);

/* Whether messages to that thread wait for room. */
bool mailbox_is_congested(const struct mailbox *own, unsigned to_thread);

/* How many messages (or runs) wait for room, over all receivers. */
size_t mailbox_staged(const struct mailbox *own);

/* Takes the message over, with its payload or payloads. */
typedef void deliver_fn(void *owner, struct message *message);

/* Deliver messages, each ring oldest first, rings in turn, until budget is reached (a run counts as the messages it stands for); what the thread
 * sends to itself meanwhile is delivered all the same. Returns how many were delivered. */
size_t mailbox_drain(struct mailbox *box, size_t budget, deliver_fn *deliver, void *owner);

/* Announce sleep: from here on senders signal. Returns false, and takes the announcement back, if there are messages to
 * drain, to flush, or staged ones with room: then do not sleep. */
bool mailbox_prepare_sleep(struct mailbox *box);

/* Take the announcement back: senders need not signal. */
void mailbox_wake(struct mailbox *box);

#endif

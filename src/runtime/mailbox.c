#include "runtime/mailbox.h"

#include <ck_ring.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/backlog.h"
#include "runtime/check.h"

CK_RING_PROTOTYPE(message, message)

/* ThreadSanitizer does not see ck's inline assembly. So under it each ring operation tells by hand what the ring guarantees:
 * what was written before an enqueue is seen after the dequeue, and what was read before a dequeue is over before the slot is used
 * again. tests/stress/race_probe.c shows that a race beside the ring is still reported. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#ifdef UNDER_TSAN
void __tsan_acquire(void *token);
void __tsan_release(void *token);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define RING_OPERATION __attribute__((no_sanitize("thread"), noinline))
#define RELEASE(token) __tsan_release(token)
#define ACQUIRE(token) __tsan_acquire(token)
#define UNSEEN_BEGIN() \
    (AnnotateIgnoreReadsBegin(__FILE__, __LINE__), AnnotateIgnoreWritesBegin(__FILE__, __LINE__))
#define UNSEEN_END() (AnnotateIgnoreWritesEnd(__FILE__, __LINE__), AnnotateIgnoreReadsEnd(__FILE__, __LINE__))
#else
#define RING_OPERATION
#define RELEASE(token) ((void)(token))
#define ACQUIRE(token) ((void)(token))
#define UNSEEN_BEGIN() ((void)0)
#define UNSEEN_END() ((void)0)
#endif

/* One direction between two threads. The producer's and the consumer's index are on lines of their own inside ck_ring. */
struct ring {
    _Alignas(64) ck_ring_t indexes;
    _Alignas(64) atomic_bool is_producer_waiting; /* set by the producer, cleared by the consumer */
    char over_token, back_token;                  /* addresses for RELEASE and ACQUIRE */
    struct message *slots;
};

/* The newest message to one receiver, which is not published before the next one or the flush: the next one may be of the same run.
 *
 * A ring's slot is a cache line that has to come from another core, and so do the lines of both indexes; a client that writes fast, or is
 * written to, has 16 texts in one turn. As one message with a list of payloads they cost it once. */
struct outgoing {
    struct message message;       /* MESSAGE_NONE: nothing */
    struct payload *last_payload; /* in its list */
};

struct mailbox {
    struct exchange *exchange;
    unsigned thread;
    uv_async_t wakeup;

    /* Written by all threads: true while the owner is awake, or while a wake-up is on its way to it. */
    _Alignas(64) atomic_bool awake;

    /* The owner's alone. */
    _Alignas(64) struct backlog own;  /* messages to itself */
    struct outgoing *outgoing;        /* by receiver: the newest message */
    struct backlog *staged;           /* by receiver: what found its ring full, oldest first */
    size_t *staged_count;
    size_t staged_total;
    bool *must_signal;                /* by receiver: something was published, or staged, since the last flush */
    unsigned next_ring;               /* where the next drain begins, so that no sender is always first */
};

struct exchange {
    unsigned threads;
    enum thread_role *roles;
    struct mailbox *mailboxes;
    struct ring *rings; /* [to * threads + from]; slots is NULL where the two do not talk */
};

static struct ring *ring_between(const struct exchange *exchange, unsigned from, unsigned to)
{
    return &exchange->rings[to * exchange->threads + from];
}

RING_OPERATION static bool ring_put(struct ring *ring, struct message *message)
{
    ACQUIRE(&ring->back_token);
    RELEASE(&ring->over_token);
    UNSEEN_BEGIN();
    bool is_put = ck_ring_enqueue_spsc_message(&ring->indexes, ring->slots, message);
    UNSEEN_END();
    return is_put;
}

RING_OPERATION static bool ring_take(struct ring *ring, struct message *message)
{
    UNSEEN_BEGIN();
    bool is_taken = ck_ring_dequeue_spsc_message(&ring->indexes, ring->slots, message);
    UNSEEN_END();
    if (is_taken) {
        ACQUIRE(&ring->over_token);
        RELEASE(&ring->back_token);
    }
    return is_taken;
}

/* A snapshot: exact for the side that asks about its own limit (a consumer never sees fewer than there are for good, a
 * producer never more). */
RING_OPERATION static unsigned ring_size(const struct ring *ring)
{
    UNSEEN_BEGIN();
    unsigned size = ck_ring_size(&ring->indexes);
    UNSEEN_END();
    return size;
}

RING_OPERATION static bool ring_has_room(const struct ring *ring)
{
    return ring_size(ring) + 1 < ck_ring_capacity(&ring->indexes);
}

struct exchange *exchange_new(const enum thread_role roles[], unsigned thread_count, unsigned ring_capacity)
{
    CHECK(thread_count >= 1 && thread_count <= THREADS_MAX);
    CHECK(ring_capacity >= 2 && (ring_capacity & (ring_capacity - 1)) == 0); /* ck_ring_init() does not look */
    struct exchange *exchange = calloc(1, sizeof *exchange);
    CHECK_MEMORY(exchange);
    exchange->threads = thread_count;
    exchange->roles = calloc(thread_count, sizeof *exchange->roles);
    exchange->mailboxes = aligned_alloc(64, thread_count * sizeof *exchange->mailboxes);
    size_t rings = (size_t)thread_count * thread_count;
    exchange->rings = aligned_alloc(64, rings * sizeof *exchange->rings);
    CHECK_MEMORY(exchange->roles);
    CHECK_MEMORY(exchange->mailboxes);
    CHECK_MEMORY(exchange->rings);
    for (unsigned thread = 0; thread < thread_count; thread++)
        exchange->roles[thread] = roles[thread];

    for (unsigned to = 0; to < thread_count; to++) {
        for (unsigned from = 0; from < thread_count; from++) {
            struct ring *ring = ring_between(exchange, from, to);
            *ring = (struct ring){ 0 };
            if (from == to || !roles_talk(roles[from], roles[to]))
                continue;
            ck_ring_init(&ring->indexes, ring_capacity);
            atomic_init(&ring->is_producer_waiting, false);
            ring->slots = aligned_alloc(64, ring_capacity * sizeof(struct message));
            CHECK_MEMORY(ring->slots);
        }
        struct mailbox *box = &exchange->mailboxes[to];
        *box = (struct mailbox){ .exchange = exchange, .thread = to };
        atomic_init(&box->awake, true); /* until its loop first announces sleep */
        box->outgoing = calloc(thread_count, sizeof *box->outgoing);
        box->staged = calloc(thread_count, sizeof *box->staged);
        box->staged_count = calloc(thread_count, sizeof *box->staged_count);
        box->must_signal = calloc(thread_count, sizeof *box->must_signal);
        CHECK_MEMORY(box->outgoing);
        CHECK_MEMORY(box->staged);
        CHECK_MEMORY(box->staged_count);
        CHECK_MEMORY(box->must_signal);
    }
    return exchange;
}

static void discard_all(struct backlog *backlog)
{
    struct message message;
    while (backlog_take(backlog, &message))
        message_discard(&message);
}

void exchange_free(struct exchange **pointer)
{
    struct exchange *exchange = *pointer;
    if (exchange == NULL)
        return;
    for (unsigned to = 0; to < exchange->threads; to++) {
        for (unsigned from = 0; from < exchange->threads; from++) {
            struct ring *ring = ring_between(exchange, from, to);
            struct message message;
            while (ring->slots != NULL && ring_take(ring, &message))
                message_discard(&message);
            free(ring->slots);
        }
        struct mailbox *box = &exchange->mailboxes[to];
        discard_all(&box->own);
        for (unsigned other = 0; other < exchange->threads; other++) {
            message_discard(&box->outgoing[other].message);
            discard_all(&box->staged[other]);
        }
        free(box->outgoing);
        free(box->staged);
        free(box->staged_count);
        free(box->must_signal);
    }
    free(exchange->rings);
    free(exchange->mailboxes);
    free(exchange->roles);
    free(exchange);
    *pointer = NULL;
}

struct mailbox *exchange_mailbox(struct exchange *exchange, unsigned thread)
{
    CHECK(thread < exchange->threads);
    return &exchange->mailboxes[thread];
}

static void on_wakeup(uv_async_t *wakeup)
{
    (void)wakeup; /* the poll has returned, which is all that was wanted */
}

int mailbox_attach(struct mailbox *box, uv_loop_t *loop)
{
    int error = uv_async_init(loop, &box->wakeup, on_wakeup);
    if (error == 0)
        uv_unref((uv_handle_t *)&box->wakeup); /* the loop ends without it, and it outlives the loop's last turn */
    return error;
}

void mailbox_detach(struct mailbox *box)
{
    uv_close((uv_handle_t *)&box->wakeup, NULL);
}

unsigned mailbox_thread(const struct mailbox *box)
{
    return box->thread;
}

/* Decide whether to wake the owner of a mailbox, after something was published for it.
 *
 * The exchange must follow the store of the ring's tail (or, in signal_room(), of its head) in one total order, or the owner may go to sleep
 * on a message that it has not seen: x86 may otherwise load `awake` before it stores the tail.
 * Pairs with the exchange in mailbox_prepare_sleep(), which clears the flag before it looks at any tail. */
static void signal_owner(struct mailbox *box)
{
    if (!atomic_exchange_explicit(&box->awake, true, memory_order_seq_cst))
        uv_async_send(&box->wakeup);
}

static void stage(struct mailbox *own, unsigned to, const struct message *message)
{
    backlog_put(&own->staged[to], message);
    own->staged_count[to]++;
    own->staged_total++;
}

static void publish_outgoing(struct mailbox *own, unsigned to)
{
    struct message *message = &own->outgoing[to].message;
    if (message->type == MESSAGE_NONE)
        return;
    own->must_signal[to] = true;
    if (own->staged_count[to] > 0 || !ring_put(ring_between(own->exchange, own->thread, to), message))
        stage(own, to, message);
    message->type = MESSAGE_NONE;
    message->payload = NULL;
}

bool mailbox_send(struct mailbox *own, const struct message *message)
{
    struct exchange *exchange = own->exchange;
    unsigned to = message->to.thread;
    CHECK(to < exchange->threads);
    CHECK(message_may_travel(message->type, exchange->roles[own->thread], exchange->roles[to]));
    struct message signed_message;
    if (address_is_nobody(message->from)) {
        signed_message = *message;
        signed_message.from = address_of_thread(own->thread);
        message = &signed_message;
    }
    if (to == own->thread) {
        backlog_put(&own->own, message);
        return false;
    }
    struct outgoing *outgoing = &own->outgoing[to];
    if (message_continues(&outgoing->message, message)) {
        CHECK(message->payload != NULL && message->payload->next == NULL);
        outgoing->last_payload->next = message->payload;
    } else {
        publish_outgoing(own, to);
        outgoing->message = *message;
    }
    outgoing->last_payload = message->payload;
    return own->staged_count[to] > 0 && message_throttles(message->type);
}

/* Returns how many are left. */
static size_t hand_over_staged(struct mailbox *own, unsigned to)
{
    struct ring *ring = ring_between(own->exchange, own->thread, to);
    struct message message;
    while (own->staged_count[to] > 0 && backlog_take(&own->staged[to], &message)) {
        if (!ring_put(ring, &message)) {
            backlog_put_back(&own->staged[to], &message);
            break;
        }
        own->staged_count[to]--;
        own->staged_total--;
        own->must_signal[to] = true;
    }
    return own->staged_count[to];
}

bool mailbox_flush(struct mailbox *own)
{
    for (unsigned to = 0; to < own->exchange->threads; to++) {
        if (own->staged_count[to] > 0)
            hand_over_staged(own, to);
        publish_outgoing(own, to);
        if (own->must_signal[to]) {
            own->must_signal[to] = false;
            signal_owner(&own->exchange->mailboxes[to]);
        }
    }
    return own->staged_total == 0;
}

bool mailbox_is_congested(const struct mailbox *own, unsigned to_thread)
{
    return own->staged_count[to_thread] > 0;
}

size_t mailbox_staged(const struct mailbox *own)
{
    return own->staged_total;
}

/* One message, or a run. Returns how many. */
static size_t deliver_run(const struct mailbox *box, const struct message *run, deliver_fn *deliver, void *owner)
{
    const enum thread_role *roles = box->exchange->roles;
    CHECK(message_may_travel(run->type, roles[run->from.thread], roles[box->thread]));
    struct payload *payload = run->payload;
    size_t delivered = 0;
    do {
        struct message message = *run;
        message.payload = payload;
        if (payload != NULL) {
            payload = payload->next;
            message.payload->next = NULL;
        }
        deliver(owner, &message);
        delivered++;
    } while (payload != NULL);
    return delivered;
}

/* What the thread has sent to itself: as many as are there now. What they cause comes later. */
static size_t deliver_own(struct mailbox *box, deliver_fn *deliver, void *owner)
{
    size_t delivered = 0;
    struct message message;
    struct backlog batch = box->own;
    box->own = (struct backlog){ 0 };
    while (backlog_take(&batch, &message))
        delivered += deliver_run(box, &message, deliver, owner);
    return delivered;
}

/* After taking from a ring: if its producer sleeps until there is room, there is some now. See may_sleep_on(). */
static void signal_room(struct mailbox *box, struct ring *ring, unsigned from)
{
    if (atomic_exchange_explicit(&ring->is_producer_waiting, false, memory_order_seq_cst))
        signal_owner(&box->exchange->mailboxes[from]);
}

size_t mailbox_drain(struct mailbox *box, size_t budget, deliver_fn *deliver, void *owner)
{
    struct exchange *exchange = box->exchange;
    struct message message;
    size_t delivered = 0;
    for (unsigned turn = 0; turn < exchange->threads && delivered < budget; turn++) {
        unsigned from = (box->next_ring + turn) % exchange->threads;
        struct ring *ring = ring_between(exchange, from, box->thread);
        delivered += deliver_own(box, deliver, owner);
        bool has_taken = false;
        while (ring->slots != NULL && delivered < budget && ring_take(ring, &message)) {
            has_taken = true;
            delivered += deliver_run(box, &message, deliver, owner);
            /* At once, while what it is about is in the cache. */
            delivered += deliver_own(box, deliver, owner);
        }
        if (has_taken)
            signal_room(box, ring, from);
    }
    box->next_ring = box->next_ring + 1 < exchange->threads ? box->next_ring + 1 : 0;
    return delivered;
}

/* Whether the producer of a full ring may sleep: it leaves word that it waits for room, and looks once more.
 *
 * It has announced sleep before, and the look follows the exchange. So either it sees the room that the consumer has made, or the consumer sees
 * the word and then that it must signal. To leave word earlier, when the ring is found full, is not enough: the consumer may take that
 * word for room made before, find the producer awake, and have none left when it makes room the next time.
 * Pairs with the exchange in signal_room(), which follows the consumer's store of the ring's head. */
static bool may_sleep_on(struct ring *ring)
{
    atomic_exchange_explicit(&ring->is_producer_waiting, true, memory_order_seq_cst);
    return !ring_has_room(ring);
}

static bool has_work(const struct mailbox *box)
{
    if (box->own.first != NULL)
        return true;
    for (unsigned other = 0; other < box->exchange->threads; other++) {
        if (box->outgoing[other].message.type != MESSAGE_NONE)
            return true;
        const struct ring *in = ring_between(box->exchange, other, box->thread);
        if (in->slots != NULL && ring_size(in) > 0)
            return true;
        if (box->staged_count[other] > 0 && !may_sleep_on(ring_between(box->exchange, box->thread, other)))
            return true;
    }
    return false;
}

bool mailbox_prepare_sleep(struct mailbox *box)
{
    /* Clear first, then look: pairs with signal_owner(). */
    atomic_exchange_explicit(&box->awake, false, memory_order_seq_cst);
    if (!has_work(box))
        return true;
    mailbox_wake(box);
    return false;
}

void mailbox_wake(struct mailbox *box)
{
    /* Relaxed would do: a sender that still sees false merely signals once more than needed. */
    atomic_store_explicit(&box->awake, true, memory_order_relaxed);
}

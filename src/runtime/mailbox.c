#include "runtime/mailbox.h"

#include <stdlib.h>

#include "runtime/backlog.h"
#include "runtime/check.h"
#include "runtime/ring.h"
#include "runtime/wakeup.h"

/* The newest message to one receiver, which is not published before the next one or the flush: the next one may be of the same run.
 *
 * A ring's slot is a cache line that has to come from another core, and so do the lines of both indexes; a client that writes fast, or is
 * written to, has 16 texts in one turn. As a run they cost it once. */
struct outgoing {
    struct message message;       /* MESSAGE_NONE: nothing */
    struct payload *last_payload; /* in its list; NULL: not looked for yet, since who goes through one that another core has written waits for each */
};

struct mailbox {
    struct exchange *exchange;
    unsigned thread;
    struct wakeup wakeup;

    /* The owner's alone. */
    _Alignas(64) struct backlog own;  /* messages to itself */
    struct outgoing *outgoing;        /* by receiver: the newest message */
    struct backlog *staged;           /* by receiver: what found its ring full, oldest first */
    size_t *staged_count;
    size_t staged_total;
    bool *must_signal;                /* by receiver: something was published, or staged, since the last flush */
    struct metrics *metrics;          /* NULL: nobody counts */
    unsigned next_ring;               /* where the next drain begins, so that no sender is always first */
};

struct exchange {
    unsigned threads;
    enum thread_role *roles;
    unsigned bus; /* the thread that takes what is for other nodes; threads if there is none */
    struct mailbox *mailboxes;
    struct ring **rings; /* [to * threads + from]; NULL where the two do not talk */
};

static struct ring *ring_between(const struct exchange *exchange, unsigned from, unsigned to)
{
    return exchange->rings[to * exchange->threads + from];
}

struct exchange *exchange_new(const enum thread_role roles[], unsigned thread_count, unsigned ring_capacity)
{
    CHECK(thread_count >= 1 && thread_count <= THREADS_MAX);
    struct exchange *exchange = calloc(1, sizeof *exchange);
    CHECK_MEMORY(exchange);
    exchange->threads = thread_count;
    exchange->roles = calloc(thread_count, sizeof *exchange->roles);
    exchange->mailboxes = aligned_alloc(64, thread_count * sizeof *exchange->mailboxes);
    exchange->rings = calloc((size_t)thread_count * thread_count, sizeof(struct ring *));
    CHECK_MEMORY(exchange->roles);
    CHECK_MEMORY(exchange->mailboxes);
    CHECK_MEMORY(exchange->rings);
    exchange->bus = thread_count;
    for (unsigned thread = 0; thread < thread_count; thread++) {
        exchange->roles[thread] = roles[thread];
        if (roles[thread] == ROLE_BUS)
            exchange->bus = thread;
    }

    for (unsigned to = 0; to < thread_count; to++) {
        for (unsigned from = 0; from < thread_count; from++) {
            if (from != to && roles_talk(roles[from], roles[to]))
                exchange->rings[to * thread_count + from] = ring_new(ring_capacity);
        }
        struct mailbox *box = &exchange->mailboxes[to];
        *box = (struct mailbox){ .exchange = exchange, .thread = to };
        atomic_init(&box->wakeup.awake, true); /* until its loop first announces sleep */
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
        for (unsigned from = 0; from < exchange->threads; from++)
            ring_free(ring_between(exchange, from, to));
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

void mailbox_count_into(struct mailbox *box, struct metrics *metrics)
{
    box->metrics = metrics;
}

static void count(struct mailbox *own, enum metric metric)
{
    if (own->metrics != NULL)
        metrics_add(own->metrics, metric, 1);
}

static void wake(struct mailbox *own, unsigned thread)
{
    if (wakeup_if_asleep(&own->exchange->mailboxes[thread].wakeup))
        count(own, METRIC_WAKEUPS_TOTAL);
}

int mailbox_attach(struct mailbox *box, uv_loop_t *loop)
{
    return wakeup_open(&box->wakeup, loop);
}

void mailbox_detach(struct mailbox *box)
{
    wakeup_close(&box->wakeup);
}

unsigned mailbox_thread(const struct mailbox *box)
{
    return box->thread;
}

void mailbox_count_turn(struct mailbox *box, uint64_t milliseconds)
{
    enum metric turns = METRICS;
    if (box->metrics == NULL)
        return;
    switch (box->exchange->roles[box->thread]) {
    case ROLE_IO:
        turns = METRIC_LOOP_TURN_SECONDS_IO;
        break;
    case ROLE_SESSION:
        turns = METRIC_LOOP_TURN_SECONDS_SESSION;
        break;
    case ROLE_MATCHER:
        turns = METRIC_LOOP_TURN_SECONDS_MATCHER;
        break;
    case ROLE_BUS:
        turns = METRIC_LOOP_TURN_SECONDS_BUS;
        break;
    case ROLE_MAIN: /* nobody waits for it */
        return;
    }
    metrics_observe(box->metrics, turns, MICROSECONDS_PER_MS * (int64_t)milliseconds);
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
    count(own, METRIC_RING_MESSAGES_TOTAL);
    if (own->staged_count[to] > 0 || !ring_put(ring_between(own->exchange, own->thread, to), message))
        stage(own, to, message);
    message->type = MESSAGE_NONE;
    message->payload = NULL;
}

static struct payload *last_payload(const struct outgoing *outgoing)
{
    struct payload *last = outgoing->last_payload;
    if (last != NULL)
        return last;
    last = outgoing->message.payload;
    for (unsigned i = 0; i < outgoing->message.more; i++)
        last = last->next;
    CHECK(last->next == NULL);
    return last;
}

bool mailbox_send(struct mailbox *own, const struct message *message)
{
    struct exchange *exchange = own->exchange;
    unsigned to = message->to.node == 0 ? message->to.thread : exchange->bus;
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
        last_payload(outgoing)->next = message->payload;
        outgoing->message.more += (uint16_t)message_texts(message);
    } else {
        publish_outgoing(own, to);
        outgoing->message = *message;
    }
    outgoing->last_payload = message->more == 0 ? message->payload : NULL;
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

/* Those to whom something was published since the last flush. */
static void signal_receivers(struct mailbox *own)
{
    wakeup_fence();
    for (unsigned to = 0; to < own->exchange->threads; to++) {
        if (own->must_signal[to])
            wake(own, to);
        own->must_signal[to] = false;
    }
}

bool mailbox_flush(struct mailbox *own)
{
    bool has_published = false;
    for (unsigned to = 0; to < own->exchange->threads; to++) {
        if (own->staged_count[to] > 0)
            hand_over_staged(own, to);
        publish_outgoing(own, to);
        has_published |= own->must_signal[to];
    }
    if (has_published)
        signal_receivers(own);
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

/* One message, or a run, that a thread has sent; from is what it says of itself, which the bus does for others. Returns how many. */
static size_t deliver_run(const struct mailbox *box, unsigned from, struct message *run, deliver_fn *deliver, void *owner)
{
    const enum thread_role *roles = box->exchange->roles;
    const size_t texts = message_texts(run);
    CHECK(message_may_travel(run->type, roles[from], roles[box->thread]));
    deliver(owner, run);
    return texts;
}

/* What the thread has sent to itself: as many as are there now. What they cause comes later. */
static size_t deliver_own(struct mailbox *box, deliver_fn *deliver, void *owner)
{
    size_t delivered = 0;
    struct message message;
    struct backlog batch = box->own;
    box->own = (struct backlog){ 0 };
    while (backlog_take(&batch, &message))
        delivered += deliver_run(box, box->thread, &message, deliver, owner);
    return delivered;
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
        while (ring != NULL && delivered < budget && ring_take(ring, &message)) {
            has_taken = true;
            delivered += deliver_run(box, from, &message, deliver, owner);
            /* At once, while what it is about is in the cache. */
            delivered += deliver_own(box, deliver, owner);
        }
        if (has_taken && ring_wants_room(ring))
            wake(box, from);
    }
    box->next_ring = box->next_ring + 1 < exchange->threads ? box->next_ring + 1 : 0;
    return delivered;
}

static bool has_work(const struct mailbox *box)
{
    if (box->own.first != NULL)
        return true;
    for (unsigned other = 0; other < box->exchange->threads; other++) {
        if (box->outgoing[other].message.type != MESSAGE_NONE)
            return true;
        const struct ring *in = ring_between(box->exchange, other, box->thread);
        if (in != NULL && !ring_is_empty(in))
            return true;
        if (box->staged_count[other] > 0 && !ring_may_sleep_on(ring_between(box->exchange, box->thread, other)))
            return true;
    }
    return false;
}

bool mailbox_prepare_sleep(struct mailbox *box)
{
    wakeup_announce_sleep(&box->wakeup);
    if (!has_work(box))
        return true;
    wakeup_take_back(&box->wakeup);
    return false;
}

void mailbox_wake(struct mailbox *box)
{
    wakeup_take_back(&box->wakeup);
}

#include "runtime/ring.h"

#include <ck_pr.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/check.h"

/* ck_md.h is of one architecture, and lies where the compilers of all of them look. With x86's, fences would be left out without a word. */
#if defined(CK_MD_TSO) && !defined(__x86_64__) && !defined(__i386__) && !defined(__sparc__)
#error "ck_md.h is that of a machine with a stronger memory: install libck-dev of the architecture that this is built for"
#endif

#ifndef CK_MD_TSO
/* ck 0.7 orders the loads from a slot before the store that gives it back with a fence between stores alone, which a weak machine need not
 * heed: the producer might write into a slot that is being read. In ck since its commit c7945fe. */
#define ck_pr_fence_store() (ck_pr_fence_load_store(), ck_pr_fence_store())
#endif
#include <ck_ring.h>

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

/* ck_ring has the consumer's index, the producer's and its size on lines of their own. Beside the size, which nobody writes, is what nobody writes
 * either. */
struct ring {
    _Alignas(64) ck_ring_t indexes;
    struct message *slots;
    char over_token, back_token;                  /* addresses for RELEASE and ACQUIRE */
    _Alignas(64) atomic_bool is_producer_waiting; /* set by the producer, cleared by the consumer */
};

struct ring *ring_new(unsigned capacity)
{
    CHECK(capacity >= 2 && (capacity & (capacity - 1)) == 0); /* ck_ring_init() does not look */
    struct ring *ring = aligned_alloc(64, sizeof *ring);
    CHECK_MEMORY(ring);
    *ring = (struct ring){ 0 };
    ck_ring_init(&ring->indexes, capacity);
    atomic_init(&ring->is_producer_waiting, false);
    ring->slots = aligned_alloc(64, capacity * sizeof(struct message));
    CHECK_MEMORY(ring->slots);
    return ring;
}

void ring_free(struct ring *ring)
{
    struct message message;
    if (ring == NULL)
        return;
    while (ring_take(ring, &message))
        message_discard(&message);
    free(ring->slots);
    free(ring);
}

RING_OPERATION bool ring_put(struct ring *ring, const struct message *message)
{
    ACQUIRE(&ring->back_token);
    RELEASE(&ring->over_token);
    UNSEEN_BEGIN();
    bool is_put = ck_ring_enqueue_spsc_message(&ring->indexes, ring->slots, (struct message *)(uintptr_t)message);
    UNSEEN_END();
    return is_put;
}

RING_OPERATION bool ring_take(struct ring *ring, struct message *message)
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
RING_OPERATION static unsigned size_of(const struct ring *ring)
{
    UNSEEN_BEGIN();
    unsigned size = ck_ring_size(&ring->indexes);
    UNSEEN_END();
    return size;
}

bool ring_is_empty(const struct ring *ring)
{
    return size_of(ring) == 0;
}

/* It has announced sleep before, and the look follows the word, with a fence between. So either it sees the room that the consumer has made, or the
 * consumer sees the word, and then that it must signal. To leave word earlier, when the ring is found full, is not enough: the consumer may take that
 * word for room made before, find the producer awake, and have none left when it makes room the next time.
 * Pairs with the fence in ring_wants_room(). */
bool ring_may_sleep_on(struct ring *ring)
{
    atomic_store_explicit(&ring->is_producer_waiting, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    return size_of(ring) + 1 >= ck_ring_capacity(&ring->indexes);
}

/* The first fence follows the store of the ring's head; the look at whether the producer sleeps, wakeup_if_asleep(), comes behind the second. Word that
 * is left again meanwhile must not be wiped out by a store that is late, hence the exchange. */
bool ring_wants_room(struct ring *ring)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&ring->is_producer_waiting, memory_order_relaxed))
        return false;
    atomic_exchange_explicit(&ring->is_producer_waiting, false, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    return true;
}

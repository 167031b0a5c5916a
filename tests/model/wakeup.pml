/* wakeup.pml: no message waits for ever, whichever thread sleeps when.
 *
 * Two senders and one receiver, each an executor (src/runtime/executor.c), with a ring of CAPACITY slots from each sender and its FIFO of
 * staged messages (src/runtime/mailbox.c). Modelled, by the names of the functions there:
 *
 *   ring_put(), mailbox_send(), hand_over_staged(), mailbox_flush(), may_sleep_on()      the senders
 *   ring_take(), mailbox_drain(), signal_room(), mailbox_prepare_sleep(), has_work()      the receiver
 *   signal_owner(), mailbox_prepare_sleep(), mailbox_wake()                               both
 *   on_prepare(), on_check(), run_batch() of src/runtime/executor.c                               both
 *   uv_async_send(), uv__async_io() with the three states of `pending` (libuv 1.44.2)     both
 *
 * Not modelled: that mailbox_send() keeps the newest message until the next one or the flush (no other thread can tell that from one that is
 * sent later), and that run_batch() asks for one more turn when a flush hands over the last that was staged.
 *
 * Memory: spin is sequentially consistent and x86 is not: a store becomes visible later, after loads that follow it. So every plain
 * store of the protocol (a ring's tail with its slot, a ring's head, mailbox_wake()'s relaxed `awake`) goes into a FIFO of its
 * thread, StoreBuffer() brings it to memory whenever it likes, and a locked instruction (each seq_cst exchange, libuv's
 * compare-and-swap) first waits for that FIFO to be empty. That is x86-TSO (Sewell et al., "x86-TSO", CACM 53(7), 2010). Indexes are
 * written by one thread only, which knows its own last value, so forwarding from the buffer needs no more than a variable. What this
 * does not cover is a weaker machine (arm64), where ck_ring's fences matter as well.
 *
 * Checked: messages of one sender arrive once and in order (assert in take()); when nothing can move any more, all have arrived and none is
 * staged (Quiescence); with -DLIVENESS: all arrive, if every thread and every store buffer goes on.
 *
 * Each of these must make spin report an error; test_models.py tries them all:
 *   BREAK_SIGNAL_FIRST     mailbox_flush() decides whether to wake before it has published
 *   BREAK_PLAIN_LOAD       signal_owner() looks at `awake` with a plain load, and exchanges only if that was false
 *   BREAK_LOOK_FIRST       mailbox_prepare_sleep() looks at the rings before it clears `awake`
 *   BREAK_PLAIN_CLEAR      mailbox_prepare_sleep() clears `awake` with a plain store
 *   BREAK_WORD_AT_PUT      a sender leaves word that it waits for room when it finds the ring full, instead of when it goes to sleep
 *   BREAK_NO_WORD          it leaves none
 *   BREAK_WORD_BEFORE_CLEAR  it does so before it clears `awake`
 *   BREAK_ROOM_FIRST       it looks for room before it leaves word
 *   BREAK_NO_ROOM_SIGNAL   mailbox_drain() tells no sender of room
 *   BREAK_PLAIN_ROOM       signal_room() looks at is_producer_waiting with a plain load
 *   BREAK_OVERTAKING       mailbox_send() does not look whether earlier messages are staged
 */
#ifndef MESSAGES
#define MESSAGES 3 /* of sender 0 */
#endif
#define CAPACITY 2 /* slots of a ring; one stays empty */
#define BUDGET 2   /* of mailbox_drain() */
#define THREADS 3
#define RECEIVER 2 /* threads 0 and 1 are the senders */
#ifndef SENDERS
#define SENDERS 2 /* sender 1 has one message, if it is there */
#endif
#define MESSAGES_OF(sender) (sender == 0 -> MESSAGES : SENDERS - 1)

/* Memory cells that more than one thread looks at. */
#define TAIL(sender) (sender)           /* written by the sender */
#define HEAD(sender) (2 + (sender))     /* written by the receiver */
#define AWAKE(thread) (4 + (thread))
#define WAITING(sender) (7 + (sender))  /* ring->is_producer_waiting */
byte memory[9];
byte slots[2 * CAPACITY];
#define SLOT(sender, index) slots[(sender) * CAPACITY + (index) % CAPACITY]

/* libuv's wake-up of each loop: uv_async_t.pending and the eventfd. */
byte pending[THREADS];
bool eventfd[THREADS];

/* Stores under way: cell, value; for a tail also what is in the slot. */
chan buffer[THREADS] = [2] of { byte, byte, byte };

byte arrived[2]; /* by sender */
byte staged_count[2];

proctype StoreBuffer(byte thread)
{
    byte cell, value, content;
end:
    do
    :: atomic {
        buffer[thread]?cell, value, content;
        memory[cell] = value;
        if
        :: cell <= TAIL(1) -> SLOT(cell, value - 1) = content
        :: else
        fi
       }
    od
}

#define STORE(cell, value, content) buffer[self]!cell, value, content

/* A locked instruction: everything stored before is visible before it. */
#define LOCKED empty(buffer[self])

inline exchange(cell, new, old)
{
    atomic { LOCKED -> old = memory[cell]; memory[cell] = new }
}

/* Values that nobody reads again are set to 0 throughout, so that states that differ in nothing else are one. */

inline async_send(thread)
{
    if
    :: pending[thread] != 0
    :: else ->
        if
        :: atomic { LOCKED && pending[thread] == 0 -> pending[thread] = 1 };
            eventfd[thread] = true;
            atomic { LOCKED -> assert(pending[thread] == 1); pending[thread] = 2 }
        :: atomic { LOCKED && pending[thread] != 0 -> skip }
        fi
    fi
}

/* uv__async_io() and uv__async_spin(). */
inline async_io()
{
    eventfd[self] = false;
    atomic { LOCKED && pending[self] != 1 -> pending[self] = 0 }
}

inline signal_owner(thread)
{
#ifdef BREAK_PLAIN_LOAD
    if
    :: memory[AWAKE(thread)] -> was = true
    :: else -> exchange(AWAKE(thread), true, was)
    fi;
#else
    exchange(AWAKE(thread), true, was);
#endif
    if
    :: !was -> async_send(thread)
    :: else -> was = false
    fi
}

inline clear_awake()
{
#ifdef BREAK_PLAIN_CLEAR
    STORE(AWAKE(self), false, 0)
#else
    atomic { exchange(AWAKE(self), false, was); was = false }
#endif
}

/* The sender. */

inline ring_put(content)
{
    atomic {
        is_put = tail - memory[HEAD(self)] < CAPACITY - 1;
        if
        :: is_put -> tail++
        :: else
        fi
    };
    if
    :: is_put -> STORE(TAIL(self), tail, content)
    :: else
    fi
}

/* ring_put(), and what an earlier protocol did then: leave word, and try again. */
inline try_put(content)
{
    ring_put(content);
#ifdef BREAK_WORD_AT_PUT
    if
    :: !is_put ->
        leave_word();
        ring_put(content)
    :: else
    fi
#endif
}

inline leave_word()
{
    atomic { exchange(WAITING(self), true, was); was = false }
}

inline look_for_room()
{
    is_idle = tail - memory[HEAD(self)] < CAPACITY - 1
}

/* With something staged. */
inline may_sleep_on()
{
#ifdef BREAK_WORD_AT_PUT
    look_for_room()
#elif defined(BREAK_NO_WORD)
    look_for_room()
#elif defined(BREAK_ROOM_FIRST)
    look_for_room();
    leave_word()
#else
    leave_word();
    look_for_room()
#endif
}

inline mailbox_send(content)
{
    must_signal = true;
    is_put = false;
    if
#ifdef BREAK_OVERTAKING
    :: true -> try_put(content)
#else
    :: staged_count[self] == 0 -> try_put(content)
    :: else
#endif
    fi;
    if
    :: !is_put -> atomic { staged!content; staged_count[self]++ }
    :: else -> is_put = false
    fi
}

inline hand_over_staged()
{
    do
    :: staged_count[self] > 0 ->
        staged?<oldest>;
        try_put(oldest);
        if
        :: atomic { is_put -> staged?oldest; oldest = 0; staged_count[self]--; must_signal = true; is_put = false }
        :: atomic { else -> oldest = 0; break }
        fi
    :: else -> break
    od
}

inline mailbox_flush()
{
#ifdef BREAK_SIGNAL_FIRST
    if
    :: must_signal || staged_count[self] > 0 -> signal_owner(RECEIVER)
    :: else
    fi;
    must_signal = false;
#endif
    hand_over_staged();
#ifndef BREAK_SIGNAL_FIRST
    if
    :: must_signal -> must_signal = false; signal_owner(RECEIVER)
    :: else
    fi
#endif
}

proctype Sender(byte self)
{
    byte tail, sent, oldest;
    bool was, is_put, must_signal, is_idle;
    chan staged = [MESSAGES] of { byte };
    do
    ::  /* on_prepare() */
        mailbox_flush();
#ifdef BREAK_WORD_BEFORE_CLEAR
        if
        :: staged_count[self] > 0 -> may_sleep_on()
        :: else
        fi;
        clear_awake();
#else
        clear_awake();
        if
        :: staged_count[self] > 0 -> may_sleep_on()
        :: else
        fi;
#endif
        if
        :: is_idle -> STORE(AWAKE(self), true, 0)
        :: else
        fi;
        /* The poll ends by a wake-up, or since a socket has something to be sent. */
end_poll:
        if
        :: eventfd[self] -> async_io()
        :: sent < MESSAGES_OF(self) ->
#ifdef BREAK_SIGNAL_FIRST
            must_signal = true;
            mailbox_flush();
#endif
            do
            ::  mailbox_send(sent);
                sent++;
                if
                :: sent < MESSAGES_OF(self)
                :: true -> break
                fi
            od
        :: is_idle
        fi;
        /* on_check(); its batch and that of the next on_prepare() are one */
        is_idle = false;
        STORE(AWAKE(self), true, 0)
    od
}

/* The receiver. */

inline take(from)
{
    atomic {
        is_taken = memory[TAIL(from)] != head[from];
        if
        :: is_taken ->
            assert(SLOT(from, head[from]) == arrived[from]); /* once, and in order */
            arrived[from]++;
            head[from]++;
            delivered++
        :: else
        fi
    };
    if
    :: is_taken -> STORE(HEAD(from), head[from], 0)
    :: else
    fi
}

inline signal_room(from)
{
#ifdef BREAK_PLAIN_ROOM
    if
    :: !memory[WAITING(from)] -> is_waiting = false
    :: else -> exchange(WAITING(from), false, is_waiting)
    fi;
#else
    exchange(WAITING(from), false, is_waiting);
#endif
    if
    :: is_waiting -> is_waiting = false; signal_owner(from)
    :: else
    fi
}

inline mailbox_drain()
{
    delivered = 0;
    turn = 0;
    do
    :: turn < SENDERS && delivered < BUDGET ->
        from = (next_ring + turn) % SENDERS;
        before = delivered;
        do
        :: delivered < BUDGET ->
            take(from);
            if
            :: !is_taken -> break
            :: else -> is_taken = false
            fi
        :: else -> break
        od;
        if
#ifndef BREAK_NO_ROOM_SIGNAL
        :: delivered > before -> signal_room(from)
#endif
        :: else
        fi;
        turn++
    :: else -> break
    od;
    turn = 0;
    from = 0;
    before = 0;
    next_ring = (next_ring + 1) % SENDERS
}

inline look_at_rings()
{
    has_work = memory[TAIL(0)] != head[0];
    if
    :: SENDERS == 2 && !has_work -> has_work = memory[TAIL(1)] != head[1]
    :: else
    fi
}

proctype Receiver(byte self)
{
    byte head[2];
    byte turn, from, before, delivered, next_ring;
    byte strangers = 1; /* polls that end for another reason, such as a timer */
    bool was, is_taken, is_waiting, has_work, is_idle;
    do
    ::  /* on_prepare() */
        mailbox_drain();
        if
        :: delivered >= BUDGET -> is_idle = true
        :: else ->
#ifdef BREAK_LOOK_FIRST
            look_at_rings();
            clear_awake();
#else
            clear_awake();
            look_at_rings();
#endif
            if
            :: has_work -> STORE(AWAKE(self), true, 0)
            :: else
            fi;
            atomic { is_idle = has_work; has_work = false }
        fi;
        delivered = 0;
end_poll:
        if
        :: eventfd[self] -> async_io()
        :: strangers > 0 -> strangers--
        :: is_idle
        fi;
        /* on_check() */
        is_idle = false;
        STORE(AWAKE(self), true, 0)
    od
}

/* Nothing can move any more. */
proctype Quiescence()
{
    timeout;
    assert(arrived[0] == MESSAGES && arrived[1] == SENDERS - 1 && staged_count[0] == 0 && staged_count[1] == 0)
}

init
{
    atomic {
        memory[AWAKE(0)] = true;
        memory[AWAKE(1)] = true;
        memory[AWAKE(RECEIVER)] = true;
        run StoreBuffer(0);
        run StoreBuffer(RECEIVER);
        run Sender(0);
#if SENDERS == 2
        run StoreBuffer(1);
        run Sender(1);
#endif
        run Receiver(RECEIVER);
        run Quiescence()
    }
}

#ifdef LIVENESS
ltl all_arrive { <> (arrived[0] == MESSAGES && arrived[1] == SENDERS - 1) }
#endif

/* wakeup.pml: no message waits for ever, whichever thread sleeps when.
 *
 * Two senders and one receiver, each an executor (src/runtime/executor.c), with a ring of CAPACITY slots from each sender and its FIFO of
 * staged messages (src/runtime/mailbox.c). Modelled, by the names of the functions there:
 *
 *   mailbox_send(), hand_over_staged(), mailbox_flush(), ring_put(), ring_may_sleep_on()  the senders
 *   mailbox_drain(), mailbox_prepare_sleep(), has_work(), ring_take(), ring_wants_room()  the receiver
 *   wakeup_announce_sleep(), wakeup_take_back(), wakeup_fence(), wakeup_if_asleep()       both (src/runtime/wakeup.c)
 *   on_prepare(), on_check(), run_batch() of src/runtime/executor.c                       both
 *
 * Not modelled: that mailbox_send() keeps the newest message until the next one or the flush (no other thread can tell that from one that is
 * sent later), and that end_turn() asks for one more turn when a flush hands over the last that was staged.
 *
 * Memory: spin is sequentially consistent and machines are not: a store becomes visible later, after loads that follow it. So every plain
 * store of the protocol (a ring's tail with its slot, a ring's head, `awake`, the word that a sender waits for room) goes into a FIFO of its
 * thread, StoreBuffer() brings it to memory whenever it likes, and a fence first waits for that FIFO to be empty. That is x86-TSO
 * (Sewell et al., "x86-TSO", CACM 53(7), 2010). Indexes are written by one thread only, which knows its own last value, so forwarding from the buffer
 * needs no more than a variable. On a weaker machine (arm64) stores to different places may also change places, which ck_ring's own fences forbid for
 * slot and index; what `awake` and the word say, and when, matters for nothing but the two looks behind the fences.
 *
 * An exchange waits for the FIFO as well: but on ARMv8.0 it is a pair of a load and a store, and its load may read a plain store of its own thread
 * that others cannot see yet. What orders nothing then is an exchange that follows such a store: BREAK_FORWARDED.
 *
 * Checked: messages of one sender arrive once and in order (assert in take()); when nothing can move any more, all have arrived and none is
 * staged (Quiescence); with -DLIVENESS: all arrive, if every thread and every store buffer goes on.
 *
 * Each of these must make spin report an error; test_models.py tries them all:
 *   BREAK_SIGNAL_FIRST     mailbox_flush() decides whether to wake before it has published
 *   BREAK_NO_FENCE         it looks whether the receiver is awake without a fence behind what it has published
 *   BREAK_LOOK_FIRST       mailbox_prepare_sleep() looks at the rings before it clears `awake`
 *   BREAK_NO_LOOK          it does not look at them at all
 *   BREAK_PLAIN_CLEAR      it clears `awake` without a fence behind it
 *   BREAK_FORWARDED        it clears `awake` with an exchange instead of a fence, on a machine that forwards (see above)
 *   BREAK_WORD_AT_PUT      a sender leaves word that it waits for room when it finds the ring full, instead of when it goes to sleep
 *   BREAK_NO_WORD          it leaves none
 *   BREAK_WORD_BEFORE_CLEAR  it does so before it clears `awake`
 *   BREAK_ROOM_FIRST       it looks for room before it leaves word
 *   BREAK_NO_ROOM_SIGNAL   mailbox_drain() tells no sender of room
 *   BREAK_PLAIN_ROOM       ring_wants_room() looks for the word without a fence behind the ring's head
 *   BREAK_WORD_WIPED       it takes the word with a plain store, which may wipe out the next one
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

/* The wake-up of each loop. */
bool eventfd[THREADS];

/* Stores under way: cell, value; for a tail also what is in the slot. */
chan buffer[THREADS] = [3] of { byte, byte, byte };

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

/* A fence: everything stored before is visible. */
#define FENCED empty(buffer[self])

inline fence()
{
    FENCED
}

/* Values that nobody reads again are set to 0 throughout, so that states that differ in nothing else are one. */

inline if_asleep(thread)
{
    if
    :: memory[AWAKE(thread)]
    :: else ->
        atomic { FENCED -> was = memory[AWAKE(thread)]; memory[AWAKE(thread)] = true };
        if
        :: !was -> eventfd[thread] = true
        :: else -> was = false
        fi
    fi
}

inline clear_awake()
{
#ifdef BREAK_PLAIN_CLEAR
    STORE(AWAKE(self), false, 0)
#elif defined(BREAK_FORWARDED)
    if
    :: nempty(buffer[self]) -> STORE(AWAKE(self), false, 0) /* its load was served from there */
    :: FENCED -> memory[AWAKE(self)] = false
    fi
#else
    STORE(AWAKE(self), false, 0);
    fence()
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
    STORE(WAITING(self), true, 0);
    fence()
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

inline signal_receiver()
{
    must_signal = false;
#ifndef BREAK_NO_FENCE
    fence();
#endif
    if_asleep(RECEIVER)
}

inline mailbox_flush()
{
#ifdef BREAK_SIGNAL_FIRST
    if
    :: must_signal || staged_count[self] > 0 -> signal_receiver()
    :: else
    fi;
    must_signal = false;
#endif
    hand_over_staged();
#ifndef BREAK_SIGNAL_FIRST
    if
    :: must_signal -> signal_receiver()
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
        :: eventfd[self] -> eventfd[self] = false
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
#ifndef BREAK_PLAIN_ROOM
    fence();
#endif
    if
    :: memory[WAITING(from)] ->
#ifdef BREAK_WORD_WIPED
        STORE(WAITING(from), false, 0);
#else
        atomic { FENCED -> memory[WAITING(from)] = false };
#endif
        if_asleep(from)
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
    bool was, is_taken, has_work, is_idle;
    do
    ::  /* on_prepare() */
        if
        :: delivered >= BUDGET -> is_idle = true
        :: else ->
#ifdef BREAK_LOOK_FIRST
            look_at_rings();
            clear_awake();
#elif defined(BREAK_NO_LOOK)
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
        :: eventfd[self] -> eventfd[self] = false
        :: strangers > 0 -> strangers--
        :: is_idle
        fi;
        /* on_check() */
        is_idle = false;
        STORE(AWAKE(self), true, 0);
        mailbox_drain()
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

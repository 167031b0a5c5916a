/* remote_chat_hears.pml: what an actor says, and does when it hears something: a part of remote_chat.pml. */
/* Saying. */

#define ROOM assert(len(wire[1 - self]) + TEXTS_0 + TEXTS_1 + 3 <= FLIGHT) /* for whatever is said in one step */

inline say(what, number, second)
{
    wire[1 - self]!what, number, second, false
}

inline say_count(what)
{
    ME.told_taken = ME.taken_here;
    say(what, ME.taken_here, ME.written_here)
}

/* Its matcher says. */
inline refuse_match()
{
    wire[1 - self]!PEER_LEFT, 0, 0, true
}

/* The message that was received last. */
inline answer(what)
{
    if
    :: !by_matcher -> say(what, 0, 0)
    :: else
    fi
}

inline give_credits(count)
{
    ME.credits = ME.credits + count;
    assert(ME.credits <= CREDITS)
}

/* What has been received is also for relay_on_message(); and then for forget(). Inlines are long, so each is called in one place. */
#define FOR_RELAY is_for_relay = true
#define FORGET is_over = true

inline forget()
{
#ifdef BREAK_CREDITS_TWICE
    give_credits(ME.sent);
#elif !defined(BREAK_CREDITS_KEPT)
    give_credits(ME.sent - ME.written_there);
#endif
    ME.is_relay = false;
    ME.is_leaving = false;
    ME.is_met = false;
    ME.has_introduction = false;
    ME.sent = 0;
    ME.taken_there = 0;
    ME.written_there = 0;
    ME.taken_here = 0;
    ME.written_here = 0;
    ME.told_taken = 0;
    ME.asked_for = 0;
    PROGRESS
}

inline meet()
{
    if
    :: !ME.is_met -> ME.is_met = true; ME.has_introduction = false; PROGRESS
    :: else
    fi
}

inline introduce()
{
    if
    :: ME.has_introduction -> say(MATCH_FOUND, 0, 0)
    :: else -> say(MATCH_TAKEN, 0, 0)
    fi
}

inline begin_to_leave()
{
    ME.is_leaving = true;
    say(PEER_LEFT, ME.sent, 0)
}

inline repeat_texts()
{
    number = ME.taken_there;
    do
    :: number < ME.sent -> number++; say(PEER_TEXT, number, 0)
    :: else -> break
    od;
    number = 0
}

/* Hearing. What was received last is in type, number, written, by_matcher. */

inline on_count()
{
    if
    :: number <= ME.sent && written <= number ->
        if
        :: number > ME.taken_there -> ME.taken_there = number; PROGRESS
        :: else
        fi;
        if
#ifdef BREAK_CREDITS_AT_TAKE
        :: number > ME.written_there -> give_credits(number - ME.written_there); ME.written_there = number; PROGRESS
#else
        :: written > ME.written_there ->
            give_credits(written - ME.written_there);
            ME.written_there = written;
            /* The partner's socket does have them. */
            assert(ME.written_there <= OTHER.taken - (OTHER.unwritten - OTHER.earlier));
            PROGRESS
#endif
#ifdef BREAK_OLD_COUNT
        :: else -> ME.written_there = written
#else
        :: else
#endif
        fi;
        if
#ifdef BREAK_LEAVER_FORGETS
        :: type == PEER_GAP && number == ME.taken_there && !ME.is_leaving -> repeat_texts()
#else
        :: type == PEER_GAP && number == ME.taken_there -> repeat_texts()
#endif
        :: else
        fi
    :: else /* nonsense */
    fi
}

inline relay_on_message()
{
    if
    :: ME.is_relay -> meet()
    :: else
    fi;
    if
    :: type == PEER_TEXT || type == PEER_ASK || type == MATCH_TAKEN ->
        if
#ifndef BREAK_MEETING_NO_ANSWER
        :: !ME.is_relay -> answer(PEER_LEFT)
#endif
        :: ME.is_relay && !ME.is_leaving && type != PEER_TEXT -> say_count(PEER_WRITTEN)
        :: else
        fi
    :: type == PEER_WRITTEN || type == PEER_GAP ->
        if
        :: ME.is_relay -> on_count()
        :: else
        fi
    :: type == PEER_LEFT ->
#ifndef BREAK_LEFT_NOT_HEARD
        answer(PEER_LEFT_HEARD);
#endif
        if
        :: ME.is_relay && ME.is_leaving -> FORGET
        :: else
        fi
    :: type == PEER_LEFT_HEARD ->
        if
        :: ME.is_relay && ME.is_leaving -> FORGET
        :: else
        fi
    fi
}

#define IS_OF_THE_FUTURE (ME.state == SEARCHING && !ME.is_past)

inline relay_takes()
{
    if
    :: !ME.is_relay || ME.is_leaving -> FOR_RELAY
    :: else ->
        meet();
        if
#ifdef BREAK_NO_ORDER
        :: true ->
#else
        :: number == ME.taken_here + 1 ->
#endif
            assert(number == ME.taken + 1 && ME.state == CHATTING);
            ME.taken_here++;
            ME.taken++;
            ME.unwritten++;
            assert(ME.unwritten - ME.earlier <= CREDITS);
            PROGRESS
#ifndef BREAK_NO_ORDER
#ifdef BREAK_NO_ACK_AGAIN
        :: number <= ME.taken_here -> skip
#else
        :: number <= ME.taken_here -> say_count(PEER_WRITTEN)
#endif
        :: number > ME.taken_here + 1 && ME.asked_for != ME.taken_here + 1 -> ME.asked_for = ME.taken_here + 1; say_count(PEER_GAP)
        :: else
#endif
        fi
    fi
}

inline on_peer_text()
{
    if
#if defined(MEETING) && !defined(BREAK_MEETING_NOT_KEPT)
    :: IS_OF_THE_FUTURE ->
        if
        :: nfull(early) -> early!number
        :: else /* it is kept already */
        fi
    :: else -> relay_takes()
#else
    :: true -> relay_takes()
#endif
    fi
}

inline on_peer_left()
{
    if
    :: IS_OF_THE_FUTURE -> /* never_mind() */
        ME.is_past = true;
#ifdef MEETING
        do
        :: early?_ -> skip
        :: empty(early) -> break
        od;
#endif
        FOR_RELAY
    :: else ->
        if
        :: !ME.is_relay || ME.is_leaving -> FOR_RELAY
        :: else -> /* relay_hears_leave() */
            meet();
            if
#ifndef BREAK_LEFT_EARLY
            :: !by_matcher && number > ME.taken_here ->
                say_count(PEER_GAP)
#endif
            :: else ->
                assert(ME.taken == OTHER.wrote);
                answer(PEER_LEFT_HEARD);
                FORGET; /* relay_end() */
                ME.state = OUT
            fi
        fi
    fi
}

#ifdef MEETING
inline on_match_found()
{
    if
    :: ME.is_relay -> /* relay_knows_match() */
        if
        :: ME.is_leaving -> say(PEER_LEFT, ME.sent, 0)
        :: else ->
            if
            :: !by_matcher -> meet()
            :: else
            fi;
            introduce()
        fi
#ifdef BREAK_MEETING_AGAIN
    :: !ME.is_relay && ME.state == SEARCHING ->
#else
    :: !ME.is_relay && IS_OF_THE_FUTURE ->
#endif
        ME.state = CHATTING;
        ME.is_past = true;
        ME.is_relay = true;
        PROGRESS;
        introduce(); /* relay_begin(): MATCH_TAKEN */
        by_matcher = false
    :: else -> refuse_match()
    fi
}
#endif

inline receive_one()
{
    if
    :: type == PEER_TEXT -> on_peer_text()
    :: type == PEER_LEFT -> on_peer_left()
#ifdef MEETING
    :: type == MATCH_FOUND -> on_match_found()
    :: type == MATCH_TAKEN ->
        if
        :: IS_OF_THE_FUTURE /* relay_hears_of_match_taken() */
        :: else -> FOR_RELAY
        fi
#endif
    :: else -> FOR_RELAY
    fi;
    if
    :: is_for_relay -> is_for_relay = false; relay_on_message()
    :: else
    fi;
    if
    :: is_over -> is_over = false; forget()
    :: else
    fi
}

inline receive()
{
    do
    :: true ->
        receive_one();
#ifdef MEETING
        if
        :: self == 1 && ME.state == CHATTING && nempty(early) -> type = PEER_TEXT; early?number
        :: else -> break
        fi
#else
        break
#endif
    od
}

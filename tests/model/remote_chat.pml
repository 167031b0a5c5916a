/* remote_chat.pml: two actors of two nodes say everything once and in order, both hear the end, and credits come back, over a bus that loses, doubles and
 * delays.
 *
 * Each actor has a client that writes, leaves, and reads as slowly as it likes. Modelled, by name:
 *
 *   relay_begin(), relay_knows_match(), relay_hears_of_match_taken(), relay_send(), relay_leave(), relay_takes(), relay_hears_leave(), relay_end(),
 *   relay_on_written(), relay_on_message(), on_count(), repeat(), give_up(), begin_to_leave(), forget(), answer()            actors/relay.c
 *   on_peer_text(), on_peer_left(), on_match_found(), never_mind(), refuse_match(), session_on_undeliverable()                actors/session.c
 *   release_partner(), as far as it says PEER_LEFT                                                                           actors/matcher.c
 *
 * The bus does FAULTS times what it likes, so that all comes to rest some time. Time: what waits for a timer happens when nothing else is
 * under way, and PREMATURE times before. An actor that has gone is one that has left: both answer by relay_on_message().
 *
 * With -DMEETING it begins earlier: actor 0 has been matched with actor 1 by its own matcher, whose MATCH_FOUND to actor 1 may get lost, or find nobody who
 * wants it; or it is actor 0 that refuses. RELAY_MEET_MS may be over at any time. Without it the two have met, and perhaps a text of an earlier
 * partner still waits for the socket of actor 1.
 *
 * Left out: other chats, since every message carries the number of its own (addresses.pml is about slots that are used again); death of a node (lives.pml).
 *
 * Checked: a text is taken once, and in order; nobody hears that the partner has left before it has all that this one wrote; a credit comes back when the
 * partner's socket has the text, or the chat is over, and never twice; at the socket there are never more texts than credits; no repeat is in vain
 * when nothing gets lost. When nothing can move any more (Quiescence): both are in the chat or neither is; in it all is taken, and so few credits are missing
 * that nobody is stopped; after it all credits are back, and nobody remembers it.
 *
 * Each of these must make spin report an error; test_models.py tries them all. Those with MEETING in their name in that variant:
 *   BREAK_NO_REPEAT          texts are said once
 *   BREAK_NO_ORDER           relay_takes() takes whatever comes
 *   BREAK_NO_ACK_AGAIN       what was taken before is not acknowledged again
 *   BREAK_LEFT_ONCE          PEER_LEFT is said once
 *   BREAK_LEFT_EARLY         relay_hears_leave() does not look at the number
 *   BREAK_LEFT_NOT_HEARD     PEER_LEFT is not answered by who has left, too
 *   BREAK_LEAVER_FORGETS     who leaves keeps no copies of what is not taken yet
 *   BREAK_CREDITS_TWICE      forget() gives back what PEER_WRITTEN has given back already
 *   BREAK_CREDITS_KEPT       forget() gives back nothing
 *   BREAK_CREDITS_AT_TAKE    a credit comes back when the actor has the text
 *   BREAK_OLD_COUNT          on_count() believes a count that was overtaken by a later one
 *   BREAK_NO_ASK             nobody asks for counts that are missing
 *   BREAK_EARLIER_TEXTS      relay_on_written() takes whatever the socket has written for a text of this chat
 *   BREAK_MEETING_ONCE       MATCH_FOUND and MATCH_TAKEN are said once
 *   BREAK_MEETING_NO_ANSWER  who knows nothing of the chat does not say so
 *   BREAK_MEETING_AGAIN      a match that is of the past is taken all the same
 *   BREAK_MEETING_NOT_KEPT   a text that comes before MATCH_FOUND is answered as one of no chat
 */
#ifndef TEXTS_0
#define TEXTS_0 2 /* of actor 0, and of actor 1 */
#define TEXTS_1 0
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef PREMATURE
#define PREMATURE 1
#endif
#define CREDITS 2
#define ASKS_FROM 2
#define FLIGHT 18 /* more than are ever under way */

mtype = { PEER_TEXT, PEER_WRITTEN, PEER_GAP, PEER_ASK, PEER_LEFT, PEER_LEFT_HEARD, MATCH_FOUND, MATCH_TAKEN };

/* To each actor: type, number or taken, written, whether it is the other's matcher that speaks. */
chan wire[2] = [FLIGHT] of { mtype, byte, byte, bool };

mtype:state = { OUT, SEARCHING, CHATTING };

typedef Actor {
    mtype:state state;
    byte unwritten;    /* given to its socket, which has not taken it */
    byte earlier;      /* of these: of an earlier chat */
    byte credits;
    byte wrote;        /* texts, in all */
    byte taken;        /* of the partner's, in all */
    bool stays;        /* its client does not leave by itself, and nobody gives up */
    bool is_past;      /* the match is not above the last one */
    /* struct relay */
    bool is_relay, is_leaving, is_met, has_introduction;
    byte sent, taken_there, written_there, taken_here, written_here, told_taken, asked_for;
};
Actor actor[2];
#define ME actor[self]
#define OTHER actor[1 - self]
#define PLANNED(self) (self == 0 -> TEXTS_0 : TEXTS_1)
byte faults = FAULTS, premature = PREMATURE;
#ifdef MEETING
chan early = [2] of { byte }; /* session->early of actor 1 */
#endif

/* What an actor repeated last was in vain so far: then it does not do so again, and Quiescence looks whether it has to. */
bool in_vain[2];
#define PROGRESS in_vain[0] = false; in_vain[1] = false

#define TOLD(self) (!actor[self].is_relay || actor[self].is_leaving || actor[self].told_taken == actor[self].taken_here)
#define NOTHING_UNDER_WAY (empty(wire[0]) && empty(wire[1]) && actor[0].unwritten == 0 && actor[1].unwritten == 0 && TOLD(0) && TOLD(1))

#include "remote_chat_hears.pml"

/* Repeating. */

#ifdef BREAK_NO_REPEAT
#define REPEATS_TEXTS(self) false
#elif defined(BREAK_LEAVER_FORGETS)
#define REPEATS_TEXTS(self) (actor[self].sent > actor[self].taken_there && !actor[self].is_leaving)
#else
#define REPEATS_TEXTS(self) (actor[self].sent > actor[self].taken_there)
#endif
#ifdef BREAK_NO_ASK
#define ASKS(self) false
#else
#define ASKS(self) (actor[self].sent == actor[self].taken_there && actor[self].sent - actor[self].written_there >= ASKS_FROM && !actor[self].is_leaving)
#endif
#ifdef BREAK_LEFT_ONCE
#define REPEATS_LEFT(self) false
#else
#define REPEATS_LEFT(self) actor[self].is_leaving
#endif
#ifdef BREAK_MEETING_ONCE
#define REPEATS_MEETING(self) false
#else
#define REPEATS_MEETING(self) (!actor[self].is_met && !actor[self].is_leaving)
#endif
#define HAS_TO_REPEAT(self) (actor[self].is_relay && (REPEATS_TEXTS(self) || ASKS(self) || REPEATS_LEFT(self) || REPEATS_MEETING(self)))

/* repeat(), when RELAY_REPEAT_MS is over. */
inline repeat()
{
    if
    :: REPEATS_MEETING(self) -> introduce()
    :: else
    fi;
    if
    :: REPEATS_TEXTS(self) -> repeat_texts()
    :: ASKS(self) -> say(PEER_ASK, 0, 0)
    :: else
    fi;
    if
    :: REPEATS_LEFT(self) -> say(PEER_LEFT, ME.sent, 0)
    :: else
    fi
}

proctype Run(byte self)
{
    mtype type;
    byte number, written;
    bool by_matcher, is_for_relay, is_over;
end:
    do
    :: atomic { wire[self]?type, number, written, by_matcher ->
        ROOM;
        receive();
        type = 0;
        number = 0;
        written = 0;
        by_matcher = false
       }
    :: atomic { ME.state == CHATTING && ME.wrote < PLANNED(self) && ME.credits > 0 -> /* relay_send() */
        ME.credits--;
        ME.wrote++;
        ME.sent++;
        say(PEER_TEXT, ME.sent, 0)
       }
    :: atomic { ME.state == CHATTING && !ME.stays -> /* relay_leave(), and then perhaps the actor is gone */
        ME.state = OUT;
        begin_to_leave()
       }
    :: atomic { ME.unwritten > 0 -> /* TEXT_WRITTEN: relay_on_written() */
        ME.unwritten--;
        if
        :: ME.earlier > 0 -> ME.earlier--
        :: else
        fi;
        if
        :: ME.is_relay && !ME.is_leaving ->
#ifdef BREAK_EARLIER_TEXTS
            number = (ME.written_here < ME.taken_here -> ME.written_here + 1 : ME.written_here);
#else
            number = (ME.taken_here > ME.unwritten -> ME.taken_here - ME.unwritten : 0);
#endif
            if
            :: number != ME.written_here -> ME.written_here = number; say_count(PEER_WRITTEN)
            :: else
            fi;
            number = 0
        :: else
        fi
       }
    :: atomic { ME.is_relay && !ME.is_leaving && ME.told_taken != ME.taken_here -> say_count(PEER_WRITTEN) }
    :: atomic { HAS_TO_REPEAT(self) && ((!in_vain[self] && NOTHING_UNDER_WAY) || premature > 0) ->
        ROOM;
        if
        :: !in_vain[self] && NOTHING_UNDER_WAY -> in_vain[self] = true
        :: else -> premature--
        fi;
        repeat()
       }
#ifdef MEETING
    :: atomic { self == 1 && ME.state == SEARCHING && !ME.stays -> /* SEARCH_CANCEL, or gone */
        ME.state = OUT;
        do
        :: early?_ -> skip
        :: empty(early) -> break
        od
       }
    :: atomic { ME.is_relay && !ME.is_met && !ME.is_leaving && !ME.stays -> /* give_up(), and its PEER_LEFT to the own actor */
        begin_to_leave();
        ME.state = OUT
       }
#endif
    od
}

#define FAULT(self) \
    :: atomic { faults > 0 && nempty(wire[self]) -> \
        faults--; \
        PROGRESS; \
        if \
        :: wire[self]?type, number, written, by_matcher /* lost */ \
        :: wire[self]?<type, number, written, by_matcher> -> wire[self]!type, number, written, by_matcher /* doubled */ \
        :: len(wire[self]) > 1 -> wire[self]?type, number, written, by_matcher; wire[self]!type, number, written, by_matcher /* late */ \
        fi; \
        type = 0; number = 0; written = 0; by_matcher = false \
       }

proctype Bus()
{
    mtype type;
    byte number, written;
    bool by_matcher;
end:
    do
    FAULT(0)
    FAULT(1)
    od
}

#define WELL(self) \
    assert(!HAS_TO_REPEAT(self)); \
    assert(actor[self].is_relay == (actor[self].state == CHATTING)); \
    assert(actor[self].credits == CREDITS - (actor[self].sent - actor[self].written_there)); \
    assert(actor[self].state != CHATTING || (actor[self].taken == actor[1 - self].wrote && actor[self].wrote == PLANNED(self) && actor[self].is_met)); \
    assert(actor[self].state != CHATTING || actor[self].sent - actor[self].written_there < ASKS_FROM)

/* Nothing can move any more. */
proctype Quiescence()
{
    timeout;
    assert((actor[0].state == CHATTING) == (actor[1].state == CHATTING));
    WELL(0);
    WELL(1)
}

init
{
    atomic {
        actor[0].credits = CREDITS;
        actor[1].credits = CREDITS;
        actor[0].state = CHATTING;
#ifdef MEETING
        actor[1].state = SEARCHING;
        if
        :: actor[0].is_relay = true; actor[0].has_introduction = true; wire[1]!MATCH_FOUND, 0, 0, true
        :: actor[0].state = OUT; wire[1]!MATCH_FOUND, 0, 0, true; wire[1]!PEER_LEFT, 0, 0, true
        fi;
        actor[0].is_past = true;
#else
        actor[1].state = CHATTING;
        actor[0].is_relay = true;
        actor[1].is_relay = true;
        actor[0].is_met = true;
        actor[1].is_met = true;
        if
        :: actor[1].earlier = 1; actor[1].unwritten = 1
        :: true
        fi;
#endif
        if
        :: actor[0].stays = true
        :: true
        fi;
        if
        :: actor[1].stays = true
        :: true
        fi;
        run Run(0);
        run Run(1);
        run Bus();
        run Quiescence()
    }
}

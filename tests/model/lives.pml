/* lives.pml: two nodes agree on who lives and on which chats are on, whichever of them stands still or is cut off, and for how long.
 *
 * One step is half a second: each node that does not stand still hears what has come, looks at the time and beats, in any order. A node may stand still,
 * lose its connection, hear nothing (DEAF) or not be heard (MUTE) for any time, FAULTS times; a chat is begun whenever both think that the other
 * lives. Modelled, by name:
 *
 *   peers_on_beat(), on_echo(), peers_on_batch(), peers_on_buried(), peers_tick(), declare_dead(), bury(), give_birth(), begin_new_life(), note_time(),
 *   peers_is_up()                                                                                                  src/bus/peers.c
 *   on_beat(), tell_buried(), on_batch_for_us(), part(), send_beat(), on_tick()                                    src/threads/bus_thread.c
 *   relays_on_node_died(), relay_on_node_died()                                                                    actors/relay.c
 *
 * What a node says in one step (a beat, and a text if it is in a chat) is one entry; one that is as the last in the same queue is not queued again, for to hear
 * it twice changes nothing. --bus-patience is 3 s. Left out: several Redis; numbers of batches, since nothing is
 * doubled or overtaken here; what actors tell each other of the end of a chat (remote_chat.pml), so that what is shown holds without it.
 *
 * Checked: whoever declares the other one dead has heard itself meanwhile; a text is taken in the chat that it was written in, from the life that this
 * was begun with; what waited for a node that stood still is not taken. 4 s after the last fault each thinks that the other lives, in the life that
 * it is in, and both are in the same chat or none.
 *
 * Each of these must make spin report an error; test_models.py tries them all:
 *   BREAK_NO_ECHO         declare_dead() is called whether or not the own beats come back
 *   BREAK_ECHO_ONCE       the first own beat that comes back makes up for all that were missed
 *   BREAK_NO_NEW_LIFE     a node goes on as before, whatever has happened
 *   BREAK_NO_FREEZE       it does not look whether time stood still
 *   BREAK_SAME_LIFE       a new life has the number of the one before
 *   BREAK_NOT_TOLD        nobody says BURIED
 *   BREAK_LATE_BEATS      a beat of a buried life is a birth
 *   BREAK_CHATS_STAY      actors do not hear of PEER_NODE_DIED
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef CHATS
#define CHATS 2
#endif
/* In half seconds. */
#define SILENT 4
#define DOWN 2
#define FROZEN 3
#define PATIENCE 6
#define CALM 8
#define LONG 7   /* ages are not counted any further */
#define STILL_MAX 6
#ifndef LASTS
#define LASTS 1  /* so many steps a trouble lasts, or twice as many, and so on up to STILL_MAX */
#endif
#define LIVES 12 /* more than are ever begun */

#define BEAT 0
#define BURIED 1

mtype = { WELL, STILL, AWAY, DEAF, MUTE };

mtype trouble[2];
byte troubled[2];            /* for so long, as far as it matters */

/* struct peers of each node, and its one peer. */
byte life[2], passed[2];     /* since its last step */
byte echo_age[2], heard_since_age[2], was_up_age[2], unheard_age[2];
byte peer_life[2], heard_age[2];
bool is_alive[2], is_buried[2];

/* What is going on between users: the number of the chat, 0: none; and the life of the peer that it was begun with. */
byte chat[2], chat_life[2], chats;

byte echoes[2]; /* own beats heard since the peer's last one, as far as it matters */

/* To each node, by the other: BEAT or BURIED, life of the sender or of the one buried, chat of the text with it. And its own beat, if it comes back. */
chan inbox[2] = [10] of { byte, byte, byte };
byte own_beat[2]; /* life; 0: none under way */

byte faults = FAULTS, calm;
bool is_calm;

#define HEARS(node) (trouble[node] != AWAY && trouble[node] != DEAF)
#define IS_HEARD(node) (trouble[node] != AWAY && trouble[node] != MUTE)

inline publish(what, number, text)
{
    if
    :: IS_HEARD(self) && (HEARS(1 - self) || trouble[1 - self] == STILL) ->
        assert(nfull(inbox[1 - self]));
        if
        :: what != last_what[1 - self] || number != last_number[1 - self] || text != last_text[1 - self] || empty(inbox[1 - self]) ->
            inbox[1 - self]!what, number, text
        :: else
        fi;
        last_what[1 - self] = what;
        last_number[1 - self] = number;
        last_text[1 - self] = text
    :: else
    fi
}
byte last_what[2], last_number[2], last_text[2];

/* PEER_NODE_DIED to the actors. */
inline part()
{
    is_alive[self] = false;
#ifndef BREAK_CHATS_STAY
    chat[self] = 0;
    chat_life[self] = 0
#endif
}

inline begin_new_life()
{
#ifndef BREAK_NO_NEW_LIFE
#ifndef BREAK_SAME_LIFE
    life[self]++;
    assert(life[self] < LIVES);
#endif
    was_up_age[self] = 0;
    unheard_age[self] = 0;
    part()
#else
    skip
#endif
}

inline note_time()
{
    if
#ifndef BREAK_NO_FREEZE
    :: passed[self] > FROZEN -> begin_new_life()
#endif
    :: else
    fi;
    stood_still = passed[self] > FROZEN;
    passed[self] = 0
}

inline hear_echo()
{
    if
    :: own_beat[self] != 0 && HEARS(self) && own_beat[self] == life[self] ->
        if
        :: echo_age[self] > DOWN -> heard_since_age[self] = 0
        :: else
        fi;
        echo_age[self] = 0;
        unheard_age[self] = 0;
        echoes[self] = (echoes[self] < 2 -> echoes[self] + 1 : 2)
    :: else
    fi;
    own_beat[self] = 0
}

inline hear_beat()
{
    if
    :: number < peer_life[self] /* PEERS_OLD */
#ifndef BREAK_LATE_BEATS
    :: number == peer_life[self] && is_buried[self] -> must_tell_buried = true
    :: number >= peer_life[self] && !(number == peer_life[self] && is_buried[self]) ->
#else
    :: number >= peer_life[self] ->
#endif
        if
        :: !is_alive[self] || number > peer_life[self] ->
            if
            :: is_alive[self] -> part()
            :: else
            fi;
            peer_life[self] = number;
            is_buried[self] = false;
            is_alive[self] = true
        :: else
        fi;
        heard_age[self] = 0;
        echoes[self] = 0
    fi
}

/* The text after the beat, from a batch for this node alone. */
inline hear_text()
{
    if
    :: number == peer_life[self] && is_alive[self] && chat[self] != 0 ->
        assert(chat[self] == text && chat_life[self] == number);
        assert(!stood_still)
    :: else
    fi
}

inline hear_all()
{
    do
    :: inbox[self]?what, number, text ->
        if
        :: what == BURIED && number == life[self] -> begin_new_life()
        :: what == BURIED && number != life[self]
        :: what == BEAT ->
            if
            :: text != 0 -> hear_text()
            :: else
            fi;
            hear_beat()
        fi
    :: empty(inbox[self]) -> break
    od;
    what = 0;
    number = 0;
    text = 0
}

inline peers_tick()
{
    if
#ifdef BREAK_NO_ECHO
    :: is_alive[self] && heard_age[self] > SILENT ->
#elif defined(BREAK_ECHO_ONCE)
    :: is_alive[self] && echo_age[self] <= DOWN && heard_age[self] > SILENT ->
#else
    :: is_alive[self] && echo_age[self] <= DOWN && heard_age[self] > SILENT && heard_since_age[self] > SILENT ->
#endif
        assert(echoes[self] >= 2);
        is_buried[self] = true; /* declare_dead() */
        part()
    :: else
    fi;
    if
    :: echo_age[self] <= DOWN -> was_up_age[self] = 0
    :: else
    fi;
    if
    :: trouble[self] == AWAY -> unheard_age[self] = 0
    :: else
    fi;
    if
    :: unheard_age[self] > SILENT -> begin_new_life()
    :: unheard_age[self] <= SILENT && was_up_age[self] > PATIENCE && is_alive[self] -> begin_new_life()
    :: else
    fi
}

inline beat()
{
#ifndef BREAK_NOT_TOLD
    if
    :: must_tell_buried -> publish(BURIED, peer_life[self], 0)
    :: else
    fi;
#endif
    must_tell_buried = false;
    publish(BEAT, life[self], chat[self]);
    own_beat[self] = (IS_HEARD(self) -> life[self] : 0)
}

inline step()
{
    if
    :: trouble[self] == STILL
    :: else ->
        note_time();
        if
        :: true -> hear_echo(); hear_all(); peers_tick()
        :: true -> peers_tick(); hear_echo(); hear_all()
        fi;
        stood_still = false;
        beat()
    fi
}

inline grow_old(age)
{
    age = (age < LONG -> age + 1 : LONG)
}

inline pass(node)
{
    grow_old(passed[node]);
    grow_old(echo_age[node]);
    grow_old(heard_since_age[node]);
    grow_old(was_up_age[node]);
    grow_old(unheard_age[node]);
    grow_old(heard_age[node]);
    if
    :: trouble[node] != WELL -> troubled[node]++
    :: else
    fi
}

/* A connection that is lost loses what was under way. */
inline fall()
{
    faults--;
    if
    :: trouble[self] = STILL
    :: trouble[self] = AWAY
    :: trouble[self] = DEAF
    :: trouble[self] = MUTE
    fi;
    if
    :: trouble[self] == AWAY || trouble[self] == DEAF ->
        do
        :: inbox[self]?_, _, _ -> skip
        :: empty(inbox[self]) -> break
        od;
        own_beat[self] = 0
    :: else
    fi
}

proctype Run()
{
    byte self, first, what, number, text;
    bool stood_still, must_tell_buried;
    do
    :: atomic {
        /* Faults begin and end. */
        self = 0;
        do
        :: self < 2 ->
            if
            :: trouble[self] == WELL && faults > 0 && !is_calm -> fall()
            :: trouble[self] != WELL && troubled[self] % LASTS == 0 -> trouble[self] = WELL; troubled[self] = 0
            :: trouble[self] == WELL || troubled[self] < STILL_MAX
            fi;
            self++
        :: else -> break
        od;
        if
        :: trouble[0] == WELL && trouble[1] == WELL && !is_calm -> is_calm = true; faults = 0
        :: true
        fi;
        if
        :: !is_calm && chats < CHATS && chat[0] == 0 && chat[1] == 0 && is_alive[0] && is_alive[1] && peer_life[0] == life[1] && peer_life[1] == life[0] ->
            chats++;
            chat[0] = chats;
            chat[1] = chats;
            chat_life[0] = life[1];
            chat_life[1] = life[0]
        :: true
        fi;
        self = 0
       }
       atomic {
        if
        :: self = 0
        :: self = 1
        fi;
        first = self;
        step();
        self = 1 - first;
        step();
        first = 0;
        pass(0);
        pass(1);
        if
        :: is_calm && calm < CALM -> calm++
        :: is_calm && calm == CALM -> break
        :: !is_calm
        fi;
        self = 0
       }
    od;
    assert(is_alive[0] && is_alive[1] && peer_life[0] == life[1] && peer_life[1] == life[0]);
    assert(chat[0] == chat[1])
}

init
{
    atomic {
        trouble[0] = WELL; trouble[1] = WELL;
        life[0] = 1; life[1] = 1;
        echo_age[0] = LONG; echo_age[1] = LONG;
        run Run()
    }
}

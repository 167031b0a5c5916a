/* addresses.pml: no message reaches the new owner of a slot that was given back.
 *
 * An I/O thread with its connections, a session thread with its actors, and a second session thread that holds copies of the actors'
 * addresses for as long as it likes. Slots are given back and taken again while messages are in flight. Modelled, by name:
 *
 *   slab_take(), slab_find(), slab_give_back()                                                       src/runtime/slab.c
 *   open_actor(), opening_on_accepted()                                                              src/net/opening.c
 *   connection_leave_actor(), connection_kill(), connection_give_slot_back()                         src/net/connection.c
 *   on_message()                                                                                     src/threads/io_thread.c
 *   on_message(), open_actor()                                                                       src/threads/session_thread.c
 *
 * Rings with their FIFOs are channels: nothing is lost or overtaken (wakeup.pml). Threads share nothing else, so there is no memory model
 * to justify. Left out: a slot's generation comes round after 2^24 - 1 owners; a message would have to be in flight for as long.
 *
 * Each taking of a slot gives it an owner, a number that the protocol does not look at; a message carries the number of the owner that it is
 * meant for. Checked: the two agree wherever a message is handed over; CONN_ACCEPTED finds its connection (the CHECK in io_thread.c);
 * generation 0, which stands for the thread, is never given out; in the end no slot is left taken (Quiescence).
 *
 * Each of these must make spin report an error; test_models.py tries them all:
 *   BREAK_CONNECTIONS_KEEP_GENERATION  slab_give_back() leaves the generation as it is, in the I/O thread
 *   BREAK_ACTORS_KEEP_GENERATION       the same in the session thread
 *   BREAK_NO_LOOK                      slab_find() does not compare it
 *   BREAK_SLOT_GOES                    give_slot_back() does not wait for CONN_ACCEPTED
 *   BREAK_NO_CONN_GONE                 opening_on_accepted() does not tell the actor that the connection has ended meanwhile
 */
#define OPENS 3 /* connections, one after another or at once */
#define SLOTS OPENS
#define TEXTS 1 /* of clients; and as many of the stranger */

mtype = { CONN_OPENED, CONN_ACCEPTED, CLIENT_TEXT, CONN_GONE, EVENT_TEXT, PEER_TEXT };

typedef Address {
    byte slot, generation, owner
};

#define FLIGHT 8 /* more than are ever under way */
chan io_to_session = [FLIGHT] of { mtype, Address, Address };      /* type, to, from */
chan session_to_io = [FLIGHT] of { mtype, Address, Address };
chan stranger_to_session = [FLIGHT] of { mtype, Address, Address };
chan session_to_stranger = [FLIGHT] of { Address };

/* A slab: free slots last in, first out. */
typedef Slab {
    byte generation[SLOTS], owner[SLOTS], free[SLOTS], free_count, step;
    bool is_alive[SLOTS]
};
Slab connections, actors;
byte owners; /* numbers given out */

inline slab_init(slab)
{
    i = 0;
    do
    :: i < SLOTS -> slab.generation[i] = 1; slab.free[i] = SLOTS - 1 - i; i++
    :: else -> break
    od;
    slab.free_count = SLOTS;
    slab.step = 1;
    i = 0
}

inline slab_take(slab, self)
{
    assert(slab.free_count > 0);
    slab.free_count--;
    self.slot = slab.free[slab.free_count];
    self.generation = slab.generation[self.slot];
    assert(self.generation != 0);
    owners++;
    self.owner = owners;
    slab.owner[self.slot] = owners;
    slab.is_alive[self.slot] = true
}

#ifdef BREAK_NO_LOOK
#define slab_find(slab, address) (slab.is_alive[address.slot])
#else
#define slab_find(slab, address) (slab.is_alive[address.slot] && slab.generation[address.slot] == address.generation)
#endif

inline slab_give_back(slab, given)
{
    slab.is_alive[given] = false;
    slab.owner[given] = 0;
    slab.generation[given] = slab.generation[given] + slab.step;
    slab.free[slab.free_count] = given;
    slab.free_count++
}

inline copy(target, source)
{
    target.slot = source.slot;
    target.generation = source.generation;
    target.owner = source.owner
}

inline forget(address)
{
    address.slot = 0;
    address.generation = 0;
    address.owner = 0
}

/* The I/O thread. */

mtype:state = { NONE, ACCEPTING, OPEN, DEAD };

typedef Connection {
    mtype:state state;
    bool awaits_actor, has_actor, is_closed;
    Address self, actor
};

inline leave_actor(c)
{
    if
    :: connection[c].has_actor -> io_to_session!CONN_GONE, connection[c].actor, connection[c].self
    :: else
    fi;
    connection[c].has_actor = false
}

inline give_slot_back(c)
{
    if
#ifdef BREAK_SLOT_GOES
    :: connection[c].is_closed ->
#else
    :: connection[c].is_closed && !connection[c].awaits_actor ->
#endif
        slab_give_back(connections, c);
        connection[c].state = NONE;
        connection[c].is_closed = false;
        connection[c].awaits_actor = false;
        forget(connection[c].self);
        forget(connection[c].actor)
    :: else
    fi
}

inline opening_on_accepted(c)
{
    connection[c].awaits_actor = false;
    copy(connection[c].actor, from);
    connection[c].has_actor = true;
    if
    :: connection[c].state != ACCEPTING ->
#ifdef BREAK_NO_CONN_GONE
        connection[c].has_actor = false;
#endif
        leave_actor(c);
        give_slot_back(c)
    :: else -> connection[c].state = OPEN
    fi
}

/* What may happen to a socket: a text, connection_kill(), on_closed(). */
#define SOCKET(c) \
    :: atomic { connection[c].state == OPEN && texts < TEXTS -> \
        texts++; \
        io_to_session!CLIENT_TEXT, connection[c].actor, connection[c].self \
       } \
    :: atomic { connection[c].state == OPEN || connection[c].state == ACCEPTING -> \
        leave_actor(c); \
        connection[c].state = DEAD \
       } \
    :: atomic { connection[c].state == DEAD && !connection[c].is_closed -> \
        connection[c].is_closed = true; \
        give_slot_back(c) \
       }

proctype Io()
{
    Connection connection[SLOTS];
    Address to, from;
    mtype type;
    byte opened, texts, c;
end:
    do
    :: atomic { opened < OPENS && connections.free_count > 0 ->
        opened++;
        slab_take(connections, to);
        c = to.slot;
        copy(connection[c].self, to);
        connection[c].state = ACCEPTING;
        connection[c].awaits_actor = true;
        forget(to);
        io_to_session!CONN_OPENED, to, connection[c].self;
        c = 0
       }
    :: atomic { session_to_io?type, to, from ->
        c = to.slot;
        if
        :: type == CONN_ACCEPTED ->
            assert(slab_find(connections, to));
            assert(connections.owner[c] == to.owner);
            opening_on_accepted(c)
        :: type == EVENT_TEXT ->
            if
            :: slab_find(connections, to) -> assert(connections.owner[c] == to.owner)
            :: else
            fi
        fi;
        forget(to);
        forget(from);
        type = 0;
        c = 0
       }
    SOCKET(0)
    SOCKET(1)
    SOCKET(2)
    od
}

/* The session thread. */

proctype Session()
{
    Address connection[SLOTS]; /* of each actor */
    Address to, from;
    mtype type;
end:
    do
    :: atomic {
        if
        :: io_to_session?type, to, from
        :: stranger_to_session?type, to, from
        fi;
        if
        :: type == CONN_OPENED ->
            slab_take(actors, to);
            copy(connection[to.slot], from);
            session_to_io!CONN_ACCEPTED, from, to;
            session_to_stranger!to
        :: type != CONN_OPENED && slab_find(actors, to) ->
            assert(actors.owner[to.slot] == to.owner);
            if
            :: type == CONN_GONE -> slab_give_back(actors, to.slot); forget(connection[to.slot])
            :: else -> session_to_io!EVENT_TEXT, connection[to.slot], to
            fi
        :: else /* undeliverable */
        fi;
        forget(to);
        forget(from);
        type = 0
       }
    od
}

/* Another session thread: writes to an actor that it was told of, now or later, or does not. */
proctype Stranger()
{
    Address to, nobody;
    byte texts;
end:
    do
    :: session_to_stranger?to
    :: texts < TEXTS && to.generation != 0 -> texts++; stranger_to_session!PEER_TEXT, to, nobody
    od
}

proctype Quiescence()
{
    timeout;
    assert(connections.free_count == SLOTS && actors.free_count == SLOTS)
}

init
{
    byte i;
    atomic {
        slab_init(connections);
        slab_init(actors);
#ifdef BREAK_CONNECTIONS_KEEP_GENERATION
        connections.step = 0;
#endif
#ifdef BREAK_ACTORS_KEEP_GENERATION
        actors.step = 0;
#endif
        run Io();
        run Session();
        run Stranger();
        run Quiescence()
    }
}

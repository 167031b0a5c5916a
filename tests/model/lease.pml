/* lease.pml: whoever has a lease keeps its users in Redis, whoever has none changes nothing there, and of whoever is gone nothing stays.
 *
 * Three nodes on one Redis. Node 0 has two users, so that reaping it (one user a call here) may stop halfway; node 1 has one, and may die as well, also
 * while it reaps; node 2 stays to the end. Connections are lost, and calls that are under way by then are carried out all the same, whenever
 * Redis comes to it; leases run out, also of nodes that are only slow; nodes are killed, and stopped. Each script is one step. Modelled, by name:
 *
 *   fence.lua, heartbeat.lua, reap.lua, release.lua, leave.lua; start_matching.lua with submit_interests.lua as START; part(), forget() of head.lua     lua/
 *   take_step(): STEP_FENCE, STEP_REAP, STEP_UP                                                                    src/redis/way_up.c
 *   reaper_take_own(), reaper_take_expired(), on_reaped()                                                          src/redis/reaper.c
 *   on_open(), on_lost(), on_beat(), redis_store_drain(), release(), finish_drain()                                src/redis/redis_store.c
 *   tidy(), matcher_on_store_up(), as far as every user is stated again                                            actors/matcher.c
 *
 * Time: a lease of 5 s runs out at any moment (RUN_OUT times, of nodes that live), so heartbeats renew nothing here, and one is sent only when it has something
 * to answer. Left out: what a match means to those who are told (remote_chat.pml); `epoch`, which is about earlier versions.
 *
 * Checked after each script: users of a node whose connection has the lease, and whose calls are all carried out, are in Redis exactly those whom it has; a
 * reaper takes none of a node that has a lease; who is claimed is on a node with a lease; pairs name each other. When nothing can move any more
 * (Quiescence): all have ended, and nothing is left.
 *
 * Each of these must make spin report an error; test_models.py tries them all:
 *   BREAK_NO_LEASE_CHECK   scripts do not compare the lease
 *   BREAK_ONE_VALUE        all connections of a node have the same value
 *   BREAK_NO_FENCE         the way up does not take the lease anew while it is still there
 *   BREAK_OWN_NOT_REAPED   the way up does not forget whom the last connection has left
 *   BREAK_CLEAR            it forgets everybody instead, as it did when there was one node only
 *   BREAK_REAP_UNSEEN      reap.lua does not look whether the lease is back
 *   BREAK_NODE_FIRST       reap.lua takes the node from the list before its last user is forgotten
 *   BREAK_ONE_REAPER       only node 1 reaps
 *   BREAK_NOT_STATED       users are not stated again after the way up
 *   BREAK_NO_OWNER         START does not say whose user it is
 *   BREAK_CLAIM_UNSEEN     START claims also who is on a node without a lease
 *   BREAK_HALF_A_PAIR      forget() leaves the partner as it is
 */
#define NODES 3
#define USERS 3
#define OWNER(user) (user / 2)
#ifndef CUTS
#define CUTS 1     /* connections that are lost */
#define RUN_OUT 1  /* leases of nodes that live */
#define KILLS 1
#endif
#ifndef CALLS
#define CALLS 1    /* of a node, under way at once */
#endif
#define MANY 8     /* connections: nobody comes up again and again */
#define LATE 2     /* of lost connections, not carried out yet */

mtype:name = { FENCE, HEARTBEAT, REAP, START, LEAVE, RELEASE };
mtype:said = { OK, STALE, ALIVE };
mtype:state = { LOST, FENCING, REAPING, UP, GONE };
mtype:status = { NOBODY, IDLE, SEARCHING, CHATTING };
#define NONE 255

/* Redis. */
byte lease[NODES];           /* the connection that has it; 0: there is none */
bool is_listed[NODES];       /* in `nodes`, with node:<node> */
bool has_expired[NODES];     /* and its time there is over */
bool is_in_users[USERS];     /* of users:<its node> */
mtype:status status[USERS];  /* user_meta; NOBODY: there is none */
byte partner[USERS];         /* active_matches; NONE */

/* The nodes. */
mtype:state state[NODES];
byte connection[NODES];      /* counts */
bool is_draining[NODES];
bool is_here[USERS];         /* connected with its node */
bool is_to_come[USERS];
bool is_unstated[USERS];     /* since the node came up */
byte cuts = CUTS, run_out = RUN_OUT, kills = KILLS;

chan calls[NODES] = [CALLS] of { mtype:name, byte, byte };   /* script, value, argument */
chan late = [LATE] of { mtype:name, byte, byte, byte };            /* of a connection that was lost: the same, and the node */
chan answers[NODES] = [CALLS] of { mtype:said, byte };    /* of the connection that is open: reply; heartbeat: who is to be reaped; reap: how many are left */

#ifdef BREAK_ONE_VALUE
#define VALUE(node) 1
#else
#define VALUE(node) connection[node]
#endif

#include "lease_scripts.pml"

#define IS_KNOWN(user) (state[OWNER(user)] == UP && lease[OWNER(user)] == VALUE(OWNER(user)) && len(calls[OWNER(user)]) == 0 && !is_unstated[user])
#define CHECK(user) \
    assert(!IS_KNOWN(user) || (is_in_users[user] == is_here[user] && (status[user] != NOBODY) == is_here[user])); \
    mate = partner[user]; \
    assert(mate == NONE || (partner[mate] == user && status[user] == CHATTING))

#define MAY_RUN_OUT(node) \
    :: atomic { lease[node] != 0 && (state[node] == GONE || (run_out > 0 && !(node == 2 && is_draining[node]))) -> \
        if \
        :: state[node] != GONE -> run_out-- \
        :: else \
        fi; \
        lease[node] = 0; \
        has_expired[node] = true \
       }

proctype Redis()
{
    mtype:name script;
    mtype:said reply;
    byte node, value, argument, other, mate, left, last;
    bool is_late;
end:
    do
    :: atomic {
        if
        :: nempty(calls[0]) && nfull(answers[0]) -> calls[0]?script, value, argument; node = 0
        :: nempty(calls[1]) && nfull(answers[1]) -> calls[1]?script, value, argument; node = 1
        :: nempty(calls[2]) && nfull(answers[2]) -> calls[2]?script, value, argument; node = 2
        :: late??script, value, argument, node -> is_late = true
        fi;
        carry_out();
        CHECK(0);
        CHECK(1);
        CHECK(2);
        if
        :: is_late || ((script == START || script == LEAVE) && reply == OK) /* nobody looks at that */
        :: else -> answers[node]!reply, left
        fi;
        is_late = false;
        script = 0; reply = 0; node = 0; value = 0; argument = 0; left = 0; mate = 0
       }
    MAY_RUN_OUT(0)
    MAY_RUN_OUT(1)
    MAY_RUN_OUT(2)
    od
}

/* Nodes. */

/* What is under way goes on; nobody hears the answers. A node that drains does not try again. */
inline lose()
{
    do
    :: answers[self]?_, _ -> skip
    :: empty(answers[self]) -> break
    od;
    do
    :: calls[self]?what, value, number ->
        if
        :: nfull(late) -> late!what, value, number, self
        :: true /* it was not read at all */
        fi
    :: empty(calls[self]) -> break
    od;
    what = 0;
    value = 0;
    number = 0;
    if
    :: is_draining[self] -> end_node()
    :: else -> state[self] = LOST
    fi;
    victim = NONE;
    awaits = 0
}

inline end_node()
{
    state[self] = GONE;
    user = 0;
    do
    :: user < USERS ->
        if
        :: OWNER(user) == self -> is_here[user] = false; is_unstated[user] = false
        :: else
        fi;
        user++
    :: else -> break
    od;
    user = 0
}

inline call(script, argument)
{
    calls[self]!script, VALUE(self), argument
}

inline come_up()
{
    state[self] = UP;
    user = 0;
    do
    :: user < USERS ->
#ifndef BREAK_NOT_STATED
        if
        :: OWNER(user) == self -> is_unstated[user] = is_here[user]
        :: else
        fi;
#endif
        user++
    :: else -> break
    od;
    user = 0
}

inline hear()
{
    if
    :: reply == STALE -> lose()
    :: reply != STALE && state[self] == FENCING ->
#ifdef BREAK_OWN_NOT_REAPED
        come_up();
        awaits = 0
#else
        state[self] = REAPING;
        call(REAP, self)
#endif
    :: reply != STALE && state[self] == REAPING ->
        if
        :: number > 0 -> call(REAP, self)
        :: else -> come_up(); awaits = 0
        fi
    :: reply != STALE && state[self] == UP ->
        if
        :: awaits == HEARTBEAT -> victim = number
        :: awaits == REAP && (reply == ALIVE || number == 0) -> victim = NONE
        :: awaits == REAP && reply == OK && number > 0
        :: awaits == RELEASE -> end_node()
        fi;
        awaits = 0
    fi
}

#ifdef BREAK_ONE_REAPER
#define REAPS (self == 1)
#else
#define REAPS true
#endif
#define HAS_ENDED(node) (state[node] == GONE && !is_listed[node])
/* The last one ends well: what it left otherwise the next server would reap. */
#define MAY_END (self != 2 || (HAS_ENDED(0) && HAS_ENDED(1) && len(late) == 0 && state[2] == UP && lease[2] == VALUE(2)))
#define NEEDS_A_HEARTBEAT (lease[self] != VALUE(self) || (REAPS && (has_expired[0] || has_expired[1] || has_expired[2])))
#define HAS_USERS ((OWNER(0) == self && (is_here[0] || is_here[1])) || (OWNER(2) == self && is_here[2]))

#define USER(number) \
    :: atomic { is_to_come[number] && OWNER(number) == self && state[self] == UP && !is_draining[self] && nfull(calls[self]) -> \
        is_to_come[number] = false; \
        is_here[number] = true; \
        call(START, number) \
       } \
    :: atomic { is_unstated[number] && OWNER(number) == self && state[self] == UP && nfull(calls[self]) -> \
        is_unstated[number] = false; \
        call(START, number) \
       } \
    :: atomic { is_here[number] && OWNER(number) == self && state[self] != GONE && nfull(calls[self]) -> \
        is_here[number] = false; \
        is_unstated[number] = false; \
        if \
        :: state[self] == UP -> call(LEAVE, number) \
        :: else /* tidy() */ \
        fi \
       }

proctype Node(byte self)
{
    mtype:name awaits; /* what it has called and is to be answered */
    mtype:name what;
    mtype:said reply;
    byte value, number, user, victim = NONE;
end:
    do
    :: atomic { state[self] == LOST && nfull(calls[self]) -> /* on_open() */
        connection[self]++;
        assert(connection[self] < MANY);
        state[self] = FENCING;
        awaits = FENCE;
        call(FENCE, 0)
       }
    :: atomic { answers[self]?reply, number ->
        hear();
        reply = 0;
        number = 0
       }
    :: atomic { state[self] == UP && awaits == 0 && nfull(calls[self]) && (victim != NONE || NEEDS_A_HEARTBEAT) ->
        if
        :: victim != NONE -> awaits = REAP; call(REAP, victim)
        :: else -> awaits = HEARTBEAT; call(HEARTBEAT, 0)
        fi
       }
    :: atomic { state[self] != LOST && state[self] != GONE && cuts > 0 && !(self == 2 && is_draining[self]) -> cuts--; lose() }
    :: atomic { state[self] != GONE && self != 2 && kills > 0 -> kills--; lose(); end_node() }
    :: atomic { state[self] != GONE && !is_draining[self] && MAY_END -> is_draining[self] = true }
    :: atomic { state[self] == UP && is_draining[self] && !HAS_USERS && awaits == 0 && nfull(calls[self]) -> awaits = RELEASE; call(RELEASE, 0) }
    USER(0)
    USER(1)
    USER(2)
    od
}

/* Nothing can move any more. */
proctype Quiescence()
{
    timeout;
    assert(state[0] == GONE && state[1] == GONE && state[2] == GONE);
    assert(lease[0] == 0 && lease[1] == 0 && lease[2] == 0);
    assert(!is_listed[0] && !is_listed[1] && !is_listed[2]);
    assert(!is_in_users[0] && !is_in_users[1] && !is_in_users[2]);
    assert(status[0] == NOBODY && status[1] == NOBODY && status[2] == NOBODY);
    assert(partner[0] == NONE && partner[1] == NONE && partner[2] == NONE)
}

init
{
    atomic {
        /* All are up. Users 0 and 2 have met; 1 is to come, or waits. */
        is_here[0] = true; is_here[2] = true;
        is_in_users[0] = true; is_in_users[2] = true;
        status[0] = CHATTING; status[1] = NOBODY; status[2] = CHATTING;
        partner[0] = 2; partner[1] = NONE; partner[2] = 0;
        if
        :: is_to_come[1] = true
        :: is_here[1] = true; is_in_users[1] = true; status[1] = SEARCHING
        fi;
        state[0] = UP; state[1] = UP; state[2] = UP;
        connection[0] = 1; connection[1] = 1; connection[2] = 1;
        lease[0] = 1; lease[1] = 1; lease[2] = 1;
        is_listed[0] = true; is_listed[1] = true; is_listed[2] = true;
        run Redis();
        run Node(0);
        run Node(1);
        run Node(2);
        run Quiescence()
    }
}

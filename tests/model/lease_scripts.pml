/* lease_scripts.pml: what each script does: a part of lease.pml. */
/* Scripts. */

inline part(user)
{
    mate = partner[user];
    if
    :: mate != NONE ->
#ifndef BREAK_HALF_A_PAIR
        if
        :: partner[mate] == user ->
            partner[mate] = NONE;
            if
            :: status[mate] == CHATTING -> status[mate] = IDLE
            :: else
            fi
        :: else
        fi;
#endif
        partner[user] = NONE
    :: else
    fi;
    mate = 0
}

inline forget(user)
{
    part(user);
    status[user] = NOBODY
}

inline start(user)
{
#ifndef BREAK_NO_OWNER
    is_in_users[user] = true;
#endif
    part(user);
    status[user] = SEARCHING;
    other = 0;
    do
    :: other < USERS ->
        if
#ifdef BREAK_CLAIM_UNSEEN
        :: other != user && status[other] == SEARCHING ->
#else
        :: other != user && status[other] == SEARCHING && lease[OWNER(other)] != 0 ->
#endif
            assert(lease[OWNER(other)] != 0);
            partner[user] = other;
            partner[other] = user;
            status[user] = CHATTING;
            status[other] = CHATTING;
            break
        :: else -> other++
        fi
    :: else -> break
    od;
    other = 0
}

inline count_left(whose)
{
    left = 0;
    other = 0;
    do
    :: other < USERS ->
        if
        :: is_in_users[other] && OWNER(other) == whose -> left++; last = other
        :: else
        fi;
        other++
    :: else -> break
    od;
    other = 0
}

inline reap(dead)
{
#ifndef BREAK_REAP_UNSEEN
    if
    :: dead != node && lease[dead] != 0 -> reply = ALIVE
    :: else ->
#endif
        count_left(dead);
        if
        :: left > 0 -> /* SPOP: which one makes no difference to what is checked */
            assert(dead == node || lease[dead] == 0);
            is_in_users[last] = false;
            forget(last);
            left--
        :: else
        fi;
        last = 0;
        if
#ifdef BREAK_NODE_FIRST
        :: dead != node -> is_listed[dead] = false; has_expired[dead] = false
#else
        :: left == 0 && dead != node -> is_listed[dead] = false; has_expired[dead] = false
#endif
        :: else
        fi
#ifndef BREAK_REAP_UNSEEN
    fi
#endif
}

inline carry_out()
{
    reply = OK;
    left = 0;
    if
    :: script == FENCE ->
#ifdef BREAK_NO_FENCE
        if
        :: lease[node] == 0 -> lease[node] = value
        :: else
        fi;
#else
        lease[node] = value;
#endif
#ifdef BREAK_CLEAR
        other = 0;
        do
        :: other < USERS -> is_in_users[other] = false; partner[other] = NONE; status[other] = NOBODY; other++
        :: else -> break
        od;
        other = 0;
#endif
        is_listed[node] = true;
        has_expired[node] = false
#ifndef BREAK_NO_LEASE_CHECK
    :: script != FENCE && lease[node] != value -> reply = STALE
    :: script != FENCE && lease[node] == value ->
#else
    :: script != FENCE ->
#endif
        if
        :: script == HEARTBEAT ->
            left = NONE;
            if
            :: has_expired[0] -> left = 0
            :: has_expired[1] -> left = 1
            :: has_expired[2] -> left = 2
            :: else
            fi
        :: script == REAP -> reap(argument)
        :: script == START -> start(argument)
        :: script == LEAVE -> forget(argument); is_in_users[argument] = false
        :: script == RELEASE ->
            lease[node] = 0;
            count_left(node);
            last = 0;
            if
            :: left == 0 -> is_listed[node] = false
            :: else -> has_expired[node] = true /* it will have, soon */
            fi
        fi
    fi
}

/* store.h: what the matcher asks of Redis, as an interface, so that a test can stand in for it.
 *
 * A call is answered exactly once by matcher_on_store_reply(), in the order of the calls; each is one Lua script (the
 * operation's name in lower case is the script's file in lua/). While the store is down calls must not be made.
 *
 * Threads:   the matcher's.
 * Ownership: a call's payload is the store's from the call on.
 */
#ifndef CHATTERBOX_ACTORS_STORE_H
#define CHATTERBOX_ACTORS_STORE_H

#include "runtime/message.h"

enum store_operation {
    STORE_SUBMIT_INTERESTS, /* write the user's interests and status */
    STORE_START_MATCHING,   /* claim the best waiter, or wait */
    STORE_END_MATCHING,     /* stop waiting */
    STORE_END_CHAT,         /* forget a pair */
    STORE_RESTORE_CHAT,     /* write a chat back that the store has lost */
    STORE_LEAVE,            /* forget a user */
    STORE_BLOCK,            /* a user never meets some others again */
    STORE_REPORT,           /* count a report; enough of them ban */
    STORE_OPERATIONS
};

struct store_call {
    enum store_operation operation;
    struct address actor; /* the user's session actor: where a match found later is sent. REPORT: the reported user's */
    uint8_t user_id[USER_ID_BYTES];
    uint32_t search;           /* START_MATCHING, END_MATCHING */
    uint64_t match;            /* START_MATCHING: the id if it matches. END_CHAT, RESTORE_CHAT: the chat. SUBMIT_INTERESTS: as USER_STORE */
    uint64_t ended_match;      /* START_MATCHING */
    struct identity identity;  /* START_MATCHING: the user's */
    bool accepts_anyone;       /* START_MATCHING */
    bool is_restating;         /* the matcher's: it counts these */
    struct payload *payload;   /* SEEKER; RESTORE_CHAT: PARTNER; BLOCK: USER_IDS; REPORT: REPORT; otherwise NULL */
};

enum store_outcome {
    STORE_DONE,     /* every other operation; END_MATCHING: no longer waiting */
    STORE_WAITING,  /* START_MATCHING: nobody yet */
    STORE_MATCHED,  /* START_MATCHING: the waiter in `partner…` was claimed */
    STORE_TOO_LATE, /* START_MATCHING, END_MATCHING: somebody else's call has matched the user already */
    STORE_BEHIND,   /* START_MATCHING: nothing was done, since one of the two has had a match of `match` or above it: call again with a higher one.
                       The call's payload is the matcher's again */
    STORE_UNREACHABLE, /* START_MATCHING: a waiter was claimed who cannot be told, since its node has died: call again, with `match` as the
                          ended one, and both are free. The call's payload is the matcher's again */
    STORE_BANNED,   /* SUBMIT_INTERESTS, START_MATCHING: nothing was done for the user, who is refused for now. REPORT: from now on */
    STORE_LOST,     /* outcome unknown: the connection was lost or Redis refused. The store is down by then, or about to be,
                       and will come up with everything of this node forgotten */
};

struct store_reply {
    enum store_outcome outcome;
    /* MATCHED only: */
    struct peer peer;        /* the partner */
    struct address partner;  /* its session actor */
    uint32_t partner_search; /* the search it waits under */
    const uint8_t *common;   /* topics as in interests.h; the store's, good during the callback */
    size_t common_length;
    uint64_t match; /* BEHIND */
};

struct store {
    void *self;
    void (*call)(void *self, const struct store_call *call);
};

#endif

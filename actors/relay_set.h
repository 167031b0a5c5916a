/* relay_set.h: what a session thread holds of its chats across nodes: one struct relay for each side of them that is here, found by chat and actor.
 *
 * Threads:   the session thread's.
 * Ownership: a relay is the set's from relay_set_add() to relay_set_remove(). What it points to is relay.c's, which frees it before.
 */
#ifndef CHATTERBOX_ACTORS_RELAY_SET_H
#define CHATTERBOX_ACTORS_RELAY_SET_H

#include <stdbool.h>

#include "actors/copies.h"
#include "actors/ends.h"

/* One side of a chat across nodes. */
struct relay {
    struct end_key key; /* the match, and the actor */
    struct relay *next, *previous; /* of the thread's */
    struct address partner, connection; /* the latter: who gets the credits back, session_writer() */
    uint32_t sent;                         /* number of the last text */
    uint32_t taken_there, written_there;   /* of them, as the partner has said */
    uint32_t taken_here, written_here;     /* of the partner's */
    uint32_t told_taken;                   /* what the partner knows of taken_here */
    uint32_t asked_for;                    /* by the last PEER_GAP; 0: none yet */
    uint32_t waits_since_ms;               /* low bits: when something was said that is to be acknowledged, or was */
    uint32_t begun_ms, introduced_ms;      /* likewise: when the match was heard of, and when that was said last */
    uint32_t partner_search;               /* introduction: that the partner's MATCH_FOUND answers */
    uint8_t partner_role;                  /* introduction: enum match_role */
    bool is_met;                           /* the partner's actor knows that this one is in the chat */
    bool is_leaving;                       /* the actor has left the chat, and perhaps is gone */
    struct payload *introduction;          /* PARTNER: this user, for the partner, until is_met; NULL: it was the partner's node that made the match */
    struct copies copies;                  /* of taken_there + 1 to sent */
};

/* All zero but for the key. Never NULL. */
struct relay *relay_set_add(struct relays *relays, uint64_t match, struct address self);

/* NULL: there is none. */
struct relay *relay_set_find(const struct relays *relays, uint64_t match, struct address self);

/* Frees it. */
void relay_set_remove(struct relays *relays, struct relay *relay);

/* When it is empty. */
void relay_set_fini(struct relays *relays);

#endif

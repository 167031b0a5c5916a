/* ledger.h: what really happened, in a book that no actor reads: whom the stores have paired, who of a pair has taken the match, and what
 * each side has written and heard.
 *
 * A match id alone names no chat: two stores, or two nodes whose clocks differ, may give the same one to two pairs. A user takes each id once, so
 * id and user do.
 *
 * Threads:   none of its own (world.h).
 * Ownership: a chat is the book's until ledger_free(), so whoever writes in it may keep a pointer to it.
 */
#ifndef CHATTERBOX_TESTS_SIM_LEDGER_H
#define CHATTERBOX_TESTS_SIM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/message.h"

/* What one side of a chat has written, and how much of it the other has heard. */
struct said {
    long written;
    long heard;
    bool is_leaving; /* it has asked for the end of the chat: what it writes now comes too late */
    bool is_banned;  /* what it wrote then may be lost */
    bool is_over;    /* the other side has heard that it left: heard is final */
};

struct chat {
    uint64_t match;
    uint8_t ids[2][USER_ID_BYTES];
    struct said said[2]; /* in the order of the ids */
    bool has_met[2];     /* its actor has taken the match */
    bool is_broken;      /* a node has died, or was taken for dead, or the two did not meet in time: what was written last may be lost */
    struct chat *next;   /* with the same hash */
};

enum { LEDGER_BUCKETS = 4096 };

/* All zero is empty. */
struct ledger {
    struct chat *buckets[LEDGER_BUCKETS];
};

/* A store has made a match. */
void ledger_add(struct ledger *ledger, uint64_t match, const uint8_t one[USER_ID_BYTES], const uint8_t other[USER_ID_BYTES]);

/* The user's actor has taken the match, with this partner. Returns false if no store has made it. */
bool ledger_meet(struct ledger *ledger, uint64_t match, const uint8_t user[USER_ID_BYTES], const uint8_t partner[USER_ID_BYTES]);

/* Whether a store has made a match of the two, and the actors of both have taken it. */
bool ledger_have_met(const struct ledger *ledger, uint64_t match, const uint8_t one[USER_ID_BYTES], const uint8_t other[USER_ID_BYTES]);

/* The chat of this match that the user's actor has taken; NULL: none. *side: which of the two the user is. */
struct chat *ledger_find(const struct ledger *ledger, uint64_t match, const uint8_t user[USER_ID_BYTES], unsigned *side);

/* All that have this id are broken. */
void ledger_break(struct ledger *ledger, uint64_t match);

/* One of which somebody was told that the other had left, and has not heard all that this one wrote before, although nothing was broken; NULL: none. */
const struct chat *ledger_find_loss(const struct ledger *ledger);

void ledger_free(struct ledger *ledger);

#endif

/* fake_store.h: the meaning of the Lua scripts as a few dozen lines over an array, to stand in for Redis.
 *
 * Calls are carried out when fake_store_step() says so, in order, each followed by its reply; a fake store that goes down carries
 * out some of what is pending, loses every reply, and forgets all users, as the real one does before it comes up.
 */
#ifndef CHATTERBOX_TESTS_SIM_FAKE_STORE_H
#define CHATTERBOX_TESTS_SIM_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/matcher.h"
#include "actors/store.h"

enum { FAKE_USERS_MAX = 256, FAKE_CALLS_MAX = 4096, FAKE_BLOCKS_MAX = 1024, FAKE_REPORTS_MAX = 64, FAKE_REPORT_LIMIT = 1 };

struct fake_user {
    bool is_there;
    bool is_waiting;
    uint8_t id[USER_ID_BYTES];
    struct address actor;
    uint32_t search;
    uint64_t match;            /* the chat that is on, else the last one; 0: none yet */
    struct fake_user *partner; /* of active_matches */
    struct payload *topics;
    bool accepts_anyone;
    bool has_last;
    uint8_t last[USER_ID_BYTES]; /* partner of the last chat */
    struct identity identity;
};

/* blocker and blocked; or reporter and reported device */
struct fake_pair {
    uint8_t by[USER_ID_BYTES], of[USER_ID_BYTES];
};

struct fake_store {
    struct matcher *matcher;
    bool is_up;
    struct fake_user users[FAKE_USERS_MAX];
    struct store_call calls[FAKE_CALLS_MAX]; /* a queue: first_call..last_call, modulo */
    size_t first_call, last_call;
    struct fake_pair blocks[FAKE_BLOCKS_MAX];
    size_t block_count;
    struct fake_pair reports[FAKE_REPORTS_MAX];
    size_t report_count;
    size_t starts; /* of START_MATCHING; now and then another node's clock is ahead */
};

struct store fake_store_interface(struct fake_store *store);
size_t fake_store_pending(const struct fake_store *store);

/* How many of these state users again. */
size_t fake_store_restating(const struct fake_store *store);

/* Carry out and answer the oldest call. There must be one. */
void fake_store_step(struct fake_store *store);

/* Carry out `executed` of the pending calls without an answer, lose the rest, tell the matcher, forget everything. */
void fake_store_go_down(struct fake_store *store, size_t executed);
void fake_store_come_up(struct fake_store *store);

/* How many users it knows. */
size_t fake_store_users(const struct fake_store *store);

/* Whether pairs are symmetric, nobody is his own partner, and nobody both waits and chats. */
bool fake_store_is_sound(const struct fake_store *store);

void fake_store_clear(struct fake_store *store);

#endif

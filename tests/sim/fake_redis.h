/* fake_redis.h: what Redis holds and what the scripts in lua/ do to it, as a few dozen lines over arrays: users, pairs, blocks, reports, and the
 * leases of nodes.
 *
 * A node that is alone takes no lease, and its calls always count (fake_store.h); of several each has one (node_store.h), and the call of whoever has not
 * is STORE_LOST, as the store that is told STALE gives its connection up.
 *
 * Threads:   none of its own (world.h); whatever is called happens at once.
 * Ownership: payloads of calls stay the caller's. What it holds is freed by fake_redis_clear().
 */
#ifndef CHATTERBOX_TESTS_SIM_FAKE_REDIS_H
#define CHATTERBOX_TESTS_SIM_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/store.h"
#include "redis/reachable.h"
#include "sim/ledger.h"
#include "wire/interests.h"

enum { FAKE_USERS_MAX = 256, FAKE_BLOCKS_MAX = 1024, FAKE_REPORTS_MAX = 64, FAKE_REPORT_LIMIT = 1, FAKE_LEASES_MAX = 64 };

struct fake_user {
    bool is_there;
    bool is_waiting;
    uint8_t id[USER_ID_BYTES];
    uint64_t node;             /* incarnation, whose users it is one of */
    struct address actor;      /* on that node */
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

/* A row of `nodes`, and its lease until it runs out. */
struct fake_lease {
    uint64_t node;  /* 0: no row */
    uint64_t value; /* the connection that holds it */
    uint64_t ends_ms;
};

struct fake_redis {
    uint64_t now_ms;
    struct fake_user users[FAKE_USERS_MAX];
    struct fake_pair blocks[FAKE_BLOCKS_MAX];
    size_t block_count;
    struct fake_pair reports[FAKE_REPORTS_MAX];
    size_t report_count;
    struct fake_lease leases[FAKE_LEASES_MAX];
    struct ledger *ledger; /* whoever it pairs is written there */
    bool is_never_behind;  /* broken on purpose: any match id will do */
    long behind, fenced, skipped, reaped; /* calls; waiters that could not be told; users */
};

/* Whose call it is. */
struct fake_caller {
    uint64_t node;  /* incarnation; 0: of a node that is alone */
    uint64_t value; /* of its lease, as it believes */
    const struct reachable *reachable; /* other nodes that it can tell of a match */
};

struct fake_reply {
    struct store_reply store; /* partner: on partner_node */
    uint64_t partner_node;
    uint8_t common[sizeof((struct interests){ 0 }.bytes)]; /* what store.common points to */
};

/* One of the matcher's calls. */
void fake_redis_call(struct fake_redis *redis, const struct fake_caller *caller, const struct store_call *call, struct fake_reply *reply);

/* Have the lease, whoever had it. */
void fake_redis_fence(struct fake_redis *redis, const struct fake_caller *caller, uint64_t lease_ms);

/* Keep it. Returns false if it is lost. *expired: a node to be reaped; 0: none. */
bool fake_redis_beat(struct fake_redis *redis, const struct fake_caller *caller, uint64_t lease_ms, uint64_t *expired);

enum fake_reaped { FAKE_REAPED_SOME, FAKE_REAPED_ALL, FAKE_REAPED_ALIVE, FAKE_REAPED_STALE };

/* Forget so many users of a node whose lease has run out, or of the caller's own. */
enum fake_reaped fake_redis_reap(struct fake_redis *redis, const struct fake_caller *caller, uint64_t node, size_t count);

/* Whether that node has a lease now. */
bool fake_redis_has_lease(const struct fake_redis *redis, uint64_t node);

/* NULL: it knows no such user. */
struct fake_user *fake_redis_find(struct fake_redis *redis, const uint8_t id[USER_ID_BYTES]);

/* How many users it knows. */
size_t fake_redis_users(const struct fake_redis *redis);

/* Whether pairs are symmetric, nobody is his own partner, and nobody both waits and chats. */
bool fake_redis_is_sound(const struct fake_redis *redis);

/* Forget every user and everything about users. */
void fake_redis_forget_users(struct fake_redis *redis);

/* Forget everything. */
void fake_redis_clear(struct fake_redis *redis);

/* Become what the other one is, as a replica does. */
void fake_redis_copy(struct fake_redis *redis, const struct fake_redis *from);

#endif

/* fake_store.h: the connection of a node that is alone to a Redis that no other uses: calls are carried out when fake_store_step() says so, in order, each
 * followed by its reply; one that goes down carries out some of what is pending, loses every reply, and forgets all users, as the real one does before
 * it comes up.
 */
#ifndef CHATTERBOX_TESTS_SIM_FAKE_STORE_H
#define CHATTERBOX_TESTS_SIM_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/matcher.h"
#include "actors/store.h"
#include "sim/fake_redis.h"

enum { FAKE_CALLS_MAX = 4096 };

struct fake_store {
    struct matcher *matcher;
    bool is_up;
    struct fake_redis redis;
    struct store_call calls[FAKE_CALLS_MAX]; /* a queue: first_call..last_call, modulo */
    size_t first_call, last_call;
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

#endif

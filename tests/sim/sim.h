/* sim.h: one world: the server's threads with their queues and actors, the store, the clients, and the chance that moves them.
 *
 * Threads:   one in all. The server's are numbers here: sim.c says which of them takes a message next, threads.c takes it.
 * Ownership: sim.c makes the world of each seed and frees it. A message lies in the queue between two threads until it is delivered.
 * Errors:    what is broken ends the program, with the seed that shows it.
 */
#ifndef CHATTERBOX_TESTS_SIM_SIM_H
#define CHATTERBOX_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/matcher.h"
#include "actors/session.h"
#include "runtime/metrics.h"
#include "sim/client.h"
#include "sim/fake_store.h"

enum { SESSION_THREADS = 3, IO_THREAD = 1, FIRST_SESSION_THREAD = 2 };
enum { MATCHER_THREAD = FIRST_SESSION_THREAD + SESSION_THREADS, THREADS = MATCHER_THREAD + 1 };
enum { CLIENTS = 10, ACTORS = 256, MATCHES_KEPT = 4096 };

/* What one side of a chat has written, and how much of it the other has heard. */
struct said {
    long written;
    long heard;
    bool is_leaving; /* it has asked for the end of the chat: what it writes now comes too late */
    bool is_banned;  /* what it wrote then may be lost */
    bool is_over;    /* the other side has heard that it left: heard is final */
};

struct sim {
    uint64_t random;
    uint64_t seed;
    long step;
    struct backlog queues[THREADS][THREADS];
    struct session actors[ACTORS];
    uint32_t actor_generation[ACTORS];
    bool actor_is_alive[ACTORS];
    unsigned sender; /* the thread whose turn it is */
    struct session_host hosts[SESSION_THREADS];
    struct metrics metrics;
    struct matcher matcher;
    struct fake_store store;
    struct client clients[CLIENTS];
    long relayed, matched, blocked, banned, typed, strangers;
    long reminders;
    struct backlog turns[SESSION_THREADS]; /* that actors await: to whom alone counts */
    long turns_taken;
    uint8_t pairs[MATCHES_KEPT][2][USER_ID_BYTES]; /* by match: who the store has paired */
    struct said said[MATCHES_KEPT][2];             /* by match, in the order of the pair */
};

/* Print the seed, the step and what is broken, and exit. */
_Noreturn void sim_fail(const struct sim *sim, const char *what);

/* A number below the given one, which only the seed and the picks before it decide. */
uint64_t sim_pick(struct sim *sim, uint64_t below);

#endif

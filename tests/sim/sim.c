/* sim.c: session and matcher actors under a seeded scheduler, with a fake store and simulated clients.
 *
 * Every queue between two threads, the store and each client may go next, in an order that only the seed decides; Redis goes
 * away and comes back at random. Clients check each event against what they asked and what their partners wrote. From time to time
 * everything is run until nothing moves, and then both sides of every chat, all credits and the store must agree.
 *
 *   sim [--seeds N] [--first S] [--steps N]      a failing seed is printed; --first S --seeds 1 replays it
 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/invariants.h"
#include "sim/threads.h"

/* So much time passes in a step at most. */
enum { STEP_MS_MAX = 300 };

/* Over all seeds. */
struct totals {
    long relayed, matched, blocked, banned, typed, strangers, turns_taken;
};

_Noreturn void sim_fail(const struct sim *sim, const char *what)
{
    printf("sim: seed %llu, step %ld: %s\n", (unsigned long long)sim->seed, sim->step, what);
    exit(1);
}

uint64_t sim_pick(struct sim *sim, uint64_t below)
{
    /* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014 */
    uint64_t z = (sim->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

static void run(uint64_t seed, long steps, struct totals *total)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        abort();
    sim->seed = sim->random = seed;
    threads_init(sim);

    for (sim->step = 0; sim->step < steps; sim->step++) {
        /* One after the other, so that a seed means the same to every compiler. */
        uint64_t choice = sim_pick(sim, 100), passed_ms = sim_pick(sim, STEP_MS_MAX);
        unsigned from = (unsigned)sim_pick(sim, THREADS), to = (unsigned)sim_pick(sim, THREADS);
        for (unsigned i = 0; i < SESSION_THREADS; i++)
            sim->hosts[i].now_ms += passed_ms;
        if (choice < 18)
            client_acts(sim, &sim->clients[sim_pick(sim, CLIENTS)]);
        else if (choice < 30)
            threads_step_store(sim);
        else if (choice == 30 && sim_pick(sim, 8) == 0)
            threads_toggle_store(sim);
        else if (choice < 34)
            threads_fire_reminder(sim);
        else if (choice < 38)
            threads_give_turn(sim, FIRST_SESSION_THREAD + (unsigned)sim_pick(sim, SESSION_THREADS));
        else
            threads_deliver(sim, from, to);
        if (sim_pick(sim, 1500) == 0) {
            if (!sim->store.is_up)
                threads_toggle_store(sim);
            threads_run_until_quiet(sim);
            check_agreement(sim);
        }
    }

    /* Everybody leaves: nothing may remain. */
    if (!sim->store.is_up)
        threads_toggle_store(sim);
    threads_run_until_quiet(sim);
    check_agreement(sim);
    sim->sender = IO_THREAD;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (sim->clients[i].view != VIEW_GONE)
            threads_send(sim, &(struct message){ .type = CONN_GONE, .to = sim->clients[i].actor });
        sim->clients[i].view = VIEW_GONE;
        payload_free(&sim->clients[i].blocked);
    }
    threads_run_until_quiet(sim);
    check_nothing_remains(sim);
    total->relayed += sim->relayed;
    total->matched += sim->matched;
    total->blocked += sim->blocked;
    total->banned += sim->banned;
    total->typed += sim->typed;
    total->strangers += sim->strangers;
    total->turns_taken += sim->turns_taken;
    free(sim);
}

int main(int argc, char **argv)
{
    long seeds = 3000, first = 1, steps = 6000;
    struct totals total = { 0 };
    for (int i = 1; i + 1 < argc; i += 2) {
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = value;
        else if (strcmp(argv[i], "--first") == 0)
            first = value;
        else if (strcmp(argv[i], "--steps") == 0)
            steps = value;
    }
    for (long seed = first; seed < first + seeds; seed++)
        run((uint64_t)seed, steps, &total);
    printf("sim: %ld seeds of %ld steps, %ld matches (%ld without a common interest), %ld messages relayed, %ld blocks, %ld bans, %ld long requests: sound\n",
           seeds, steps, total.matched / 2, total.strangers / 2, total.relayed, total.blocked, total.banned, total.turns_taken);
    /* A run in which something never happens proves nothing about it. */
    return total.matched > 0 && total.relayed > 0 && total.blocked > 0 && total.banned > 0 && total.typed > 0 && total.strangers > 0 &&
                   total.turns_taken > 0
               ? 0
               : 1;
}

/* sim.c: session and matcher actors under a seeded scheduler, with a fake store and simulated clients.
 *
 * Every queue between two threads, the store and each client may go next, in an order that only the seed decides; Redis goes
 * away and comes back at random. Clients check each event against what they asked and what their partners wrote. From time to time
 * everything is run until nothing moves, and then both sides of every chat, all credits and the store must agree.
 *
 *   sim [--seeds N] [--first S] [--steps N]      a failing seed is printed; --first S --seeds 1 replays it
 *   sim --ignore-turns 1                         broken on purpose, which it must find: nobody waits for a turn to state itself again
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/client.h"
#include "sim/emptying.h"
#include "sim/invariants.h"
#include "sim/returning.h"
#include "sim/threads.h"
#include "sim/world.h"

/* So much time passes in a step at most. */
enum { STEP_MS_MAX = 300 };

/* Over all seeds. */
struct totals {
    long relayed, matched, blocked, banned, typed, strangers, turns_taken, joined;
    long cuts, returned, lost, said_again, acknowledged;
    long sent_away, relayed_at_last; /* after the last call */
    size_t most_restating;
};

/* All but the bus thread: this node is alone. */
enum { LONE_THREADS = BUS_THREAD };

/* Of so many worlds one has a crowd in it, in which more may want to state themselves again than may at once. */
enum { CROWDED = 50, CROWDED_STEPS = 5 };

/* In each so manyth world the server empties after two thirds of the time. */
enum { EMPTYING = 5 };

/* A thread takes many messages in a turn, so the calls they become may be more than Redis answers meanwhile. */
static void deliver(struct world *world, unsigned from, unsigned to)
{
    uint64_t count = world->client_count == CROWD ? 1 + world_pick(world, MATCHER_RESTATING_MAX) : 1;
    while (count-- > 0 && threads_deliver(world, from, to)) {
    }
}

/* Searches that the last call has cancelled are over when their actors have had their turn. */
static void run_until_quiet(struct world *world)
{
    threads_run_until_quiet(world);
    if (!world->hosts[0].is_last_call)
        return;
    emptying_send_all_away(world);
    threads_run_until_quiet(world);
}

static void run(uint64_t seed, long steps, bool ignores_turns, struct totals *total)
{
    struct world *world = calloc(1, sizeof *world);
    struct fake_store *store = calloc(1, sizeof *store);
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (world == NULL || store == NULL || ledger == NULL)
        abort();
    world->program = "sim";
    world->store = store;
    world->ledger = store->redis.ledger = ledger;
    store->matcher = &world->matcher;
    world->seed = world->random = seed;
    world->client_count = CLIENTS;
    if (seed % CROWDED == 0) {
        world->client_count = CROWD;
        steps *= CROWDED_STEPS; /* each client comes to its turns more rarely */
    }
    world->ignores_turns = ignores_turns;
    threads_init(world, fake_store_interface(store), 0);

    for (world->step = 0; world->step < steps; world->step++) {
        /* One after the other, so that a seed means the same to every compiler. */
        uint64_t choice = world_pick(world, 100), passed_ms = world_pick(world, STEP_MS_MAX);
        unsigned from = (unsigned)world_pick(world, LONE_THREADS), to = (unsigned)world_pick(world, LONE_THREADS);
        for (unsigned i = 0; i < SESSION_THREADS; i++)
            world->hosts[i].now_ms += passed_ms;
        if (seed % EMPTYING == 0 && world->step == steps / 3 * 2) {
            emptying_last_call(world);
            world->relayed_before = world->relayed;
        }
        if (world->hosts[0].is_last_call && world_pick(world, 30) == 0)
            emptying_send_away(world);
        if (choice < 18)
            client_acts(world, &world->clients[world_pick(world, world->client_count)]);
        else if (choice < 30)
            threads_step_store(world);
        else if (choice == 30 && world_pick(world, 8) == 0)
            threads_toggle_store(world);
        else if (choice < 34)
            threads_fire_reminder(world);
        else if (choice < 38)
            threads_give_turn(world, FIRST_SESSION_THREAD + (unsigned)world_pick(world, SESSION_THREADS));
        else
            deliver(world, from, to);
        check_window(world);
        if (world_pick(world, 1500) == 0) {
            if (!world->store->is_up)
                threads_toggle_store(world);
            run_until_quiet(world);
            check_agreement(world);
        }
    }

    /* Everybody leaves: nothing may remain. */
    if (!world->store->is_up)
        threads_toggle_store(world);
    run_until_quiet(world);
    check_agreement(world);
    world->sender = IO_THREAD;
    for (size_t i = 0; i < world->client_count; i++) {
        if (returning_is(world, &world->clients[i]))
            returning_ends(world, &world->clients[i]);
        else if (world->clients[i].view != VIEW_GONE)
            world_send(world, &(struct message){ .type = CONN_GONE, .to = world->clients[i].actor });
        world->clients[i].view = VIEW_GONE;
        payload_free(&world->clients[i].blocked);
    }
    threads_run_until_quiet(world);
    threads_drain(world);
    threads_run_until_quiet(world);
    check_nothing_remains(world);
    if (world->hosts[0].is_last_call)
        total->relayed_at_last += world->relayed - world->relayed_before;
    total->sent_away += world->sent_away;
    total->cuts += world->cuts;
    total->returned += world->returned;
    total->lost += world->lost;
    total->said_again += world->said_again;
    total->acknowledged += world->acknowledged;
    total->relayed += world->relayed;
    total->matched += world->matched;
    total->blocked += world->blocked;
    total->banned += world->banned;
    total->typed += world->typed;
    total->strangers += world->strangers;
    total->turns_taken += world->turns_taken;
    total->joined += world->joined;
    if (total->most_restating < world->most_restating)
        total->most_restating = world->most_restating;
    world_free(world);
    ledger_free(ledger);
    free(ledger);
    free(store);
}

int main(int argc, char **argv)
{
    long seeds = 3000, first = 1, steps = 6000;
    bool ignores_turns = false;
    struct totals total = { 0 };
    for (int i = 1; i + 1 < argc; i += 2) {
        long value = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = value;
        else if (strcmp(argv[i], "--first") == 0)
            first = value;
        else if (strcmp(argv[i], "--steps") == 0)
            steps = value;
        else if (strcmp(argv[i], "--ignore-turns") == 0)
            ignores_turns = value != 0;
    }
    for (long seed = first; seed < first + seeds; seed++)
        run((uint64_t)seed, steps, ignores_turns, &total);
    printf("sim: %ld seeds of %ld steps, %ld matches (%ld without a common interest), %ld messages relayed, %ld blocks, %ld bans, "
           "%ld long requests, %ld joined to runs, %ld cut off, %ld came back (%ld to another session), %ld said again, %ld acknowledged, "
           "%ld sent away while %ld messages were relayed, %zu calls that state users again in flight at most: sound\n",
           seeds, steps, total.matched / 2, total.strangers / 2, total.relayed, total.blocked, total.banned, total.turns_taken, total.joined,
           total.cuts, total.returned, total.lost, total.said_again, total.acknowledged, total.sent_away,
           total.relayed_at_last, total.most_restating);
    /* A run in which something never happens proves nothing about it. */
    return total.matched > 0 && total.relayed > 0 && total.blocked > 0 && total.banned > 0 && total.typed > 0 && total.strangers > 0 &&
                   total.returned > 0 && total.lost > 0 && total.said_again > 0 && total.acknowledged > 0 && total.sent_away > 0 && total.relayed_at_last > 0 && total.turns_taken > 0 && total.joined > 0 && total.most_restating > MATCHER_RESTATING_MAX / 2
               ? 0
               : 1;
}

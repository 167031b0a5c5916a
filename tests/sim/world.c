#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/relay.h"
#include "actors/session.h"

_Noreturn void world_fail(const struct world *world, const char *what)
{
    printf("%s: seed %llu, step %ld: %s\n", world->program, (unsigned long long)world->seed, world->step, what);
    exit(1);
}

uint64_t pick(uint64_t *random, uint64_t below)
{
    /* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014 */
    uint64_t z = (*random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

uint64_t world_pick(struct world *world, uint64_t below)
{
    return pick(&world->random, below);
}

void world_free(struct world *world)
{
    struct message message;
    for (unsigned from = 0; from < THREADS; from++) {
        for (unsigned to = 0; to < THREADS; to++) {
            while (backlog_take(&world->queues[from][to], &message))
                message_discard(&message);
        }
    }
    for (uint32_t slot = 0; slot < ACTORS; slot++) {
        if (world->actor_is_alive[slot])
            session_fini(&world->actors[slot], &world->hosts[world->actors[slot].self.thread - FIRST_SESSION_THREAD]);
    }
    for (unsigned i = 0; i < SESSION_THREADS; i++) {
        relays_fini(&world->hosts[i]);
        while (backlog_take(&world->turns[i], &message)) {
        }
    }
    for (size_t i = 0; i < world->client_count; i++)
        payload_free(&world->clients[i].blocked);
    free(world);
}

void world_send(void *self, const struct message *message)
{
    struct world *world = self;
    struct message sent = *message;
    if (address_is_nobody(sent.from))
        sent.from = address_of_thread(world->sender);
    if (sent.type == PEER_LEFT && address_equals(sent.to, sent.from)) /* its actor has not met its partner (relay.h) */
        ledger_break(world->ledger, sent.peer_left.match);
    backlog_put(&world->queues[world->sender][sent.to.node != 0 ? BUS_THREAD : sent.to.thread], &sent);
}

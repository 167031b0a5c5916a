#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void world_fail(const struct world *world, const char *what)
{
    printf("sim: seed %llu, step %ld: %s\n", (unsigned long long)world->seed, world->step, what);
    exit(1);
}

uint64_t world_pick(struct world *world, uint64_t below)
{
    /* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014 */
    uint64_t z = (world->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

void world_send(void *self, const struct message *message)
{
    struct world *world = self;
    struct message sent = *message;
    if (address_is_nobody(sent.from))
        sent.from = address_of_thread(world->sender);
    backlog_put(&world->queues[world->sender][sent.to.thread], &sent);
}

#include "sim/emptying.h"

#include "actors/session.h"
#include "sim/threads.h"

static void say_farewell(struct world *world, uint32_t slot, enum farewell what)
{
    struct session *actor = &world->actors[slot];
    if (!world->actor_is_alive[slot])
        return;
    struct session_host *host = &world->hosts[actor->self.thread - FIRST_SESSION_THREAD];
    world->sender = actor->self.thread;
    session_on_farewell(actor, host, what);
    threads_after_actor(world, host, actor);
}

void emptying_last_call(struct world *world)
{
    for (uint32_t slot = 0; slot < world->actor_slots; slot++)
        say_farewell(world, slot, FAREWELL_LAST_CALL);
    for (unsigned i = 0; i < SESSION_THREADS; i++)
        world->hosts[i].is_last_call = true;
}

void emptying_send_away(struct world *world)
{
    say_farewell(world, (uint32_t)world_pick(world, world->actor_slots), FAREWELL_TURN);
}

void emptying_send_all_away(struct world *world)
{
    for (uint32_t slot = 0; slot < world->actor_slots; slot++)
        say_farewell(world, slot, FAREWELL_TURN);
}

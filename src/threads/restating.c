#include "threads/restating.h"

#include "actors/restate.h"

void restating_begin(struct restating *restating, uint64_t epoch)
{
    restating->restated = 0;
    restating->host->epoch = (uint8_t)epoch;
    executor_send(restating->executor, &(struct message){ .type = RESYNCED,
                                                          .to = address_of_thread(restating->host->matcher_thread),
                                                          .resync = { .epoch = epoch } });
}

void restating_take_turn(struct restating *restating, const struct message *turn)
{
    size_t calls_left = turn->restate.calls;
    for (; restating->restated < restating->actors->slots; restating->restated++) {
        uint32_t generation;
        struct session *session = slab_at(restating->actors, restating->restated, &generation);
        if (session == NULL)
            continue;
        const size_t calls = restate_calls(session, restating->host);
        if (calls > calls_left)
            break;
        calls_left -= calls;
        restate(session, restating->host);
    }
    executor_send(restating->executor,
                  &(struct message){ .type = RESTATED,
                                     .to = address_of_thread(restating->host->matcher_thread),
                                     .restate = { .epoch = turn->restate.epoch,
                                                  .is_done = restating->restated == restating->actors->slots } });
}

#include "threads/departures.h"

/* A round is so many steps, of which each is so many slots at least. */
enum { TICK_MS = 50, STEPS = DEPARTURES_SPREAD_MS / TICK_MS, SLOTS_PER_STEP_MIN = 4 };

/* Visit so many slots from next_slot on. */
static void visit(struct departures *departures, uint32_t slots, enum farewell what)
{
    for (; slots > 0 && departures->next_slot < departures->actors->slots; slots--) {
        uint32_t generation;
        struct session *session = slab_at(departures->actors, departures->next_slot++, &generation);
        if (session != NULL)
            departures->on_farewell(departures->owner, session, what);
    }
}

static void visit_all(struct departures *departures, enum farewell what)
{
    departures->next_slot = 0;
    visit(departures, UINT32_MAX, what);
}

static void on_tick(uv_timer_t *tick)
{
    struct departures *departures = tick->data;
    const uint32_t share = departures->actors->slots / STEPS + 1;
    visit(departures, share > SLOTS_PER_STEP_MIN ? share : SLOTS_PER_STEP_MIN, departures->round);
    if (departures->next_slot >= departures->actors->slots)
        uv_timer_stop(tick);
}

void departures_init(struct departures *departures)
{
    uv_timer_init(departures->executor->loop, &departures->tick);
    departures->tick.data = departures;
}

void departures_begin(struct departures *departures, enum farewell what)
{
    if (what == FAREWELL_DRAIN) {
        departures->host->is_draining = true;
        visit_all(departures, what);
        return;
    }
    if (what == FAREWELL_TURN) {
        visit_all(departures, FAREWELL_LAST_CALL);
        departures->host->is_last_call = true;
    }
    departures->round = what;
    departures->next_slot = 0;
    uv_timer_start(&departures->tick, on_tick, TICK_MS, TICK_MS);
}

void departures_settle(struct departures *departures, bool is_busy)
{
    if (!departures->host->is_last_call || departures->has_told_main || is_busy)
        return;
    departures->has_told_main = true;
    executor_send(departures->executor, &(struct message){ .type = DESERTED, .to = address_of_thread(THREAD_MAIN) });
}

void departures_close(struct departures *departures)
{
    uv_close((uv_handle_t *)&departures->tick, NULL);
}

#include "sim/invariants.h"

#include <string.h>

#include "sim/counted_payload.h"

/* Who left has been heard to the end. */
static void check_said(const struct sim *sim)
{
    for (size_t i = 0; i < 2 * MATCHES_KEPT; i++) {
        const struct said *said = &sim->said[i / 2][i % 2];
        if (said->is_over && !said->is_banned && said->heard < said->written)
            sim_fail(sim, "what was written before leaving did not arrive");
    }
}

void check_agreement(const struct sim *sim)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct client *client = &sim->clients[i];
        if (client->view == VIEW_GONE)
            continue;
        const struct session *actor = &sim->actors[client->actor.slot];
        if (client->credits != CREDITS)
            sim_fail(sim, "a credit was lost");
        if (client->asked_count != 0)
            sim_fail(sim, "a request was never answered");
        if (actor->state == SESSION_CHATTING) {
            const struct session *partner = &sim->actors[actor->partner.slot];
            if (partner->state != SESSION_CHATTING || partner->match != actor->match || partner == actor ||
                !address_equals(partner->partner, actor->self))
                sim_fail(sim, "the two sides of a chat disagree");
            if (client->view != VIEW_CHATTING)
                sim_fail(sim, "a client does not know that it chats");
        }
        if (actor->is_starting || actor->is_cancelling || actor->early.first != NULL || actor->waiting_requests.first != NULL)
            sim_fail(sim, "an actor still waits for something");
        if (actor->awaits_turn || actor->is_gone)
            sim_fail(sim, "an actor still awaits a turn");
    }
    check_said(sim);
    if (!fake_store_is_sound(&sim->store))
        sim_fail(sim, "the store's pairs are not sound");
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        const struct fake_user *user = &sim->store.users[i];
        if (!user->is_there)
            continue;
        const struct session *actor = &sim->actors[user->actor.slot];
        if (!sim->actor_is_alive[user->actor.slot] || memcmp(actor->user_id, user->id, USER_ID_BYTES) != 0)
            sim_fail(sim, "the store knows a user who is gone");
        if (user->is_waiting != (actor->state == SESSION_SEARCHING))
            sim_fail(sim, "store and actor disagree about a search");
        if ((user->partner != NULL) != (actor->state == SESSION_CHATTING))
            sim_fail(sim, "store and actor disagree about a chat");
    }
}

void check_nothing_remains(const struct sim *sim)
{
    if (fake_store_users(&sim->store) != 0)
        sim_fail(sim, "the store knows users after everybody has left");
    if (sim->store.block_count != 0)
        sim_fail(sim, "the store knows blocks after everybody has left");
    if (sim->reminders != 0)
        sim_fail(sim, "a reminder has outlived its actor");
    if (counted_payloads() != 0)
        sim_fail(sim, "payloads were lost or freed twice");
    for (enum metric gauge = METRIC_USERS; gauge <= METRIC_CHATTING; gauge++) {
        if (metrics_sum(&sim->metrics, 1, gauge) != 0)
            sim_fail(sim, "a gauge is not 0 after everybody has left");
    }
    if (metrics_sum(&sim->metrics, 1, METRIC_SEARCHES_REPAIRED_TOTAL) != 0)
        sim_fail(sim, "a search had to be repaired although nobody had tampered with the store");
}

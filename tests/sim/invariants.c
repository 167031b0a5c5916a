#include "sim/invariants.h"

#include <string.h>

#include "sim/counted_payload.h"

void check_window(struct world *world)
{
    const size_t restating = fake_store_restating(world->store);
    if (restating > MATCHER_RESTATING_MAX)
        world_fail(world, "too many calls that state users again are in flight");
    if (restating != world->matcher.restating_in_flight)
        world_fail(world, "the matcher has miscounted the calls that state users again");
    if (restating > world->most_restating)
        world->most_restating = restating;
}

void check_agreement(const struct world *world)
{
    for (size_t i = 0; i < world->client_count; i++) {
        const struct client *client = &world->clients[i];
        if (client->view == VIEW_GONE || client->is_cut)
            continue;
        const struct session *actor = &world->actors[client->actor.slot];
        if (client->credits != CREDITS)
            world_fail(world, "a credit was lost");
        if (client->asked_count != 0)
            world_fail(world, "a request was never answered");
        if (actor->state == SESSION_CHATTING) {
            const struct session *partner = &world->actors[actor->partner.slot];
            if (partner->state != SESSION_CHATTING || partner->match != actor->match || partner == actor ||
                !address_equals(partner->partner, actor->self))
                world_fail(world, "the two sides of a chat disagree");
            if (client->view != VIEW_CHATTING)
                world_fail(world, "a client does not know that it chats");
            if (actor->is_resumable && client->is_partner_away != (session_is_away(partner) && partner->is_resumable))
                world_fail(world, "a client does not know whether its partner is there");
        }
        for (size_t text = 0; text < client->queued && actor->state == SESSION_CHATTING; text++) {
            if (strcmp(client->queue[text].match, client->match) == 0)
                world_fail(world, "a text was never acknowledged");
        }
        if (actor->is_resumable && (actor->resume->on_their_way != 0 || actor->resume->of_earlier != 0 || client->barrier != 0))
            world_fail(world, "an account of texts on their way does not balance");
        if (actor->is_starting || actor->is_cancelling || actor->early.first != NULL || actor->waiting_requests.first != NULL)
            world_fail(world, "an actor still waits for something");
        if (actor->awaits_turn || actor->is_gone)
            world_fail(world, "an actor still awaits a turn");
    }
    if (ledger_find_loss(world->ledger) != NULL)
        world_fail(world, "what was written before leaving did not arrive");
    if (!fake_redis_is_sound(&world->store->redis))
        world_fail(world, "the store's pairs are not sound");
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        const struct fake_user *user = &world->store->redis.users[i];
        if (!user->is_there)
            continue;
        const struct session *actor = &world->actors[user->actor.slot];
        if (!world->actor_is_alive[user->actor.slot] || memcmp(actor->user_id, user->id, USER_ID_BYTES) != 0)
            world_fail(world, "the store knows a user who is gone");
        if (user->is_waiting != (actor->state == SESSION_SEARCHING))
            world_fail(world, "store and actor disagree about a search");
        if ((user->partner != NULL) != (actor->state == SESSION_CHATTING))
            world_fail(world, "store and actor disagree about a chat");
    }
}

void check_nothing_remains(const struct world *world)
{
    if (fake_redis_users(&world->store->redis) != 0)
        world_fail(world, "the store knows users after everybody has left");
    if (world->store->redis.block_count != 0)
        world_fail(world, "the store knows blocks after everybody has left");
    if (world->reminders != 0)
        world_fail(world, "a reminder has outlived its actor");
    if (counted_payloads() != 0)
        world_fail(world, "payloads were lost or freed twice");
    for (enum metric gauge = METRIC_USERS; gauge <= METRIC_AWAY; gauge++) {
        if (metrics_sum(&world->metrics, 1, gauge) != 0)
            world_fail(world, "a gauge is not 0 after everybody has left");
    }
    if (metrics_sum(&world->metrics, 1, METRIC_SEARCHES_REPAIRED_TOTAL) != 0)
        world_fail(world, "a search had to be repaired although nobody had tampered with the store");
}

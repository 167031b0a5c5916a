#include "sim/cluster_invariants.h"

#include <string.h>

#include "actors/blocklist.h"
#include "actors/relay_set.h"
#include "sim/counted_payload.h"
#include "sim/node_store.h"
#include "sim/trace.h"
#include "wire/interests.h"

/* Sockets give credits back in lots, and a count may get lost: so many may be missing while a chat across nodes goes on (relay.c). */
enum { MISSING_MAX = 7 };

/* Where somebody's partner is: also where it was, if that process is there still. NULL: nowhere. */
static struct session *find_partner(const struct node *node, const struct session *actor, const struct node **partner_node)
{
    *partner_node = actor->partner.node == 0 ? node : cluster_find(node->cluster, node->known[actor->partner.node]);
    return *partner_node != NULL ? node_find_actor(*partner_node, actor->partner) : NULL;
}

static bool is_partner(const struct node *node, const struct session *actor, const struct node *partner_node, const struct session *partner)
{
    const struct node *back;
    return find_partner(partner_node, partner, &back) == actor && back == node;
}

/* An id names no chat, and a store may propose whom another has paired: so somebody may believe for a while that he is in a chat with one who is in another
 * chat of the same id. But what that one says to its own partner is not for him, and he does not take it for that. */
static void check_relay(const struct node *node, const struct relay *relay)
{
    const struct session *actor = node_find_actor(node, relay->key.self);
    if (relay->sent - relay->taken_there > CREDITS || relay->sent - relay->written_there > CREDITS)
        cluster_fail(node->cluster, "more texts are kept than there are credits");
    if (relay->is_leaving || actor == NULL || actor->state != SESSION_CHATTING || actor->match != relay->key.id)
        return;
    if (relay->is_met && !ledger_have_met(&node->cluster->ledger, relay->key.id, actor->user_id, actor->peer->id))
        cluster_fail(node->cluster, "somebody has heard of a partner who has not taken the match");
}

void check_at_any_time(const struct node *node)
{
    const struct world *world = node->world;
    for (unsigned i = 0; i < SESSION_THREADS; i++) {
        for (const struct relay *relay = world->hosts[i].relays.first; relay != NULL; relay = relay->next)
            check_relay(node, relay);
    }
    const size_t restating = node_store_restating(node);
    if (restating > MATCHER_RESTATING_MAX || restating != world->matcher.restating_in_flight)
        cluster_fail(node->cluster, "too many calls that state users again are in flight, or the matcher has miscounted them");
    node->cluster->tally->restated += restating > 0;
}

/* Chats. */

static void check_chat(struct cluster *cluster, const struct node *node, const struct client *client, const struct session *actor)
{
    const struct node *partner_node;
    const struct session *partner = find_partner(node, actor, &partner_node);
    if (partner == NULL || partner == actor || partner->state != SESSION_CHATTING || partner->match != actor->match ||
        memcmp(actor->peer->id, partner->user_id, USER_ID_BYTES) != 0 || !is_partner(node, actor, partner_node, partner))
        cluster_fail(cluster, "a chat that only one side believes in has not ended");
    if (client->view != VIEW_CHATTING)
        cluster_fail(cluster, "a client does not know that it chats");
    for (unsigned side = 0; side < 2; side++) {
        if (client->chat->said[side].heard < client->chat->said[side].written)
            cluster_fail(cluster, "a text of a chat that goes on was not heard");
    }
}

static void check_client(struct cluster *cluster, const struct node *node, const struct client *client)
{
    const struct session *actor = node_find_actor(node, client->actor);
    if (node->world->is_traced)
        trace_client(node->world, client);
    if (actor == NULL)
        cluster_fail(cluster, "a client without an actor");
    const bool is_remote = actor->state == SESSION_CHATTING && actor->partner.node != 0;
    if (client->credits < CREDITS - (is_remote ? MISSING_MAX : 0))
        cluster_fail(cluster, "a credit was lost");
    if (client->asked_count != 0)
        cluster_fail(cluster, "a request was never answered");
    /* What came early from another node, of a match that was refused, is kept until the search ends; its writer has a copy. */
    const bool has_early = actor->early.first != NULL && actor->state != SESSION_SEARCHING;
    if (actor->is_starting || actor->is_cancelling || has_early || actor->waiting_requests.first != NULL || actor->unwritten != 0)
        cluster_fail(cluster, "an actor still waits for something");
    if (actor->awaits_turn || actor->is_gone)
        cluster_fail(cluster, "an actor still awaits a turn");
    if (actor->state == SESSION_CHATTING)
        check_chat(cluster, node, client, actor);
    else if (client->view == VIEW_CHATTING)
        cluster_fail(cluster, "a client does not know that its chat is over");
}

void check_chats(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        for (size_t k = 0; k < node->world->client_count; k++) {
            const struct client *client = &node->world->clients[k];
            if (client->view == VIEW_CONNECTING)
                cluster_fail(cluster, "a client was not let in");
            if (client->view != VIEW_GONE)
                check_client(cluster, node, client);
        }
    }
    if (ledger_find_loss(&cluster->ledger) != NULL)
        cluster_fail(cluster, "what was written before leaving did not arrive");
}

/* Searches. */

static bool have_in_common(const struct session *one, const struct session *other)
{
    if (one->accepts_anyone && other->accepts_anyone)
        return true;
    const char *topic, *another;
    for (size_t at = 0; (topic = interests_next(one->interests->bytes, one->interests->length, &at)) != NULL;) {
        for (size_t at_other = 0; (another = interests_next(other->interests->bytes, other->interests->length, &at_other)) != NULL;) {
            if (strcmp(topic, another) == 0)
                return true;
        }
    }
    return false;
}

static bool could_meet(const struct session *one, const struct session *other)
{
    return one != other && have_in_common(one, other) && !blocklist_has(one->blocklist, other->user_id) &&
           !blocklist_has(other->blocklist, one->user_id);
}

enum { SEARCHERS_MAX = 64 };

static size_t list_searchers(const struct cluster *cluster, const struct session *searchers[SEARCHERS_MAX])
{
    size_t count = 0;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct world *world = cluster->nodes[i].world;
        for (uint32_t slot = 0; slot < world->actor_slots; slot++) {
            if (world->actor_is_alive[slot] && world->actors[slot].state == SESSION_SEARCHING && count < SEARCHERS_MAX)
                searchers[count++] = &world->actors[slot];
        }
    }
    return count;
}

void check_searches(struct cluster *cluster)
{
    const struct session *searchers[SEARCHERS_MAX];
    const size_t count = list_searchers(cluster, searchers);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (could_meet(searchers[i], searchers[k]))
                cluster_fail(cluster, "two who could meet go on searching");
        }
    }
}

/* Redis. */

static void check_user(struct cluster *cluster, const struct fake_user *user)
{
    const struct node *node = cluster_find(cluster, user->node);
    if (node == NULL)
        return; /* to be reaped */
    const struct session *actor = node_find_actor(node, user->actor);
    if (node->world->is_traced)
        trace_user(node->world, user);
    if (actor == NULL || memcmp(actor->user_id, user->id, USER_ID_BYTES) != 0)
        cluster_fail(cluster, "Redis knows a user who is gone");
    /* Of a match that Redis has lost meanwhile, and that is heard of after the search was said again, it does not know: whoever claims one of the two is
     * refused. */
    const bool is_in_unknown_chat = actor->state == SESSION_CHATTING && actor->partner.node != 0 && user->partner == NULL;
    const bool was_in_unknown_chat = actor->state != SESSION_SEARCHING && actor->match > user->match;
    if (is_in_unknown_chat || was_in_unknown_chat)
        return;
    if (user->is_waiting != (actor->state == SESSION_SEARCHING))
        cluster_fail(cluster, "Redis and an actor disagree about a search");
    if ((user->partner != NULL) != (actor->state == SESSION_CHATTING))
        cluster_fail(cluster, "Redis and an actor disagree about a chat");
    if (user->partner != NULL && memcmp(user->partner->id, actor->peer->id, USER_ID_BYTES) != 0)
        cluster_fail(cluster, "Redis and an actor disagree about a partner");
}

void check_redis(struct cluster *cluster)
{
    struct fake_redis *redis = &cluster->redis[cluster->true_redis];
    if (!fake_redis_is_sound(redis))
        cluster_fail(cluster, "Redis' pairs are not sound");
    for (size_t i = 0; i < FAKE_USERS_MAX; i++) {
        if (redis->users[i].is_there)
            check_user(cluster, &redis->users[i]);
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        if (!node->is_store_up)
            cluster_fail(cluster, "a node does not find its way back to Redis");
        for (uint32_t slot = 0; slot < node->world->actor_slots; slot++) {
            const struct session *actor = &node->world->actors[slot];
            if (node->world->actor_is_alive[slot] && actor->state > SESSION_NEW && actor->state < SESSION_CLOSING &&
                fake_redis_find(redis, actor->user_id) == NULL)
                cluster_fail(cluster, "Redis has forgotten a user whose node has a lease");
        }
    }
}

void check_that_nothing_remains(struct cluster *cluster)
{
    const struct fake_redis *redis = &cluster->redis[cluster->true_redis];
    if (fake_redis_users(redis) != 0)
        cluster_fail(cluster, "Redis knows users after everybody has left");
    if (redis->block_count != 0)
        cluster_fail(cluster, "Redis knows blocks after everybody has left");
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct world *world = cluster->nodes[i].world;
        for (unsigned k = 0; k < SESSION_THREADS; k++) {
            if (world->hosts[k].relays.ends.count != 0)
                cluster_fail(cluster, "a relay has outlived its chat");
        }
        if (world->reminders != 0)
            cluster_fail(cluster, "a reminder has outlived its actor");
        for (enum metric gauge = METRIC_USERS; gauge <= METRIC_CHATTING; gauge++) {
            if (metrics_sum(&world->metrics, 1, gauge) != 0)
                cluster_fail(cluster, "a gauge is not 0 after everybody has left");
        }
        if (metrics_sum(&world->metrics, 1, METRIC_REMOTE_CHATS) != 0)
            cluster_fail(cluster, "a chat across nodes is counted after everybody has left");
    }
}

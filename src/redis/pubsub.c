#include "redis/pubsub.h"

#include <stdio.h>
#include <string.h>

#include "redis/command.h"
#include "redis/role.h"
#include "runtime/check.h"

enum { PING_MS = 500, LOOK_MS = 1000 };

/* With so many of the bytes unconfirmed that there may be, it is not waited for the next tick to see what has been. */
enum { UNSENT_PARTS = 4 };

static void on_authenticated(void *owner, void *request, const redisReply *reply)
{
    (void)owner;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(request, reply->str);
}

static void on_role(void *owner, void *request, const redisReply *reply)
{
    (void)owner;
    if (reply == NULL || role_is_master(reply))
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(request, reply->str);
    else
        redis_client_fail(request, ROLE_NO_MASTER);
}

/* What follows need not wait for the answers: Redis refuses it if AUTH is refused, and what a replica is given is lost with its connection. */
static void begin(struct pubsub *pubsub, struct redis_client *client)
{
    struct command command;
    if (command_auth(&command, &pubsub->config.address->own))
        redis_client_send(client, &command, on_authenticated, client);
    if (pubsub->config.address->kind != REDIS_SENTINEL)
        return;
    command_role(&command);
    redis_client_send(client, &command, on_role, client);
}

/* A loss of what worked is always told. */
static void tell_lost(struct pubsub *pubsub, const struct redis_client *client, const char *reason)
{
    char place[REDIS_PLACE_BYTES];
    redis_client_place(client, place);
    if (!pubsub->is_stopping)
        troubles_tell(&pubsub->troubles, pubsub->config.log, "bus_lost", place, reason, pubsub->was_open, uv_now(client->loop));
    pubsub->trouble = trouble_of(reason);
    pubsub->was_open = false;
    pubsub->config.handler->on_lost(pubsub->config.owner);
}

static void look(struct pubsub *pubsub)
{
    const bool is_open = pubsub_is_open(pubsub);
    if (is_open && !pubsub->was_open) {
        pubsub->troubles = (struct troubles){ 0 };
        pubsub->trouble = TROUBLE_NONE;
    }
    pubsub->was_open = is_open;
}

static void on_stopped(void *owner)
{
    struct pubsub *pubsub = owner;
    if (++pubsub->stopped == 2)
        pubsub->config.handler->on_stopped(pubsub->config.owner);
}

/* The one that publishes. */

static void on_looked_up(void *owner, void *request, const redisReply *reply)
{
    struct pubsub *pubsub = owner;
    (void)request;
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "CLUSTERDOWN", 11) == 0)
        pubsub_reconnect(pubsub, "CLUSTERDOWN");
    else
        pubsub->is_whole = true; /* MOVED, most often */
}

/* A node of a cluster that is cut off from most masters goes on with its pub/sub, and so do the own beats that it carries, but they reach nobody beyond.
 * Only who asks for a key, whose ever it is, is told. */
static void look_up(struct pubsub *pubsub)
{
    struct command command;
    pubsub->looked_up_ms = uv_now(pubsub->publisher.loop);
    command_init(&command);
    command_add(&command, "EXISTS");
    command_add(&command, pubsub->key);
    redis_client_send(&pubsub->publisher, &command, on_looked_up, NULL);
}

static void on_publisher_tick(void *owner, uint64_t now_ms)
{
    struct pubsub *pubsub = owner;
    if (pubsub->config.address->kind == REDIS_CLUSTER && pubsub->publisher.state == REDIS_CLIENT_OPEN && now_ms - pubsub->looked_up_ms >= LOOK_MS)
        look_up(pubsub);
}

static void on_publisher_open(void *owner)
{
    struct pubsub *pubsub = owner;
    begin(pubsub, &pubsub->publisher);
    pubsub->is_whole = pubsub->config.address->kind != REDIS_CLUSTER;
    if (!pubsub->is_whole)
        look_up(pubsub);
    redis_client_defer_replies(&pubsub->publisher); /* they say how many heard it, which nobody wants to know */
}

static void on_publisher_lost(void *owner, const char *reason)
{
    struct pubsub *pubsub = owner;
    tell_lost(pubsub, &pubsub->publisher, reason);
}

static const struct redis_client_handler publisher_handler = {
    .on_open = on_publisher_open,
    .on_lost = on_publisher_lost,
    .on_tick = on_publisher_tick,
    .on_stopped = on_stopped,
};

static void on_published(void *owner, void *request, const redisReply *reply)
{
    struct pubsub *pubsub = owner;
    pubsub->unsent_bytes -= (size_t)(uintptr_t)request;
    if (reply == NULL || reply->type == REDIS_REPLY_INTEGER)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(&pubsub->publisher, reply->str);
    else
        redis_client_fail(&pubsub->publisher, "PUBLISH did not answer with a number");
}

bool pubsub_publish(struct pubsub *pubsub, const char *channel, const void *bytes, size_t length)
{
    if (!pubsub_speaks(pubsub) || length > pubsub->config.unsent_max - pubsub->unsent_bytes)
        return false;
    struct command command;
    command_init(&command);
    command_add(&command, "PUBLISH");
    command_add(&command, channel);
    command_add_bytes(&command, bytes, length);
    pubsub->unsent_bytes += length;
    redis_client_send(&pubsub->publisher, &command, on_published, (void *)(uintptr_t)length);
    return true;
}

/* The one that is subscribed. Redis answers SUBSCRIBE and PING in shapes of its own there (redis.io, pubsub): arrays that begin with a word. */

static bool begins_with(const redisReply *reply, const char *word, size_t elements)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == elements && reply->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[0]->str, word) == 0;
}

static void on_subscribed(void *owner, void *request, const redisReply *reply)
{
    struct pubsub *pubsub = owner;
    (void)request;
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(&pubsub->subscriber, reply->str);
    else if (!begins_with(reply, "subscribe", 3))
        redis_client_fail(&pubsub->subscriber, "SUBSCRIBE was not answered as such");
    else
        pubsub->subscribed++;
}

static void on_subscriber_open(void *owner)
{
    struct pubsub *pubsub = owner;
    begin(pubsub, &pubsub->subscriber);
    for (unsigned channel = 0; channel < pubsub->config.channel_count; channel++) {
        struct command command;
        command_init(&command);
        command_add(&command, "SUBSCRIBE");
        command_add(&command, pubsub->config.channels[channel]);
        redis_client_send(&pubsub->subscriber, &command, on_subscribed, NULL);
    }
}

static void on_subscriber_lost(void *owner, const char *reason)
{
    struct pubsub *pubsub = owner;
    pubsub->subscribed = 0;
    tell_lost(pubsub, &pubsub->subscriber, reason);
}

static void on_pong(void *owner, void *request, const redisReply *reply)
{
    struct pubsub *pubsub = owner;
    (void)request;
    if (reply == NULL || begins_with(reply, "pong", 2))
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(&pubsub->subscriber, reply->str);
    else
        redis_client_fail(&pubsub->subscriber, "PING was not answered as such");
}

static void on_subscriber_tick(void *owner, uint64_t now_ms)
{
    struct pubsub *pubsub = owner;
    look(pubsub);
    if (pubsub->subscribed < pubsub->config.channel_count || now_ms - pubsub->last_ping_ms < PING_MS)
        return;
    pubsub->last_ping_ms = now_ms;
    struct command command;
    command_init(&command);
    command_add(&command, "PING");
    redis_client_send(&pubsub->subscriber, &command, on_pong, NULL);
}

static bool on_push(void *owner, const redisReply *reply)
{
    struct pubsub *pubsub = owner;
    if (!begins_with(reply, "message", 3))
        return false;
    const redisReply *name = reply->element[1], *bytes = reply->element[2];
    for (unsigned channel = 0; channel < pubsub->config.channel_count; channel++) {
        if (name->type == REDIS_REPLY_STRING && bytes->type == REDIS_REPLY_STRING && strcmp(name->str, pubsub->config.channels[channel]) == 0) {
            pubsub->config.handler->on_message(pubsub->config.owner, channel, bytes->str, (size_t)bytes->len);
            return true;
        }
    }
    redis_client_fail(&pubsub->subscriber, "a message of a channel that nobody has asked for");
    return true;
}

static const struct redis_client_handler subscriber_handler = {
    .on_open = on_subscriber_open,
    .on_lost = on_subscriber_lost,
    .on_tick = on_subscriber_tick,
    .on_stopped = on_stopped,
    .on_push = on_push,
};

void pubsub_start(struct pubsub *pubsub, uv_loop_t *loop, const struct pubsub_config *config)
{
    CHECK(config->channel_count <= PUBSUB_CHANNELS_MAX);
    *pubsub = (struct pubsub){ .config = *config };
    char prefix[REDIS_PREFIX_BYTES];
    redis_prefix_print(prefix, config->address, config->prefix);
    snprintf(pubsub->key, sizeof pubsub->key, "%sbus", prefix);
    redis_client_start(&pubsub->publisher, loop, pubsub->config.address, config->timeout_ms, &publisher_handler, pubsub);
    redis_client_start(&pubsub->subscriber, loop, pubsub->config.address, config->timeout_ms, &subscriber_handler, pubsub);
}

bool pubsub_hears(const struct pubsub *pubsub)
{
    return pubsub->subscriber.state == REDIS_CLIENT_OPEN && pubsub->subscribed == pubsub->config.channel_count;
}

bool pubsub_speaks(const struct pubsub *pubsub)
{
    return pubsub->publisher.state == REDIS_CLIENT_OPEN && pubsub->is_whole;
}

bool pubsub_is_open(const struct pubsub *pubsub)
{
    return pubsub_speaks(pubsub) && pubsub_hears(pubsub);
}

void pubsub_flush(struct pubsub *pubsub)
{
    if (pubsub->unsent_bytes > pubsub->config.unsent_max / UNSENT_PARTS)
        redis_client_receive(&pubsub->publisher);
    redis_client_flush(&pubsub->publisher);
    redis_client_flush(&pubsub->subscriber);
}

void pubsub_reconnect(struct pubsub *pubsub, const char *reason)
{
    if (pubsub->publisher.state == REDIS_CLIENT_OPEN)
        redis_client_fail(&pubsub->publisher, reason);
    if (pubsub->subscriber.state == REDIS_CLIENT_OPEN)
        redis_client_fail(&pubsub->subscriber, reason);
}

void pubsub_stop(struct pubsub *pubsub)
{
    pubsub->is_stopping = true;
    redis_client_stop(&pubsub->publisher);
    redis_client_stop(&pubsub->subscriber);
}

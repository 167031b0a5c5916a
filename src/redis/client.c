#include "redis/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/trouble.h"
#include "runtime/check.h"

enum { BACKOFF_FIRST_MS = 10, BACKOFF_MAX_MS = 1000, TICK_MS = 50 };

/* Sentinels are asked so often while a connection is open, and more often while what it goes to does not answer. After a loss they, or the nodes of a
 * cluster, say when there is a new master. */
enum { ASK_AGAIN_MS = 500, ASK_SOON_MS = 100, BACKOFF_ASKING_MAX_MS = 200 };

/* An open connection that lasted so long was a good one: the next attempt need not wait. */
enum { GOOD_CONNECTION_MS = 1000 };

struct redis_command_sent {
    redis_reply_fn *on_reply;
    void *request;
    uint64_t sent_ms;
    struct redis_command_sent *next;
};

static void attempt(uv_timer_t *timer);
static void finish_loss(uv_timer_t *timer);

static void set_state(struct redis_client *client, enum redis_client_state state)
{
    client->state = state;
    client->since_ms = uv_now(client->loop);
}

/* Between half of the backoff and all of it, so that many nodes do not come back in step. */
static uint64_t take_backoff(struct redis_client *client)
{
    uint64_t wait_ms = client->backoff_ms;
    const uint64_t max_ms = client->address->kind == REDIS_SENTINEL || client->address->kind == REDIS_CLUSTER ? BACKOFF_ASKING_MAX_MS : BACKOFF_MAX_MS;
    client->backoff_ms = wait_ms * 2 < max_ms ? wait_ms * 2 : max_ms;
    client->random = client->random * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
    return wait_ms / 2 + (client->random >> 33) % (wait_ms / 2 + 1);
}

static void begin_loss(struct redis_client *client, const char *reason)
{
    if (client->state == REDIS_CLIENT_LOSING || client->state == REDIS_CLIENT_STOPPED)
        return;
    if (client->state == REDIS_CLIENT_OPEN && uv_now(client->loop) - client->since_ms >= GOOD_CONNECTION_MS)
        client->backoff_ms = BACKOFF_FIRST_MS;
    client->failed_attempts += client->state != REDIS_CLIENT_OPEN;
    set_state(client, REDIS_CLIENT_LOSING);
    client->handler->on_lost(client->owner, reason);
    /* The reason may be in the stream's memory, and the owner in the middle of sending. */
    uv_timer_start(&client->attempt, finish_loss, 0, 0);
}

static void lose_on_error(struct redis_client *client, const char *error)
{
    char code[REDIS_CODE_BYTES];
    if (client->address->kind == REDIS_CLUSTER && client->state == REDIS_CLIENT_OPEN &&
        redis_endpoint_moved(&client->target, error, &client->target)) {
        client->is_moved = true;
        begin_loss(client, "another node serves our keys");
        return;
    }
    redis_error_code(code, error);
    begin_loss(client, code);
}

static struct redis_command_sent *take_oldest(struct redis_client *client)
{
    struct redis_command_sent *sent = client->oldest;
    client->oldest = sent->next;
    if (client->oldest == NULL)
        client->newest = NULL;
    return sent;
}

static void answer_oldest(struct redis_client *client, const redisReply *reply)
{
    struct redis_command_sent *sent = take_oldest(client);
    sent->on_reply(client->owner, sent->request, reply);
    free(sent);
}

static void give_stream_up(struct redis_client *client)
{
    redis_dial_give_up(&client->dial);
    redis_stream_close(&client->stream);
    while (client->oldest != NULL)
        answer_oldest(client, NULL);
}

static void finish_loss(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    give_stream_up(client);
    set_state(client, REDIS_CLIENT_WAITING);
    uv_timer_start(&client->attempt, attempt, take_backoff(client), 0);
}

static void on_connected(void *owner)
{
    struct redis_client *client = owner;
    if (client->state != REDIS_CLIENT_CONNECTING)
        return;
    set_state(client, REDIS_CLIENT_OPEN);
    client->defers_replies = false;
    client->handler->on_open(client->owner);
}

static void on_reply(void *owner, const redisReply *reply)
{
    struct redis_client *client = owner;
    if (client->state != REDIS_CLIENT_OPEN)
        return; /* given up: whatever it still says, the outcome is unknown */
    if (client->handler->on_push != NULL && client->handler->on_push(client->owner, reply))
        return;
    if (client->oldest != NULL) /* Redis answers in order */
        answer_oldest(client, reply);
    else if (reply->type == REDIS_REPLY_ERROR)
        lose_on_error(client, reply->str); /* as when it has too many clients */
    else
        begin_loss(client, "an answer that nobody has asked for");
}

static void on_broken(void *owner, const char *reason)
{
    begin_loss(owner, reason);
}

static const struct redis_stream_handler stream_handler = {
    .on_connected = on_connected,
    .on_reply = on_reply,
    .on_broken = on_broken,
};

static void open_stream(struct redis_client *client, redisContext *context)
{
    if (context == NULL || context->err != 0) {
        char reason[160];
        snprintf(reason, sizeof reason, "%s", context != NULL ? context->errstr : "out of memory");
        if (context != NULL)
            redisFree(context);
        begin_loss(client, reason);
        return;
    }
    struct tls_filter *tls = NULL;
    if (client->address->tls != NULL && (tls = tls_filter_new(client->address->tls, client->target.host)) == NULL) {
        redisFree(context);
        begin_loss(client, "TLS: no certificate can name this host");
        return;
    }
    int error;
    client->stream = redis_stream_open(context, tls, client->loop, &stream_handler, client, &error);
    if (client->stream == NULL)
        begin_loss(client, uv_strerror(error));
    else
        set_state(client, REDIS_CLIENT_CONNECTING);
}

/* Where it goes. */

static void on_dialled(void *owner, redisContext *context, const char *reason)
{
    if (context != NULL)
        open_stream(owner, context);
    else
        begin_loss(owner, reason);
}

static void go_to(struct redis_client *client, const struct redis_endpoint *target)
{
    if (target != &client->target)
        client->target = *target;
    set_state(client, REDIS_CLIENT_RESOLVING);
    const int error = redis_dial(&client->dial, client->loop, &client->target, client->failed_attempts, on_dialled, client);
    if (error != 0)
        begin_loss(client, uv_strerror(error));
}

static bool has_target(const struct redis_client *client)
{
    return client->state == REDIS_CLIENT_RESOLVING || client->state == REDIS_CLIENT_CONNECTING || client->state == REDIS_CLIENT_OPEN;
}

static void on_master(void *owner, const struct redis_endpoint *master)
{
    struct redis_client *client = owner;
    if (client->state == REDIS_CLIENT_ASKING) {
        go_to(client, master);
    } else if (has_target(client) && !redis_endpoint_equals(master, &client->target)) {
        client->backoff_ms = BACKOFF_FIRST_MS;
        begin_loss(client, "the Sentinels name another master");
    }
}

/* Of an open connection nothing follows from it. */
static void on_no_master(void *owner, const char *reason)
{
    struct redis_client *client = owner;
    if (client->state == REDIS_CLIENT_ASKING)
        begin_loss(client, reason);
}

static const struct sentinel_handler sentinel_handler = {
    .on_master = on_master,
    .on_failed = on_no_master,
};

static void ask(struct redis_client *client)
{
    client->asked_ms = uv_now(client->loop);
    sentinel_ask(&client->sentinel);
}

static void attempt(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    switch (client->address->kind) {
    case REDIS_EMBEDDED:
    case REDIS_UNIX:
        open_stream(client, redisConnectUnixNonBlock(client->address->path));
        break;
    case REDIS_TCP:
        go_to(client, &client->address->endpoints[0]);
        break;
    case REDIS_SENTINEL:
        set_state(client, REDIS_CLIENT_ASKING);
        ask(client);
        break;
    case REDIS_CLUSTER:
        go_to(client, client->is_moved ? &client->target : &client->address->endpoints[client->seed++ % client->address->endpoint_count]);
        client->is_moved = false; /* if that is not so any more, the others know */
        break;
    }
}

void redis_client_place(const struct redis_client *client, char place[REDIS_PLACE_BYTES])
{
    switch (client->address->kind) {
    case REDIS_EMBEDDED:
    case REDIS_UNIX:
        snprintf(place, REDIS_PLACE_BYTES, "%s", client->address->path);
        break;
    case REDIS_TCP:
    case REDIS_SENTINEL:
    case REDIS_CLUSTER:
        redis_endpoint_print(place, &client->target);
        break;
    }
}

static bool answers(const struct redis_client *client, uint64_t now_ms)
{
    return client->state == REDIS_CLIENT_OPEN && (client->oldest == NULL || now_ms - client->oldest->sent_ms < ASK_SOON_MS);
}

static void tick_sentinel(struct redis_client *client, uint64_t now_ms)
{
    if (has_target(client) && now_ms - client->asked_ms >= (answers(client, now_ms) ? ASK_AGAIN_MS : ASK_SOON_MS))
        ask(client);
    sentinel_tick(&client->sentinel, now_ms);
}

static void on_tick(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    uint64_t now_ms = uv_now(client->loop);
    if (client->address->kind == REDIS_SENTINEL)
        tick_sentinel(client, now_ms);
    redis_client_receive(client); /* before it is seen which replies are late */
    if (client->state == REDIS_CLIENT_RESOLVING && now_ms - client->since_ms > client->timeout_ms)
        begin_loss(client, "looking the host up takes too long");
    else if (client->state == REDIS_CLIENT_CONNECTING && now_ms - client->since_ms > client->timeout_ms)
        begin_loss(client, redis_stream_is_connected(client->stream) ? "TLS: the handshake takes too long" : "connecting takes too long");
    else if (client->state == REDIS_CLIENT_OPEN && client->oldest != NULL &&
             now_ms - client->oldest->sent_ms > client->timeout_ms)
        begin_loss(client, "a reply takes too long");
    client->handler->on_tick(client->owner, now_ms);
}

void redis_client_start(struct redis_client *client, uv_loop_t *loop, const struct redis_address *address,
                        uint64_t timeout_ms, const struct redis_client_handler *handler, void *owner)
{
    *client = (struct redis_client){ .loop = loop,
                                     .address = address,
                                     .handler = handler,
                                     .owner = owner,
                                     .timeout_ms = timeout_ms,
                                     .backoff_ms = BACKOFF_FIRST_MS,
                                     .random = uv_hrtime(),
                                     .sentinel = { .loop = loop, .address = address, .handler = &sentinel_handler, .owner = client },
                                     .handles_open = 2 };
    uv_timer_init(loop, &client->attempt);
    uv_timer_init(loop, &client->tick);
    client->attempt.data = client;
    client->tick.data = client;
    uv_timer_start(&client->attempt, attempt, 0, 0);
    uv_timer_start(&client->tick, on_tick, TICK_MS, TICK_MS);
}

void redis_client_hurry(struct redis_client *client)
{
    client->backoff_ms = BACKOFF_FIRST_MS;
    if (client->state == REDIS_CLIENT_WAITING)
        uv_timer_start(&client->attempt, attempt, 0, 0);
}

void redis_client_send(struct redis_client *client, const struct command *command, redis_reply_fn *on_answer, void *request)
{
    CHECK(client->state == REDIS_CLIENT_OPEN);
    struct redis_command_sent *sent = malloc(sizeof *sent);
    CHECK_MEMORY(sent);
    *sent = (struct redis_command_sent){ .on_reply = on_answer, .request = request, .sent_ms = uv_now(client->loop) };
    if (client->newest != NULL)
        client->newest->next = sent;
    else
        client->oldest = sent;
    client->newest = sent;
    redis_stream_send(client->stream, command->argc, command->argv, command->lengths);
}

void redis_client_defer_replies(struct redis_client *client)
{
    CHECK(client->state == REDIS_CLIENT_OPEN);
    redis_stream_defer_replies(client->stream);
    client->defers_replies = true;
}

void redis_client_receive(struct redis_client *client)
{
    if (client->state == REDIS_CLIENT_OPEN && client->defers_replies && client->oldest != NULL)
        redis_stream_receive(client->stream);
}

void redis_client_flush(struct redis_client *client)
{
    if (client->state == REDIS_CLIENT_OPEN)
        redis_stream_flush(client->stream);
}

void redis_client_fail(struct redis_client *client, const char *reason)
{
    begin_loss(client, reason);
}

void redis_client_fail_on_error(struct redis_client *client, const char *error)
{
    lose_on_error(client, error);
}

static void on_closed(uv_handle_t *handle)
{
    struct redis_client *client = handle->data;
    if (--client->handles_open == 0)
        client->handler->on_stopped(client->owner);
}

void redis_client_stop(struct redis_client *client)
{
    if (client->state == REDIS_CLIENT_STOPPED)
        return;
    begin_loss(client, "stopped");
    set_state(client, REDIS_CLIENT_STOPPED);
    give_stream_up(client);
    sentinel_close(&client->sentinel);
    uv_close((uv_handle_t *)&client->attempt, on_closed);
    uv_close((uv_handle_t *)&client->tick, on_closed);
}

#include "redis/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

enum { BACKOFF_FIRST_MS = 10, BACKOFF_MAX_MS = 1000, TICK_MS = 50 };

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
    client->backoff_ms = wait_ms * 2 < BACKOFF_MAX_MS ? wait_ms * 2 : BACKOFF_MAX_MS;
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

/* Of the error only the code may be logged. */
static void lose_on_error(struct redis_client *client, const char *error)
{
    char code[32];
    size_t length = 0;
    while (length < sizeof code - 1 && error[length] >= 'A' && error[length] <= 'Z') {
        code[length] = error[length];
        length++;
    }
    code[length] = '\0';
    begin_loss(client, length > 0 ? code : "ERR");
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
    int error;
    client->stream = redis_stream_open(context, client->loop, &stream_handler, client, &error);
    if (client->stream == NULL)
        begin_loss(client, uv_strerror(error));
    else
        set_state(client, REDIS_CLIENT_CONNECTING);
}

static void stop_if_closed(struct redis_client *client)
{
    if (client->handles_open == 0 && client->state == REDIS_CLIENT_STOPPED)
        client->handler->on_stopped(client->owner);
}

/* localhost, for example, often has two, of which Redis listens on one. */
static const struct addrinfo *address_to_try(const struct redis_client *client, const struct addrinfo *all)
{
    unsigned count = 1;
    for (const struct addrinfo *one = all->ai_next; one != NULL; one = one->ai_next)
        count++;
    const struct addrinfo *chosen = all;
    for (unsigned skipped = client->failed_attempts % count; skipped > 0; skipped--)
        chosen = chosen->ai_next;
    return chosen;
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *result)
{
    struct redis_client *client = resolve->data;
    char ip[64] = "";
    if (status == 0)
        uv_ip_name(address_to_try(client, result)->ai_addr, ip, sizeof ip);
    uv_freeaddrinfo(result);
    client->handles_open--;
    if (client->state == REDIS_CLIENT_STOPPED)
        stop_if_closed(client);
    else if (client->state != REDIS_CLIENT_RESOLVING)
        return;
    else if (status != 0)
        begin_loss(client, uv_strerror(status));
    else
        open_stream(client, redisConnectNonBlock(ip, client->address->port));
}

static void attempt(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    if (client->address->kind != REDIS_TCP) {
        open_stream(client, redisConnectUnixNonBlock(client->address->path));
        return;
    }
    char port[8];
    snprintf(port, sizeof port, "%u", client->address->port);
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    set_state(client, REDIS_CLIENT_RESOLVING);
    client->resolve.data = client;
    client->handles_open++;
    int error = uv_getaddrinfo(client->loop, &client->resolve, on_resolved, client->address->host, port, &hints);
    if (error != 0) {
        client->handles_open--;
        begin_loss(client, uv_strerror(error));
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    uint64_t now_ms = uv_now(client->loop);
    if (client->state == REDIS_CLIENT_CONNECTING && now_ms - client->since_ms > client->timeout_ms)
        begin_loss(client, "connecting takes too long");
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
    client->handles_open--;
    stop_if_closed(client);
}

void redis_client_stop(struct redis_client *client)
{
    if (client->state == REDIS_CLIENT_STOPPED)
        return;
    bool is_resolving = client->state == REDIS_CLIENT_RESOLVING;
    begin_loss(client, "stopped");
    set_state(client, REDIS_CLIENT_STOPPED);
    give_stream_up(client);
    if (is_resolving)
        uv_cancel((uv_req_t *)&client->resolve);
    uv_close((uv_handle_t *)&client->attempt, on_closed);
    uv_close((uv_handle_t *)&client->tick, on_closed);
}

#include "redis/sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/command.h"
#include "redis/trouble.h"

/* With TLS there are some more ways to it and back before it can be asked. */
enum { TURN_MS = 200, TLS_TURN_MS = 400, REASON_BYTES = 400 };

static void begin_turn(struct sentinel *sentinel);

static void hang_up(struct sentinel *sentinel)
{
    redis_dial_give_up(&sentinel->dial);
    redis_stream_close(&sentinel->stream);
    sentinel->is_connected = false;
    sentinel->awaited = 0;
}

/* This one does not help. */
static void pass_on(struct sentinel *sentinel, const char *why)
{
    char reason[REASON_BYTES], place[REDIS_PLACE_BYTES];
    redis_endpoint_print(place, &sentinel->address->endpoints[sentinel->current]);
    snprintf(reason, sizeof reason, "%.100s, of the Sentinel %s", why, place); /* it may be in the stream's memory */
    hang_up(sentinel);
    if (sentinel->left == 0)
        return; /* nothing is asked now */
    sentinel->current = (sentinel->current + 1) % sentinel->address->endpoint_count;
    if (--sentinel->left > 0) {
        begin_turn(sentinel);
    } else {
        sentinel->rounds++;
        sentinel->handler->on_failed(sentinel->owner, reason);
    }
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING && strlen(reply->str) == (size_t)reply->len;
}

static bool take_endpoint(struct redis_endpoint *endpoint, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) || !is_text(reply->element[1]) ||
        strlen(reply->element[0]->str) >= sizeof endpoint->host)
        return false;
    char *end;
    const unsigned long port = strtoul(reply->element[1]->str, &end, 10);
    if (*end != '\0' || port == 0 || port > UINT16_MAX)
        return false;
    *endpoint = (struct redis_endpoint){ .port = (uint16_t)port };
    memcpy(endpoint->host, reply->element[0]->str, strlen(reply->element[0]->str) + 1);
    return true;
}

static void on_reply(void *owner, const redisReply *reply)
{
    struct sentinel *sentinel = owner;
    struct redis_endpoint master;
    if (reply->type == REDIS_REPLY_ERROR) {
        char code[REDIS_CODE_BYTES];
        redis_error_code(code, reply->str);
        pass_on(sentinel, code);
    } else if (sentinel->awaited == 0) {
        pass_on(sentinel, "an answer that nobody has asked for");
    } else if (--sentinel->awaited > 0) {
        return;
    } else if (reply->type == REDIS_REPLY_NIL) {
        pass_on(sentinel, "no master of this name");
    } else if (!take_endpoint(&master, reply)) {
        pass_on(sentinel, "a malformed answer");
    } else {
        sentinel->left = 0;
        sentinel->rounds = 0;
        sentinel->handler->on_master(sentinel->owner, &master);
    }
}

static void send_command(struct sentinel *sentinel, const struct command *command)
{
    sentinel->awaited++;
    redis_stream_send(sentinel->stream, command->argc, command->argv, command->lengths);
    redis_stream_flush_later(sentinel->stream);
}

static void send_question(struct sentinel *sentinel)
{
    struct command command;
    command_init(&command);
    command_add(&command, "SENTINEL");
    command_add(&command, "GET-MASTER-ADDR-BY-NAME");
    command_add(&command, sentinel->address->master);
    send_command(sentinel, &command);
}

static void on_connected(void *owner)
{
    struct sentinel *sentinel = owner;
    struct command command;
    sentinel->is_connected = true;
    if (command_auth(&command, &sentinel->address->sentinel))
        send_command(sentinel, &command);
    send_question(sentinel);
}

static void on_broken(void *owner, const char *reason)
{
    pass_on(owner, reason);
}

static const struct redis_stream_handler stream_handler = {
    .on_connected = on_connected,
    .on_reply = on_reply,
    .on_broken = on_broken,
};

static void on_dialled(void *owner, redisContext *context, const char *reason)
{
    struct sentinel *sentinel = owner;
    struct tls_filter *tls = NULL;
    int error = 0;
    if (context != NULL && sentinel->address->tls != NULL &&
        (tls = tls_filter_new(sentinel->address->tls, sentinel->address->endpoints[sentinel->current].host)) == NULL) {
        redisFree(context);
        pass_on(sentinel, "TLS: no certificate can name this host");
        return;
    }
    if (context != NULL)
        sentinel->stream = redis_stream_open(context, tls, sentinel->loop, &stream_handler, sentinel, &error);
    if (sentinel->stream == NULL)
        pass_on(sentinel, context != NULL ? uv_strerror(error) : reason);
}

static void begin_turn(struct sentinel *sentinel)
{
    sentinel->since_ms = uv_now(sentinel->loop);
    /* A name that can be none fails by its time, so that no answer comes before sentinel_ask() returns. */
    if (redis_dial(&sentinel->dial, sentinel->loop, &sentinel->address->endpoints[sentinel->current], sentinel->rounds, on_dialled, sentinel) != 0)
        sentinel->dial = NULL;
}

void sentinel_ask(struct sentinel *sentinel)
{
    if (sentinel->left > 0)
        return;
    sentinel->left = sentinel->address->endpoint_count;
    if (!sentinel->is_connected) {
        hang_up(sentinel);
        begin_turn(sentinel);
        return;
    }
    /* One more than all: a connection that has died in the meantime says nothing about its Sentinel. */
    sentinel->left++;
    sentinel->since_ms = uv_now(sentinel->loop);
    send_question(sentinel);
}

void sentinel_tick(struct sentinel *sentinel, uint64_t now_ms)
{
    const uint64_t turn_ms = sentinel->address->tls != NULL ? TLS_TURN_MS : TURN_MS;
    if (sentinel->left > 0 && now_ms - sentinel->since_ms >= turn_ms)
        pass_on(sentinel, "no answer in time");
}

void sentinel_close(struct sentinel *sentinel)
{
    sentinel->left = 0;
    hang_up(sentinel);
}

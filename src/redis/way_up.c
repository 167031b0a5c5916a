#include "redis/way_up.h"

#include <stdio.h>
#include <string.h>

enum { FENCE_RETRY_MS = 100 };

/* Whoever holds the lease for longer than two of them is alive. */
enum { HELD_MAX_MS = 2 * REDIS_LEASE_MS + 1000 };

static void take_step(struct way_up *way);

static void send_command(struct way_up *way, const struct command *command, redis_reply_fn *on_reply)
{
    redis_client_send(way->client, command, on_reply, way);
}

static void give_up(struct way_up *way, const char *reason)
{
    redis_client_fail(way->client, reason);
}

static void refuse(struct way_up *way, const char *why)
{
    way->handler->on_refused(way->owner, why);
    give_up(way, why);
}

bool way_up_is_error(struct way_up *way, const redisReply *reply)
{
    if (reply == NULL)
        return true;
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (strncmp(reply->str, "NOAUTH", 6) == 0)
        refuse(way, "Redis wants a password: set CHATTERBOX_REDIS_PASSWORD or --redis-password-file");
    else
        redis_client_fail_on_error(way->client, reply->str);
    return true;
}

/* The way up, step by step. Each reply handler either gives up or goes on. */

static void next_step(struct way_up *way)
{
    way->step++;
    take_step(way);
}

static void on_auth(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) != 0)
        refuse(way, "Redis refuses the user or the password");
    else if (!way_up_is_error(way, reply))
        next_step(way);
}

static void on_select(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "ERR", 3) == 0)
        refuse(way, "Redis has no database of this number");
    else if (!way_up_is_error(way, reply))
        next_step(way);
}

/* A Redis that evicts keys would make ghosts of users, and double matches. */
static void on_policy(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR &&
        (strncmp(reply->str, "NOPERM", 6) == 0 || strncmp(reply->str, "ERR unknown command", 19) == 0)) {
        log_event(way->log, LOG_WARN, "redis_policy_unknown",
                  "hint=\"CONFIG is forbidden here: see to it that maxmemory-policy is noeviction\"");
        next_step(way);
        return;
    }
    if (way_up_is_error(way, reply))
        return;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING &&
        strcmp(reply->element[1]->str, "noeviction") != 0)
        refuse(way, "this Redis evicts keys; set its maxmemory-policy to noeviction");
    else
        next_step(way);
}

static void on_loaded(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (way_up_is_error(way, reply))
        return;
    if (reply->type != REDIS_REPLY_STRING || reply->len != 40) {
        give_up(way, "SCRIPT LOAD did not answer with a hash");
        return;
    }
    memcpy(way->calls->shas[SCRIPTS - way->loads_left], reply->str, 41); /* Redis answers in order */
    if (--way->loads_left == 0)
        next_step(way);
}

static void load_scripts(struct way_up *way)
{
    way->loads_left = SCRIPTS;
    for (enum script script = 0; script < SCRIPTS; script++) {
        const struct embedded_file *file = script_file(script);
        struct command command;
        command_init(&command);
        command_add(&command, "SCRIPT");
        command_add(&command, "LOAD");
        command_add_bytes(&command, (const char *)file->bytes, file->length);
        send_command(way, &command, on_loaded);
    }
}

static void on_held(struct way_up *way, const struct script_reply *held)
{
    uint64_t now_ms = uv_now(way->client->loop);
    if (way->is_last_try) {
        give_up(way, "another chatterbox has the lease");
        return;
    }
    if (way->held_since_ms == 0) {
        way->held_since_ms = now_ms;
        log_event(way->log, LOG_WARN, "redis_held", "holder=%.*s lease_ms=%lld",
                  (int)strspn(held->text, "0123456789abcdef:"), held->text, held->held_ms); /* anybody may have written it */
    }
    if (now_ms - way->held_since_ms > HELD_MAX_MS)
        refuse(way, "another chatterbox uses this Redis; give this one its own --redis-prefix");
    else
        way->next_fence_ms = now_ms + FENCE_RETRY_MS;
}

static void on_fenced(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (way_up_is_error(way, reply))
        return;
    struct script_reply decoded;
    calls_decode(way->calls, &decoded, SCRIPT_FENCE, reply);
    if (decoded.kind == REPLY_OK) {
        way->held_since_ms = 0;
        next_step(way);
    } else if (decoded.kind == REPLY_HELD) {
        on_held(way, &decoded);
    } else {
        give_up(way, "a malformed reply to fence");
    }
}

static void fence(struct way_up *way)
{
    struct command command;
    way->next_fence_ms = 0;
    calls_put_fence(way->calls, &command);
    send_command(way, &command, on_fenced);
}

/* Forget users that an earlier connection of this node, or a node that was killed, has left. */

static void scan(struct way_up *way);

static void forgot_one(struct way_up *way)
{
    if (--way->forgets_left > 0)
        return;
    if (strcmp(way->cursor, "0") == 0)
        next_step(way);
    else
        scan(way);
}

static void on_forgotten(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (way_up_is_error(way, reply))
        return;
    struct script_reply decoded;
    calls_decode(way->calls, &decoded, SCRIPT_LEAVE, reply);
    if (decoded.kind != REPLY_OK)
        give_up(way, "fenced off while forgetting users");
    else
        forgot_one(way);
}

static void forget(struct way_up *way, const char *user_id)
{
    struct command command;
    calls_put_leave(way->calls, &command, user_id);
    way->forgets_left++;
    send_command(way, &command, on_forgotten);
}

static void on_scanned(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (way_up_is_error(way, reply))
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        (size_t)reply->element[0]->len >= sizeof way->cursor || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        give_up(way, "a malformed reply to SCAN");
        return;
    }
    memcpy(way->cursor, reply->element[0]->str, (size_t)reply->element[0]->len + 1);
    const size_t before_id = strlen(way->calls->prefix) + strlen("user_meta:");
    way->forgets_left = 1; /* this reply itself */
    for (size_t i = 0; i < reply->element[1]->elements; i++) {
        const redisReply *key = reply->element[1]->element[i];
        uint8_t id[USER_ID_BYTES];
        if (key->type == REDIS_REPLY_STRING && (size_t)key->len > before_id &&
            user_id_parse(key->str + before_id, (size_t)key->len - before_id, id))
            forget(way, key->str + before_id);
    }
    forgot_one(way);
}

static void scan(struct way_up *way)
{
    /* The prefix is not a pattern. */
    char pattern[2 * 64 + 16];
    size_t length = 0;
    for (const char *c = way->calls->prefix; *c != '\0'; c++) {
        if (strchr("*?[]\\^-", *c) != NULL)
            pattern[length++] = '\\';
        pattern[length++] = *c;
    }
    snprintf(pattern + length, sizeof pattern - length, "user_meta:*");
    struct command command;
    command_init(&command);
    command_add(&command, "SCAN");
    command_add(&command, way->cursor);
    command_add(&command, "MATCH");
    command_add(&command, pattern);
    command_add(&command, "COUNT");
    command_add(&command, "1000");
    send_command(way, &command, on_scanned);
}

static void on_cleared(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (!way_up_is_error(way, reply))
        next_step(way);
}

/* Users are gone by now, and with them all that is in here; unless somebody else has written to it. */
static void clear(struct way_up *way)
{
    struct command command;
    command_init(&command);
    command_add(&command, "DEL");
    command_print(&command, "%sactive_matches", way->calls->prefix);
    command_print(&command, "%swaiting", way->calls->prefix);
    command_print(&command, "%sanyone", way->calls->prefix);
    send_command(way, &command, on_cleared);
}

static void send_auth(struct way_up *way)
{
    const struct redis_address *address = way->address;
    struct command command;
    command_init(&command);
    command_add(&command, "AUTH");
    if (address->user[0] != '\0')
        command_add(&command, address->user);
    command_add(&command, address->password);
    send_command(way, &command, on_auth);
}

static void send_select(struct way_up *way)
{
    struct command command;
    command_init(&command);
    command_add(&command, "SELECT");
    command_print(&command, "%u", way->address->db);
    send_command(way, &command, on_select);
}

static void ask_policy(struct way_up *way)
{
    struct command command;
    command_init(&command);
    command_add(&command, "CONFIG");
    command_add(&command, "GET");
    command_add(&command, "maxmemory-policy");
    send_command(way, &command, on_policy);
}

static void take_step(struct way_up *way)
{
    switch (way->step) {
    case STEP_AUTH:
        if (way->address->password[0] != '\0')
            send_auth(way);
        else
            next_step(way);
        break;
    case STEP_SELECT:
        if (way->address->db != 0)
            send_select(way);
        else
            next_step(way);
        break;
    case STEP_POLICY:
        ask_policy(way);
        break;
    case STEP_LOAD:
        load_scripts(way);
        break;
    case STEP_FENCE:
        fence(way);
        break;
    case STEP_FORGET:
        memcpy(way->cursor, "0", 2);
        scan(way);
        break;
    case STEP_CLEAR:
        clear(way);
        break;
    case STEP_UP:
        way->handler->on_up(way->owner);
        break;
    }
}

void way_up_begin(struct way_up *way)
{
    way->next_fence_ms = 0;
    way->step = STEP_AUTH;
    take_step(way);
}

void way_up_on_tick(struct way_up *way, uint64_t now_ms)
{
    if (way->step == STEP_FENCE && way->next_fence_ms != 0 && now_ms >= way->next_fence_ms)
        fence(way);
}

#include "redis/way_up.h"

#include <stdio.h>
#include <string.h>

#include "redis/calls.h"

enum { LEASE_MS = REDIS_LEASE_MS, FENCE_RETRY_MS = 100 };

/* Whoever holds the lease for longer than two of them is alive. */
enum { HELD_MAX_MS = 2 * LEASE_MS + 1000 };

void redis_give_up(struct redis_store *store, const char *reason)
{
    redis_client_fail(&store->client, reason);
}

void redis_give_up_on_error(struct redis_store *store, const char *error)
{
    char code[REDIS_ERROR_CODE_BYTES];
    redis_give_up(store, redis_error_code(error, code));
}

/* Wrong in a way that only a person can mend. At start that ends the server; later it may be mended, so it goes on trying. */
static void refuse(struct redis_store *store, const char *why)
{
    if (!store->was_up && !store->has_failed) {
        char line[256];
        snprintf(line, sizeof line, "--redis: %s", why);
        store->has_failed = true;
        store->config.on_fatal(store->config.owner, line);
    }
    redis_give_up(store, why);
}

void redis_send(struct redis_store *store, struct command *command, redis_reply_fn *on_reply, void *request)
{
    redis_client_send(&store->client, command->argc, command->argv, command->lengths, on_reply, request);
}

/* The way up, step by step. Each reply handler either gives up or goes on. */

static void next_step(struct redis_store *store)
{
    store->step++;
    redis_way_up(store);
}

/* Whether a reply of the preparation is an error; then the connection is given up. */
bool redis_is_error(struct redis_store *store, const redisReply *reply)
{
    if (reply == NULL)
        return true;
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (strncmp(reply->str, "NOAUTH", 6) == 0)
        refuse(store, "Redis wants a password: set CHATTERBOX_REDIS_PASSWORD or --redis-password-file");
    else
        redis_give_up_on_error(store, reply->str);
    return true;
}

static void on_auth(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) != 0)
        refuse(store, "Redis refuses the user or the password");
    else if (!redis_is_error(store, reply))
        next_step(store);
}

static void on_select(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "ERR", 3) == 0)
        refuse(store, "Redis has no database of this number");
    else if (!redis_is_error(store, reply))
        next_step(store);
}

/* A Redis that evicts keys would make ghosts of users, and double matches. */
static void on_policy(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR &&
        (strncmp(reply->str, "NOPERM", 6) == 0 || strncmp(reply->str, "ERR unknown command", 19) == 0)) {
        log_event(store->config.log, LOG_WARN, "redis_policy_unknown",
                  "hint=\"CONFIG is forbidden here: see to it that maxmemory-policy is noeviction\"");
        next_step(store);
        return;
    }
    if (redis_is_error(store, reply))
        return;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING &&
        strcmp(reply->element[1]->str, "noeviction") != 0)
        refuse(store, "this Redis evicts keys; set its maxmemory-policy to noeviction");
    else
        next_step(store);
}

static void on_loaded(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    char *sha = request;
    if (redis_is_error(store, reply))
        return;
    if (reply->type != REDIS_REPLY_STRING || reply->len != 40) {
        redis_give_up(store, "SCRIPT LOAD did not answer with a hash");
        return;
    }
    memcpy(sha, reply->str, 41);
    if (--store->loads_left == 0)
        next_step(store);
}

static void load_scripts(struct redis_store *store)
{
    store->loads_left = SCRIPTS;
    for (enum script script = 0; script < SCRIPTS; script++) {
        const struct embedded_file *file = script_file(script);
        struct command command;
        command_init(&command);
        command_add(&command, "SCRIPT");
        command_add(&command, "LOAD");
        command_add_bytes(&command, (const char *)file->bytes, file->length);
        redis_send(store, &command, on_loaded, store->shas[script]);
    }
}

static void on_held(struct redis_store *store, const struct script_reply *held)
{
    uint64_t now_ms = uv_now(store->client.loop);
    if (store->is_draining) {
        redis_give_up(store, "another chatterbox has the lease");
        return;
    }
    if (store->held_since_ms == 0) {
        store->held_since_ms = now_ms;
        log_event(store->config.log, LOG_WARN, "redis_held", "holder=%.*s lease_ms=%lld",
                  (int)strspn(held->text, "0123456789abcdef:"), held->text, held->held_ms); /* anybody may have written it */
    }
    if (now_ms - store->held_since_ms > HELD_MAX_MS)
        refuse(store, "another chatterbox uses this Redis; give this one its own --redis-prefix");
    else
        store->next_fence_ms = now_ms + FENCE_RETRY_MS;
}

void redis_decode(const struct redis_store *store, struct script_reply *decoded, enum script script,
                   const redisReply *reply)
{
    script_reply_decode(decoded, script, reply, store->node, store->config.first_session_thread,
                        store->config.session_threads);
}

static void on_fenced(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (redis_is_error(store, reply))
        return;
    struct script_reply decoded;
    redis_decode(store, &decoded, SCRIPT_FENCE, reply);
    if (decoded.kind == REPLY_OK) {
        store->held_since_ms = 0;
        next_step(store);
    } else if (decoded.kind == REPLY_HELD) {
        on_held(store, &decoded);
    } else {
        redis_give_up(store, "a malformed reply to fence");
    }
}

void redis_fence(struct redis_store *store)
{
    struct command command;
    store->next_fence_ms = 0;
    calls_begin(store, &command, SCRIPT_FENCE, 1);
    command_add(&command, store->epoch_value);
    command_add(&command, store->node);
    command_print(&command, "%d", LEASE_MS);
    redis_send(store, &command, on_fenced, NULL);
}

/* Forget users that an earlier connection of this node, or a node that was killed, has left. */

static void scan(struct redis_store *store);

static void forgot_one(struct redis_store *store)
{
    if (--store->forgets_left > 0)
        return;
    if (strcmp(store->cursor, "0") == 0)
        next_step(store);
    else
        scan(store);
}

static void on_forgotten(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (redis_is_error(store, reply))
        return;
    struct script_reply decoded;
    redis_decode(store, &decoded, SCRIPT_LEAVE, reply);
    if (decoded.kind != REPLY_OK)
        redis_give_up(store, "fenced off while forgetting users");
    else
        forgot_one(store);
}

static void forget(struct redis_store *store, const char *user_id)
{
    struct command command;
    calls_put_leave(store, &command, user_id);
    store->forgets_left++;
    redis_send(store, &command, on_forgotten, NULL);
}

static void on_scanned(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (redis_is_error(store, reply))
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        (size_t)reply->element[0]->len >= sizeof store->cursor || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        redis_give_up(store, "a malformed reply to SCAN");
        return;
    }
    memcpy(store->cursor, reply->element[0]->str, (size_t)reply->element[0]->len + 1);
    const size_t before_id = strlen(store->config.prefix) + strlen("user_meta:");
    store->forgets_left = 1; /* this reply itself */
    for (size_t i = 0; i < reply->element[1]->elements; i++) {
        const redisReply *key = reply->element[1]->element[i];
        uint8_t id[USER_ID_BYTES];
        if (key->type == REDIS_REPLY_STRING && (size_t)key->len > before_id &&
            user_id_parse(key->str + before_id, (size_t)key->len - before_id, id))
            forget(store, key->str + before_id);
    }
    forgot_one(store);
}

static void scan(struct redis_store *store)
{
    /* The prefix is not a pattern. */
    char pattern[2 * 64 + 16];
    size_t length = 0;
    for (const char *c = store->config.prefix; *c != '\0'; c++) {
        if (strchr("*?[]\\^-", *c) != NULL)
            pattern[length++] = '\\';
        pattern[length++] = *c;
    }
    snprintf(pattern + length, sizeof pattern - length, "user_meta:*");
    struct command command;
    command_init(&command);
    command_add(&command, "SCAN");
    command_add(&command, store->cursor);
    command_add(&command, "MATCH");
    command_add(&command, pattern);
    command_add(&command, "COUNT");
    command_add(&command, "1000");
    redis_send(store, &command, on_scanned, NULL);
}

static void on_cleared(void *owner, void *request, const redisReply *reply)
{
    struct redis_store *store = owner;
    (void)request;
    if (!redis_is_error(store, reply))
        next_step(store);
}

/* Users are gone by now, and with them all that is in here; unless somebody else has written to it. */
static void clear(struct redis_store *store)
{
    struct command command;
    command_init(&command);
    command_add(&command, "DEL");
    command_print(&command, "%sactive_matches", store->config.prefix);
    command_print(&command, "%swaiting", store->config.prefix);
    command_print(&command, "%sanyone", store->config.prefix);
    redis_send(store, &command, on_cleared, NULL);
}

static void send_auth(struct redis_store *store)
{
    const struct redis_address *address = store->config.address;
    struct command command;
    command_init(&command);
    command_add(&command, "AUTH");
    if (address->user[0] != '\0')
        command_add(&command, address->user);
    command_add(&command, address->password);
    redis_send(store, &command, on_auth, NULL);
}

static void send_select(struct redis_store *store)
{
    struct command command;
    command_init(&command);
    command_add(&command, "SELECT");
    command_print(&command, "%u", store->config.address->db);
    redis_send(store, &command, on_select, NULL);
}

static void ask_policy(struct redis_store *store)
{
    struct command command;
    command_init(&command);
    command_add(&command, "CONFIG");
    command_add(&command, "GET");
    command_add(&command, "maxmemory-policy");
    redis_send(store, &command, on_policy, NULL);
}

static void come_up(struct redis_store *store)
{
    if (store->is_draining) { /* all that it was needed for is done */
        redis_release(store);
        return;
    }
    store->is_up = true;
    store->was_up = true;
    store->last_heartbeat_ms = uv_now(store->client.loop);
    log_event(store->config.log, LOG_INFO, "redis_up", "connection=%llu", store->connection);
    matcher_on_store_up(store->config.matcher);
}

void redis_way_up(struct redis_store *store)
{
    switch (store->step) {
    case STEP_AUTH:
        if (store->config.address->password[0] != '\0')
            send_auth(store);
        else
            next_step(store);
        break;
    case STEP_SELECT:
        if (store->config.address->db != 0)
            send_select(store);
        else
            next_step(store);
        break;
    case STEP_POLICY:
        ask_policy(store);
        break;
    case STEP_LOAD:
        load_scripts(store);
        break;
    case STEP_FENCE:
        redis_fence(store);
        break;
    case STEP_FORGET:
        memcpy(store->cursor, "0", 2);
        scan(store);
        break;
    case STEP_CLEAR:
        clear(store);
        break;
    case STEP_UP:
        come_up(store);
        break;
    }
}


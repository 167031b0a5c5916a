#include "redis/way_up.h"

#include <stdio.h>
#include <string.h>

#include "redis/role.h"

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

static bool is_error(struct way_up *way, const redisReply *reply)
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
    else if (!is_error(way, reply))
        next_step(way);
}

/* What Sentinels have named may have become a replica, or not yet a master. */
static void on_role(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (is_error(way, reply))
        return;
    if (role_is_master(reply))
        next_step(way);
    else
        give_up(way, ROLE_NO_MASTER);
}

static void on_select(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "ERR", 3) == 0)
        refuse(way, "Redis has no database of this number");
    else if (!is_error(way, reply))
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
    if (is_error(way, reply))
        return;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING &&
        strcmp(reply->element[1]->str, "noeviction") != 0)
        refuse(way, "this Redis evicts keys; set its maxmemory-policy to noeviction");
    else
        next_step(way);
}

/* The process that writes the file has forked, so it knows nothing of what comes from now on. What fails before that may succeed the next time that Redis
 * is started; until then the file is longer than it need be. One that is in progress has been begun by a connection that was lost right after that. */
static void on_renewing(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_STATUS && strstr(reply->str, "started") == NULL) { /* "scheduled": it would write down who is there by then */
        give_up(way, "the file of reports cannot be written anew now");
        return;
    }
    if (reply->type != REDIS_REPLY_STATUS && (reply->type != REDIS_REPLY_ERROR || strstr(reply->str, "in progress") == NULL))
        log_event(way->log, LOG_WARN, "reports_not_renewed", "hint=\"Redis cannot write its file anew: see to disk and memory\"");
    next_step(way);
}

static void send_renew(struct way_up *way)
{
    struct command command;
    command_init(&command);
    command_add(&command, "BGREWRITEAOF");
    send_command(way, &command, on_renewing);
}

/* reply: how many of the key that is there as long as any node's users are. */
static void on_counted(void *owner, void *request, const redisReply *reply)
{
    struct way_up *way = request;
    (void)owner;
    if (is_error(way, reply))
        return;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
        send_renew(way);
    else
        next_step(way);
}

static void on_loaded(void *owner)
{
    next_step(owner);
}

/* The connection is given up, and the next one asks again: it is not known for how long. */
static void on_held(struct way_up *way)
{
    if (!way->was_held)
        log_event(way->log, LOG_WARN, "redis_held", "hint=\"a chatterbox of an earlier version uses this prefix; this one waits for its end\"");
    way->was_held = true;
    give_up(way, "held by an earlier version");
}

static void on_fenced(void *owner, struct script_call *call, const struct script_reply *reply)
{
    struct way_up *way = owner;
    (void)call;
    if (reply == NULL)
        return;
    if (reply->kind == REPLY_HELD) {
        on_held(way);
    } else if (reply->kind == REPLY_OK) {
        way->was_held = false;
        next_step(way);
    } else {
        caller_fail(way->caller, reply);
    }
}

static void on_own_reaped(void *owner)
{
    next_step(owner);
}

static void authenticate(struct way_up *way)
{
    struct command command;
    if (command_auth(&command, &way->address->own))
        send_command(way, &command, on_auth);
    else
        next_step(way);
}

static void send_role(struct way_up *way)
{
    struct command command;
    command_role(&command);
    send_command(way, &command, on_role);
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

static void renew(struct way_up *way)
{
    struct command command;
    command_init(&command);
    command_add(&command, "EXISTS");
    command_join(&command, way->caller->calls->prefix, "nodes", "");
    send_command(way, &command, on_counted);
}

static void take_step(struct way_up *way)
{
    switch (way->step) {
    case STEP_AUTH:
        authenticate(way);
        break;
    case STEP_ROLE:
        if (way->address->kind == REDIS_SENTINEL)
            send_role(way);
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
    case STEP_RENEW:
        if (way->address->has_file)
            renew(way);
        else
            next_step(way);
        break;
    case STEP_LOAD:
        caller_load(way->caller, on_loaded, way);
        break;
    case STEP_FENCE:
        caller_call(way->caller, &(struct script_call){ .script = SCRIPT_FENCE }, on_fenced, way);
        break;
    case STEP_REAP:
        reaper_take_own(way->reaper, on_own_reaped, way);
        break;
    case STEP_UP:
        way->handler->on_up(way->owner);
        break;
    }
}

void way_up_begin(struct way_up *way)
{
    way->step = STEP_AUTH;
    take_step(way);
}

bool way_up_has_lease(const struct way_up *way)
{
    return way->step >= STEP_REAP;
}

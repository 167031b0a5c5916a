#include "redis/caller.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

enum { NANOSECONDS_PER_MICROSECOND = 1000 };

struct script_sent {
    struct script_call call;
    caller_reply_fn *on_reply;
    void *owner;
    uint64_t called_ms;
    uint64_t called_ns; /* the same, and finer, to be measured by */
    struct script_sent *next;
};

static void append(struct sent_list *list, struct script_sent *sent)
{
    sent->next = NULL;
    if (list->last != NULL)
        list->last->next = sent;
    else
        list->first = sent;
    list->last = sent;
}

static struct script_sent *take_first(struct sent_list *list)
{
    struct script_sent *sent = list->first;
    list->first = sent->next;
    if (list->first == NULL)
        list->last = NULL;
    return sent;
}

static bool is_of_same_user(const struct script_call *a, const struct script_call *b)
{
    return calls_is_of_user(a->script) && calls_is_of_user(b->script) && memcmp(a->call.user_id, b->call.user_id, USER_ID_BYTES) == 0;
}

static void answer(struct script_sent *sent, const struct script_reply *reply)
{
    sent->on_reply(sent->owner, &sent->call, reply);
    payload_free(&sent->call.call.payload);
    free(sent);
}

/* Redis has answered, whatever. */
static void observe(const struct caller *caller, const struct script_sent *sent)
{
    static const enum metric series[SCRIPTS] = {
#define SCRIPT(name, file, keys, arguments, more_keys, more_arguments) [SCRIPT_##name] = METRIC_REDIS_CALL_SECONDS_##name,
#include "redis/scripts.def"
#undef SCRIPT
    };
    metrics_observe(caller->metrics, series[sent->call.script], (int64_t)(uv_hrtime() - sent->called_ns) / NANOSECONDS_PER_MICROSECOND);
}

static void on_answered(void *owner, void *request, const redisReply *reply);

static void send_one(struct caller *caller, struct script_sent *sent)
{
    struct command command;
    char user_id[USER_ID_TEXT];
    calls_put(caller->calls, &command, &sent->call, user_id);
    append(&caller->in_flight, sent);
    redis_client_send(caller->client, &command, on_answered, caller);
}

/* Loading. */

static void send_all(struct caller *caller, struct sent_list *list)
{
    while (list->first != NULL) {
        struct script_sent *sent = take_first(list);
        if (caller->client->state == REDIS_CLIENT_OPEN)
            send_one(caller, sent);
        else
            answer(sent, NULL);
    }
}

static void go_on(struct caller *caller)
{
    const struct script_sent *oldest = caller->forgotten.first;
    if (oldest != NULL && uv_now(caller->client->loop) - oldest->called_ms > caller->client->timeout_ms)
        redis_client_fail(caller->client, "scripts are forgotten as fast as they are loaded");
    send_all(caller, &caller->forgotten);
    send_all(caller, &caller->held);
}

static bool take_hashes(struct caller *caller, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != SCRIPTS)
        return false;
    for (size_t i = 0; i < SCRIPTS; i++) {
        const redisReply *hash = reply->element[i];
        if (hash->type != REDIS_REPLY_STRING || hash->len != 40)
            return false;
        memcpy(caller->calls->shas[i], hash->str, 41);
    }
    return true;
}

static void on_queued(void *owner, void *request, const redisReply *reply)
{
    struct caller *caller = request;
    (void)owner;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(caller->client, reply->str);
}

static void on_loaded(void *owner, void *request, const redisReply *reply)
{
    struct caller *caller = request;
    (void)owner;
    caller->is_loading = false;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        redis_client_fail_on_error(caller->client, reply->str);
    else if (reply != NULL && !take_hashes(caller, reply))
        redis_client_fail(caller->client, "SCRIPT LOAD did not answer with hashes");
    void (*on_done)(void *) = caller->on_loaded;
    caller->on_loaded = NULL;
    if (on_done != NULL && reply != NULL && caller->client->state == REDIS_CLIENT_OPEN)
        on_done(caller->owner);
    go_on(caller);
}

static void send_word(struct caller *caller, const char *word, redis_reply_fn *on_reply)
{
    struct command command;
    command_init(&command);
    command_add(&command, word);
    redis_client_send(caller->client, &command, on_reply, caller);
}

static void send_script(struct caller *caller, enum script script)
{
    const struct embedded_file *file = script_file(script);
    char *text = NULL;
    size_t length;
    struct command command;
    command_init(&command);
    command_add(&command, "SCRIPT");
    command_add(&command, "LOAD");
    if (caller->has_file) {
        text = script_text_for_file(script, &length);
        command_add_bytes(&command, text, length);
    } else {
        command_add_bytes(&command, (const char *)file->bytes, file->length);
    }
    redis_client_send(caller->client, &command, on_queued, caller);
    free(text);
}

/* All at once: if SCRIPT FLUSH came between two of them, some calls would be carried out and some not. */
static void load(struct caller *caller)
{
    caller->is_loading = true;
    send_word(caller, "MULTI", on_queued);
    for (enum script script = 0; script < SCRIPTS; script++)
        send_script(caller, script);
    send_word(caller, "EXEC", on_loaded);
}

void caller_load(struct caller *caller, void (*on_done)(void *owner), void *owner)
{
    CHECK(caller->in_flight.first == NULL && caller->forgotten.first == NULL && caller->held.first == NULL);
    caller->on_loaded = on_done;
    caller->owner = owner;
    load(caller);
}

/* Calling. */

static void repeat(struct caller *caller, struct script_sent *sent)
{
    append(&caller->forgotten, sent);
    if (caller->is_loading)
        return; /* they are on their way already, behind everything that is in flight */
    metrics_add(caller->metrics, METRIC_REDIS_NOSCRIPT_TOTAL, 1);
    load(caller);
}

static bool has_one_of(const struct sent_list *list, const struct script_call *call)
{
    for (const struct script_sent *sent = list->first; sent != NULL; sent = sent->next) {
        if (is_of_same_user(&sent->call, call))
            return true;
    }
    return false;
}

static bool may_come_late(enum script script, enum script overtaken_by)
{
    return script == SCRIPT_END_CHAT || script == SCRIPT_BLOCK || (script == SCRIPT_SUBMIT_INTERESTS && overtaken_by != script);
}

/* A call was carried out that others of its user, which were called before, are still to be repeated after. False: that must not be. */
static bool settle_overtaken(struct caller *caller, const struct script_call *call)
{
    struct sent_list all = caller->forgotten;
    bool is_settled = true;
    caller->forgotten = (struct sent_list){ 0 };
    while (all.first != NULL) {
        struct script_sent *sent = take_first(&all);
        const bool is_overtaken = is_of_same_user(&sent->call, call);
        if (is_overtaken && call->script == SCRIPT_LEAVE) {
            answer(sent, &(struct script_reply){ .kind = REPLY_OK, .text = "" }); /* as if it had been done, and undone by the leaving */
            continue;
        }
        is_settled &= !is_overtaken || may_come_late(sent->call.script, call->script);
        append(&caller->forgotten, sent);
    }
    return is_settled;
}

static void on_answered(void *owner, void *request, const redisReply *reply)
{
    struct caller *caller = request;
    struct script_sent *sent = take_first(&caller->in_flight); /* Redis answers in order */
    struct script_reply decoded;
    (void)owner;
    if (reply == NULL) {
        answer(sent, NULL);
        return;
    }
    calls_decode(caller->calls, &decoded, sent->call.script, reply);
    if (decoded.kind == REPLY_ERROR && strncmp(decoded.text, "NOSCRIPT", 8) == 0) {
        repeat(caller, sent);
    } else if (settle_overtaken(caller, &sent->call)) {
        observe(caller, sent);
        answer(sent, &decoded);
    } else {
        redis_client_fail(caller->client, "a call has overtaken another");
        answer(sent, NULL);
    }
}

void caller_call(struct caller *caller, const struct script_call *call, caller_reply_fn *on_reply, void *owner)
{
    struct script_sent *sent = malloc(sizeof *sent);
    CHECK_MEMORY(sent);
    *sent = (struct script_sent){ .call = *call, .on_reply = on_reply, .owner = owner, .called_ms = uv_now(caller->client->loop), .called_ns = uv_hrtime() };
    if (caller->is_loading)
        append(&caller->held, sent);
    else
        send_one(caller, sent);
}

bool caller_has_later(const struct caller *caller, const struct script_call *call)
{
    return has_one_of(&caller->in_flight, call) || has_one_of(&caller->forgotten, call) || has_one_of(&caller->held, call);
}

void caller_fail(struct caller *caller, const struct script_reply *reply)
{
    if (reply->kind == REPLY_ERROR)
        redis_client_fail_on_error(caller->client, reply->text);
    else if (reply->kind == REPLY_STALE)
        redis_client_fail(caller->client, "Redis has forgotten this server");
    else
        redis_client_fail(caller->client, "a malformed reply of a script");
}

/* Calls of scripts in their order, while Redis forgets the scripts. The client beneath is this file's. */
#include "unit/unit.h"

#include <stdlib.h>

#include "redis/caller.h"

enum { SENT_MAX = 128 };

static struct {
    char name[16]; /* MULTI, SCRIPT, EXEC, or EVALSHA */
    char last[40]; /* its last argument: of EVALSHA leave, the user */
    redis_reply_fn *on_reply;
    void *request;
} sent[SENT_MAX];
static size_t sent_count, answered_count;
static const char *failed;

static uv_loop_t loop;
static struct redis_client client;
static struct metrics metrics;
static struct calls calls;
static struct caller caller;

static char answers[64][8]; /* what callers were told: the user's first digit pair, and how it ended */
static size_t answer_count;

void redis_client_send(struct redis_client *self, const struct command *command, redis_reply_fn *on_reply, void *request)
{
    assert_int_equal(self->state, REDIS_CLIENT_OPEN);
    assert_true(sent_count < SENT_MAX);
    snprintf(sent[sent_count].name, sizeof sent[0].name, "%.*s", (int)command->lengths[0], command->argv[0]);
    snprintf(sent[sent_count].last, sizeof sent[0].last, "%.*s", (int)command->lengths[command->argc - 1], command->argv[command->argc - 1]);
    sent[sent_count].on_reply = on_reply;
    sent[sent_count++].request = request;
}

void redis_client_fail(struct redis_client *self, const char *reason)
{
    self->state = REDIS_CLIENT_LOSING;
    failed = reason;
}

void redis_client_fail_on_error(struct redis_client *self, const char *error)
{
    redis_client_fail(self, error);
}

/* Answer the oldest unanswered command; NULL: the connection was lost. */
static void reply(const char *wire)
{
    redisReader *reader = redisReaderCreate();
    void *parsed = NULL;
    assert_true(answered_count < sent_count);
    if (wire != NULL) {
        redisReaderFeed(reader, wire, strlen(wire));
        assert_int_equal(redisReaderGetReply(reader, &parsed), REDIS_OK);
        assert_non_null(parsed);
    }
    const size_t at = answered_count++;
    sent[at].on_reply(NULL, sent[at].request, parsed);
    if (parsed != NULL)
        freeReplyObject(parsed);
    redisReaderFree(reader);
}

#define OK "*1\r\n$2\r\nOK\r\n"
#define NOSCRIPT "-NOSCRIPT No matching script.\r\n"

/* MULTI, the scripts, EXEC. */
static void loaded(void)
{
    char wire[4096];
    int length = snprintf(wire, sizeof wire, "*%d\r\n", SCRIPTS);
    for (int i = 0; i < SCRIPTS; i++)
        length += snprintf(wire + length, sizeof wire - (size_t)length, "$40\r\n%040d\r\n", i);
    assert_string_equal(sent[answered_count].name, "MULTI");
    reply("+OK\r\n");
    for (int i = 0; i < SCRIPTS; i++) {
        assert_string_equal(sent[answered_count].name, "SCRIPT");
        reply("+QUEUED\r\n");
    }
    assert_string_equal(sent[answered_count].name, "EXEC");
    reply(wire);
}

static void note(void *owner, struct script_call *call, const struct script_reply *decoded)
{
    (void)owner;
    snprintf(answers[answer_count++], sizeof answers[0], "%02x %s", call->call.user_id[0],
             decoded == NULL ? "lost" : decoded->kind == REPLY_OK ? "ok" : "?");
}

static void call(enum script script, uint8_t user)
{
    struct script_call made = { .script = script, .call = { .user_id = { user } } };
    if (script == SCRIPT_SUBMIT_INTERESTS)
        made.call.payload = payload_copy(&(struct identity){ 0 }, sizeof(struct identity));
    if (script == SCRIPT_BLOCK)
        made.call.payload = payload_copy("0123456789abcdef", USER_ID_BYTES);
    caller_call(&caller, &made, note, NULL);
}

static void leave(uint8_t user)
{
    call(SCRIPT_LEAVE, user);
}

static void check_answers(const char *const *wanted)
{
    for (size_t i = 0; wanted[i] != NULL; i++) {
        assert_true(i < answer_count);
        assert_string_equal(answers[i], wanted[i]);
        assert_true(wanted[i + 1] != NULL || answer_count == i + 1);
    }
}

static void check_sent(size_t from, const char *const *users)
{
    for (size_t i = 0; users[i] != NULL; i++) {
        assert_true(from + i < sent_count);
        assert_string_equal(sent[from + i].name, "EVALSHA");
        assert_memory_equal(sent[from + i].last, users[i], 2);
        assert_true(users[i + 1] != NULL || sent_count == from + i + 1);
    }
}

static bool is_loaded;

static void on_first_loaded(void *owner)
{
    (void)owner;
    is_loaded = true;
}

static int begin(void **state)
{
    (void)state;
    sent_count = answered_count = answer_count = 0;
    failed = NULL;
    is_loaded = false;
    memset(&metrics, 0, sizeof metrics);
    memset(&loop, 0, sizeof loop); /* only its time is looked at */
    loop.time = 1000;
    client = (struct redis_client){ .loop = &loop, .state = REDIS_CLIENT_OPEN, .timeout_ms = 100 };
    calls = (struct calls){ .prefix = "", .node = "00112233445566aa" };
    calls_init(&calls);
    calls_set_connection(&calls, 1);
    caller = (struct caller){ .client = &client, .calls = &calls, .metrics = &metrics };
    caller_load(&caller, on_first_loaded, NULL);
    loaded();
    assert_true(is_loaded);
    assert_memory_equal(calls.shas[1], "0000000000000000000000000000000000000001", 41);
    sent_count = answered_count = 0;
    return 0;
}

static void what_was_forgotten_is_sent_again_before_what_came_later(void **state)
{
    (void)state;
    leave(1);
    leave(2);
    leave(3);
    reply(OK);
    reply(NOSCRIPT); /* the scripts are loaded now, behind what is in flight */
    leave(4);
    leave(5);
    reply(NOSCRIPT);
    loaded();
    check_sent(answered_count, (const char *const[]){ "02", "03", "04", "05", NULL });
    for (int i = 0; i < 4; i++)
        reply(OK);
    check_answers((const char *const[]){ "01 ok", "02 ok", "03 ok", "04 ok", "05 ok", NULL });
    assert_null(failed);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_REDIS_NOSCRIPT_TOTAL), 1);
}

static void it_may_happen_again_at_once(void **state)
{
    (void)state;
    leave(1);
    leave(2);
    for (int i = 0; i < 3; i++) {
        reply(NOSCRIPT);
        reply(NOSCRIPT);
        loaded();
    }
    reply(OK);
    reply(OK);
    check_answers((const char *const[]){ "01 ok", "02 ok", NULL });
    assert_null(failed);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    leave(1);
    reply(NOSCRIPT);
    leave(2);
    loop.time += 101;
    loaded();
    assert_string_equal(failed, "scripts are forgotten as fast as they are loaded");
    check_answers((const char *const[]){ "01 lost", "02 lost", NULL });
}

/* Somebody else has loaded the scripts between the first call and the second. */
static void who_is_overtaken_by_somebody_else_does_not_mind(void **state)
{
    (void)state;
    leave(1);
    leave(2);
    reply(NOSCRIPT);
    reply(OK);
    loaded();
    reply(OK);
    check_answers((const char *const[]){ "02 ok", "01 ok", NULL });
    assert_null(failed);
}

static void a_user_who_has_overtaken_itself_ends_the_connection(void **state)
{
    (void)state;
    call(SCRIPT_END_MATCHING, 1);
    call(SCRIPT_SUBMIT_INTERESTS, 1);
    reply(NOSCRIPT);
    leave(3);
    reply(OK);
    assert_string_equal(failed, "a call has overtaken another");
    while (answered_count < sent_count)
        reply(NULL);
    check_answers((const char *const[]){ "01 lost", "01 lost", "03 lost", NULL });
}

static void what_came_before_the_leaving_is_void_after_it(void **state)
{
    (void)state;
    call(SCRIPT_SUBMIT_INTERESTS, 1);
    call(SCRIPT_SUBMIT_INTERESTS, 2);
    call(SCRIPT_END_MATCHING, 1);
    leave(1);
    reply(NOSCRIPT);
    reply(NOSCRIPT);
    reply(NOSCRIPT);
    reply(OK);
    check_answers((const char *const[]){ "01 ok", "01 ok", "01 ok", NULL });
    loaded();
    assert_int_equal(sent_count, answered_count + 1);
    reply(OK);
    assert_string_equal(answers[3], "02 ok");
    assert_null(failed);
}

static void some_may_come_late(void **state)
{
    static const struct {
        enum script first, second;
        bool is_allowed;
    } pairs[] = {
        { SCRIPT_END_CHAT, SCRIPT_SUBMIT_INTERESTS, true },        { SCRIPT_BLOCK, SCRIPT_END_MATCHING, true },
        { SCRIPT_SUBMIT_INTERESTS, SCRIPT_END_MATCHING, true },    { SCRIPT_SUBMIT_INTERESTS, SCRIPT_SUBMIT_INTERESTS, false },
        { SCRIPT_END_MATCHING, SCRIPT_SUBMIT_INTERESTS, false },   { SCRIPT_LEAVE, SCRIPT_SUBMIT_INTERESTS, false },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        begin(state);
        call(pairs[i].first, 1);
        call(pairs[i].second, 1);
        reply(NOSCRIPT);
        reply(OK);
        assert_int_equal(failed == NULL, pairs[i].is_allowed);
        if (failed == NULL)
            loaded();
        while (answered_count < sent_count)
            reply(failed == NULL ? OK : NULL);
        assert_int_equal(answer_count, 2);
    }
}

/* It was called, and held, after the first one: it cannot have overtaken it. */
static void a_later_call_that_is_held_has_overtaken_nobody(void **state)
{
    (void)state;
    leave(2);
    leave(1);
    reply(NOSCRIPT);
    leave(1);
    reply(OK);
    assert_null(failed);
    loaded();
    check_sent(answered_count, (const char *const[]){ "02", "01", NULL });
    reply(OK);
    reply(OK);
}

static void what_is_lost_is_answered_once(void **state)
{
    (void)state;
    leave(1);
    leave(2);
    reply(NOSCRIPT);
    leave(3);
    client.state = REDIS_CLIENT_LOSING;
    while (answered_count < sent_count)
        reply(NULL);
    check_answers((const char *const[]){ "02 lost", "01 lost", "03 lost", NULL });
    assert_null(caller.in_flight.first);
}

static void what_is_no_hash_ends_the_connection(void **state)
{
    (void)state;
    leave(1);
    reply(NOSCRIPT);
    while (strcmp(sent[answered_count].name, "EXEC") != 0)
        reply("+QUEUED\r\n");
    reply("*1\r\n$1\r\nx\r\n");
    assert_string_equal(failed, "SCRIPT LOAD did not answer with hashes");
    check_answers((const char *const[]){ "01 lost", NULL });
}

static void later_calls_of_a_user_are_known(void **state)
{
    (void)state;
    const struct script_call one = { .script = SCRIPT_START_MATCHING, .call = { .user_id = { 1 } } };
    const struct script_call beat = { .script = SCRIPT_HEARTBEAT };
    leave(2);
    assert_false(caller_has_later(&caller, &one));
    leave(1);
    assert_true(caller_has_later(&caller, &one));
    assert_false(caller_has_later(&caller, &beat));
    reply(NOSCRIPT);
    reply(NOSCRIPT);
    assert_true(caller_has_later(&caller, &one));
    loaded();
    reply(OK);
    reply(OK);
    assert_false(caller_has_later(&caller, &one));
}

static void only_reports_may_be_in_a_file(void **state)
{
    static const char leaves_no_trace[] = "redis.set_repl(redis.REPL_NONE)\n";
    (void)state;
    for (int has_file = 0; has_file < 2; has_file++) {
        sent_count = answered_count = 0;
        caller = (struct caller){ .client = &client, .calls = &calls, .metrics = &metrics, .has_file = has_file == 1 };
        caller_load(&caller, on_first_loaded, NULL);
        for (int i = 0; i < SCRIPTS; i++) { /* behind MULTI */
            const bool has_line = strncmp(sent[1 + i].last, leaves_no_trace, sizeof leaves_no_trace - 1) == 0;
            assert_int_equal(has_line, has_file == 1 && i != SCRIPT_REPORT);
        }
        loaded();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_reports_may_be_in_a_file, begin),
        cmocka_unit_test_setup(what_was_forgotten_is_sent_again_before_what_came_later, begin),
        cmocka_unit_test_setup(it_may_happen_again_at_once, begin),
        cmocka_unit_test_setup(but_not_for_ever, begin),
        cmocka_unit_test_setup(who_is_overtaken_by_somebody_else_does_not_mind, begin),
        cmocka_unit_test_setup(a_user_who_has_overtaken_itself_ends_the_connection, begin),
        cmocka_unit_test_setup(what_came_before_the_leaving_is_void_after_it, begin),
        cmocka_unit_test_setup(some_may_come_late, begin),
        cmocka_unit_test_setup(a_later_call_that_is_held_has_overtaken_nobody, begin),
        cmocka_unit_test_setup(what_is_lost_is_answered_once, begin),
        cmocka_unit_test_setup(what_is_no_hash_ends_the_connection, begin),
        cmocka_unit_test_setup(later_calls_of_a_user_are_known, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The session actor, message by message: what a client writes in one turn stays one message, in order, and each text of it counts. */
#include "unit/actors/session_fixture.h"

#define NONSENSE "{\"type\":\"nonsense\"}"
#define END_CHAT "{\"type\":\"end_chat\"}"
#define NEXT "{\"type\":\"next\"}"

static void expect_run(enum message_type type, unsigned texts)
{
    const struct message run = expect(type);
    assert_int_equal(message_texts(&run), texts);
}

static void the_texts_of_a_run_are_one_for_the_partner(void **state)
{
    (void)state;
    chat(10);
    client_writes_run(3, (const char *const[]){ CHAT_MESSAGE, CHAT_FOR_JANSSON, CHAT_MESSAGE });
    expect_run(PEER_TEXT, 3);
    assert_int_equal(sent_count, 0);
}

static void what_else_is_said_comes_where_it_was_written(void **state)
{
    (void)state;
    chat(10);
    client_writes_run(5, (const char *const[]){ CHAT_MESSAGE, CHAT_MESSAGE, NONSENSE, CHAT_MESSAGE, END_CHAT });
    expect_run(PEER_TEXT, 2);
    expect_event("error", "unknown_type");
    expect_run(PEER_TEXT, 1);
    expect(PEER_LEFT);
    expect(CHAT_ENDED);
    expect_event("success", NULL);
    assert_int_equal(sent_count, 0);
}

static void the_rest_of_a_run_waits_for_the_matcher(void **state)
{
    (void)state;
    chat(10);
    client_writes_run(4, (const char *const[]){ CHAT_MESSAGE, NEXT, CHAT_MESSAGE, CHAT_MESSAGE });
    expect_run(PEER_TEXT, 1);
    expect(PEER_LEFT);
    expect(CHAT_ENDED);
    expect(SEARCH_START);
    expect(TEXT_DONE);
    assert_int_equal(sent_count, 0);
    client_writes(CHAT_MESSAGE);
    matched(11, 2);
    expect_event("success_matched", NULL);
    expect_run(PEER_TEXT, 3);
    assert_int_equal(sent_count, 0);
}

static void the_rest_of_a_run_waits_for_a_turn(void **state)
{
    (void)state;
    char longer[2200] = CHAT_FOR_JANSSON;
    memset(longer + strlen(CHAT_FOR_JANSSON), ' ', sizeof longer - 1 - strlen(CHAT_FOR_JANSSON));
    chat(10);
    client_writes_run(5, (const char *const[]){ CHAT_MESSAGE, longer, CHAT_MESSAGE, longer, CHAT_MESSAGE });
    expect_run(PEER_TEXT, 1);
    give_turn();
    expect_run(PEER_TEXT, 2);
    give_turn();
    expect_run(PEER_TEXT, 2);
    assert_int_equal(sent_count, 0);
    assert_int_equal(turns_awaited, 0);
}

static void a_run_for_the_client_is_one_for_its_connection(void **state)
{
    (void)state;
    chat(10);
    peer_texts(10, 4);
    expect_run(EVENT_TEXT, 4);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_RELAYED_TOTAL), 4);
}

static void a_run_that_comes_too_late_gives_all_its_credits_back(void **state)
{
    (void)state;
    chat(10);
    peer_texts(9, 4);
    struct message done = expect(TEXT_DONE);
    assert_true(address_equals(done.to, partner_connection));
    assert_int_equal(done.credit.texts, 4);
}

static void a_run_for_nobody_gives_all_its_credits_back(void **state)
{
    (void)state;
    struct message run = { .type = PEER_TEXT, .more = 1, .payload = payload_copy("{}", 2), .peer_text = { .match = 1, .writer = partner_connection } };
    run.payload->next = payload_copy("{}", 2);
    session_on_undeliverable(&host, &run);
    assert_int_equal(expect(TEXT_DONE).credit.texts, 2);
}

static void a_run_before_its_match_waits_for_it(void **state)
{
    (void)state;
    start_search();
    peer_texts(10, 3);
    assert_int_equal(sent_count, 0);
    matched(10, 1);
    expect_event("success_matched", NULL);
    expect_run(EVENT_TEXT, 3);
}

static void a_run_whose_match_never_comes_gives_all_its_credits_back(void **state)
{
    (void)state;
    start_search();
    peer_texts(10, 3);
    client_goes(0);
    expect(USER_LEFT);
    assert_int_equal(expect(TEXT_DONE).credit.texts, 3);
}

static void no_run_is_too_long(void **state)
{
    (void)state;
    static const char *texts[RUN_MAX];
    for (size_t i = 0; i < RUN_MAX; i++)
        texts[i] = CHAT_MESSAGE;
    chat(10);
    client_writes(NEXT);
    forget_sent();
    client_writes_run(RUN_MAX, texts);
    client_writes_run(10, texts);
    matched(11, 2);
    expect_event("success_matched", NULL);
    expect_run(PEER_TEXT, RUN_MAX);
    expect_run(PEER_TEXT, 10);
    assert_int_equal(sent_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_texts_of_a_run_are_one_for_the_partner),
        TEST(what_else_is_said_comes_where_it_was_written),
        TEST(the_rest_of_a_run_waits_for_the_matcher),
        TEST(the_rest_of_a_run_waits_for_a_turn),
        TEST(a_run_for_the_client_is_one_for_its_connection),
        TEST(a_run_that_comes_too_late_gives_all_its_credits_back),
        TEST(a_run_for_nobody_gives_all_its_credits_back),
        TEST(a_run_before_its_match_waits_for_it),
        TEST(a_run_whose_match_never_comes_gives_all_its_credits_back),
        TEST(no_run_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The session actor, message by message: requests that take long wait for their turn, and nothing overtakes them or is lost. */
#include "unit/actors/session_fixture.h"

static void a_long_request_waits_for_a_turn_and_what_follows_behind_it(void **state)
{
    (void)state;
    chat(10);
    client_writes_long(CHAT_FOR_JANSSON);
    client_writes(CHAT_MESSAGE);
    client_writes_long("{\"type\":\"nonsense\"}");
    client_writes("{\"type\":\"end_chat\"}");
    assert_int_equal(sent_count, 0);
    give_turn();
    assert_int_equal(expect(PEER_TEXT).more, 1);
    assert_int_equal(sent_count, 0);
    give_turn();
    expect_event("error", "unknown_type");
    expect(PEER_LEFT);
    expect(CHAT_ENDED);
    expect_event("success", NULL);
    assert_int_equal(sent_count, 0);
    assert_int_equal(turns_awaited, 0);
}

static void what_others_send_does_not_wait_for_the_turn(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    client_writes_long(CHAT_FOR_JANSSON);
    matched(10, 1);
    expect_event("success_matched", NULL);
    peer_text(10);
    expect(EVENT_TEXT);
    assert_int_equal(sent_count, 0);
    give_turn();
    expect(PEER_TEXT);
    assert_int_equal(turns_awaited, 0);
}

static void a_long_request_waits_for_the_matcher_first(void **state)
{
    (void)state;
    start_search();
    client_writes_long(CHAT_FOR_JANSSON);
    assert_int_equal(turns_awaited, 0);
    matched(10, 1);
    expect_event("success_matched", NULL);
    assert_int_equal(sent_count, 0);
    give_turn();
    expect(PEER_TEXT);
}

static void once_much_was_parsed_even_short_requests_wait(void **state)
{
    (void)state;
    chat(10);
    unsigned at_once = 0;
    while (turns_awaited == 0 && at_once < 1000) {
        client_writes("{\"type\":\"typing\",\"data\":{\"active\":true}}");
        at_once += turns_awaited == 0;
        forget_sent();
    }
    assert_in_range(at_once, 300, 500); /* 16 KiB */
    client_writes(CHAT_MESSAGE);
    assert_int_equal(sent_count, 0); /* behind it */
    give_turn();
    expect(TEXT_DONE);
    expect(PEER_TEXT);
    client_writes(CHAT_MESSAGE); /* jansson has nothing to do with it */
    expect(PEER_TEXT);
    host.parsed_bytes = 0;
    client_writes("{\"type\":\"end_chat\"}");
    expect(PEER_LEFT);
    assert_int_equal(turns_awaited, 0);
}

static void what_a_client_wrote_before_it_went_is_relayed(void **state)
{
    (void)state;
    chat(10);
    client_writes_long(CHAT_FOR_JANSSON);
    client_writes_long(CHAT_FOR_JANSSON);
    client_goes(1000);
    assert_int_equal(session.state, SESSION_CHATTING);
    give_turn();
    expect(PEER_TEXT);
    assert_int_equal(sent_count, 0);
    give_turn();
    expect(PEER_TEXT);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(expect(CONN_CLOSE).conn_close.code, 1000);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_OVER);
}

static void what_a_client_wrote_while_its_cancel_came_too_late_is_relayed(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    client_writes("{\"type\":\"end_matching\"}");
    matched(10, 1);
    client_writes(CHAT_MESSAGE);
    forget_sent();
    client_goes(0);
    expect(PEER_TEXT);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_OVER);
}

static void who_goes_while_the_matcher_is_asked_is_not_kept(void **state)
{
    (void)state;
    chat(10);
    client_writes_long(CHAT_FOR_JANSSON);
    client_writes("{\"type\":\"next\"}");
    client_writes(CHAT_MESSAGE);
    client_goes(0);
    give_turn();
    expect(PEER_TEXT);
    expect(PEER_LEFT);
    expect(CHAT_ENDED);
    expect(SEARCH_START);
    expect(TEXT_DONE);
    expect(USER_LEFT);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_OVER);
}

static void a_banned_user_s_requests_are_dropped(void **state)
{
    (void)state;
    chat(10);
    client_writes_long(CHAT_FOR_JANSSON);
    receive((struct message){ .type = USER_BANNED });
    forget_sent();
    client_goes(0);
    give_turn();
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_OVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_long_request_waits_for_a_turn_and_what_follows_behind_it),
        TEST(what_others_send_does_not_wait_for_the_turn),
        TEST(a_long_request_waits_for_the_matcher_first),
        TEST(once_much_was_parsed_even_short_requests_wait),
        TEST(what_a_client_wrote_before_it_went_is_relayed),
        TEST(what_a_client_wrote_while_its_cancel_came_too_late_is_relayed),
        TEST(who_goes_while_the_matcher_is_asked_is_not_kept),
        TEST(a_banned_user_s_requests_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

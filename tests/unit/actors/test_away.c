/* A session outlives its connection, message by message. */
#include "unit/actors/session_fixture.h"

#include "actors/away.h"

static const struct address next_connection = { .generation = 7, .slot = 3, .thread = IO_THREAD };

#define NUMBERED(n) "{\"type\":\"chat_message\",\"n\":" #n ",\"data\":{\"message\":\"x\"}}"
#define ACK(seq) "{\"type\":\"ack\",\"ack\":" #seq "}"

/* With the token that was made as number so many. */
static bool comes_back(uint8_t number, uint32_t seq, struct address from)
{
    struct resume_ask ask = { .token = { .actor = self }, .seq = seq, .is_back = true };
    memset(ask.token.secret, number, sizeof ask.token.secret);
    return session_come_back(&session, &host, from, &ask);
}

/* In a chat with the partner, which it has acknowledged: events 1 to 3. */
static void returning_chat(uint64_t match)
{
    chat(match);
    client_writes(ACK(3));
    expect(TEXT_DONE);
    assert_null(*session_reminder(&session));
}

static void goes_away(void)
{
    client_goes(0);
    assert_int_equal(expect(PEER_AWAY).peer_left.match, 10);
    assert_int_equal(sent_count, 0);
    assert_true(session_is_away(&session));
}

static void the_chat_goes_on_without_it(void **state)
{
    (void)state;
    returning_chat(10);
    goes_away();
    assert_int_equal(host.away, 1);
    assert_int_equal(the_reminder.in_ms, 30000);
    peer_texts(10, 3);
    struct message credit = expect(TEXT_DONE); /* kept is as good as written */
    assert_true(address_equals(credit.to, partner_connection));
    assert_int_equal(credit.credit.texts, 3);
    assert_int_equal(sent_count, 0);
    assert_true(comes_back(1, 3, next_connection));
    assert_true(address_equals(expect(CONN_ACCEPTED).to, next_connection));
    struct message events = expect(EVENT_TEXT);
    assert_true(address_equals(events.to, next_connection) && address_is_nobody(events.event.writer));
    assert_int_equal(message_texts(&events), 4); /* resumed, and what was kept */
    expect(PEER_BACK);
    assert_int_equal(sent_count, 0);
    assert_int_equal(host.away, 0);
    assert_null(*session_reminder(&session));
}

static void what_it_closes_by_1000_is_over(void **state)
{
    (void)state;
    returning_chat(10);
    client_goes(1000);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    expect(CONN_CLOSE);
    assert_int_equal(session.state, SESSION_OVER);
}

static void another_close_is_answered_and_it_stays(void **state)
{
    (void)state;
    returning_chat(10);
    client_goes(3001);
    assert_int_equal(expect(CONN_CLOSE).conn_close.code, 3001);
    expect(PEER_AWAY);
    assert_true(session_is_away(&session));
}

static void no_more_wait_than_may(void **state)
{
    (void)state;
    returning_chat(10);
    host.away = host.away_max;
    client_goes(0);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(session.state, SESSION_OVER);
}

static void time_is_over(void **state)
{
    (void)state;
    returning_chat(10);
    goes_away();
    host.now_ms += 29999;
    *session_reminder(&session) = NULL;
    session_on_reminder(&session, &host); /* a little early */
    assert_int_equal(the_reminder.in_ms, 1);
    host.now_ms += 1;
    session_on_reminder(&session, &host);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(session.state, SESSION_OVER);
    assert_int_equal(host.away, 0);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_AWAY), 0);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_USERS), 0);
}

static void a_search_stops_and_goes_on(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    expect_event("no_match", NULL);
    client_goes(0);
    expect(USER_LEFT);
    expect(USER_STORE);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_IDLE);
    matched(10, 1); /* it was on its way */
    expect(MATCH_REFUSED);
    assert_true(comes_back(1, 3, next_connection));
    expect(CONN_ACCEPTED);
    expect_event("resumed", NULL);
    assert_int_equal(expect(SEARCH_START).search.search, 3);
    peer_text(10); /* by who does not know yet that it is no partner */
    assert_true(expect(TEXT_DONE).credit.is_lost);
    search_answered(SEARCH_WAITING, 3);
    assert_int_equal(sent_count, 0); /* it was told before */
    matched(11, 3);
    expect_event("success_matched", NULL);
}

static void what_it_asked_before_is_dealt_with_before_it_goes(void **state)
{
    (void)state;
    start_search();
    client_writes("{\"type\":\"end_matching\"}"); /* waits for the matcher */
    client_goes(0);
    assert_int_equal(sent_count, 0);
    search_answered(SEARCH_WAITING, 1);
    expect_event("no_match", NULL); /* to a connection that is no more, but it is kept */
    expect(SEARCH_CANCEL);
    search_answered(SEARCH_CANCELLED, 1);
    expect_event("success", NULL);
    assert_true(session_is_away(&session) && session.state == SESSION_IDLE);
    assert_true(comes_back(1, 2, next_connection));
    expect(CONN_ACCEPTED);
    assert_int_equal(message_texts(&(struct message){ .more = expect(EVENT_TEXT).more }), 3);
    assert_int_equal(sent_count, 0);
}

static void a_newer_connection_takes_over(void **state)
{
    (void)state;
    returning_chat(10);
    client_writes(NUMBERED(1));
    assert_true(address_equals(expect(PEER_TEXT).peer_text.writer, self));
    assert_true(comes_back(1, 3, next_connection));
    struct message close = expect(CONN_CLOSE);
    assert_true(address_equals(close.to, connection) && close.conn_close.code == 4002);
    expect(CONN_ACCEPTED);
    expect_event("resumed", NULL);
    client_writes(NUMBERED(2)); /* the old one's last words, */
    client_goes(0);             /* and its end */
    assert_int_equal(sent_count, 0);
    assert_false(session_is_away(&session));
    /* What the old one has paid for is not for the new one; and it is acknowledged all the same. */
    receive((struct message){ .type = TEXT_WRITTEN, .credit = { .texts = 1, .is_receipt = true } });
    expect_event("ack", NULL);
    assert_int_equal(sent_count, 0);
}

static void an_end_matching_that_is_open_is_answered_to_the_new_connection(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    client_writes("{\"type\":\"end_matching\"}");
    forget_sent();
    assert_true(comes_back(1, 3, next_connection));
    expect(CONN_CLOSE);
    expect(CONN_ACCEPTED);
    expect_event("resumed", NULL);
    expect(USER_LEFT);
    expect(USER_STORE);
    struct message answer = expect(EVENT_TEXT);
    assert_true(address_is_nobody(answer.event.writer)); /* it has not paid for it */
    search_answered(SEARCH_CANCELLED, 1);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_IDLE);
}

static void a_wrong_token_changes_nothing(void **state)
{
    (void)state;
    returning_chat(10);
    assert_false(comes_back(2, 3, next_connection));
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_CHATTING);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_RESUMES_REFUSED_TOTAL), 1);
}

static void a_gap_ends_the_chat(void **state)
{
    (void)state;
    returning_chat(10);
    assert_false(comes_back(1, 2, next_connection)); /* event 3 was acknowledged, and is gone */
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(expect(CONN_CLOSE).conn_close.code, 4002);
    assert_int_equal(session.state, SESSION_CLOSING);
    client_goes(0);
    assert_int_equal(session.state, SESSION_OVER);
}

static void too_much_ends_it(void **state)
{
    (void)state;
    returning_chat(10);
    goes_away();
    peer_texts(10, 64);
    expect(TEXT_DONE);
    assert_int_equal(session.state, SESSION_CHATTING);
    peer_text(10);
    expect(TEXT_DONE);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(session.state, SESSION_OVER);
}

static void a_text_is_acknowledged_when_it_is_written_and_relayed_once(void **state)
{
    (void)state;
    returning_chat(10);
    const char *const run[] = { NUMBERED(1), NUMBERED(2), NUMBERED(2), NUMBERED(3) };
    client_writes_run(4, run);
    expect(TEXT_DONE); /* the one that was said twice */
    assert_int_equal(message_texts(&(struct message){ .more = expect(PEER_TEXT).more }), 3);
    receive((struct message){ .type = TEXT_WRITTEN, .credit = { .texts = 3, .is_receipt = true } });
    assert_int_equal(expect(TEXT_DONE).credit.texts, 3);
    expect_event("ack", NULL);
    client_writes(NUMBERED(3));
    expect(TEXT_DONE);
    expect_event("ack", NULL);
    assert_int_equal(sent_count, 0);
}

static void what_was_not_acknowledged_in_its_chat_is_refused_in_the_next(void **state)
{
    (void)state;
    returning_chat(10);
    client_writes(NUMBERED(1));
    expect(PEER_TEXT);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10 } });
    expect_event("partner_left_chat", NULL);
    receive((struct message){ .type = TEXT_DONE, .credit = { .texts = 1, .is_lost = true } });
    expect(TEXT_DONE);
    client_writes(NUMBERED(1));
    expect_event("error", "not_in_chat");
    assert_int_equal(sent_count, 0);
}

static void who_does_not_show_up_is_left(void **state)
{
    (void)state;
    chat(10);
    assert_int_equal(the_reminder.in_ms, 5000);
    host.now_ms += 5000;
    session_on_reminder(&session, &host);
    assert_true(expect(PEER_LEFT).peer_left.is_no_show);
    expect(CHAT_ENDED);
    expect_event("partner_left_chat", NULL);
    assert_int_equal(session.state, SESSION_IDLE);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_NO_SHOWS_TOTAL), 1);
}

static void who_was_left_alone_searches_on(void **state)
{
    (void)state;
    returning_chat(10);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10, .is_no_show = true } });
    expect_event("partner_left_chat", NULL);
    assert_int_equal(expect(SEARCH_START).search.search, 2);
    matched(11, 2);
    expect_event("success_matched", NULL);
    client_writes(NUMBERED(1)); /* for whom? */
    expect_event("error", "not_in_chat");
    client_writes("{\"type\":\"block\"}");
    expect_event("error", "not_in_chat");
    client_writes("{\"type\":\"chat_message\",\"n\":1,\"ack\":5,\"data\":{\"message\":\"x\"}}");
    expect(PEER_TEXT);
    assert_int_equal(sent_count, 0);
}

static void who_has_not_shown_up_itself_does_not(void **state)
{
    (void)state;
    chat(10);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10, .is_no_show = true } });
    expect_event("partner_left_chat", NULL);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_IDLE);
}

static void partners_are_told_of(void **state)
{
    (void)state;
    returning_chat(10);
    receive((struct message){ .type = PEER_AWAY, .from = partner, .peer_left = { .match = 9 } }); /* of an earlier chat */
    assert_int_equal(sent_count, 0);
    receive((struct message){ .type = PEER_AWAY, .from = partner, .peer_left = { .match = 10 } });
    expect_event("partner_away", NULL);
    receive((struct message){ .type = PEER_BACK, .from = partner, .peer_left = { .match = 10 } });
    expect_event("partner_back", NULL);
}

static void who_did_not_ask_is_told_nothing(void **state)
{
    (void)state;
    chat(10);
    receive((struct message){ .type = PEER_AWAY, .from = partner, .peer_left = { .match = 10 } });
    assert_int_equal(sent_count, 0);
    client_writes(NUMBERED(1));
    assert_true(address_equals(expect(PEER_TEXT).peer_text.writer, connection)); /* which has the credits back itself */
    client_goes(0);
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(session.state, SESSION_OVER);
}

/* The matcher has not answered, so what was asked before is still to be dealt with when the connection has gone: its end does not come again. */
static void who_is_gone_already_is_over_when_it_has_missed_too_much(void **state)
{
    (void)state;
    start_search();
    client_goes(0);
    assert_false(session_is_away(&session));
    assert_false(comes_back(1, 4000000, next_connection));
    assert_int_equal(session.state, SESSION_OVER);
    forget_sent();
}

static void who_is_gone_already_is_over_when_it_is_banned(void **state)
{
    (void)state;
    start_search();
    client_goes(0);
    receive((struct message){ .type = USER_BANNED });
    assert_int_equal(session.state, SESSION_OVER);
    forget_sent();
}

static void a_search_that_the_last_call_has_ended_does_not_go_on(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    session_on_farewell(&session, &host, FAREWELL_LAST_CALL);
    host.is_last_call = true;
    client_goes(0);
    assert_true(session_is_away(&session));
    assert_true(comes_back(1, 1, next_connection));
    assert_int_equal(session.state, SESSION_CLOSING);
    forget_sent();
}

static void a_search_that_the_last_call_has_ended_is_not_restated(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    assert_int_equal(restate_calls(&session, &host), 2);
    session_on_farewell(&session, &host, FAREWELL_LAST_CALL);
    search_answered(SEARCH_CANCELLED, 1);
    assert_int_equal(restate_calls(&session, &host), 1);
    forget_sent();
}

#define RETURNING(name) cmocka_unit_test_setup_teardown(name, set_up_returning, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RETURNING(the_chat_goes_on_without_it),
        RETURNING(what_it_closes_by_1000_is_over),
        RETURNING(another_close_is_answered_and_it_stays),
        RETURNING(no_more_wait_than_may),
        RETURNING(time_is_over),
        RETURNING(a_search_stops_and_goes_on),
        RETURNING(what_it_asked_before_is_dealt_with_before_it_goes),
        RETURNING(a_newer_connection_takes_over),
        RETURNING(an_end_matching_that_is_open_is_answered_to_the_new_connection),
        RETURNING(a_wrong_token_changes_nothing),
        RETURNING(a_gap_ends_the_chat),
        RETURNING(too_much_ends_it),
        RETURNING(a_text_is_acknowledged_when_it_is_written_and_relayed_once),
        RETURNING(what_was_not_acknowledged_in_its_chat_is_refused_in_the_next),
        RETURNING(who_does_not_show_up_is_left),
        RETURNING(who_was_left_alone_searches_on),
        RETURNING(who_has_not_shown_up_itself_does_not),
        RETURNING(partners_are_told_of),
        RETURNING(who_is_gone_already_is_over_when_it_has_missed_too_much),
        RETURNING(who_is_gone_already_is_over_when_it_is_banned),
        RETURNING(a_search_that_the_last_call_has_ended_does_not_go_on),
        RETURNING(a_search_that_the_last_call_has_ended_is_not_restated),
        TEST(who_did_not_ask_is_told_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

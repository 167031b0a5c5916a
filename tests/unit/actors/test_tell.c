/* What a session actor says: to whom, and what is counted with it. */
#include "unit/actors/session_fixture.h"

#include "actors/tell.h"

static struct payload *event(void)
{
    return payload_copy("{}", 2);
}

static void the_gauges_follow_the_state(void **state)
{
    (void)state;
    tell_set_state(&session, &host, SESSION_SEARCHING);
    tell_set_state(&session, &host, SESSION_SEARCHING); /* counts once */
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_SEARCHING), 1);
    tell_set_state(&session, &host, SESSION_CHATTING);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_SEARCHING), 0);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_CHATTING), 1);
    tell_set_state(&session, &host, SESSION_IDLE);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_CHATTING), 0);
    assert_int_equal(sent_count, 0);
}

static void the_end_of_a_chat_is_remembered(void **state)
{
    (void)state;
    tell_set_state(&session, &host, SESSION_CHATTING);
    host.now_ms = 4321;
    tell_set_state(&session, &host, SESSION_IDLE);
    host.now_ms = 9999;
    tell_set_state(&session, &host, SESSION_SEARCHING);
    assert_int_equal(session.parted_ms, 4321);
}

static void the_end_of_a_search_forgets_its_reminder(void **state)
{
    (void)state;
    tell_set_state(&session, &host, SESSION_SEARCHING);
    host.remind(host.self, &session.reminder, self, 700);
    tell_set_state(&session, &host, SESSION_SEARCHING);
    assert_non_null(session.reminder);
    tell_set_state(&session, &host, SESSION_IDLE);
    assert_null(session.reminder);
}

static void everything_comes_from_the_actor(void **state)
{
    (void)state;
    tell_news(&session, &host, event());
    tell_matcher(&session, &host, USER_LEFT, 0, NULL);
    tell_partner_left(&session, &host);
    assert_true(address_equals(expect(EVENT_TEXT).from, self));
    assert_true(address_equals(expect(USER_LEFT).from, self));
    assert_true(address_equals(expect(PEER_LEFT).from, self));
}

static void an_event_names_whose_text_it_answers(void **state)
{
    (void)state;
    tell_news(&session, &host, event());
    assert_true(address_is_nobody(expect(EVENT_TEXT).event.writer));
    tell_answer(&session, &host, event());
    assert_true(address_equals(expect(EVENT_TEXT).event.writer, connection));
    tell_relayed(&session, &host, &(struct message){ .payload = event(), .peer_text = { .writer = partner_connection } });
    struct message relayed = expect(EVENT_TEXT);
    assert_true(address_equals(relayed.event.writer, partner_connection));
    assert_true(address_equals(relayed.to, connection));
}

static void an_error_is_an_answer_and_is_counted(void **state)
{
    (void)state;
    tell_error(&session, &host, ERROR_NOT_IN_CHAT, "typing");
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_REQUEST_ERRORS_TOTAL_NOT_IN_CHAT), 1);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_REQUEST_ERRORS_TOTAL_INVALID_JSON), 0);
    expect_event("error", "not_in_chat");
}

static void a_credit_goes_to_its_writer_if_there_is_one(void **state)
{
    (void)state;
    tell_credit(&host, self, partner_connection, 3);
    struct message done = expect(TEXT_DONE);
    assert_true(address_equals(done.to, partner_connection));
    assert_int_equal(done.credit.texts, 3);
    tell_credit(&host, self, (struct address){ 0 }, 3);
    assert_int_equal(sent_count, 0);
}

static void the_matcher_hears_who_seeks_and_how(void **state)
{
    (void)state;
    session.interests = payload_copy("go", 3);
    session.search = 8;
    session.match = 5;
    session.accepts_anyone = true;
    tell_search(&session, &host, false);
    struct message start = expect(SEARCH_START);
    assert_int_equal(start.to.thread, MATCHER_THREAD);
    assert_memory_equal(start.search.id, session.user_id, USER_ID_BYTES);
    assert_int_equal(start.search.search, 8);
    assert_int_equal(start.search.ended_match, 5);
    assert_true(start.search.accepts_anyone && !start.search.is_known);
    tell_cancel(&session, &host);
    assert_int_equal(expect(SEARCH_CANCEL).search.search, 8);
}

static void interests_name_the_chat_that_is_on_and_no_other(void **state)
{
    (void)state;
    session.interests = payload_copy("go", 3);
    session.match = 5;
    tell_interests(&session, &host);
    assert_int_equal(expect(USER_STORE).user.match, 0);
    tell_set_state(&session, &host, SESSION_CHATTING);
    tell_interests(&session, &host);
    assert_int_equal(expect(USER_STORE).user.match, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_gauges_follow_the_state),
        TEST(the_end_of_a_chat_is_remembered),
        TEST(the_end_of_a_search_forgets_its_reminder),
        TEST(everything_comes_from_the_actor),
        TEST(an_event_names_whose_text_it_answers),
        TEST(an_error_is_an_answer_and_is_counted),
        TEST(a_credit_goes_to_its_writer_if_there_is_one),
        TEST(the_matcher_hears_who_seeks_and_how),
        TEST(interests_name_the_chat_that_is_on_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

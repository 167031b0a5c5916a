/* The session actor, message by message: its states, above all where messages cross, as only an unlucky moment brings about. */
#include "unit/actors/session_fixture.h"

#include "actors/again.h"

static void requests_wait_until_the_search_has_begun(void **state)
{
    (void)state;
    start_search();
    client_writes("{\"type\":\"end_chat\"}");
    assert_int_equal(sent_count, 0);
    search_answered(SEARCH_WAITING, 1);
    expect_event("no_match", NULL);
    expect_event("error", "not_in_chat");
    assert_int_equal(sent_count, 0);
}

static void a_cancel_that_comes_too_late_is_told_so(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    expect_event("no_match", NULL);
    client_writes("{\"type\":\"end_matching\"}");
    expect(SEARCH_CANCEL);
    client_writes("{\"type\":\"chat_message\",\"data\":{\"message\":\"x\"}}");
    matched(10, 1);
    expect_event("success_matched", NULL);
    assert_int_equal(sent_count, 0); /* the message waits for the cancel's answer */
    search_answered(SEARCH_TOO_LATE, 1);
    expect_event("error", "already_chatting");
    expect(PEER_TEXT);
    assert_int_equal(sent_count, 0);
}

static void a_match_that_ends_before_the_cancel_is_answered(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    client_writes("{\"type\":\"end_matching\"}");
    matched(10, 1);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10 } });
    forget_sent();
    search_answered(SEARCH_TOO_LATE, 1);
    expect_event("success", NULL);
    assert_int_equal(session.state, SESSION_IDLE);
}

static void a_partner_who_heard_first_is_heard_in_order(void **state)
{
    (void)state;
    start_search();
    peer_text(10);
    peer_text(10);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10 } });
    assert_int_equal(sent_count, 0);
    matched(10, 1);
    expect_event("success_matched", NULL);
    for (int i = 0; i < 2; i++) {
        struct message text = expect(EVENT_TEXT);
        assert_true(address_equals(text.event.writer, partner_connection));
    }
    expect_event("partner_left_chat", NULL);
    assert_int_equal(session.state, SESSION_IDLE);
}

static void what_belongs_to_another_chat_is_dropped_and_its_credit_returned(void **state)
{
    (void)state;
    chat(10);
    peer_text(9);
    struct message done = expect(TEXT_DONE);
    assert_true(address_equals(done.to, partner_connection));
    assert_int_equal(done.credit.texts, 1);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 9 } });
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_CHATTING);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_PEER_STALE_TOTAL), 1);
}

static void a_match_for_an_earlier_search_is_refused(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_BUSY, 1);
    expect_event("error", "server_busy");
    matched(10, 1);
    struct message refused = expect(MATCH_REFUSED);
    assert_int_equal(refused.match_refused.match, 10);
    assert_int_equal(refused.match_refused.partner_id[0], 9);
    assert_int_equal(session.state, SESSION_IDLE);
}

static void what_came_early_is_credited_when_the_search_is_given_up(void **state)
{
    (void)state;
    start_search();
    peer_text(1);
    assert_int_equal(sent_count, 0);
    search_answered(SEARCH_BUSY, 1);
    struct message done = expect(TEXT_DONE);
    assert_true(address_equals(done.to, partner_connection));
    expect_event("error", "server_busy");
}

static void a_message_for_who_is_gone_is_answered(void **state)
{
    (void)state;
    struct message text = { .type = PEER_TEXT,
                            .to = self,
                            .payload = payload_copy("x", 1),
                            .peer_text = { .match = 3, .writer = partner_connection } };
    session_on_undeliverable(&host, &text);
    expect(TEXT_DONE);
    struct message found = { .type = MATCH_FOUND, .to = self, .payload = payload_new(USER_ID_BYTES) };
    memset(found.payload->bytes, 0, USER_ID_BYTES);
    found.payload->length = USER_ID_BYTES;
    session_on_undeliverable(&host, &found);
    expect(MATCH_REFUSED);
    struct message left = { .type = PEER_LEFT, .to = self };
    session_on_undeliverable(&host, &left);
    assert_int_equal(sent_count, 0);
}

static void the_end_of_a_connection_ends_everything(void **state)
{
    (void)state;
    chat(10);
    receive((struct message){ .type = CONN_GONE, .from = connection });
    struct message left = expect(PEER_LEFT);
    assert_true(address_equals(left.to, partner));
    expect(USER_LEFT);
    assert_int_equal(sent_count, 0);
    assert_int_equal(session.state, SESSION_OVER);
    for (enum metric gauge = METRIC_USERS; gauge <= METRIC_CHATTING; gauge++)
        assert_int_equal(metrics_sum(&metrics, 1, gauge), 0);
}

static void who_never_said_anything_leaves_nothing(void **state)
{
    (void)state;
    receive((struct message){ .type = CONN_GONE, .from = connection });
    assert_int_equal(sent_count, 0);
}

static void an_unavailable_store_is_told_once_and_the_search_kept(void **state)
{
    (void)state;
    start_search();
    search_answered(SEARCH_UNAVAILABLE, 1);
    expect_event("error", "matching_unavailable");
    restate(&session, &host);
    expect(USER_STORE);
    struct message again = expect(SEARCH_START);
    assert_true(again.search.is_known);
    search_answered(SEARCH_UNAVAILABLE, 1);
    assert_int_equal(sent_count, 0);
    search_answered(SEARCH_WAITING, 1);
    expect_event("no_match", NULL);
    search_answered(SEARCH_WAITING, 1);
    assert_int_equal(sent_count, 0);
}

static void a_search_that_was_sent_since_the_resync_is_not_sent_again(void **state)
{
    (void)state;
    host.epoch = 7;
    start_search();
    assert_int_equal(restate_calls(&session, &host), 1);
    restate(&session, &host);
    assert_true(expect(USER_STORE).user.is_restating);
    assert_int_equal(sent_count, 0);
    host.epoch = 8; /* what came before is void */
    assert_int_equal(restate_calls(&session, &host), 2);
    restate(&session, &host);
    expect(USER_STORE);
    assert_true(expect(SEARCH_START).search.is_restating);
    client_writes("{\"type\":\"end_chat\"}"); /* nothing else is marked */
    search_answered(SEARCH_UNAVAILABLE, 1);
    forget_sent();
    client_writes("{\"type\":\"end_matching\"}");
    assert_false(expect(SEARCH_CANCEL).search.is_restating);
    assert_int_equal(restate_calls(&session, &host), 1);
}

static void a_restored_chat_is_taken_back_by_both(void **state)
{
    (void)state;
    chat(10);
    restate(&session, &host);
    expect(CHAT_STORE);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10 } });
    expect_event("partner_left_chat", NULL);
    expect(CHAT_ENDED);
}

static void a_wish_for_anyone_is_reminded_of_and_forgotten(void **state)
{
    (void)state;
    client_writes("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    forget_sent();
    client_writes("{\"type\":\"start_matching\",\"data\":{\"fallback_after_ms\":700}}");
    assert_false(expect(SEARCH_START).search.accepts_anyone);
    assert_non_null(session.reminder);
    assert_int_equal(the_reminder.in_ms, 700);
    forget_sent();
    again_on_reminder(&session, &host); /* the search may yet be refused, and must not be asked for twice */
    assert_int_equal(sent_count, 0);
    assert_int_equal(the_reminder.in_ms, 100);
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    again_on_reminder(&session, &host);
    struct message again = expect(SEARCH_START);
    assert_true(again.search.accepts_anyone && again.search.is_known);
    matched(10, 1);
    assert_null(session.reminder);
    forget_sent();
    again_on_reminder(&session, &host); /* too late */
    assert_int_equal(sent_count, 0);
}

/* What another node says of it may be lost. */
static void where_there_are_peers_a_search_is_said_again(void **state)
{
    (void)state;
    host.has_peers = true;
    start_search();
    assert_in_range(the_reminder.in_ms, 8000, 12000);
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    for (unsigned i = 0; i < 3; i++) {
        host.now_ms += the_reminder.in_ms;
        the_reminder.in_ms = 0;
        again_on_reminder(&session, &host);
        struct message again = expect(SEARCH_START);
        assert_true(again.search.is_known && !again.search.accepts_anyone && again.search.search == 1);
        assert_in_range(the_reminder.in_ms, 8000, 12000);
        assert_int_equal(sent_count, 0);
        search_answered(SEARCH_WAITING, 1);
        assert_int_equal(sent_count, 0); /* the client has been told */
    }
    matched(10, 1);
    assert_null(session.reminder);
}

/* Who waits on a node that was not heard before could not be met. */
static void a_search_is_said_again_when_there_is_a_new_peer(void **state)
{
    (void)state;
    host.has_peers = true;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    again_on_new_peer(&session, &host, 0);
    assert_int_equal(the_reminder.in_ms, 100);
    again_on_new_peer(&session, &host, 900); /* 900 others come first */
    assert_int_equal(the_reminder.in_ms, 1000);
    the_reminder.in_ms = 8000;
    again_on_new_peer(&session, &host, 20000); /* it is said again before that */
    assert_int_equal(the_reminder.in_ms, 8000);
    forget_sent();
    again_on_reminder(&session, &host);
    assert_true(expect(SEARCH_START).search.is_known);
    assert_in_range(the_reminder.in_ms, 8000, 12000);
}

static void who_soon_meets_anyone_is_not_put_off_by_a_new_peer(void **state)
{
    (void)state;
    host.has_peers = true;
    client_writes("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    client_writes("{\"type\":\"start_matching\",\"data\":{\"fallback_after_ms\":700}}");
    search_answered(SEARCH_WAITING, 1);
    assert_int_equal(the_reminder.in_ms, 700);
    again_on_new_peer(&session, &host, 800);
    assert_int_equal(the_reminder.in_ms, 700);
    again_on_new_peer(&session, &host, 0);
    assert_int_equal(the_reminder.in_ms, 100);
    host.now_ms += 100;
    again_on_reminder(&session, &host);
    assert_int_equal(the_reminder.in_ms, 600);
}

static void it_is_said_again_until_anyone_will_do_and_after(void **state)
{
    (void)state;
    host.has_peers = true;
    client_writes("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    client_writes("{\"type\":\"start_matching\",\"data\":{\"fallback_after_ms\":15000}}");
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    const uint32_t first_ms = the_reminder.in_ms;
    host.now_ms += first_ms;
    again_on_reminder(&session, &host);
    assert_false(expect(SEARCH_START).search.accepts_anyone);
    assert_int_equal(the_reminder.in_ms, 15000 - first_ms);
    host.now_ms += the_reminder.in_ms;
    again_on_reminder(&session, &host);
    assert_true(expect(SEARCH_START).search.accepts_anyone);
    assert_in_range(the_reminder.in_ms, 8000, 12000);
}

static void a_match_of_another_node_that_is_on_its_way_is_waited_for(void **state)
{
    (void)state;
    host.has_peers = true;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    search_answered(SEARCH_TOO_LATE, 1);
    assert_int_equal(sent_count, 0);
    assert_int_equal(the_reminder.in_ms, 1000);
    matched(10, 1);
    expect_event("success_matched", NULL);
    assert_int_equal(sent_count, 0);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_SEARCHES_REPAIRED_TOTAL), 0);
}

static void and_if_it_is_lost_the_store_is_mended(void **state)
{
    (void)state;
    host.has_peers = true;
    start_search();
    forget_sent();
    search_answered(SEARCH_TOO_LATE, 1); /* the first answer of this search */
    search_answered(SEARCH_TOO_LATE, 1);
    assert_int_equal(sent_count, 0);
    again_on_reminder(&session, &host);
    expect(USER_LEFT);
    expect(USER_STORE);
    assert_int_equal(expect(SEARCH_START).search.search, 1);
    assert_in_range(the_reminder.in_ms, 8000, 12000);
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    again_on_reminder(&session, &host);
    expect(SEARCH_START); /* and no more */
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_SEARCHES_REPAIRED_TOTAL), 1);
}

/* Of a match that the actor has not heard of and never will; and what is of a later one stays. */
static void a_partner_elsewhere_who_left_before_the_match_was_heard_of(void **state)
{
    (void)state;
    struct address elsewhere = partner;
    elsewhere.node = 5;
    host.has_peers = true;
    start_search();
    search_answered(SEARCH_WAITING, 1);
    receive((struct message){ .type = PEER_TEXT, .from = elsewhere, .payload = payload_copy("{}", 2), .peer_text = { .match = 10, .number = 1 } });
    peer_text(12);
    forget_sent();
    receive((struct message){ .type = PEER_LEFT, .from = elsewhere, .peer_left = { .match = 10, .number = 1 } });
    assert_int_equal(expect(SEARCH_START).search.ended_match, 10);
    assert_true(address_equals(expect(PEER_LEFT_HEARD).to, elsewhere));
    struct peer peer = { .id = { 9 } };
    receive((struct message){ .type = MATCH_FOUND,
                              .from = elsewhere,
                              .payload = payload_copy(&peer, sizeof peer),
                              .match_found = { .match = 10, .partner = elsewhere, .search = 1 } });
    assert_int_equal(expect(MATCH_REFUSED).match_refused.match, 10);
    receive((struct message){ .type = MATCH_FOUND,
                              .from = elsewhere,
                              .payload = payload_copy(&peer, sizeof peer),
                              .match_found = { .match = 10, .partner = elsewhere, .search = 2 } });
    assert_int_equal(expect(MATCH_REFUSED).match_refused.match, 10); /* its number was had */
    assert_int_equal(sent_count, 0);
    matched(12, 2);
    expect_event("success_matched", NULL);
    expect(EVENT_TEXT);
    assert_int_equal(sent_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_wait_until_the_search_has_begun),
        TEST(a_cancel_that_comes_too_late_is_told_so),
        TEST(a_match_that_ends_before_the_cancel_is_answered),
        TEST(a_partner_who_heard_first_is_heard_in_order),
        TEST(what_belongs_to_another_chat_is_dropped_and_its_credit_returned),
        TEST(a_match_for_an_earlier_search_is_refused),
        TEST(what_came_early_is_credited_when_the_search_is_given_up),
        TEST(a_message_for_who_is_gone_is_answered),
        TEST(the_end_of_a_connection_ends_everything),
        TEST(who_never_said_anything_leaves_nothing),
        TEST(an_unavailable_store_is_told_once_and_the_search_kept),
        TEST(a_search_that_was_sent_since_the_resync_is_not_sent_again),
        TEST(a_restored_chat_is_taken_back_by_both),
        TEST(a_wish_for_anyone_is_reminded_of_and_forgotten),
        TEST(where_there_are_peers_a_search_is_said_again),
        TEST(a_search_is_said_again_when_there_is_a_new_peer),
        TEST(who_soon_meets_anyone_is_not_put_off_by_a_new_peer),
        TEST(it_is_said_again_until_anyone_will_do_and_after),
        TEST(a_match_of_another_node_that_is_on_its_way_is_waited_for),
        TEST(a_partner_elsewhere_who_left_before_the_match_was_heard_of),
        TEST(and_if_it_is_lost_the_store_is_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

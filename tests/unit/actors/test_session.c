/* The session actor, message by message: the turns that only an unlucky moment brings about. */
#include "unit/unit.h"

#include <jansson.h>

#include "actors/session.h"

enum { IO_THREAD = 1, SESSION_THREAD = 2, MATCHER_THREAD = 3, SENT_MAX = 64 };

static const struct address self = { .generation = 1, .slot = 5, .thread = SESSION_THREAD };
static const struct address connection = { .generation = 1, .slot = 9, .thread = IO_THREAD };
static const struct address partner = { .generation = 4, .slot = 6, .thread = SESSION_THREAD };
static const struct address partner_connection = { .generation = 2, .slot = 8, .thread = IO_THREAD };

static struct message sent[SENT_MAX];
static size_t sent_count;
static struct metrics metrics;
static struct session_host host;
static struct session session;

static void keep(void *owner, const struct message *message)
{
    (void)owner;
    assert_true(sent_count < SENT_MAX);
    sent[sent_count++] = *message;
}

/* Reminders: the actor's in_ms, in the place of a struct reminder. */
static struct reminder {
    uint32_t in_ms;
} the_reminder;

static void remind(void *owner, struct reminder **reminder, struct address actor, uint32_t in_ms)
{
    (void)owner;
    assert_true(address_equals(actor, self));
    the_reminder.in_ms = in_ms;
    *reminder = &the_reminder;
}

static void forget(void *owner, struct reminder **reminder)
{
    (void)owner;
    *reminder = NULL;
}

static unsigned turns_awaited;

static void await_turn(void *owner, struct address actor)
{
    (void)owner;
    assert_true(address_equals(actor, self));
    turns_awaited++;
}

static void give_turn(void)
{
    assert_int_equal(turns_awaited, 1);
    turns_awaited = 0;
    session_on_turn(&session, &host);
}

static void forget_sent(void)
{
    for (size_t i = 0; i < sent_count; i++)
        message_discard(&sent[i]);
    sent_count = 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&metrics, 0, sizeof metrics);
    host = (struct session_host){ .send = keep,
                                  .metrics = &metrics,
                                  .matcher_thread = MATCHER_THREAD,
                                  .now_ms = 1000,
                                  .event_bytes_max = 131072,
                                  .remind = remind,
                                  .forget = forget,
                                  .await_turn = await_turn };
    turns_awaited = 0;
    event_time_set(&host.time, 0);
    const uint8_t id[USER_ID_BYTES] = { 7 };
    session_init(&session, &host, self, connection, &(struct identity){ 0 }, id);
    assert_int_equal(sent[0].type, CONN_ACCEPTED);
    assert_int_equal(sent[1].type, EVENT_TEXT);
    forget_sent();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    forget_sent();
    session_fini(&session, &host);
    return 0;
}

static void receive(struct message message)
{
    message.to = self;
    session_on_message(&session, &host, &message);
}

static void client_writes(const char *json)
{
    receive((struct message){ .type = CLIENT_TEXT, .from = connection, .payload = payload_copy(json, strlen(json)) });
}

/* The same, but with so much white space that it takes long. */
static void client_writes_long(const char *json)
{
    char spaces[2100];
    memset(spaces, ' ', sizeof spaces);
    struct payload *text = payload_copy(json, strlen(json));
    payload_append(&text, spaces, sizeof spaces);
    receive((struct message){ .type = CLIENT_TEXT, .from = connection, .payload = text });
}

static void client_goes(uint16_t code)
{
    receive((struct message){ .type = CONN_GONE, .from = connection, .conn_close = { .code = code } });
}

static void matched(uint64_t match, uint32_t search)
{
    uint8_t payload[sizeof(struct peer) + 3] = { 9 };
    memcpy(payload + sizeof(struct peer), "go", 3);
    receive((struct message){ .type = MATCH_FOUND,
                              .payload = payload_copy(payload, sizeof payload),
                              .match_found = { .match = match, .partner = partner, .search = search } });
}

static void peer_text(uint64_t match)
{
    receive((struct message){ .type = PEER_TEXT,
                              .from = partner,
                              .payload = payload_copy("{}", 2),
                              .peer_text = { .match = match, .writer = partner_connection } });
}

static void search_answered(enum message_type type, uint32_t search)
{
    receive((struct message){ .type = (uint16_t)type, .search_reply = { .search = search } });
}

/* The next message sent has this type; it is taken off the list. */
static struct message expect(enum message_type type)
{
    assert_true(sent_count > 0);
    struct message first = sent[0];
    assert_string_equal(message_name(first.type), message_name(type));
    message_discard(&sent[0]);
    memmove(sent, sent + 1, --sent_count * sizeof sent[0]);
    return first;
}

static void expect_event(const char *type, const char *code)
{
    assert_true(sent_count > 0 && sent[0].type == EVENT_TEXT);
    json_t *root = json_loadb((const char *)sent[0].payload->bytes, sent[0].payload->length, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "type")), type);
    if (code != NULL)
        assert_string_equal(json_string_value(json_object_get(json_object_get(root, "data"), "code")), code);
    json_decref(root);
    expect(EVENT_TEXT);
}

static void start_search(void)
{
    client_writes("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    expect(USER_STORE);
    expect_event("success", NULL);
    client_writes("{\"type\":\"start_matching\"}");
    expect(SEARCH_START);
    expect(TEXT_DONE);
}

static void chat(uint64_t match)
{
    start_search();
    matched(match, 1);
    expect_event("success_matched", NULL);
    assert_int_equal(session.state, SESSION_CHATTING);
}

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
    session_restate(&session, &host);
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

static void a_restored_chat_is_taken_back_by_both(void **state)
{
    (void)state;
    chat(10);
    session_restate(&session, &host);
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
    forget_sent();
    search_answered(SEARCH_WAITING, 1);
    forget_sent();
    assert_non_null(session.reminder);
    assert_int_equal(the_reminder.in_ms, 700);
    session_on_reminder(&session, &host);
    struct message again = expect(SEARCH_START);
    assert_true(again.search.accepts_anyone && again.search.is_known);
    matched(10, 1);
    assert_null(session.reminder);
    forget_sent();
    session_on_reminder(&session, &host); /* too late */
    assert_int_equal(sent_count, 0);
}

static void a_match_with_somebody_just_blocked_is_undone(void **state)
{
    (void)state;
    chat(10);
    client_writes("{\"type\":\"end_chat\"}");
    client_writes("{\"type\":\"start_matching\"}");
    search_answered(SEARCH_WAITING, 2);
    forget_sent();
    client_writes("{\"type\":\"block\"}");
    struct message blocked = expect(USER_BLOCKED);
    assert_int_equal(blocked.to.thread, MATCHER_THREAD);
    expect_event("success", NULL);
    matched(11, 2); /* the store had not heard of it */
    assert_int_equal(expect(MATCH_REFUSED).match_refused.match, 11);
    struct message again = expect(SEARCH_START);
    assert_int_equal(again.search.ended_match, 11);
    assert_int_equal(sent_count, 0); /* the client is told nothing */
    peer_text(11);
    expect(TEXT_DONE);
    assert_int_equal(session.state, SESSION_SEARCHING);
}

static void the_store_is_told_of_blocks_before_the_chat_ends(void **state)
{
    (void)state;
    chat(10);
    client_writes("{\"type\":\"block\"}");
    expect(USER_BLOCKED);
    expect(PEER_LEFT);
    expect(CHAT_ENDED);
    expect_event("success", NULL);
    session_restate(&session, &host);
    expect(USER_STORE);
    expect(USER_BLOCKED);
    assert_int_equal(sent_count, 0);
}

static void the_last_partner_can_be_blocked_for_five_minutes(void **state)
{
    (void)state;
    chat(10);
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = 10 } });
    forget_sent();
    host.now_ms += 5 * 60 * 1000 + 1;
    client_writes("{\"type\":\"block\"}");
    expect_event("error", "not_in_chat");
    host.now_ms -= 1;
    client_writes("{\"type\":\"block\"}");
    expect(USER_BLOCKED);
    expect_event("success", NULL);
}

static void a_banned_user_leaves_everything(void **state)
{
    (void)state;
    chat(10);
    receive((struct message){ .type = USER_BANNED });
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(expect(CONN_CLOSE).conn_close.code, 4003);
    receive((struct message){ .type = USER_BANNED });
    client_writes("{\"type\":\"end_chat\"}");
    assert_int_equal(sent_count, 0);
}

#define CHAT_MESSAGE "{\"type\":\"chat_message\",\"data\":{\"message\":\"x\"}}"

static void a_long_request_waits_for_a_turn_and_what_follows_behind_it(void **state)
{
    (void)state;
    chat(10);
    client_writes_long(CHAT_MESSAGE);
    client_writes(CHAT_MESSAGE);
    client_writes_long("{\"type\":\"nonsense\"}");
    client_writes("{\"type\":\"end_chat\"}");
    assert_int_equal(sent_count, 0);
    give_turn();
    expect(PEER_TEXT);
    expect(PEER_TEXT);
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
    client_writes_long(CHAT_MESSAGE);
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
    client_writes_long(CHAT_MESSAGE);
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

static void what_is_malformed_counts_as_a_message(void **state)
{
    (void)state;
    host.rate_chat = 2;
    chat(10);
    for (unsigned i = 0; i < 6; i++) {
        client_writes(i % 2 ? "{\"type\":\"nonsense\"}" : "{");
        expect_event("error", i % 2 ? "unknown_type" : "invalid_json");
    }
    client_writes("{");
    expect_event("error", "rate_limited");
    client_writes(CHAT_MESSAGE);
    expect_event("error", "rate_limited");
}

static void what_leads_to_nothing_counts_as_a_message(void **state)
{
    (void)state;
    host.rate_chat = 2;
    client_writes("{\"type\":\"end_matching\"}");
    expect_event("success", NULL);
    client_writes("{\"type\":\"typing\",\"data\":{\"active\":true}}");
    expect_event("error", "not_in_chat");
    chat(10);
    client_writes("{\"type\":\"start_matching\"}");
    expect_event("error", "already_chatting");
    client_writes("{\"type\":\"typing\",\"data\":{\"active\":true}}");
    expect(PEER_TEXT);
    for (unsigned i = 0; i < 20; i++) { /* too many are dropped, and no more */
        client_writes("{\"type\":\"typing\",\"data\":{\"active\":false}}");
        expect(TEXT_DONE);
    }
    for (unsigned i = 0; i < 4; i++) { /* unless they are long */
        client_writes_long("{\"type\":\"typing\",\"data\":{\"active\":false}}");
        give_turn();
        if (i < 3)
            expect(TEXT_DONE);
        else
            expect_event("error", "rate_limited");
    }
    client_writes("{\"type\":\"end_chat\"}"); /* does something */
    expect(PEER_LEFT);
}

static void what_is_refused_for_its_length_counts_for_more_strikes(void **state)
{
    (void)state;
    static char text[60001];
    memset(text, ' ', sizeof text - 1);
    memcpy(text, CHAT_MESSAGE, sizeof CHAT_MESSAGE - 1);
    host.rate_chat = 1;
    chat(10);
    client_writes(CHAT_MESSAGE);
    expect(PEER_TEXT);
    for (unsigned i = 0; i < 3; i++) { /* 14 of 50 each */
        client_writes(text);
        give_turn();
        expect_event("error", "rate_limited");
        assert_int_equal(sent_count, 0);
    }
    client_writes(text);
    give_turn();
    expect_event("error", "rate_limited");
    expect(PEER_LEFT);
    expect(USER_LEFT);
    assert_int_equal(expect(CONN_CLOSE).conn_close.code, 1008);
}

static void what_a_client_wrote_before_it_went_is_relayed(void **state)
{
    (void)state;
    chat(10);
    client_writes_long(CHAT_MESSAGE);
    client_writes_long(CHAT_MESSAGE);
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
    client_writes_long(CHAT_MESSAGE);
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
    client_writes_long(CHAT_MESSAGE);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(a_restored_chat_is_taken_back_by_both),
        TEST(a_wish_for_anyone_is_reminded_of_and_forgotten),
        TEST(a_match_with_somebody_just_blocked_is_undone),
        TEST(the_store_is_told_of_blocks_before_the_chat_ends),
        TEST(the_last_partner_can_be_blocked_for_five_minutes),
        TEST(a_banned_user_leaves_everything),
        TEST(a_long_request_waits_for_a_turn_and_what_follows_behind_it),
        TEST(what_others_send_does_not_wait_for_the_turn),
        TEST(a_long_request_waits_for_the_matcher_first),
        TEST(once_much_was_parsed_even_short_requests_wait),
        TEST(what_is_malformed_counts_as_a_message),
        TEST(what_leads_to_nothing_counts_as_a_message),
        TEST(what_is_refused_for_its_length_counts_for_more_strikes),
        TEST(what_a_client_wrote_before_it_went_is_relayed),
        TEST(what_a_client_wrote_while_its_cancel_came_too_late_is_relayed),
        TEST(who_goes_while_the_matcher_is_asked_is_not_kept),
        TEST(a_banned_user_s_requests_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The session actor, message by message: how much a client may ask, and whom it need not meet again. */
#include "unit/actors/session_fixture.h"

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
    restate(&session, &host);
    expect(USER_STORE);
    expect(USER_BLOCKED);
    assert_int_equal(sent_count, 0);
}

static void what_is_stated_again_is_as_much_as_was_said(void **state)
{
    (void)state;
    chat(10);
    for (uint8_t i = 0; i < 2 * RESTATE_BLOCKS_AT_ONCE + 1; i++) {
        const uint8_t id[USER_ID_BYTES] = { i, 1 };
        assert_int_equal(restate_calls(&session, &host), 1 + (i + RESTATE_BLOCKS_AT_ONCE - 1) / RESTATE_BLOCKS_AT_ONCE);
        assert_true(blocklist_add(&session.blocklist, id));
    }
    restate(&session, &host);
    expect(CHAT_STORE);
    expect(USER_BLOCKED);
    expect(USER_BLOCKED);
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

/* In a chat, skips so many, each within a second, and is matched again. */
static void skip_partners(unsigned times, uint64_t *match)
{
    for (unsigned i = 0; i < times; i++) {
        host.now_ms += 900;
        client_writes("{\"type\":\"next\"}");
        expect(PEER_LEFT);
        matched(++*match, session.search);
        assert_int_equal(session.state, SESSION_CHATTING);
        forget_sent();
    }
}

static void who_skips_again_and_again_is_slowed_down(void **state)
{
    (void)state;
    uint64_t match = 10;
    host.rate_search = 1000;
    chat(match);
    skip_partners(5, &match); /* of the fifth 1.4 s are owed yet */
    client_writes("{\"type\":\"next\"}");
    expect_event("error", "rate_limited");
    assert_int_equal(session.state, SESSION_CHATTING);
    client_writes("{\"type\":\"block\"}"); /* of which there may be as many as ever, but no new search */
    forget_sent();
    client_writes("{\"type\":\"start_matching\"}");
    expect_event("error", "rate_limited");
    assert_int_equal(session.state, SESSION_IDLE);
    host.now_ms += 1399;
    client_writes("{\"type\":\"start_matching\"}");
    expect_event("error", "rate_limited");
    host.now_ms += 1;
    client_writes("{\"type\":\"start_matching\"}");
    expect(SEARCH_START);
}

static void a_refused_skip_is_none(void **state)
{
    (void)state;
    uint64_t match = 10;
    host.rate_search = 1000;
    chat(match);
    skip_partners(5, &match);
    client_writes("{\"type\":\"next\"}");
    expect_event("error", "rate_limited");
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = match } });
    forget_sent();
    client_writes("{\"type\":\"start_matching\"}"); /* it was the other one who went */
    expect(SEARCH_START);
}

static void a_chat_is_no_skip_if_it_took_a_while_or_the_other_one_went(void **state)
{
    (void)state;
    uint64_t match = 10;
    host.rate_search = 1000;
    chat(match);
    skip_partners(5, &match);
    host.now_ms += 1000; /* it is too soon for a skip then */
    receive((struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = match } });
    forget_sent();
    client_writes("{\"type\":\"start_matching\"}");
    expect(SEARCH_START);
    matched(++match, session.search);
    forget_sent();
    host.now_ms += 5000;
    session.skip_bucket = (struct rate_bucket){ .spent_milli = 25000, .updated_ms = (uint32_t)host.now_ms };
    client_writes("{\"type\":\"next\"}");
    expect(PEER_LEFT);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_match_with_somebody_just_blocked_is_undone),
        TEST(the_store_is_told_of_blocks_before_the_chat_ends),
        TEST(what_is_stated_again_is_as_much_as_was_said),
        TEST(the_last_partner_can_be_blocked_for_five_minutes),
        TEST(a_banned_user_leaves_everything),
        TEST(who_skips_again_and_again_is_slowed_down),
        TEST(a_refused_skip_is_none),
        TEST(a_chat_is_no_skip_if_it_took_a_while_or_the_other_one_went),
        TEST(what_is_malformed_counts_as_a_message),
        TEST(what_leads_to_nothing_counts_as_a_message),
        TEST(what_is_refused_for_its_length_counts_for_more_strikes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

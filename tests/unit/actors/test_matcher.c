/* The matcher between session actors and a store: who is told what. */
#include "unit/unit.h"

#include "actors/matcher.h"
#include "actors/restate.h"

enum { SESSION_THREAD = 2, SENT_MAX = 80, CALLS_LIMIT = 2 };

static const struct address actor = { .generation = 1, .slot = 1, .thread = SESSION_THREAD };
static const struct address other = { .generation = 1, .slot = 2, .thread = SESSION_THREAD };

static struct message sent[SENT_MAX];
static size_t sent_count;
static struct store_call calls[SENT_MAX];
static size_t call_count;
static struct metrics metrics;
static struct matcher matcher;

static void keep_message(void *self, const struct message *message)
{
    (void)self;
    sent[sent_count++] = *message;
}

static void keep_call(void *self, const struct store_call *call)
{
    (void)self;
    calls[call_count] = *call;
    payload_free(&calls[call_count++].payload);
}

static void receive(struct message message)
{
    message.to = address_of_thread(3);
    if (address_is_nobody(message.from))
        message.from = actor;
    matcher_on_message(&matcher, &message);
}

static void forget(void)
{
    for (size_t i = 0; i < sent_count; i++)
        message_discard(&sent[i]);
    sent_count = call_count = 0;
}

static void come_up(void)
{
    matcher_on_store_up(&matcher);
    assert_int_equal(sent[sent_count - 2].type, RESYNC);
    receive((struct message){ .type = RESYNCED, .resync = { .epoch = sent[sent_count - 2].resync.epoch } });
    assert_int_equal(sent[sent_count - 1].type, RESTATE);
    receive((struct message){ .type = RESTATED, .restate = { .epoch = matcher.epoch, .is_done = true } });
    forget();
}

static int set_up(void **state)
{
    (void)state;
    memset(&metrics, 0, sizeof metrics);
    struct matcher_host host = { .send = keep_message,
                                 .metrics = &metrics,
                                 .first_session_thread = SESSION_THREAD,
                                 .session_threads = 1,
                                 .first_match = 100 };
    matcher_init(&matcher, host, (struct store){ .call = keep_call }, CALLS_LIMIT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    return 0;
}

static void say_search(uint32_t number, bool is_known, uint64_t ended_match)
{
    uint8_t seeker[sizeof(struct identity) + 3] = { 0 };
    memcpy(seeker + sizeof(struct identity), "go", 3);
    receive((struct message){ .type = SEARCH_START,
                              .payload = payload_copy(seeker, sizeof seeker),
                              .search = { .search = number, .is_known = is_known, .ended_match = ended_match } });
}

static void search(uint32_t number, bool is_known)
{
    say_search(number, is_known, 0);
}

static void search_after(uint32_t number, uint64_t ended_match)
{
    say_search(number, true, ended_match);
}

static void answer(size_t call, struct store_reply reply)
{
    matcher_on_store_reply(&matcher, &calls[call], &reply);
}

static void without_a_store_searches_are_kept_and_cancels_granted(void **state)
{
    (void)state;
    search(1, false);
    assert_int_equal(sent[0].type, SEARCH_UNAVAILABLE);
    assert_int_equal(sent[0].search_reply.search, 1);
    receive((struct message){ .type = SEARCH_CANCEL, .search = { .search = 1 } });
    assert_int_equal(sent[1].type, SEARCH_CANCELLED);
    receive((struct message){ .type = USER_LEFT });
    assert_int_equal(call_count, 0);
}

static void what_was_said_before_the_resync_is_void(void **state)
{
    (void)state;
    matcher_on_store_up(&matcher);
    search(1, false); /* on its way before the thread has answered */
    assert_int_equal(call_count, 0);
    assert_int_equal(sent[2].type, SEARCH_UNAVAILABLE);
    matcher_on_store_down(&matcher);
    matcher_on_store_up(&matcher);
    receive((struct message){ .type = RESYNCED, .resync = { .epoch = 1 } }); /* of the time before */
    search(1, false);
    assert_int_equal(call_count, 0);
    receive((struct message){ .type = RESYNCED, .resync = { .epoch = 2 } });
    search(1, false);
    assert_int_equal(call_count, 1);
}

static void a_match_is_told_to_both_with_opposite_roles(void **state)
{
    (void)state;
    come_up();
    search(3, false);
    assert_int_equal(calls[0].operation, STORE_START_MATCHING);
    assert_int_equal(calls[0].match, 100);
    answer(0, (struct store_reply){ .outcome = STORE_MATCHED,
                                    .partner = other,
                                    .partner_search = 8,
                                    .peer = { .id = { 5 } },
                                    .common = (const uint8_t *)"go",
                                    .common_length = 3 });
    assert_int_equal(sent_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sent[i].type, MATCH_FOUND);
        assert_int_equal(sent[i].match_found.match, 100);
        assert_int_equal(sent[i].payload->length, sizeof(struct peer) + 3);
    }
    assert_true(address_equals(sent[0].to, other));
    assert_int_equal(sent[0].match_found.search, 8);
    assert_true(address_equals(sent[0].match_found.partner, actor));
    assert_int_equal(sent[0].match_found.partner_search, 3);
    assert_int_equal(sent[1].match_found.partner_search, 8);
    assert_true(address_equals(sent[1].to, actor));
    assert_int_equal(sent[1].match_found.search, 3);
    assert_int_equal(sent[1].payload->bytes[0], 5);
    assert_int_not_equal(sent[0].match_found.role, sent[1].match_found.role);
}

static void match_ids_grow(void **state)
{
    (void)state;
    come_up();
    search(1, true);
    search(1, true);
    assert_true(calls[1].match > calls[0].match);
}

static void who_is_behind_jumps_ahead_and_calls_again(void **state)
{
    (void)state;
    come_up();
    search(1, false);
    struct store_call behind = calls[0];
    behind.payload = payload_copy("seeker", 6);
    matcher_on_store_reply(&matcher, &behind, &(struct store_reply){ .outcome = STORE_BEHIND, .match = 5000 });
    assert_int_equal(sent_count, 0);
    assert_int_equal(call_count, 2);
    assert_int_equal(calls[1].match, 5001);
    assert_int_equal(calls[1].search, 1);
    assert_int_equal(matcher.calls_in_flight, 1);
    search(2, false);
    assert_int_equal(calls[2].match, 5002);
    behind.payload = payload_copy("seeker", 6);
    matcher_on_store_reply(&matcher, &behind, &(struct store_reply){ .outcome = STORE_BEHIND, .match = 7 }); /* not back */
    assert_int_equal(calls[3].match, 5003);
}

/* The match that was had last may be of a node whose clock is ahead, and a store that has lost its memory does not know of it. */
static void who_has_had_a_higher_match_has_none_below_it(void **state)
{
    (void)state;
    come_up();
    search(1, false);
    search_after(2, 7000);
    assert_int_equal(calls[1].ended_match, 7000);
    assert_int_equal(calls[1].match, 7001);
    search_after(3, 6999);
    assert_int_equal(calls[2].match, 7002);
}

/* Its node has died while the call was on its way: both are freed by the next one. */
static void who_cannot_be_told_is_given_back(void **state)
{
    (void)state;
    come_up();
    search(1, false);
    struct store_call claimed = calls[0];
    claimed.payload = payload_copy("seeker", 6);
    matcher_on_store_reply(&matcher, &claimed, &(struct store_reply){ .outcome = STORE_UNREACHABLE });
    assert_int_equal(sent_count, 0);
    assert_int_equal(call_count, 2);
    assert_int_equal(calls[1].operation, STORE_START_MATCHING);
    assert_int_equal(calls[1].ended_match, claimed.match);
    assert_true(calls[1].match > claimed.match);
    assert_int_equal(calls[1].search, 1);
    assert_int_equal(matcher.calls_in_flight, 1);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_MATCHES_TOTAL), 0);
}

static void too_many_calls_refuse_new_searches_only(void **state)
{
    (void)state;
    come_up();
    search(1, false);
    search(1, false);
    search(2, false);
    assert_int_equal(call_count, 2);
    assert_int_equal(sent[0].type, SEARCH_BUSY);
    search(1, true); /* goes on under new interests */
    receive((struct message){ .type = SEARCH_CANCEL, .search = { .search = 1 } });
    receive((struct message){ .type = USER_LEFT });
    assert_int_equal(call_count, 5);
    answer(0, (struct store_reply){ .outcome = STORE_WAITING });
    assert_int_equal(sent[1].type, SEARCH_WAITING);
}

static void a_refused_match_frees_the_partner(void **state)
{
    (void)state;
    come_up();
    receive((struct message){ .type = MATCH_REFUSED, .match_refused = { .partner_id = { 6 }, .match = 50, .partner = other } });
    assert_int_equal(sent[0].type, PEER_LEFT);
    assert_true(address_equals(sent[0].to, other));
    assert_int_equal(calls[0].operation, STORE_END_CHAT);
    assert_int_equal(calls[0].user_id[0], 6);
    assert_int_equal(calls[0].match, 50);
}

static void lost_replies_keep_searches_and_grant_cancels(void **state)
{
    (void)state;
    come_up();
    search(1, false);
    receive((struct message){ .type = SEARCH_CANCEL, .search = { .search = 1 } });
    matcher_on_store_down(&matcher);
    answer(0, (struct store_reply){ .outcome = STORE_LOST });
    answer(1, (struct store_reply){ .outcome = STORE_LOST });
    assert_int_equal(sent[0].type, SEARCH_UNAVAILABLE);
    assert_int_equal(sent[1].type, SEARCH_CANCELLED);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_REDIS_LOST_TOTAL), 2);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_REDIS_UP), 0);
    assert_int_equal(matcher.calls_in_flight, 0);
}

static void restating(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t seeker[sizeof(struct identity)] = { 0 };
        receive((struct message){
            .type = USER_STORE, .payload = payload_copy(seeker, sizeof seeker), .user = { .is_restating = true } });
    }
}

static void turn_is_over(bool is_done)
{
    receive((struct message){ .type = RESTATED, .restate = { .epoch = matcher.epoch, .is_done = is_done } });
}

static void who_states_itself_again_does_so_in_a_window(void **state)
{
    (void)state;
    matcher_on_store_up(&matcher);
    receive((struct message){ .type = RESYNCED, .resync = { .epoch = matcher.epoch } });
    assert_int_equal(sent[1].type, RESTATE);
    assert_int_equal(sent[1].restate.calls, MATCHER_RESTATING_MAX);
    forget();
    restating(MATCHER_RESTATING_MAX);
    turn_is_over(false);
    for (size_t i = 0; i < RESTATE_CALLS_MAX; i++) {
        assert_int_equal(sent_count, 0);
        answer(i, (struct store_reply){ .outcome = STORE_DONE });
    }
    assert_int_equal(sent_count, 1); /* there is room for any one actor */
    assert_int_equal(sent[0].restate.calls, RESTATE_CALLS_MAX);
    answer(0, (struct store_reply){ .outcome = STORE_DONE });
    assert_int_equal(sent_count, 1); /* not before the turn is over */
    turn_is_over(true);
    assert_int_equal(sent_count, 1); /* that was the last thread */
    search(1, true);
    answer(MATCHER_RESTATING_MAX, (struct store_reply){ .outcome = STORE_WAITING });
    assert_int_equal(matcher.restating_in_flight, MATCHER_RESTATING_MAX - RESTATE_CALLS_MAX - 1);
}

static void turns_of_the_time_before_are_void(void **state)
{
    (void)state;
    matcher_on_store_up(&matcher);
    matcher_on_store_down(&matcher);
    matcher_on_store_up(&matcher);
    assert_int_equal(sent[3].type, RESTATE);
    restating(1); /* its thread has not heard of the second time yet */
    assert_int_equal(call_count, 0);
    receive((struct message){ .type = RESTATED, .restate = { .epoch = 1, .is_done = true } });
    assert_true(matcher.has_turn);
    assert_int_equal(matcher.threads_restated, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(without_a_store_searches_are_kept_and_cancels_granted),
        TEST(what_was_said_before_the_resync_is_void),
        TEST(a_match_is_told_to_both_with_opposite_roles),
        TEST(match_ids_grow),
        TEST(who_is_behind_jumps_ahead_and_calls_again),
        TEST(who_has_had_a_higher_match_has_none_below_it),
        TEST(who_cannot_be_told_is_given_back),
        TEST(too_many_calls_refuse_new_searches_only),
        TEST(a_refused_match_frees_the_partner),
        TEST(lost_replies_keep_searches_and_grant_cancels),
        TEST(who_states_itself_again_does_so_in_a_window),
        TEST(turns_of_the_time_before_are_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

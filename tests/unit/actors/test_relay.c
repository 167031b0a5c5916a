/* Chats across nodes (two_nodes.h). One search and chat follows the other, by seeds. What must hold:
 *   a text is written to the partner once, in order, and in the chat that it was written in;
 *   all that somebody has written before leaving is written to the partner before that one is told, unless it leaves as well;
 *   a match is heard of by both or by none for long;
 *   in the end, when the bus behaves, every credit is back (or half of them, while the chat goes on), nobody waits for anything, and no chat is kept. */
#include "unit/actors/two_nodes.h"

enum { SEEDS = 1500, STEPS = 400 };

static void check_rest(uint32_t of_seed)
{
    const bool are_in_chat = sides[0].session.state == SESSION_CHATTING;
    if (sides[1].session.state != SESSION_CHATTING || sides[0].session.match != sides[1].session.match)
        assert_false(are_in_chat && sides[1].session.state == SESSION_CHATTING);
    for (unsigned i = 0; i < 2; i++) {
        struct side *side = &sides[i];
        bool is_in_chat = side->session.state == SESSION_CHATTING;
        if (side->credits <= (is_in_chat ? CREDITS / 2 : CREDITS - 1) || side->session.unwritten != 0 || side->host.relays.ends.count != is_in_chat || side->coming_count != 0)
            fail_msg("seed %u, side %u: %d credits, %u unwritten, %u relays, %zu coming", of_seed, i, side->credits, side->session.unwritten,
                     side->host.relays.ends.count, side->coming_count);
        if (is_in_chat && other(side)->session.match == side->session.match)
            assert_int_equal(side->heard, other(side)->written[side->session.match]);
        assert_int_equal(metrics_sum(&side->metrics, 1, METRIC_REMOTE_CHATS), is_in_chat);
    }
    /* Of two who believe that they chat each has the other; and if one does, so does the other. */
    assert_int_equal(are_in_chat, sides[1].session.state == SESSION_CHATTING);
}

static void whatever_the_bus_does(void **state)
{
    (void)state;
    unsigned chats = 0;
    int64_t repeated = 0;
    for (uint32_t with_seed = 1; with_seed <= SEEDS; with_seed++) {
        begin(with_seed);
        for (unsigned i = 0; i < STEPS; i++)
            step();
        calm_down();
        check_rest(with_seed);
        chats += (unsigned)matches;
        repeated += metrics_sum(&sides[0].metrics, 1, METRIC_PEER_TEXTS_REPEATED_TOTAL);
        finish();
    }
    print_message("%u chats, %lld texts repeated by the first side\n", chats, (long long)repeated);
    assert_true(chats > SEEDS && repeated > SEEDS);
}

static void when_all_goes_well_nothing_is_repeated(void **state)
{
    (void)state;
    begin_in_a_chat();
    for (unsigned i = 0; i < 40; i++) {
        write_text(&sides[0]);
        if (i % 5 == 4)
            calm_down();
    }
    assert_int_equal(sides[1].heard, 40);
    check_rest(0);
    assert_int_equal(metrics_sum(&sides[0].metrics, 1, METRIC_PEER_TEXTS_REPEATED_TOTAL), 0);
    finish();
}

/* It has taken them, and its socket has not: its partner has no credits left, keeps no copies, and repeats nothing. */
static void a_slow_reader_slows_its_partner_and_costs_nothing(void **state)
{
    (void)state;
    begin_in_a_chat();
    for (unsigned i = 0; i < CREDITS + 3; i++)
        write_text(&sides[0]);
    assert_int_equal(sides[0].credits, 0);
    for (unsigned tick = 0; tick < 100; tick++) {
        time_passes(100);
        something_comes(&sides[0]);
        for (size_t left = sides[1].coming_count; left > 0; left--)
            something_comes(&sides[1]);
    }
    assert_int_equal(sides[1].unwritten_count, CREDITS);
    assert_in_range(metrics_sum(&sides[0].metrics, 1, METRIC_PEER_TEXTS_REPEATED_TOTAL), 0, CREDITS);
    is_drowned = true; /* nobody hears that the socket takes them at last, and all is known to be taken */
    while (sides[1].unwritten_count > 0)
        socket_takes_one(&sides[1]);
    is_drowned = false;
    assert_int_equal(sides[0].credits, 0);
    calm_down();
    assert_int_equal(sides[0].credits, CREDITS);
    assert_int_equal(sides[1].heard, CREDITS);
    finish();
}

static void when_the_node_dies_the_chat_is_over_and_its_credits_are_back(void **state)
{
    (void)state;
    begin_in_a_chat();
    is_drowned = true;
    write_text(&sides[0]);
    write_text(&sides[0]);
    assert_int_equal(sides[0].credits, CREDITS - 2);
    relays_on_node_died(&sides[0].host, sides[0].peer_index + 1);
    relay_on_node_died(&sides[0].session, &sides[0].host, sides[0].peer_index + 1);
    assert_int_equal(sides[0].session.state, SESSION_CHATTING);
    assert_int_equal(sides[0].host.relays.ends.count, 1);
    relays_on_node_died(&sides[0].host, sides[0].peer_index);
    relay_on_node_died(&sides[0].session, &sides[0].host, sides[0].peer_index);
    assert_int_equal(sides[0].credits, CREDITS);
    assert_int_equal(sides[0].host.relays.ends.count, 0);
    assert_int_equal(sides[0].session.state, SESSION_IDLE);
    is_drowned = false;
    finish();
}

/* While its node stood still the other one has given it up. What was written to it before that comes first, and what it answers is lost: it must not take
 * a text for a sign that its partner knows of it. */
static void who_hears_of_a_match_too_late_does_not_stay_in_it(void **state)
{
    (void)state;
    begin(1);
    calm_down();
    search(&sides[0]);
    search(&sides[1]);
    find_match();
    time_passes(10);
    while (sides[0].session.state != SESSION_CHATTING)
        something_comes(&sides[0]);
    write_text(&sides[0]);
    relays_on_node_died(&sides[0].host, sides[0].peer_index);
    relay_on_node_died(&sides[0].session, &sides[0].host, sides[0].peer_index);
    has_died = is_drowned = true;
    while (sides[1].coming_count > 0) {
        time_passes(10);
        something_comes(&sides[1]);
    }
    assert_int_equal(sides[1].session.state, SESSION_CHATTING);
    assert_int_equal(sides[1].unwritten_count > 0, true);
    is_drowned = false;
    calm_down();
    assert_int_equal(sides[1].session.state, SESSION_IDLE);
    assert_int_equal(sides[1].host.relays.ends.count, 0);
    finish();
}

/* Its partner lost us, or we it, and neither was told. */
static void who_speaks_of_a_chat_that_is_none_is_told_so(void **state)
{
    (void)state;
    begin_in_a_chat();
    is_drowned = has_died = true;
    relays_on_node_died(&sides[1].host, sides[1].peer_index);
    relay_on_node_died(&sides[1].session, &sides[1].host, sides[1].peer_index);
    is_drowned = false;
    write_text(&sides[0]);
    calm_down();
    assert_int_equal(sides[0].session.state, SESSION_IDLE);
    check_rest(0);
    finish();
}

/* The actor has gone, and its goodbye is repeated all the same. */
static void who_is_gone_still_says_so(void **state)
{
    (void)state;
    begin_in_a_chat();
    is_drowned = true;
    write_text(&sides[0]);
    client_goes(&sides[0]);
    assert_int_equal(sides[0].session.state, SESSION_OVER);
    time_passes(1200);
    is_drowned = false;
    time_passes(1200);
    time_passes(10);
    while (sides[1].coming_count > 0)
        something_comes(&sides[1]);
    while (sides[1].unwritten_count > 0)
        socket_takes_one(&sides[1]);
    assert_int_equal(sides[1].session.state, SESSION_IDLE);
    assert_int_equal(sides[0].host.relays.ends.count, 1);
    time_passes(10);
    all_is_undeliverable(&sides[0]); /* its answers */
    assert_int_equal(sides[0].host.relays.ends.count, 0);
    finish();
}

/* Nobody has met yet. The bus is good, but it has lost the first MATCH_FOUND if it is drowned. Side 0 is the seeker. */
static void begin_a_match(bool is_lost)
{
    begin(1);
    calm_down();
    search(&sides[0]);
    search(&sides[1]);
    calm_down();
    is_drowned = is_lost;
    find_match();
}

static void a_match_that_is_lost_is_said_again(void **state)
{
    (void)state;
    begin_a_match(true);
    time_passes(1);
    something_comes(&sides[0]);
    assert_int_equal(sides[0].session.state, SESSION_CHATTING);
    write_text(&sides[0]); /* lost as well */
    is_drowned = false;
    calm_down();
    assert_int_equal(sides[1].session.state, SESSION_CHATTING);
    assert_int_equal(sides[1].chat, sides[0].chat);
    assert_int_equal(sides[1].heard, 1);
    check_rest(0);
    finish();
}

/* All that is said between them while they meet, and then no more. */
static void who_has_met_says_no_more_of_it(void **state)
{
    (void)state;
    begin_a_match(false);
    unsigned comings = 0;
    for (unsigned tick = 0; tick < 100; tick++) {
        time_passes(100);
        for (unsigned i = 0; i < 2; i++) {
            for (; sides[i].coming_count > 0; comings++)
                something_comes(&sides[i]), time_passes(1);
        }
    }
    assert_in_range(comings, 4, 6); /* MATCH_FOUND to each, MATCH_TAKEN, PEER_WRITTEN; and what crossed them */
    finish();
}

static void who_does_not_meet_its_partner_has_been_left(void **state)
{
    (void)state;
    begin_a_match(true);
    for (unsigned ms = 0; ms < 3500; ms += 100) {
        time_passes(100);
        while (sides[0].coming_count > 0)
            something_comes(&sides[0]);
        assert_int_equal(sides[0].session.state, ms < 2900 ? SESSION_CHATTING : sides[0].session.state);
    }
    assert_int_equal(sides[0].session.state, SESSION_IDLE);
    assert_true(sides[0].has_ended[matches]); /* in the store */
    assert_int_equal(sides[0].host.relays.ends.count, 1); /* and still says so */
    assert_int_equal(sides[1].session.state, SESSION_SEARCHING);
    const uint32_t former = sides[1].session.search;
    is_drowned = false;
    calm_down();
    assert_int_equal(sides[0].host.relays.ends.count, 0);
    assert_int_equal(sides[1].session.state, SESSION_SEARCHING); /* and what comes of that match now is of an earlier search */
    assert_int_equal(sides[1].session.search, former + 1);
    search(&sides[0]);
    find_match();
    calm_down();
    assert_int_equal(sides[1].session.state, SESSION_CHATTING);
    check_rest(0);
    finish();
}

/* The seeker has gone before it heard of the match, and what its matcher says of that is lost. */
static void who_waits_for_a_seeker_that_is_gone_is_told(void **state)
{
    (void)state;
    begin_a_match(false);
    client_goes(&sides[0]);
    time_passes(1);
    something_comes(&sides[1]);
    assert_int_equal(sides[1].session.state, SESSION_CHATTING);
    is_drowned = true;
    all_is_undeliverable(&sides[0]); /* MATCH_FOUND, which is refused; and MATCH_TAKEN, which is answered */
    assert_int_equal(sides[0].refused, 1);
    is_drowned = false;
    time_passes(RELAYS_TICK_MS);
    time_passes(1);
    all_is_undeliverable(&sides[0]);
    time_passes(1);
    something_comes(&sides[1]);
    assert_int_equal(sides[1].session.state, SESSION_IDLE);
    assert_int_equal(sides[1].host.relays.ends.count, 0);
    finish();
}

/* It has written and gone: what is repeated then must not end the chat before its texts are there. */
static void a_match_comes_again_after_the_chat(bool is_gone)
{
    begin_a_match(false);
    calm_down();
    is_drowned = true;
    write_text(&sides[1]);
    if (is_gone)
        client_goes(&sides[1]);
    else
        leave(&sides[1], true);
    is_drowned = false;
    struct peer peer = { .id = { 1 } };
    struct address partner = sides[0].self;
    partner.node = sides[1].peer_index & ADDRESS_NODE_MAX;
    struct message again = { .type = MATCH_FOUND,
                             .to = sides[1].self,
                             .from = partner,
                             .payload = payload_copy(&peer, sizeof peer),
                             .match_found = { .match = matches, .partner = partner, .search = sides[1].session.search } };
    if (is_gone)
        session_on_undeliverable(&sides[1].host, &again);
    else
        session_on_message(&sides[1].session, &sides[1].host, &again);
    assert_int_equal(sides[1].session.state, is_gone ? SESSION_OVER : SESSION_SEARCHING);
    assert_int_equal(sides[1].refused, 0);
    assert_int_equal(sides[0].coming_count, 1);
    assert_int_equal(sides[0].coming[0].message.type, PEER_LEFT);
    for (unsigned ms = 0; ms < 5000; ms += 100) {
        time_passes(100);
        for (size_t left = sides[0].coming_count; left > 0; left--)
            something_comes(&sides[0]);
        while (sides[0].unwritten_count > 0)
            socket_takes_one(&sides[0]);
        if (is_gone)
            all_is_undeliverable(&sides[1]);
        for (size_t left = sides[1].coming_count; left > 0; left--)
            something_comes(&sides[1]);
    }
    assert_int_equal(sides[0].session.state, SESSION_IDLE);
    assert_int_equal(sides[0].heard, 1);
    assert_int_equal(sides[1].host.relays.ends.count, 0);
    finish();
}

static void a_match_that_comes_again_after_the_chat_is_not_refused(void **state)
{
    (void)state;
    a_match_comes_again_after_the_chat(false);
    a_match_comes_again_after_the_chat(true);
}

static void whom_one_has_blocked_one_does_not_meet(void **state)
{
    (void)state;
    begin_a_match(false);
    calm_down();
    receive_request(&sides[1], "{\"type\":\"block\"}");
    calm_down();
    search(&sides[0]);
    search(&sides[1]);
    find_match(); /* by a store that has not heard of it */
    calm_down();
    assert_int_equal(sides[1].refused, 1);
    assert_int_equal(sides[0].session.state, SESSION_IDLE); /* it was told of a partner who left at once */
    assert_int_equal(sides[1].session.state, SESSION_SEARCHING);
    assert_int_equal(sides[0].host.relays.ends.count + sides[1].host.relays.ends.count, 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_all_goes_well_nothing_is_repeated),
        cmocka_unit_test(a_slow_reader_slows_its_partner_and_costs_nothing),
        cmocka_unit_test(when_the_node_dies_the_chat_is_over_and_its_credits_are_back),
        cmocka_unit_test(who_hears_of_a_match_too_late_does_not_stay_in_it),
        cmocka_unit_test(who_speaks_of_a_chat_that_is_none_is_told_so),
        cmocka_unit_test(who_is_gone_still_says_so),
        cmocka_unit_test(a_match_that_is_lost_is_said_again),
        cmocka_unit_test(who_has_met_says_no_more_of_it),
        cmocka_unit_test(who_does_not_meet_its_partner_has_been_left),
        cmocka_unit_test(who_waits_for_a_seeker_that_is_gone_is_told),
        cmocka_unit_test(a_match_that_comes_again_after_the_chat_is_not_refused),
        cmocka_unit_test(whom_one_has_blocked_one_does_not_meet),
        cmocka_unit_test(whatever_the_bus_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

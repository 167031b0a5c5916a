/* Chats across nodes (two_nodes.h). One search and chat follows the other, by seeds. What must hold:
 *   a text is written to the partner once, in order, and in the chat that it was written in;
 *   all that somebody has written before leaving is written to the partner before that one is told, unless it leaves as well;
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
        if (side->credits <= (is_in_chat ? CREDITS / 2 : CREDITS - 1) || side->session.unwritten != 0 || side->host.relays.count != is_in_chat || side->coming_count != 0)
            fail_msg("seed %u, side %u: %d credits, %u unwritten, %u relays, %zu coming", of_seed, i, side->credits, side->session.unwritten,
                     side->host.relays.count, side->coming_count);
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
    assert_int_equal(sides[0].host.relays.count, 1);
    relays_on_node_died(&sides[0].host, sides[0].peer_index);
    relay_on_node_died(&sides[0].session, &sides[0].host, sides[0].peer_index);
    assert_int_equal(sides[0].credits, CREDITS);
    assert_int_equal(sides[0].host.relays.count, 0);
    assert_int_equal(sides[0].session.state, SESSION_IDLE);
    is_drowned = false;
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
    assert_int_equal(sides[0].host.relays.count, 1);
    time_passes(10);
    all_is_undeliverable(&sides[0]); /* its answers */
    assert_int_equal(sides[0].host.relays.count, 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_all_goes_well_nothing_is_repeated),
        cmocka_unit_test(a_slow_reader_slows_its_partner_and_costs_nothing),
        cmocka_unit_test(when_the_node_dies_the_chat_is_over_and_its_credits_are_back),
        cmocka_unit_test(who_speaks_of_a_chat_that_is_none_is_told_so),
        cmocka_unit_test(who_is_gone_still_says_so),
        cmocka_unit_test(whatever_the_bus_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

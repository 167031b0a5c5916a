/* A client comes back by way of another node over a bus that loses and delays, or is away, or brings nonsense. */
#include "unit/actors/three_nodes.h"

#include "actors/line.h"

/* It waits until the end of the connection that it has brought is known. */
static void a_connection_that_breaks_before_it_is_heard_loses_nothing(void **state)
{
    (void)state;
    breaks();
    calm_down();
    const struct token first = user.token;
    const uint32_t seq = user.seq;
    for (unsigned i = 0; i < 6; i++) {
        user.token = first;
        user.seq = seq;
        connects(i % NODES);
        for (unsigned k = 0; k < 4; k++) { /* the way there, and perhaps back */
            time_passes(1);
            something_comes();
            something_comes();
        }
        breaks();
    }
    user.token = first;
    user.seq = seq;
    connects(THIRD);
    calm_down();
    assert_int_equal(user.anew, 0);
    writes();
    calm_down();
    assert_int_equal(mate.heard, 1);
}

/* Its first question got lost. When it asks again its client has come back by another way, and has got a new token, but said nothing, and left. */
static void a_late_stand_in_does_no_harm(void **state)
{
    (void)state;
    breaks();
    calm_down();
    is_drowned = true;
    connects(OTHER);
    breaks();
    is_drowned = false;
    connects(THIRD);
    all_comes_for(100);
    assert_int_equal(user.resumed, 1);
    breaks();
    all_comes_for(100);
    assert_int_equal(nodes[HOME].host.away, 1);
    assert_int_equal(stand_ins_at(OTHER), 1);
    all_comes_for(200);
    assert_int_equal(stand_ins_at(OTHER), 0); /* it has been heard, and its connection was gone */
    assert_int_equal(nodes[HOME].host.away, 1);
    connects(OTHER);
    all_comes_for(100);
    assert_int_equal(user.resumed, 2);
    assert_int_equal(user.anew, 0);
}

static void what_is_asked_is_asked_again(void **state)
{
    (void)state;
    breaks();
    calm_down();
    is_drowned = true;
    connects(OTHER);
    time_passes(100);
    is_drowned = false;
    all_comes_for(200);
    assert_int_equal(user.resumed, 1);
}

/* The bus is away: whoever tries again may still find it. */
static void who_hears_nothing_does_not_lose_the_session(void **state)
{
    (void)state;
    breaks();
    calm_down();
    is_drowned = true;
    connects(OTHER);
    for (unsigned i = 0; i < 49; i++)
        time_passes(100);
    assert_non_null(user.socket);
    time_passes(200);
    calm_down();
    assert_null(user.socket);
    assert_int_equal(actors_at(OTHER) + lines_at(OTHER), 0);
    is_drowned = false;
    connects(OTHER);
    calm_down();
    assert_int_equal(user.resumed, 1);
    /* And of a bus that is away for a while. */
    is_drowned = true;
    for (unsigned i = 0; i < 30; i++) {
        writes();
        mate_writes();
        time_passes(100);
        while (pick(4) != 0)
            something_comes();
    }
    is_drowned = false;
    calm_down();
    assert_int_equal(mate.heard, CREDITS);
    assert_int_equal(user.acked_n, CREDITS);
    assert_int_equal(user.heard, CREDITS);
}

/* From nodes that are mad, or of another version: whoever is not at the other end of the line is told that there is none, and what makes no sense is passed over. */
static void nonsense_changes_nothing(void **state)
{
    (void)state;
    moves_to(OTHER);
    const struct address home = home_actor()->self, stand_in = nodes[OTHER].slots[0].self;
    const struct address ends[] = { home, stand_in };
    const unsigned other[] = { OTHER, HOME };
    for (unsigned at = 0; at < 2; at++) {
        struct address right = ends[1 - at], wrong;
        right.node = index_at(at, other[at]) & ADDRESS_NODE_MAX;
        wrong = right;
        wrong.generation += 100;
        struct message said[] = {
            { .type = LINE_TAKEN, .from = right, .line_taken = { .taken = 1000 } },
            { .type = LINE_TAKEN, .from = right, .line_taken = { .taken = 0, .wants_repeat = 7 } },
            { .type = LINE_TAKEN, .from = wrong, .line_taken = { .taken = 1 } },
            { .type = LINE_ITEM, .from = wrong, .line_item = { .number = 1, .kind = LINE_CLOSE, .value = 4002 } },
            { .type = LINE_ITEM, .from = wrong, .line_item = { .number = 1, .kind = LINE_GONE } },
            { .type = LINE_ITEM, .from = right, .line_item = { .number = 0, .kind = LINE_GONE } },
            { .type = LINE_DEAD, .from = wrong },
            { .type = CONN_RESUME, .from = wrong, .payload = payload_copy("short", 5) },
            { .type = PEER_TEXT, .from = wrong, .payload = payload_copy("{}", 2), .peer_text = { .match = 5, .number = 1 } },
        };
        for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
            said[i].to = ends[at];
            carry(other[at], at, &said[i], 0);
        }
        calm_down();
    }
    assert_non_null(user.socket);
    assert_int_equal(nodes[HOME].host.afar, 1);
    /* The next numbers, but of what only the other end has to say. */
    const struct line *at_home = line_find(&nodes[HOME].host, home, home_actor()->connection);
    for (uint32_t kind = LINE_ACCEPTED, number = at_home->taken_here + 1; kind < LINE_CLIENT_TEXT; kind++, number++)
        carry(OTHER, HOME, &(struct message){ .type = LINE_ITEM, .to = home, .from = home_actor()->connection, .line_item = { .number = number, .kind = kind } }, 0);
    calm_down();
    assert_int_equal(nodes[HOME].host.afar, 1);
    mate_writes();
    calm_down();
    assert_int_equal(user.heard, 1);
}

static void whatever_happens(void **state)
{
    (void)state;
    const unsigned runs = 300;
    unsigned resumed = 0;
    for (unsigned run = 1; run <= runs; run++) {
        if (run > 1) {
            finish();
            begin_in_a_chat();
        }
        for (unsigned i = 0; i < run * 7; i++)
            pick(2);
        for (unsigned step = 0; step < 1500; step++) {
            const unsigned what = pick(100);
            is_bad = true;
            if (what < 40)
                something_comes();
            else if (what < 50)
                writes();
            else if (what < 60 && mate.written < user.heard + 30) /* 64 events are kept */
                mate_writes();
            else if (what < 80 && user.socket != NULL)
                socket_takes_one(user.socket);
            else if (what < 96)
                time_passes(pick(60));
            else if (what < 97)
                breaks();
            else if (what < 99 && user.socket == NULL)
                connects(pick(NODES));
            else if (pick(20) == 0)
                connects(pick(NODES)); /* though the old connection is there */
        }
        calm_down();
        if (user.socket == NULL || !user.socket->is_accepted)
            connects(pick(NODES));
        calm_down();
        writes();
        calm_down();
        assert_int_equal(user.anew, 0);
        assert_false(mate.has_left);
        assert_int_equal(user.heard, mate.written);
        assert_int_equal(mate.heard, user.n);
        assert_int_equal(user.acked_n, user.n);
        assert_int_equal(mate.credits, CREDITS);
        assert_int_equal(user.socket->credits, CREDITS);
        assert_int_equal(lines_at(HOME), user.socket->node != HOME);
        assert_int_equal(lines_at(OTHER) + stand_ins_at(OTHER), user.socket->node == OTHER ? 2 : 0);
        resumed += user.resumed;
        closes(1000);
        calm_down();
        /* A token that was spent meanwhile has made a new session of whoever showed it, who had gone; it may come back. */
        assert_null(home_actor());
        assert_int_equal(stand_ins_at(OTHER) + stand_ins_at(THIRD), 0);
        assert_int_equal(lines_at(HOME) + lines_at(OTHER) + lines_at(THIRD) + nodes[HOME].host.afar, 0);
    }
    assert_true(resumed > runs * 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_that_breaks_before_it_is_heard_loses_nothing),
        TEST(a_late_stand_in_does_no_harm),
        TEST(what_is_asked_is_asked_again),
        TEST(who_hears_nothing_does_not_lose_the_session),
        TEST(nonsense_changes_nothing),
        TEST(whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

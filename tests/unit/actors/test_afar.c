/* A client comes back by way of another node: nothing is lost, doubled or reordered, in either direction, and nothing of it is left behind. */
#include "unit/actors/three_nodes.h"

static int set_up(void **state)
{
    (void)state;
    begin_in_a_chat();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    finish();
    return 0;
}

static void moves_to(unsigned node)
{
    breaks();
    calm_down();
    connects(node);
    calm_down();
}

static void comes_back_by_another_node(void **state)
{
    (void)state;
    breaks();
    calm_down();
    assert_int_equal(nodes[HOME].host.away, 1);
    for (unsigned i = 0; i < 5; i++)
        mate_writes();
    calm_down();
    assert_int_equal(mate.credits, CREDITS); /* what is kept is as good as written */
    connects(OTHER);
    calm_down();
    assert_int_equal(user.resumed, 1);
    assert_int_equal(user.heard, 5);
    assert_int_equal(nodes[HOME].host.away, 0);
    assert_int_equal(nodes[HOME].host.afar, 1);
    assert_int_equal(metrics_sum(&nodes[HOME].metrics, 1, METRIC_USERS), 1);
    assert_int_equal(metrics_sum(&nodes[OTHER].metrics, 1, METRIC_USERS), 0);
    for (unsigned i = 0; i < 40; i++) {
        writes();
        mate_writes();
        calm_down();
    }
    assert_int_equal(user.heard, 45);
    assert_int_equal(mate.heard, 40);
    assert_int_equal(user.acked_n, 40);
    assert_int_equal(mate.credits, CREDITS);
    assert_int_equal(user.socket->credits, CREDITS);
}

static void a_slow_reader_slows_its_partner_all_the_same(void **state)
{
    (void)state;
    moves_to(OTHER);
    for (unsigned i = 0; i < 100; i++) {
        mate_writes();
        time_passes(100);
        for (unsigned k = 0; k < 10; k++)
            something_comes();
    }
    assert_int_equal(mate.written, CREDITS);
    assert_int_equal(mate.credits, 0);
    assert_int_equal(user.socket->unwritten_count, CREDITS);
    for (unsigned i = 0; i < 3; i++)
        socket_takes_one(user.socket);
    time_passes(10);
    for (unsigned k = 0; k < 10; k++)
        something_comes();
    time_passes(10);
    for (unsigned k = 0; k < 10; k++)
        something_comes();
    assert_int_equal(mate.credits, 3);
    /* Its end gives the rest back. */
    breaks();
    calm_down();
    assert_int_equal(mate.credits, CREDITS);
    connects(THIRD);
    calm_down();
    assert_int_equal(user.heard, CREDITS);
}

static void from_node_to_node_and_home_again(void **state)
{
    (void)state;
    static const unsigned way[] = { OTHER, OTHER, THIRD, HOME, THIRD, OTHER, HOME };
    for (unsigned i = 0; i < sizeof way / sizeof way[0]; i++) {
        moves_to(way[i]);
        assert_int_equal(user.resumed, i + 1);
        assert_int_equal(nodes[HOME].host.afar, way[i] != HOME);
        assert_int_equal(lines_at(HOME), way[i] != HOME);
        assert_int_equal(lines_at(OTHER) + actors_at(OTHER), way[i] == OTHER ? 2 : 0);
        assert_int_equal(lines_at(THIRD) + actors_at(THIRD), way[i] == THIRD ? 2 : 0);
        writes();
        mate_writes();
        calm_down();
        assert_int_equal(user.heard, i + 1);
        assert_int_equal(mate.heard, i + 1);
    }
}

static void the_newer_connection_takes_over(void **state)
{
    (void)state;
    static const unsigned way[] = { OTHER, THIRD, HOME, OTHER };
    for (unsigned i = 0; i < 4; i++) {
        struct socket *old = user.socket;
        user.socket = NULL; /* it does not break, and is not read either */
        connects(way[i]);
        calm_down();
        assert_int_equal(old->close_code, 4002);
        assert_int_equal(user.resumed, i + 1);
        writes();
        calm_down();
        assert_int_equal(mate.heard, i + 1);
    }
    assert_int_equal(nodes[HOME].host.afar, 1);
    assert_int_equal(lines_at(HOME) + lines_at(OTHER) + lines_at(THIRD), 2);
}

static void what_it_closes_by_1000_is_over(void **state)
{
    (void)state;
    moves_to(OTHER);
    writes();
    closes(1000);
    calm_down();
    assert_int_equal(mate.heard, 1);
    assert_true(mate.has_left);
    assert_null(home_actor());
    assert_int_equal(lines_at(HOME) + lines_at(OTHER) + actors_at(OTHER) + nodes[HOME].host.afar, 0);
    /* What is closed otherwise may come back. */
    finish();
    begin_in_a_chat();
    moves_to(OTHER);
    struct socket *socket = user.socket;
    closes(3001);
    calm_down();
    assert_int_equal(socket->close_code, 3001);
    assert_int_equal(nodes[HOME].host.away, 1);
    assert_int_equal(lines_at(HOME) + lines_at(OTHER) + actors_at(OTHER) + nodes[HOME].host.afar, 0);
    connects(THIRD);
    calm_down();
    assert_int_equal(user.resumed, 2);
}

static void a_wrong_token_opens_a_new_session(void **state)
{
    (void)state;
    const struct token right = user.token;
    breaks();
    calm_down();
    for (unsigned wrong = 0; wrong < 4; wrong++) {
        user.token = right;
        if (wrong == 0)
            user.token.secret[TOKEN_SECRET_BYTES - 1] ^= 1;
        else if (wrong == 1)
            user.token.actor.slot = SLOTS - 1; /* nobody is there */
        else if (wrong == 2)
            user.token.actor.generation++;
        else
            user.token.home = 1; /* no node has this name */
        user.seq = 3;
        connects(OTHER);
        calm_down();
        assert_int_equal(user.anew, wrong + 1);
        assert_int_equal(user.token.home, 501);
        assert_int_equal(lines_at(OTHER) + lines_at(HOME), 0);
        closes(1000);
        calm_down();
        assert_int_equal(actors_at(OTHER), 0);
    }
    user.token = right; /* and they did no harm */
    user.seq = 3;
    connects(OTHER);
    calm_down();
    assert_int_equal(user.resumed, 1);
}

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

static void all_comes_for(unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 5) {
        time_passes(5);
        for (unsigned k = 0; k < 100; k++)
            something_comes();
        sockets_take_all();
    }
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

static void the_node_of_the_connection_dies(void **state)
{
    (void)state;
    moves_to(OTHER);
    is_drowned = true;
    mate_writes();
    something_comes();
    node_dies(OTHER, HOME);
    assert_int_equal(nodes[HOME].host.away, 1);
    assert_int_equal(lines_at(HOME) + nodes[HOME].host.afar, 0);
    is_drowned = false;
    calm_down();
    assert_int_equal(mate.credits, CREDITS);
    connects(HOME);
    calm_down();
    assert_int_equal(user.resumed, 2);
    assert_int_equal(user.heard, 1);
}

static void the_node_of_the_actor_dies(void **state)
{
    (void)state;
    moves_to(OTHER);
    struct socket *socket = user.socket;
    node_dies(HOME, OTHER);
    calm_down();
    assert_int_equal(socket->close_code, 1012);
    assert_int_equal(actors_at(OTHER) + lines_at(OTHER), 0);
    connects(OTHER);
    calm_down();
    assert_int_equal(user.anew, 1);
    /* Likewise while the token is on its way. */
    finish();
    begin_in_a_chat();
    breaks();
    is_drowned = true;
    connects(OTHER);
    time_passes(300);
    node_dies(HOME, OTHER);
    calm_down();
    assert_int_equal(user.anew, 1);
    assert_int_equal(lines_at(OTHER), 0);
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

static void the_node_of_the_actor_stops(void **state)
{
    (void)state;
    moves_to(OTHER);
    struct socket *socket = user.socket;
    nodes[HOME].host.is_draining = true;
    session_on_drain(home_actor(), &nodes[HOME].host);
    assert_int_equal(home_actor()->state, SESSION_OVER);
    assert_true(mate.has_left);
    session_fini(home_actor(), &nodes[HOME].host);
    nodes[HOME].is_alive[0] = false;
    calm_down();
    assert_int_equal(socket->close_code, 1012);
    assert_int_equal(actors_at(OTHER) + lines_at(OTHER) + lines_at(HOME) + nodes[HOME].host.afar, 0);
}

static void the_node_of_the_connection_stops(void **state)
{
    (void)state;
    moves_to(OTHER);
    session_on_drain(&nodes[OTHER].slots[0], &nodes[OTHER].host);
    assert_int_equal(nodes[OTHER].slots[0].state, SESSION_OVER);
    session_fini(&nodes[OTHER].slots[0], &nodes[OTHER].host);
    nodes[OTHER].is_alive[0] = false;
    calm_down();
    assert_int_equal(nodes[HOME].host.away, 1);
    assert_int_equal(lines_at(OTHER) + lines_at(HOME), 0);
}

/* Those who are afar hold places of those who are away. */
static void there_is_room_for_so_many(void **state)
{
    (void)state;
    nodes[HOME].host.away_max = 0;
    user.socket = NULL;
    connects(OTHER);
    calm_down();
    assert_int_equal(user.anew, 1);
    assert_int_equal(nodes[HOME].host.afar, 0);
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
        TEST(comes_back_by_another_node),
        TEST(a_slow_reader_slows_its_partner_all_the_same),
        TEST(from_node_to_node_and_home_again),
        TEST(the_newer_connection_takes_over),
        TEST(what_it_closes_by_1000_is_over),
        TEST(a_wrong_token_opens_a_new_session),
        TEST(a_connection_that_breaks_before_it_is_heard_loses_nothing),
        TEST(a_late_stand_in_does_no_harm),
        TEST(what_is_asked_is_asked_again),
        TEST(the_node_of_the_connection_dies),
        TEST(the_node_of_the_actor_dies),
        TEST(who_hears_nothing_does_not_lose_the_session),
        TEST(the_node_of_the_actor_stops),
        TEST(the_node_of_the_connection_stops),
        TEST(there_is_room_for_so_many),
        TEST(whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

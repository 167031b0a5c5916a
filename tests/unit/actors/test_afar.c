/* A client comes back by way of another node: nothing is lost, doubled or reordered, in either direction, and nothing of it is left behind. */
#include "unit/actors/three_nodes.h"

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

static void the_node_of_the_actor_stops(void **state)
{
    (void)state;
    moves_to(OTHER);
    struct socket *socket = user.socket;
    nodes[HOME].host.is_draining = true;
    session_on_farewell(home_actor(), &nodes[HOME].host, FAREWELL_DRAIN);
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
    session_on_farewell(&nodes[OTHER].slots[0], &nodes[OTHER].host, FAREWELL_DRAIN);
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
        TEST(the_node_of_the_connection_dies),
        TEST(the_node_of_the_actor_dies),
        TEST(the_node_of_the_actor_stops),
        TEST(the_node_of_the_connection_stops),
        TEST(there_is_room_for_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

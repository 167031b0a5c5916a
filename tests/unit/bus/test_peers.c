/* Who lives, who is dead, and when a node must take itself for dead. Time is a number. */
#include "unit/unit.h"

#include <stdio.h>

#include "bus/peers.h"

enum { SELF = 100, ANN = 200, BOB = 300, PATIENCE_MS = 30000 };

static const struct peers_crowd ten = { .online = 10, .searching = 4, .chatting = 6 };

/* A node, and the world as it hears it. */
struct world {
    struct peers *peers;
    unsigned ways;
    uint64_t now_ms, number; /* of every batch, whoever's */
    bool is_connected, hears_itself;
    uint64_t ann_life, bob_life; /* 0: silent */
    char news[256]; /* of the last run() */
};

static const char *const causes[] = { "frozen", "unheard", "patience", "buried" };

static void collect(struct world *world)
{
    struct peers_news news;
    size_t length = strlen(world->news);
    while (peers_take_news(world->peers, &news)) {
        char *at = world->news + length;
        size_t room = sizeof world->news - length;
        const char *who = news.incarnation == ANN ? "ann" : news.incarnation == BOB ? "bob" : "?";
        int written = 0;
        switch (news.event) {
        case PEERS_ALIVE:
            written = snprintf(at, room, "%s%llu alive as %u. ", who, (unsigned long long)news.life, news.index);
            break;
        case PEERS_DIED:
            written = snprintf(at, room, "%s%llu died as %u. ", who, (unsigned long long)news.life, news.index);
            break;
        case PEERS_PARTED:
            written = snprintf(at, room, "%s%llu parted as %u. ", who, (unsigned long long)news.life, news.index);
            break;
        case PEERS_LEFT:
            written = snprintf(at, room, "%s%llu left as %u. ", who, (unsigned long long)news.life, news.index);
            break;
        case PEERS_NEW_LIFE:
            written = snprintf(at, room, "%s: life %llu. ", causes[news.cause], (unsigned long long)news.life);
            break;
        }
        assert_in_range(written, 1, room - 1);
        length += (size_t)written;
    }
}

static enum peers_verdict beat(struct world *world, unsigned way, uint64_t source, uint64_t life)
{
    unsigned index;
    enum peers_verdict verdict = peers_on_beat(world->peers, way, source, life, ++world->number, &ten, world->now_ms, &index);
    collect(world);
    return verdict;
}

static void all_beat(struct world *world)
{
    for (unsigned way = 0; way < world->ways; way++) {
        if (world->hears_itself) {
            uint64_t life = peers_own_life(world->peers);
            enum peers_verdict verdict = beat(world, way, SELF, life);
            assert_int_equal(verdict, life == peers_own_life(world->peers) ? PEERS_ECHO : PEERS_OLD);
        }
        if (world->ann_life > 0)
            beat(world, way, ANN, world->ann_life);
        if (world->bob_life > 0)
            beat(world, way, BOB, world->bob_life);
    }
}

/* So long the world goes on as it is; returns what happened. */
static const char *run(struct world *world, unsigned ms)
{
    world->news[0] = '\0';
    for (unsigned passed = 0; passed < ms; passed += 100) {
        if (world->now_ms % PEERS_BEAT_MS == 0)
            all_beat(world);
        peers_tick(world->peers, world->is_connected, world->now_ms);
        collect(world);
        world->now_ms += 100;
    }
    return world->news;
}

static struct world begin_with(unsigned ways)
{
    struct world world = { .ways = ways, .now_ms = 1000000, .is_connected = true, .hears_itself = true, .ann_life = 1 };
    world.peers = peers_new(SELF, ways, PATIENCE_MS, world.now_ms);
    assert_false(peers_is_up(world.peers, world.now_ms));
    assert_string_equal(run(&world, 1000), "ann1 alive as 1. ");
    assert_true(peers_is_up(world.peers, world.now_ms));
    return world;
}

static struct world begin(void)
{
    return begin_with(1);
}

static void alive_from_the_first_beat(void **state)
{
    (void)state;
    struct world world = begin();
    uint64_t incarnation, life;
    world.bob_life = 4;
    assert_string_equal(run(&world, 5000), "bob4 alive as 2. ");
    assert_int_equal(peers_alive(world.peers), 2);
    const struct peers_crowd crowd = peers_crowd(world.peers);
    assert_int_equal(crowd.online, 20);
    assert_int_equal(crowd.searching, 8);
    assert_int_equal(crowd.chatting, 12);
    assert_true(peers_find(world.peers, 2, &incarnation, &life));
    assert_int_equal(incarnation, BOB);
    assert_int_equal(life, 4);
    assert_int_equal(peers_index_of(world.peers, BOB, 4), 2);
    assert_int_equal(peers_index_of(world.peers, BOB, 3), 0);
    assert_false(peers_find(world.peers, 3, &incarnation, &life));
    assert_false(peers_find(world.peers, 0, &incarnation, &life));
    peers_free(&world.peers);
}

static void dead_after_two_seconds_of_silence(void **state)
{
    (void)state;
    struct world world = begin(); /* the last beat was 500 ms ago */
    world.ann_life = 0;
    assert_string_equal(run(&world, 1600), "");
    assert_string_equal(run(&world, 300), "ann1 died as 1. ");
    assert_int_equal(peers_alive(world.peers), 0);
    peers_free(&world.peers);
}

static void a_life_that_was_buried_stays_so_and_the_next_one_is_another_node(void **state)
{
    (void)state;
    struct world world = begin();
    unsigned index;
    world.ann_life = 0;
    run(&world, 2500);
    assert_int_equal(beat(&world, 0, ANN, 1), PEERS_BURIED);
    assert_int_equal(peers_on_batch(world.peers, ANN, 1, ++world.number, world.now_ms, &index), PEERS_BURIED);
    assert_int_equal(peers_alive(world.peers), 0);
    world.ann_life = 2;
    assert_string_equal(run(&world, 1000), "ann2 alive as 2. ");
    world.ann_life = 3; /* it has begun anew before we noticed anything */
    assert_string_equal(run(&world, 1000), "ann2 died as 2. ann3 alive as 3. ");
    assert_int_equal(beat(&world, 0, ANN, 2), PEERS_OLD);
    peers_free(&world.peers);
}

static void who_hears_nothing_concludes_nothing(void **state)
{
    (void)state;
    struct world world = begin();
    world.is_connected = world.hears_itself = false;
    world.ann_life = 0;
    assert_string_equal(run(&world, 29000), "");
    assert_false(peers_is_up(world.peers, world.now_ms));
    /* Redis is back, and the others find it up to two seconds later. */
    world.is_connected = world.hears_itself = true;
    assert_string_equal(run(&world, 1500), "");
    world.ann_life = 1;
    assert_string_equal(run(&world, 5000), "");
    assert_true(peers_is_up(world.peers, world.now_ms));
    peers_free(&world.peers);
}

/* Redis cuts us off again and again, and each time we are back before our own next beat: which comes back, whereas others' are missed. */
static void who_misses_something_concludes_nothing(void **state)
{
    (void)state;
    struct world world = begin();
    world.ann_life = 0;
    for (unsigned i = 0; i < 20; i++) {
        peers_on_gap(world.peers, 0);
        assert_string_equal(run(&world, 500), "");
        assert_true(peers_is_up(world.peers, world.now_ms));
    }
    /* From the next own beat on nothing is missed any more. */
    assert_string_equal(run(&world, 1600), "");
    assert_string_equal(run(&world, 1000), "ann1 died as 1. ");
    peers_free(&world.peers);
}

static void who_misses_something_by_one_way_hears_it_by_the_other(void **state)
{
    (void)state;
    struct world world = begin_with(2);
    world.ann_life = 0;
    for (unsigned i = 0; i < 3; i++) {
        peers_on_gap(world.peers, 1);
        assert_string_equal(run(&world, 500), "");
    }
    peers_on_gap(world.peers, 1);
    assert_string_equal(run(&world, 500), "ann1 died as 1. ");
    peers_free(&world.peers);
}

static void patience_ends(void **state)
{
    (void)state;
    struct world world = begin();
    world.is_connected = world.hears_itself = false;
    world.ann_life = 0;
    assert_string_equal(run(&world, PATIENCE_MS + 1000), "patience: life 2. ann1 parted as 1. ");
    assert_string_equal(run(&world, 2 * PATIENCE_MS), ""); /* there is nothing left to end */
    world.is_connected = world.hears_itself = true;
    world.ann_life = 2; /* its patience was the same */
    assert_string_equal(run(&world, 1000), "ann2 alive as 2. ");
    peers_free(&world.peers);
}

static void who_is_connected_and_does_not_hear_itself_begins_anew(void **state)
{
    (void)state;
    struct world world = begin();
    world.hears_itself = false;
    assert_string_equal(run(&world, 1600), "");
    assert_string_equal(run(&world, 300), "unheard: life 2. ann1 parted as 1. ");
    assert_string_equal(run(&world, 1000), "ann1 alive as 2. "); /* its life goes on: it is ours that did not */
    peers_free(&world.peers);
}

static void who_stood_still_begins_anew(void **state)
{
    (void)state;
    struct world world = begin();
    world.now_ms += 1400; /* and the tick before was 100 ms ago */
    assert_string_equal(run(&world, 100), "");
    world.now_ms += 1500;
    assert_string_equal(run(&world, 1000), "frozen: life 2. ann1 parted as 1. ann1 alive as 2. ");
    /* What is read first after it may be a batch. */
    unsigned index;
    world.now_ms += 2000;
    assert_int_equal(peers_on_batch(world.peers, ANN, 1, ++world.number, world.now_ms, &index), PEERS_STRANGER);
    collect(&world);
    assert_int_equal(peers_own_life(world.peers), 3);
    peers_free(&world.peers);
}

static void who_was_buried_begins_anew(void **state)
{
    (void)state;
    struct world world = begin();
    peers_on_buried(world.peers, 1, world.now_ms);
    world.news[0] = '\0';
    collect(&world);
    assert_string_equal(world.news, "buried: life 2. ann1 parted as 1. ");
    peers_on_buried(world.peers, 1, world.now_ms); /* somebody else says it, too */
    assert_int_equal(peers_own_life(world.peers), 2);
    peers_free(&world.peers);
}

static void numbers_only_grow(void **state)
{
    (void)state;
    struct world world = begin();
    unsigned index = 0;
    uint64_t number = world.number;
    assert_int_equal(peers_on_batch(world.peers, ANN, 1, number, world.now_ms, &index), PEERS_TAKE);
    assert_int_equal(index, 1);
    assert_int_equal(peers_on_batch(world.peers, ANN, 1, number, world.now_ms, &index), PEERS_OLD);
    assert_int_equal(peers_on_batch(world.peers, ANN, 1, number - 1, world.now_ms, &index), PEERS_OLD);
    assert_int_equal(peers_on_batch(world.peers, ANN, 1, number + 1, world.now_ms, &index), PEERS_TAKE);
    assert_int_equal(peers_on_batch(world.peers, ANN, 2, number + 2, world.now_ms, &index), PEERS_STRANGER); /* no beat of it yet */
    assert_int_equal(peers_on_batch(world.peers, BOB, 1, number + 2, world.now_ms, &index), PEERS_STRANGER);
    assert_int_equal(peers_on_beat(world.peers, 0, ANN, 1, number, &ten, world.now_ms, &index), PEERS_OLD);
    assert_int_equal(peers_on_beat(world.peers, 0, SELF, 1, 1, &ten, world.now_ms, &index), PEERS_OLD);
    /* That we begin anew makes nothing new of what ann has said. */
    peers_on_buried(world.peers, 1, world.now_ms);
    assert_int_equal(peers_on_beat(world.peers, 0, ANN, 1, number, &ten, world.now_ms, &index), PEERS_OLD);
    assert_int_equal(peers_on_beat(world.peers, 0, SELF, 1, number + 9, &ten, world.now_ms, &index), PEERS_OLD); /* a life that is over */
    peers_free(&world.peers);
}

static void who_takes_leave_is_gone_at_once(void **state)
{
    (void)state;
    struct world world = begin();
    peers_on_leave(world.peers, ANN, 7);
    assert_int_equal(peers_alive(world.peers), 1); /* of another life */
    peers_on_leave(world.peers, ANN, 1);
    world.news[0] = '\0';
    collect(&world);
    assert_string_equal(world.news, "ann1 left as 1. ");
    peers_on_leave(world.peers, ANN, 1);
    peers_on_leave(world.peers, BOB, 1);
    assert_int_equal(peers_alive(world.peers), 0);
    peers_free(&world.peers);
}

/* Two Redis: one of them goes away. */
static void one_way_is_enough_to_know_who_lives_but_not_to_be_up(void **state)
{
    (void)state;
    struct world world = begin_with(2);
    unsigned index;
    world.ways = 1;
    world.is_connected = false;
    assert_string_equal(run(&world, 3000), "");
    assert_int_equal(peers_ways_up(world.peers, world.now_ms), 1);
    assert_false(peers_is_up(world.peers, world.now_ms));
    world.ann_life = 0;
    assert_string_equal(run(&world, 2500), "ann1 died as 1. ");
    /* The same beat by both ways is none too many. */
    uint64_t number = ++world.number;
    assert_int_equal(peers_on_beat(world.peers, 0, BOB, 1, number, &ten, world.now_ms, &index), PEERS_TAKE);
    assert_int_equal(peers_on_beat(world.peers, 1, BOB, 1, number, &ten, world.now_ms, &index), PEERS_TAKE);
    assert_int_equal(peers_on_beat(world.peers, 1, BOB, 1, number, &ten, world.now_ms, &index), PEERS_OLD);
    peers_free(&world.peers);
}

static void indexes_are_not_soon_used_again(void **state)
{
    (void)state;
    struct world world = begin(); /* ann is 1 */
    unsigned index = 0, last = 1;
    for (uint64_t life = 1; life < 2 * PEERS_MAX; life++) {
        assert_int_equal(peers_on_beat(world.peers, 0, BOB, life, ++world.number, &ten, world.now_ms, &index), PEERS_TAKE);
        assert_int_equal(index, last == PEERS_MAX ? 2 : last + 1); /* 1 is still taken */
        last = index;
    }
    peers_free(&world.peers);
}

static void there_is_an_end_of_room(void **state)
{
    (void)state;
    struct world world = { .now_ms = 1000 };
    unsigned index;
    world.peers = peers_new(SELF, 1, PATIENCE_MS, world.now_ms);
    for (uint64_t node = 1; node <= PEERS_MAX; node++)
        assert_int_equal(peers_on_beat(world.peers, 0, 1000 + node, 1, 1, &ten, world.now_ms, &index), PEERS_TAKE);
    assert_int_equal(peers_on_beat(world.peers, 0, BOB, 1, 1, &ten, world.now_ms, &index), PEERS_FULL);
    peers_on_leave(world.peers, 1001, 1);
    assert_int_equal(peers_on_beat(world.peers, 0, BOB, 1, 2, &ten, world.now_ms, &index), PEERS_TAKE);
    assert_int_equal(index, 1);
    peers_free(&world.peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_from_the_first_beat),
        cmocka_unit_test(dead_after_two_seconds_of_silence),
        cmocka_unit_test(a_life_that_was_buried_stays_so_and_the_next_one_is_another_node),
        cmocka_unit_test(who_hears_nothing_concludes_nothing),
        cmocka_unit_test(who_misses_something_concludes_nothing),
        cmocka_unit_test(who_misses_something_by_one_way_hears_it_by_the_other),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(who_is_connected_and_does_not_hear_itself_begins_anew),
        cmocka_unit_test(who_stood_still_begins_anew),
        cmocka_unit_test(who_was_buried_begins_anew),
        cmocka_unit_test(numbers_only_grow),
        cmocka_unit_test(who_takes_leave_is_gone_at_once),
        cmocka_unit_test(one_way_is_enough_to_know_who_lives_but_not_to_be_up),
        cmocka_unit_test(indexes_are_not_soon_used_again),
        cmocka_unit_test(there_is_an_end_of_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

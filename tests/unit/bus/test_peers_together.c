/* Several nodes on one bus, by seeds: nodes stand still, do not hear each other or themselves, and the bus goes away. When all is well again for
 * some seconds,
 *   everybody is alive for everybody, in the life that it is in, and lives are no longer begun;
 *   whoever was given up by another has given that one up as well: what was between the two is over on both sides. */
#include "unit/unit.h"

#include "bus/peers.h"

enum { NODES = 4, SEEDS = 300, FAULTY_MS = 40000, CALM_MS = 8000, STEP_MS = 20, FLYING_MAX = 4096, PATIENCE_MS = 5000 };

struct beat {
    unsigned from, to;
    uint64_t life, number, due_ms;
    bool is_buried; /* not a beat: that this life of the receiver is */
};

struct node {
    struct peers *peers;
    uint64_t number, frozen_until_ms;
    unsigned index_of[NODES];  /* as news told it */
    unsigned given_up[NODES];  /* the index that the other one had for us when it gave us up; 0: it did not */
    unsigned lives;            /* begun since it is calm */
};

static struct node nodes[NODES];
static struct beat flying[FLYING_MAX];
static size_t flying_count;
static bool is_cut[NODES][NODES];
static bool is_away, is_calm;
static uint64_t now_ms;
static uint32_t seed;

static unsigned pick(unsigned of)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % of;
}

static uint64_t incarnation_of(unsigned node)
{
    return 1000 + node;
}

static void send(unsigned from, unsigned to, uint64_t life, bool is_buried)
{
    if (is_away || is_cut[from][to])
        return;
    assert_true(flying_count < FLYING_MAX);
    flying[flying_count++] = (struct beat){ from, to, life, nodes[from].number, now_ms + pick(30), is_buried };
}

static void take_news(unsigned self)
{
    struct node *node = &nodes[self];
    struct peers_news news;
    while (peers_take_news(node->peers, &news)) {
        if (news.event == PEERS_NEW_LIFE) {
            node->lives++;
            continue;
        }
        unsigned other = (unsigned)(news.incarnation - incarnation_of(0));
        assert_in_range(other, 0, NODES - 1);
        if (news.event == PEERS_ALIVE) {
            assert_int_equal(node->index_of[other], 0);
            node->index_of[other] = news.index;
        } else {
            assert_int_equal(node->index_of[other], news.index);
            node->index_of[other] = 0;
            if (news.life == peers_own_life(nodes[other].peers))
                nodes[other].given_up[self] = nodes[other].index_of[self];
        }
    }
}

static void take(const struct beat *beat)
{
    struct node *node = &nodes[beat->to];
    unsigned index;
    if (beat->is_buried)
        peers_on_buried(node->peers, beat->life, now_ms);
    else if (peers_on_beat(node->peers, 0, incarnation_of(beat->from), beat->life, beat->number, &(struct peers_crowd){ 0 }, now_ms, &index) == PEERS_BURIED)
        send(beat->to, beat->from, beat->life, true);
    take_news(beat->to);
}

/* What has come for those who do not stand still. */
static void deliver(void)
{
    for (size_t i = 0; i < flying_count;) {
        struct beat beat = flying[i];
        if (beat.due_ms > now_ms || nodes[beat.to].frozen_until_ms > now_ms) {
            i++;
            continue;
        }
        flying_count--;
        memmove(&flying[i], &flying[i + 1], (flying_count - i) * sizeof flying[0]);
        take(&beat);
    }
}

static void live(unsigned self)
{
    struct node *node = &nodes[self];
    if (node->frozen_until_ms > now_ms)
        return;
    if (now_ms % 100 == 0) {
        peers_tick(node->peers, !is_away, now_ms);
        take_news(self);
    }
    if ((now_ms + self * 120) % PEERS_BEAT_MS == 0) {
        node->number++;
        for (unsigned other = 0; other < NODES; other++)
            send(self, other, peers_own_life(node->peers), false);
    }
}

static void fail_somehow(void)
{
    if (pick(100) != 0)
        return;
    unsigned node = pick(NODES), other = pick(NODES);
    switch (pick(5)) {
    case 0:
        nodes[node].frozen_until_ms = now_ms + 100 + pick(4000);
        break;
    case 1:
        is_cut[node][other] = true; /* itself, perhaps */
        break;
    case 2:
        is_away = !is_away;
        break;
    default:
        memset(is_cut, 0, sizeof is_cut);
        break;
    }
}

static void run(uint64_t ms)
{
    for (uint64_t end_ms = now_ms + ms; now_ms < end_ms; now_ms += STEP_MS) {
        if (!is_calm)
            fail_somehow();
        deliver();
        for (unsigned node = 0; node < NODES; node++)
            live(node);
    }
}

static void calm_down(void)
{
    is_calm = true;
    is_away = false;
    memset(is_cut, 0, sizeof is_cut);
    for (unsigned node = 0; node < NODES; node++)
        nodes[node].frozen_until_ms = 0;
    run(CALM_MS);
    for (unsigned node = 0; node < NODES; node++)
        nodes[node].lives = 0;
    run(CALM_MS);
}

static void all_comes_right_again(void **state)
{
    (void)state;
    uint64_t lives = 0;
    for (uint32_t with_seed = 1; with_seed <= SEEDS; with_seed++) {
        seed = with_seed;
        now_ms = 1000000;
        flying_count = 0;
        is_away = is_calm = false;
        memset(nodes, 0, sizeof nodes);
        memset(is_cut, 0, sizeof is_cut);
        for (unsigned node = 0; node < NODES; node++)
            nodes[node].peers = peers_new(incarnation_of(node), 1, PATIENCE_MS, now_ms);
        run(FAULTY_MS);
        calm_down();
        for (unsigned node = 0; node < NODES; node++) {
            assert_int_equal(nodes[node].lives, 0);
            lives += peers_own_life(nodes[node].peers);
            for (unsigned other = 0; other < NODES; other++) {
                if (other == node)
                    continue;
                unsigned index = peers_index_of(nodes[node].peers, incarnation_of(other), peers_own_life(nodes[other].peers));
                if (index == 0 || index != nodes[node].index_of[other])
                    fail_msg("seed %u: %u does not hear %u", with_seed, node, other);
                if (nodes[node].given_up[other] == index)
                    fail_msg("seed %u: %u was given up by %u, and does not know it", with_seed, node, other);
            }
        }
        for (unsigned node = 0; node < NODES; node++)
            peers_free(&nodes[node].peers);
    }
    print_message("%llu lives\n", (unsigned long long)lives);
    assert_true(lives > 5u * SEEDS * NODES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_comes_right_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

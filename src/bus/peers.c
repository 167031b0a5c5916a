#include "bus/peers.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

/* A life that is over is remembered for so long, and its late beats are not taken for a birth. A node that was away for longer has begun a new
 * one by itself. */
enum { BURIED_MS = 600000 };

/* Nodes that are known, alive or buried. They are looked for one by one: 500 of them, more than scale-out is meant for, are 4 KiB. */
enum { KNOWN_MAX = 2 * PEERS_MAX };

struct node {
    uint64_t incarnation;
    uint64_t life;
    uint64_t heard_ms; /* alive: the last beat. Else: when that ended */
    uint64_t last_beat[PEERS_WAYS_MAX]; /* numbers, in this life */
    uint64_t last_batch;
    struct peers_crowd crowd;
    uint16_t index; /* 0: not alive */
    bool is_buried; /* this life is over. Else, without an index: it is we who began anew, and it lives on */
};

struct peers {
    uint64_t self, life;
    unsigned ways;
    uint64_t patience_ms;
    uint64_t now_ms; /* at the last call */

    uint64_t echo_ms[PEERS_WAYS_MAX];      /* when the own beat came back last; 0: never */
    uint64_t last_echo[PEERS_WAYS_MAX];    /* its number */
    uint64_t heard_since_ms[PEERS_WAYS_MAX]; /* nothing has been missed since, as far as can be known */
    bool has_gap[PEERS_WAYS_MAX];          /* something may be missed now */
    uint64_t was_up_ms;                    /* patience runs since */
    uint64_t unheard_since_ms;             /* connected, and no own beat has come back since */

    struct node **known;
    unsigned known_count, known_capacity;
    struct node *by_index[PEERS_MAX + 1];
    unsigned alive, last_index;

    struct peers_news *news; /* oldest first; emptied after every call */
    size_t news_first, news_count, news_capacity;
};

static void tell(struct peers *peers, struct peers_news news)
{
    if (peers->news_count == peers->news_capacity) {
        peers->news_capacity = peers->news_capacity > 0 ? peers->news_capacity * 2 : 16;
        peers->news = realloc(peers->news, peers->news_capacity * sizeof *peers->news);
        CHECK_MEMORY(peers->news);
    }
    peers->news[peers->news_count++] = news;
}

bool peers_take_news(struct peers *peers, struct peers_news *news)
{
    if (peers->news_first == peers->news_count) {
        peers->news_first = peers->news_count = 0;
        return false;
    }
    *news = peers->news[peers->news_first++];
    return true;
}

struct peers *peers_new(uint64_t self, unsigned ways, uint64_t patience_ms, uint64_t now_ms)
{
    CHECK(self != 0 && ways >= 1 && ways <= PEERS_WAYS_MAX);
    struct peers *peers = calloc(1, sizeof *peers);
    CHECK_MEMORY(peers);
    peers->self = self;
    peers->life = 1;
    peers->ways = ways;
    peers->patience_ms = patience_ms;
    peers->now_ms = peers->was_up_ms = peers->unheard_since_ms = now_ms;
    return peers;
}

void peers_free(struct peers **pointer)
{
    struct peers *peers = *pointer;
    if (peers == NULL)
        return;
    for (unsigned i = 0; i < peers->known_count; i++)
        free(peers->known[i]);
    free(peers->known);
    free(peers->news);
    free(peers);
    *pointer = NULL;
}

uint64_t peers_own_life(const struct peers *peers)
{
    return peers->life;
}

static struct node *find(const struct peers *peers, uint64_t incarnation)
{
    for (unsigned i = 0; i < peers->known_count; i++) {
        if (peers->known[i]->incarnation == incarnation)
            return peers->known[i];
    }
    return NULL;
}

/* It is not alive any more, for us. */
static void forget(struct peers *peers, struct node *peer, enum peers_event event)
{
    tell(peers, (struct peers_news){ .event = event, .index = peer->index, .incarnation = peer->incarnation, .life = peer->life });
    peers->by_index[peer->index] = NULL;
    peers->alive--;
    peer->index = 0;
    peer->heard_ms = peers->now_ms;
}

/* Nor for anybody, once it has heard of it. */
static void bury(struct peers *peers, struct node *peer, enum peers_event event)
{
    forget(peers, peer, event);
    peer->is_buried = true;
}

static void give_birth(struct peers *peers, struct node *peer, uint64_t life)
{
    if (life > peer->life) {
        peer->life = life;
        peer->is_buried = false;
        peer->last_batch = 0;
        memset(peer->last_beat, 0, sizeof peer->last_beat);
    }
    do {
        peers->last_index = peers->last_index < PEERS_MAX ? peers->last_index + 1 : 1;
    } while (peers->by_index[peers->last_index] != NULL);
    peers->by_index[peers->last_index] = peer;
    peers->alive++;
    peer->index = (uint16_t)peers->last_index;
    tell(peers, (struct peers_news){
                    .event = PEERS_ALIVE, .index = peer->index, .incarnation = peer->incarnation, .life = peer->life });
}

/* All that was with others is over. Their lives are not: they are alive again at their next beat. */
static void begin_new_life(struct peers *peers, enum peers_cause cause)
{
    peers->life++;
    peers->was_up_ms = peers->unheard_since_ms = peers->now_ms;
    tell(peers, (struct peers_news){ .event = PEERS_NEW_LIFE, .cause = cause, .incarnation = peers->self, .life = peers->life });
    for (unsigned i = 0; i < peers->known_count; i++) {
        if (peers->known[i]->index != 0)
            forget(peers, peers->known[i], PEERS_PARTED);
    }
}

static void note_time(struct peers *peers, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - peers->now_ms;
    peers->now_ms = now_ms;
    if (passed_ms > PEERS_FROZEN_MS)
        begin_new_life(peers, PEERS_FROZEN);
}

static bool is_recent(uint64_t at_ms, uint64_t now_ms, uint64_t within_ms)
{
    return at_ms != 0 && now_ms - at_ms <= within_ms;
}

static enum peers_verdict on_echo(struct peers *peers, unsigned way, uint64_t life, uint64_t number)
{
    if (life != peers->life || number <= peers->last_echo[way])
        return PEERS_OLD;
    if (peers->has_gap[way] || !is_recent(peers->echo_ms[way], peers->now_ms, PEERS_DOWN_MS))
        peers->heard_since_ms[way] = peers->now_ms;
    peers->has_gap[way] = false;
    peers->last_echo[way] = number;
    peers->echo_ms[way] = peers->unheard_since_ms = peers->now_ms;
    return PEERS_ECHO;
}

static void forget_buried(struct peers *peers)
{
    for (unsigned i = peers->known_count; i-- > 0;) {
        struct node *peer = peers->known[i];
        if (peer->index == 0 && peers->now_ms - peer->heard_ms > BURIED_MS) {
            free(peer);
            peers->known[i] = peers->known[--peers->known_count];
        }
    }
}

static struct node *get_to_know(struct peers *peers, uint64_t incarnation)
{
    forget_buried(peers);
    if (peers->known_count == KNOWN_MAX)
        return NULL;
    if (peers->known_count == peers->known_capacity) {
        peers->known_capacity = peers->known_capacity > 0 ? peers->known_capacity * 2 : 16;
        peers->known = realloc(peers->known, peers->known_capacity * sizeof(struct node *));
        CHECK_MEMORY(peers->known);
    }
    struct node *peer = calloc(1, sizeof *peer);
    CHECK_MEMORY(peer);
    peer->incarnation = incarnation;
    peers->known[peers->known_count++] = peer;
    return peer;
}

enum peers_verdict peers_on_beat(struct peers *peers, unsigned way, uint64_t source, uint64_t life, uint64_t number,
                                 const struct peers_crowd *crowd, uint64_t now_ms, unsigned *index)
{
    CHECK(way < peers->ways);
    note_time(peers, now_ms);
    if (source == peers->self)
        return on_echo(peers, way, life, number);
    struct node *peer = find(peers, source);
    if (peer != NULL && (life < peer->life || (life == peer->life && number <= peer->last_beat[way])))
        return PEERS_OLD;
    if (peer != NULL && life == peer->life && peer->is_buried) {
        peer->last_beat[way] = number;
        return PEERS_BURIED;
    }
    if (peer == NULL || peer->index == 0 || life > peer->life) {
        if (peers->alive == PEERS_MAX || (peer == NULL && (peer = get_to_know(peers, source)) == NULL))
            return PEERS_FULL;
        if (peer->index != 0)
            bury(peers, peer, PEERS_DIED);
        give_birth(peers, peer, life);
    }
    peer->heard_ms = now_ms;
    peer->last_beat[way] = number;
    peer->crowd = *crowd;
    *index = peer->index;
    return PEERS_TAKE;
}

enum peers_verdict peers_on_batch(struct peers *peers, uint64_t source, uint64_t life, uint64_t number, uint64_t now_ms, unsigned *index)
{
    note_time(peers, now_ms);
    struct node *peer = find(peers, source);
    if (peer == NULL || life > peer->life)
        return PEERS_STRANGER;
    if (life < peer->life || number <= peer->last_batch)
        return PEERS_OLD;
    if (peer->index == 0)
        return peer->is_buried ? PEERS_BURIED : PEERS_STRANGER;
    peer->last_batch = number;
    *index = peer->index;
    return PEERS_TAKE;
}

void peers_on_gap(struct peers *peers, unsigned way)
{
    CHECK(way < peers->ways);
    peers->has_gap[way] = true;
}

void peers_on_leave(struct peers *peers, uint64_t source, uint64_t life)
{
    struct node *peer = find(peers, source);
    if (peer != NULL && peer->index != 0 && peer->life == life)
        bury(peers, peer, PEERS_LEFT);
}

void peers_on_buried(struct peers *peers, uint64_t life, uint64_t now_ms)
{
    note_time(peers, now_ms);
    if (life == peers->life)
        begin_new_life(peers, PEERS_WAS_BURIED);
}

/* By some way the own beats have come back for so long, and nothing was missed: what a living peer says would have been heard. */
static bool has_heard_for(const struct peers *peers, uint64_t ms)
{
    for (unsigned way = 0; way < peers->ways; way++) {
        if (!peers->has_gap[way] && peers_is_way_up(peers, way, peers->now_ms) && peers->now_ms - peers->heard_since_ms[way] > ms)
            return true;
    }
    return false;
}

static void declare_dead(struct peers *peers)
{
    if (!has_heard_for(peers, PEERS_SILENT_MS))
        return;
    for (unsigned i = 0; i < peers->known_count; i++) {
        struct node *peer = peers->known[i];
        if (peer->index != 0 && peers->now_ms - peer->heard_ms > PEERS_SILENT_MS)
            bury(peers, peer, PEERS_DIED);
    }
}

void peers_tick(struct peers *peers, bool is_connected, uint64_t now_ms)
{
    note_time(peers, now_ms);
    declare_dead(peers);
    if (peers_is_up(peers, now_ms))
        peers->was_up_ms = now_ms;
    if (!is_connected)
        peers->unheard_since_ms = now_ms;
    if (now_ms - peers->unheard_since_ms > PEERS_SILENT_MS)
        begin_new_life(peers, PEERS_UNHEARD);
    else if (now_ms - peers->was_up_ms > peers->patience_ms && peers->alive > 0)
        begin_new_life(peers, PEERS_OUT_OF_PATIENCE);
}

bool peers_is_way_up(const struct peers *peers, unsigned way, uint64_t now_ms)
{
    return is_recent(peers->echo_ms[way], now_ms, PEERS_DOWN_MS);
}

unsigned peers_ways_up(const struct peers *peers, uint64_t now_ms)
{
    unsigned up = 0;
    for (unsigned way = 0; way < peers->ways; way++)
        up += peers_is_way_up(peers, way, now_ms);
    return up;
}

bool peers_is_up(const struct peers *peers, uint64_t now_ms)
{
    return peers_ways_up(peers, now_ms) == peers->ways;
}

bool peers_find(const struct peers *peers, unsigned index, uint64_t *incarnation, uint64_t *life)
{
    const struct node *peer = index <= PEERS_MAX ? peers->by_index[index] : NULL;
    if (peer == NULL)
        return false;
    *incarnation = peer->incarnation;
    *life = peer->life;
    return true;
}

unsigned peers_index_of(const struct peers *peers, uint64_t incarnation, uint64_t life)
{
    const struct node *peer = find(peers, incarnation);
    return peer != NULL && peer->life == life ? peer->index : 0;
}

unsigned peers_alive(const struct peers *peers)
{
    return peers->alive;
}

struct peers_crowd peers_crowd(const struct peers *peers)
{
    struct peers_crowd sum = { 0 };
    for (unsigned i = 0; i < peers->known_count; i++) {
        const struct node *peer = peers->known[i];
        if (peer->index == 0)
            continue;
        sum.online += peer->crowd.online;
        sum.searching += peer->crowd.searching;
        sum.chatting += peer->crowd.chatting;
    }
    return sum;
}

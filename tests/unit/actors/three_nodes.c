#include "unit/actors/three_nodes.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/line.h"
#include "actors/neighbours.h"
#include "actors/relay.h"

enum { MATE_SLOT = 900, INDEX = 10 };

struct node nodes[NODES];
struct mate mate;
bool is_bad, is_drowned;
uint64_t now_ms;

static uint32_t seed;
static struct {
    struct flying flying[QUEUE_MAX];
    size_t first, count;
    uint64_t last_due_ms;
} ways[NODES][NODES]; /* from, to; of one to itself it is its own ring */

static const struct address mate_address = { .generation = 4, .slot = MATE_SLOT, .thread = SESSION_THREAD };

unsigned pick(unsigned of)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % of;
}

/* How node `at` calls the other one. */
unsigned index_at(unsigned at, unsigned other)
{
    return INDEX * (at + 1) + other;
}

void carry(unsigned from, unsigned to, const struct message *message, uint64_t in_ms)
{
    assert_true(ways[from][to].count < QUEUE_MAX);
    uint64_t due_ms = now_ms + in_ms;
    if (due_ms < ways[from][to].last_due_ms)
        due_ms = ways[from][to].last_due_ms; /* none overtakes another */
    ways[from][to].last_due_ms = due_ms;
    ways[from][to].flying[(ways[from][to].first + ways[from][to].count++) % QUEUE_MAX] = (struct flying){ *message, due_ms };
}

static void fly(unsigned from, const struct message *message)
{
    const unsigned to = message->to.node - INDEX * (from + 1);
    struct message copy = *message;
    assert_true(to < NODES && to != from && message->more == 0);
    if (is_drowned || (is_bad && pick(4) == 0)) {
        message_discard(&copy);
        return;
    }
    copy.to.node = 0;
    copy.from.node = index_at(to, from) & ADDRESS_NODE_MAX;
    carry(from, to, &copy, is_bad ? pick(300) : 1);
}

static void to_mate(const struct message *message)
{
    unsigned number;
    switch ((enum message_type)message->type) {
    case PEER_TEXT:
        for (const struct payload *text = message->payload; text != NULL; text = text->next) {
            char event[512];
            snprintf(event, sizeof event, "%.*s", (int)text->length, (const char *)text->bytes);
            assert_int_equal(sscanf(strstr(event, "\"message\":\"") + 11, "user %u", &number), 1);
            assert_int_equal(number, ++mate.heard);
        }
        /* It has asked to come back as well, so its actor keeps what it hears. */
        carry(HOME, HOME, &(struct message){ .type = TEXT_DONE, .to = message->peer_text.writer, .credit = { .texts = message_texts(message) } }, 0);
        break;
    case TEXT_DONE:
    case TEXT_WRITTEN:
        mate.credits += (int)message->credit.texts;
        assert_true(mate.credits <= CREDITS);
        break;
    case PEER_LEFT:
        mate.has_left = true;
        break;
    default:
        break;
    }
}

static void on_send(void *self, const struct message *message)
{
    const unsigned node = (unsigned)((struct node *)self - nodes);
    struct message mine = *message;
    if (message->to.node != 0) {
        fly(node, message);
        return;
    }
    if (message->to.thread == IO_THREAD) {
        to_socket(node, &mine);
    } else if (address_equals(message->to, mate_address)) {
        assert_int_equal(node, HOME);
        to_mate(message);
    } else if (message->to.thread == SESSION_THREAD) {
        carry(node, node, message, 0);
        return;
    }
    message_discard(&mine);
}

static void fill_random(void *self, void *bytes, size_t length)
{
    (void)self;
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)pick(256);
}

static void remind(void *self, struct reminder **reminder, struct address actor, uint32_t in_ms)
{
    (void)self;
    (void)reminder;
    (void)actor;
    (void)in_ms;
}

static void forget(void *self, struct reminder **reminder)
{
    (void)self;
    *reminder = NULL;
}

static void await_turn(void *self, struct address actor)
{
    (void)self;
    (void)actor;
    fail_msg("nothing here is long");
}

struct session *find_actor(struct node *node, struct address address)
{
    struct session *session = address.slot < SLOTS ? &node->slots[address.slot] : NULL;
    return session != NULL && node->is_alive[address.slot] && session->self.generation == address.generation ? session : NULL;
}

void after_actor(struct node *node, struct session *session)
{
    if (session->state != SESSION_OVER)
        return;
    session_fini(session, &node->host);
    node->is_alive[session - node->slots] = false;
}

static void take(unsigned at, struct message *message)
{
    struct node *node = &nodes[at];
    if (address_equals(message->to, mate_address)) {
        to_mate(message);
        message_discard(message);
        return;
    }
    struct session *session = find_actor(node, message->to);
    if (session == NULL) {
        session_on_undeliverable(&node->host, message);
        return;
    }
    session_on_message(session, &node->host, message);
    after_actor(node, session);
}

static bool comes_by(unsigned from, unsigned to)
{
    if (ways[from][to].count == 0 || ways[from][to].flying[ways[from][to].first].due_ms > now_ms)
        return false;
    struct message message = ways[from][to].flying[ways[from][to].first].message;
    ways[from][to].first = (ways[from][to].first + 1) % QUEUE_MAX;
    ways[from][to].count--;
    take(to, &message);
    return true;
}

void something_comes(void)
{
    const unsigned begin_at = pick(NODES * NODES);
    for (unsigned i = 0; i < NODES * NODES; i++) {
        if (comes_by((begin_at + i) % (NODES * NODES) / NODES, (begin_at + i) % NODES))
            return;
    }
}

void ring_runs_empty(unsigned node)
{
    while (comes_by(node, node)) {
    }
}

void mate_writes(void)
{
    char event[128];
    if (mate.credits == 0 || mate.has_left)
        return;
    mate.credits--;
    snprintf(event, sizeof event, "{\"type\":\"chat_message\",\"data\":{\"message\":\"mate %u\"}}", ++mate.written);
    carry(HOME, HOME, &(struct message){ .type = PEER_TEXT, .to = { .generation = 1, .slot = 0, .thread = SESSION_THREAD }, .from = mate_address,
                                       .payload = payload_copy(event, strlen(event)), .peer_text = { .match = 5, .writer = mate_address } }, 0);
}

void time_passes(unsigned ms)
{
    now_ms += ms;
    for (unsigned node = 0; node < NODES; node++) {
        nodes[node].host.now_ms = now_ms;
        lines_tick(&nodes[node].host);
    }
}

static bool is_anything_due(void)
{
    for (unsigned i = 0; i < NODES * NODES; i++) {
        if (ways[i / NODES][i % NODES].count > 0 && ways[i / NODES][i % NODES].flying[ways[i / NODES][i % NODES].first].due_ms <= now_ms)
            return true;
    }
    return false;
}

void calm_down(void)
{
    is_bad = false;
    for (unsigned tick = 0; tick < 120; tick++) {
        time_passes(100);
        while (is_anything_due())
            something_comes();
        sockets_take_all();
    }
}

void moves_to(unsigned node)
{
    breaks();
    calm_down();
    connects(node);
    calm_down();
}

void all_comes_for(unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 5) {
        time_passes(5);
        for (unsigned k = 0; k < 100; k++)
            something_comes();
        sockets_take_all();
    }
}

void node_dies(unsigned dead, unsigned to)
{
    struct node *node = &nodes[to];
    const unsigned index = index_at(to, dead);
    neighbours_remove(&node->host.neighbours, index);
    relays_on_node_died(&node->host, index);
    lines_on_node_died(&node->host, index);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (!node->is_alive[slot])
            continue;
        session_on_node_died(&node->slots[slot], &node->host, index);
        after_actor(node, &node->slots[slot]);
    }
}

struct session *home_actor(void)
{
    return nodes[HOME].is_alive[0] ? &nodes[HOME].slots[0] : NULL;
}

unsigned lines_at(unsigned node)
{
    return nodes[node].host.lines.ends.count;
}

unsigned actors_at(unsigned node)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        count += nodes[node].is_alive[slot];
    return count;
}

unsigned stand_ins_at(unsigned node)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        count += nodes[node].is_alive[slot] && nodes[node].slots[slot].is_stand_in;
    return count;
}

void begin(uint32_t with_seed)
{
    seed = with_seed;
    now_ms = 1000000;
    is_bad = is_drowned = false;
    memset(nodes, 0, sizeof nodes);
    sockets_begin();
    memset(ways, 0, sizeof ways);
    mate = (struct mate){ .credits = CREDITS };
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].host = (struct session_host){ .self = &nodes[i], .send = on_send, .metrics = &nodes[i].metrics, .matcher_thread = MATCHER_THREAD,
                                               .now_ms = now_ms, .event_bytes_max = 131072, .resume_ms = 30000, .away_max = 4, .fill_random = fill_random,
                                               .incarnation = 500 + i, .remind = remind, .forget = forget, .await_turn = await_turn };
        event_time_set(&nodes[i].host.time, 0);
        for (unsigned k = 0; k < NODES; k++) {
            if (k != i)
                neighbours_add(&nodes[i].host.neighbours, 500 + k, index_at(i, k));
        }
    }
    connects(HOME);
    calm_down();
}

void begin_in_a_chat(void)
{
    const struct peer peer = { .id = { 2 } };
    begin(1);
    says("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    says("{\"type\":\"start_matching\"}");
    calm_down();
    carry(HOME, HOME, &(struct message){ .type = MATCH_FOUND, .to = home_actor()->self, .payload = payload_copy(&peer, sizeof peer),
                                       .match_found = { .match = 5, .partner = mate_address, .search = 1 } }, 0);
    calm_down();
    assert_int_equal(home_actor()->state, SESSION_CHATTING);
}

void finish(void)
{
    for (unsigned i = 0; i < NODES * NODES; i++) {
        while (ways[i / NODES][i % NODES].count > 0) {
            message_discard(&ways[i / NODES][i % NODES].flying[ways[i / NODES][i % NODES].first].message);
            ways[i / NODES][i % NODES].first = (ways[i / NODES][i % NODES].first + 1) % QUEUE_MAX;
            ways[i / NODES][i % NODES].count--;
        }
    }
    sockets_finish();
    for (unsigned i = 0; i < NODES; i++) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            if (nodes[i].is_alive[slot])
                session_fini(&nodes[i].slots[slot], &nodes[i].host);
        }
        lines_fini(&nodes[i].host);
        neighbours_fini(&nodes[i].host.neighbours);
    }
}

int set_up(void **state)
{
    (void)state;
    begin_in_a_chat();
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    finish();
    return 0;
}

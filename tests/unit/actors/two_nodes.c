#include "unit/actors/two_nodes.h"

#include <stdio.h>
#include <stdlib.h>

enum { IO_THREAD = 1, SESSION_THREAD = 2, MATCHER_THREAD = 3 };

struct side sides[2];
uint64_t matches;
bool is_drowned, has_died;

static uint64_t now_ms;
static uint32_t seed;
static bool is_bad;

static unsigned pick(unsigned of)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % of;
}

struct side *other(const struct side *side)
{
    return &sides[side == &sides[0]];
}

static void come(struct side *side, const struct message *message, uint64_t in_ms)
{
    assert_true(side->coming_count < QUEUE_MAX);
    side->coming[side->coming_count++] = (struct flying){ *message, now_ms + in_ms };
}

static struct payload *copy_of_list(const struct payload *payload, unsigned more)
{
    struct payload *first = NULL, **last = &first;
    for (; payload != NULL; payload = more-- > 0 ? payload->next : NULL, last = &(*last)->next)
        *last = payload_copy(payload->bytes, payload->length);
    return first;
}

/* As bus_thread.c does it: one text, or a run that stays one. */
static void fly_one(struct side *from, const struct message *message)
{
    struct side *to = other(from);
    unsigned copies = is_drowned ? 0 : !is_bad ? 1 : pick(4) == 0 ? 0 : pick(6) == 0 ? 2 : 1;
    assert_int_equal(message->to.node, from->peer_index);
    while (copies-- > 0) {
        struct message copy = *message;
        copy.to.node = 0;
        copy.from.node = to->peer_index & ADDRESS_NODE_MAX;
        if (message->type == MATCH_FOUND)
            copy.match_found.partner.node = to->peer_index & ADDRESS_NODE_MAX;
        copy.payload = copy_of_list(message->payload, message->more);
        come(to, &copy, is_bad ? pick(900) : 1);
    }
}

/* Of a run each text may get lost for itself; or they come as they went. */
static void fly(struct side *from, const struct message *message)
{
    struct message left = *message;
    if (message->more == 0 || pick(2) == 0) {
        struct message one = left;
        for (one.more = 0; one.payload != NULL; one.payload = one.payload->next, one.peer_text.number++)
            fly_one(from, &one);
        if (message->payload == NULL)
            fly_one(from, &one);
    } else {
        fly_one(from, message);
    }
    message_discard(&left);
}

/* As matcher.c and mailbox.c do it. */
static void fly_from_matcher(struct side *from, const struct message *message)
{
    struct message signed_message = *message;
    signed_message.from = address_of_thread(MATCHER_THREAD);
    fly(from, &signed_message);
}

static void on_send(void *self, const struct message *message)
{
    struct side *side = self;
    struct message mine = *message;
    if (message->to.node != 0) {
        fly(side, message);
        return;
    }
    switch ((enum message_type)message->type) {
    case EVENT_TEXT:
        for (struct payload *event; (event = message_take_payload(&mine)) != NULL;) { /* the socket takes one after the other */
            assert_true(side->unwritten_count < QUEUE_MAX);
            struct message *unwritten = &side->unwritten[(side->unwritten_first + side->unwritten_count++) % QUEUE_MAX];
            *unwritten = *message;
            unwritten->payload = event;
            unwritten->more = 0;
        }
        return;
    case TEXT_DONE:
        side->credits += (int)message->credit.texts;
        break;
    case PEER_LEFT: /* to itself: it has not met its partner */
        assert_true(address_equals(message->to, side->self) && address_equals(message->from, side->self));
        side->has_given_up[message->peer_left.match] = true;
        come(side, message, 0);
        return;
    case MATCH_REFUSED:
        side->refused++;
        fly_from_matcher(side, &(struct message){ .type = PEER_LEFT,
                                                  .to = message->match_refused.partner,
                                                  .peer_left = { .match = message->match_refused.match } });
        break;
    case CHAT_ENDED:
        side->has_ended[message->user.match] = true;
        break;
    case SEARCH_START:
        come(side, &(struct message){ .type = SEARCH_WAITING, .search_reply = { .search = message->search.search } }, 0);
        break;
    default:
        break;
    }
    assert_true(side->credits <= CREDITS);
    message_discard(&mine);
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

static void receive(struct side *side, struct message message)
{
    message.to = side->self;
    side->host.now_ms = now_ms;
    session_on_message(&side->session, &side->host, &message);
}

void receive_request(struct side *side, const char *json)
{
    assert_true(side->credits > 0);
    side->credits--;
    receive(side, (struct message){ .type = CLIENT_TEXT, .from = side->connection, .payload = payload_copy(json, strlen(json)) });
}

/* What the client sees when its socket has taken an event. */
static void client_hears(struct side *side, const struct payload *event)
{
    char text[512];
    unsigned long long chat;
    unsigned writer, number;
    snprintf(text, sizeof text, "%.*s", (int)event->length, (const char *)event->bytes);
    if (strstr(text, "\"success_matched\"") != NULL) {
        assert_non_null(strstr(text, "\"match_id\":\""));
        side->chat = strtoull(strstr(text, "\"match_id\":\"") + 12, NULL, 16);
        side->heard = 0;
    } else if (strstr(text, "\"partner_left_chat\"") != NULL) {
        if (!side->has_left[side->chat] && !has_died && !side->has_given_up[side->chat] && !other(side)->has_given_up[side->chat])
            assert_int_equal(side->heard, other(side)->written[side->chat]);
    } else if (strstr(text, "\"chat_message\"") != NULL && strstr(text, "\"error\"") == NULL) {
        assert_int_equal(sscanf(strstr(text, "\"message\":\"") + 11, "%llu %u %u", &chat, &writer, &number), 3);
        assert_int_equal(chat, side->chat);
        assert_int_equal(writer, other(side) - sides);
        assert_int_equal(number, ++side->heard);
    }
}

void socket_takes_one(struct side *side)
{
    if (side->unwritten_count == 0)
        return;
    struct message event = side->unwritten[side->unwritten_first];
    side->unwritten_first = (side->unwritten_first + 1) % QUEUE_MAX;
    side->unwritten_count--;
    client_hears(side, event.payload);
    struct address writer = event.event.writer;
    message_discard(&event);
    if (address_equals(writer, side->connection))
        side->credits++;
    else if (address_equals(writer, side->self))
        receive(side, (struct message){ .type = TEXT_WRITTEN, .credit = { .texts = 1 } });
    else
        assert_true(address_is_nobody(writer));
    assert_true(side->credits <= CREDITS);
}

void something_comes(struct side *side)
{
    size_t ready[QUEUE_MAX], count = 0;
    for (size_t i = 0; i < side->coming_count; i++) {
        if (side->coming[i].due_ms <= now_ms)
            ready[count++] = i;
    }
    if (count == 0)
        return;
    size_t chosen = ready[is_bad ? pick((unsigned)count) : 0];
    struct message message = side->coming[chosen].message;
    memmove(&side->coming[chosen], &side->coming[chosen + 1], (--side->coming_count - chosen) * sizeof side->coming[0]);
    receive(side, message);
}

/* The store believes what it was told last. Either may be the seeker, whose matcher tells both. */
void find_match(void)
{
    if (sides[0].session.state != SESSION_SEARCHING || sides[1].session.state != SESSION_SEARCHING || matches == CHATS_MAX - 1)
        return;
    matches++;
    struct side *seeker = &sides[is_bad ? pick(2) : 0], *waiter = other(seeker);
    struct peer of_seeker = { .id = { (uint8_t)(seeker - sides + 1) } }, of_waiter = { .id = { (uint8_t)(waiter - sides + 1) } };
    struct address there = waiter->self;
    there.node = seeker->peer_index & ADDRESS_NODE_MAX;
    fly_from_matcher(seeker, &(struct message){ .type = MATCH_FOUND,
                                                .to = there,
                                                .payload = payload_copy(&of_seeker, sizeof of_seeker),
                                                .match_found = { .match = matches,
                                                                 .partner = seeker->self,
                                                                 .search = waiter->session.search,
                                                                 .role = MATCH_CALLEE } });
    come(seeker,
         &(struct message){ .type = MATCH_FOUND,
                            .payload = payload_copy(&of_waiter, sizeof of_waiter),
                            .match_found = { .match = matches,
                                             .partner = there,
                                             .search = seeker->session.search,
                                             .partner_search = waiter->session.search,
                                             .role = MATCH_CALLER } },
         is_bad ? pick(400) : 1);
}

void write_text(struct side *side)
{
    char json[128];
    struct message run = { .type = CLIENT_TEXT, .from = side->connection };
    struct payload **last = &run.payload;
    uint64_t chat = side->session.match;
    for (unsigned texts = is_bad ? 1 + pick(4) : 1; texts > 0 && side->credits > 0 && side->session.state == SESSION_CHATTING; texts--) {
        snprintf(json, sizeof json, "{\"type\":\"chat_message\",\"data\":{\"message\":\"%llu %u %u\"}}", (unsigned long long)chat,
                 (unsigned)(side - sides), ++side->written[chat]);
        run.more += run.payload != NULL;
        *last = payload_copy(json, strlen(json));
        last = &(*last)->next;
        side->credits--;
    }
    if (run.payload != NULL)
        receive(side, run);
}

void leave(struct side *side, bool searches_on)
{
    if (side->credits == 0 || side->session.state != SESSION_CHATTING)
        return;
    side->has_left[side->session.match] = true;
    receive_request(side, searches_on ? "{\"type\":\"next\"}" : "{\"type\":\"end_chat\"}");
}

void search(struct side *side)
{
    if (side->credits == 0 || side->session.state != SESSION_IDLE)
        return;
    receive_request(side, "{\"type\":\"start_matching\"}");
}

void time_passes(unsigned ms)
{
    now_ms += ms;
    for (unsigned i = 0; i < 2; i++) {
        sides[i].host.now_ms = now_ms;
        relays_tick(&sides[i].host);
    }
}

void step(void)
{
    struct side *side = &sides[pick(2)];
    unsigned what = pick(100);
    if (what < 30)
        something_comes(side);
    else if (what < 50)
        write_text(side);
    else if (what < 75)
        socket_takes_one(side);
    else if (what < 85)
        time_passes(pick(300));
    else if (what < 92)
        search(side);
    else if (what < 96)
        find_match();
    else if (what < 98)
        leave(side, pick(2) == 0);
}

void calm_down(void)
{
    is_bad = false;
    for (unsigned tick = 0; tick < 100; tick++) {
        time_passes(100);
        for (unsigned i = 0; i < 2; i++) {
            for (size_t left = sides[i].coming_count; left > 0; left--)
                something_comes(&sides[i]);
            while (sides[i].unwritten_count > 0)
                socket_takes_one(&sides[i]);
        }
    }
}

void begin(uint32_t with_seed)
{
    memset(sides, 0, sizeof sides);
    seed = with_seed;
    now_ms = 1000000;
    matches = 0;
    is_bad = true;
    is_drowned = has_died = false;
    for (unsigned i = 0; i < 2; i++) {
        struct side *side = &sides[i];
        const uint8_t id[USER_ID_BYTES] = { (uint8_t)(i + 1) };
        side->self = (struct address){ .generation = 5 + i, .slot = 7, .thread = SESSION_THREAD };
        side->connection = (struct address){ .generation = 9, .slot = 3, .thread = IO_THREAD };
        side->peer_index = 100 + i;
        side->credits = CREDITS;
        side->host = (struct session_host){ .self = side,
                                            .send = on_send,
                                            .metrics = &side->metrics,
                                            .matcher_thread = MATCHER_THREAD,
                                            .now_ms = now_ms,
                                            .event_bytes_max = 131072,
                                            .remind = remind,
                                            .forget = forget,
                                            .await_turn = await_turn };
        event_time_set(&side->host.time, 0);
        session_init(&side->session, &side->host, side->self, side->connection, &(struct identity){ 0 }, id, NULL);
        receive_request(side, "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    }
}

void finish(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct side *side = &sides[i];
        for (size_t k = 0; k < side->coming_count; k++)
            message_discard(&side->coming[k].message);
        while (side->unwritten_count > 0) {
            message_discard(&side->unwritten[side->unwritten_first]);
            side->unwritten_first = (side->unwritten_first + 1) % QUEUE_MAX;
            side->unwritten_count--;
        }
        session_fini(&side->session, &side->host);
        relays_fini(&side->host);
    }
}

void begin_in_a_chat(void)
{
    begin(1);
    is_bad = false;
    calm_down();
    search(&sides[0]);
    search(&sides[1]);
    find_match();
    calm_down();
    assert_int_equal(sides[0].session.state, SESSION_CHATTING);
}

void client_goes(struct side *side)
{
    side->has_left[side->session.match] = true;
    receive(side, (struct message){ .type = CONN_GONE, .from = side->connection });
}

void all_is_undeliverable(struct side *side)
{
    size_t count = side->coming_count;
    side->coming_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct message message = side->coming[i].message;
        message.to = side->self;
        session_on_undeliverable(&side->host, &message);
    }
}

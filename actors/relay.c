#include "actors/relay.h"

#include <stdlib.h>

#include "actors/tell.h"
#include "runtime/check.h"

/* With so many credits missing though all is taken, it asks. With fewer a client goes on writing, and what it writes is answered; sockets give them
 * back in lots (ws/writer.h), so a few are always missing. */
enum { ASKS_FROM = 8 };

enum { BUCKETS_LOG2 = 12, BUCKETS = 1 << BUCKETS_LOG2 };

/* One side of a chat across nodes. */
struct relay {
    struct relay *next; /* in its bucket */
    uint64_t match;
    struct address self, partner, connection;
    uint32_t sent;                         /* number of the last text */
    uint32_t taken_there, written_there;   /* of them, as the partner has said */
    uint32_t taken_here, written_here;     /* of the partner's */
    uint32_t told_taken;                   /* what the partner knows of taken_here */
    uint32_t asked_for;                    /* by the last PEER_GAP; 0: none yet */
    uint32_t waits_since_ms;               /* low bits: when something was said that is to be acknowledged, or was */
    bool is_leaving;                       /* the actor has left the chat, and perhaps is gone */
    struct payload *oldest_copy, *newest_copy; /* of taken_there + 1 to sent, linked by payload.next */
};

/* Finding. */

static struct relay **bucket_of(const struct relays *relays, uint64_t match)
{
    return &relays->buckets[match * 0x9E3779B97F4A7C15u >> (64 - BUCKETS_LOG2)]; /* Knuth, volume 3, section 6.4: multiplicative hashing */
}

static struct relay *find(const struct session_host *host, uint64_t match, struct address self)
{
    if (host->relays.count == 0)
        return NULL;
    struct relay *relay = *bucket_of(&host->relays, match);
    while (relay != NULL && !(relay->match == match && address_equals(relay->self, self)))
        relay = relay->next;
    return relay;
}

/* The one that is about the chat that the session is in. */
static struct relay *current(const struct session *session, const struct session_host *host)
{
    struct relay *relay = find(host, session->match, session->self);
    return relay != NULL && !relay->is_leaving ? relay : NULL;
}

void relay_begin(struct session *session, struct session_host *host)
{
    struct relays *relays = &host->relays;
    if (session->partner.node == 0)
        return;
    if (relays->buckets == NULL) {
        relays->buckets = calloc(BUCKETS, sizeof(struct relay *));
        CHECK_MEMORY(relays->buckets);
    }
    struct relay *relay = calloc(1, sizeof *relay);
    CHECK_MEMORY(relay);
    relay->match = session->match;
    relay->self = session->self;
    relay->partner = session->partner;
    relay->connection = session->connection;
    struct relay **bucket = bucket_of(relays, relay->match);
    relay->next = *bucket;
    *bucket = relay;
    relays->count++;
    metrics_add(host->metrics, METRIC_REMOTE_CHATS, 1);
}

/* Saying. */

static void say(struct session_host *host, const struct relay *relay, struct message *message)
{
    message->to = relay->partner;
    message->from = relay->self;
    host->send(host->self, message);
}

static void say_text(struct session_host *host, const struct relay *relay, uint32_t number, struct payload *event)
{
    say(host, relay,
        &(struct message){ .type = PEER_TEXT, .payload = event, .peer_text = { .match = relay->match, .number = number } });
}

static void say_left(struct session_host *host, const struct relay *relay)
{
    say(host, relay, &(struct message){ .type = PEER_LEFT, .peer_left = { .match = relay->match, .number = relay->sent } });
}

/* PEER_WRITTEN, or PEER_GAP. */
static void say_count(struct session_host *host, struct relay *relay, enum message_type type)
{
    relay->told_taken = relay->taken_here;
    say(host, relay,
        &(struct message){ .type = (uint16_t)type,
                           .peer_count = { .match = relay->match, .taken = relay->taken_here, .written = relay->written_here } });
}

/* To whoever speaks of a chat that is none. */
static void answer(struct session_host *host, const struct message *message, enum message_type type, uint64_t match)
{
    struct message reply = { .type = (uint16_t)type, .to = message->from, .from = message->to, .peer_left = { .match = match } };
    if (!address_is_thread(message->from)) /* the other node's matcher does not wait for an answer */
        host->send(host->self, &reply);
}

static void give_credits(struct session_host *host, const struct relay *relay, uint32_t texts)
{
    if (texts > 0)
        host->send(host->self, &(struct message){ .type = TEXT_DONE,
                                                  .to = relay->connection,
                                                  .from = relay->self,
                                                  .credit = { .texts = texts } });
}

void relay_send(struct session *session, struct session_host *host, struct payload *event)
{
    if (session->partner.node == 0) {
        tell_partner(session, host, event);
        return;
    }
    struct relay *relay = current(session, host);
    CHECK(relay != NULL);
    if (relay->sent == relay->written_there)
        relay->waits_since_ms = (uint32_t)host->now_ms;
    struct payload *copy = payload_copy(event->bytes, event->length);
    if (relay->oldest_copy == NULL)
        relay->oldest_copy = copy;
    else
        relay->newest_copy->next = copy;
    relay->newest_copy = copy;
    say_text(host, relay, ++relay->sent, event);
}

/* Forgetting. */

static void drop_copies(struct relay *relay, uint32_t count)
{
    for (; count > 0; count--) {
        struct payload *copy = relay->oldest_copy;
        relay->oldest_copy = copy->next;
        payload_free(&copy);
    }
}

static void stop_counting(struct session_host *host, struct relay *relay)
{
    if (!relay->is_leaving)
        metrics_add(host->metrics, METRIC_REMOTE_CHATS, -1);
}

static void unlink_and_free(struct session_host *host, struct relay **link)
{
    struct relay *relay = *link;
    stop_counting(host, relay);
    *link = relay->next;
    host->relays.count--;
    drop_copies(relay, relay->sent - relay->taken_there);
    free(relay);
}

static void forget(struct session_host *host, struct relay *relay)
{
    struct relay **link = bucket_of(&host->relays, relay->match);
    while (*link != relay)
        link = &(*link)->next;
    give_credits(host, relay, relay->sent - relay->written_there);
    unlink_and_free(host, link);
}

void relay_leave(struct session *session, struct session_host *host)
{
    if (session->partner.node == 0) {
        tell_partner_left(session, host);
        return;
    }
    struct relay *relay = current(session, host);
    CHECK(relay != NULL);
    stop_counting(host, relay);
    relay->is_leaving = true;
    relay->waits_since_ms = (uint32_t)host->now_ms;
    say_left(host, relay);
}

void relay_end(struct session *session, struct session_host *host)
{
    struct relay *relay = session->partner.node != 0 ? current(session, host) : NULL;
    if (relay != NULL)
        forget(host, relay);
}

void relays_on_node_died(struct session_host *host, unsigned node)
{
    for (size_t bucket = 0; host->relays.count > 0 && bucket < BUCKETS; bucket++) {
        struct relay **link = &host->relays.buckets[bucket];
        while (*link != NULL) {
            struct relay *relay = *link;
            if (relay->partner.node != node) {
                link = &relay->next;
                continue;
            }
            give_credits(host, relay, relay->sent - relay->written_there);
            unlink_and_free(host, link);
        }
    }
}

void relay_on_node_died(struct session *session, struct session_host *host, unsigned node)
{
    if (session->state != SESSION_CHATTING || session->partner.node != node)
        return;
    tell_set_state(session, host, SESSION_IDLE);
    tell_news(session, host, event_partner_left_chat(&host->time, session->match));
    tell_matcher(session, host, CHAT_ENDED, session->match, NULL); /* nobody else is left to say so */
}

void relays_fini(struct session_host *host)
{
    for (size_t bucket = 0; host->relays.buckets != NULL && bucket < BUCKETS; bucket++) {
        while (host->relays.buckets[bucket] != NULL)
            unlink_and_free(host, &host->relays.buckets[bucket]);
    }
    free(host->relays.buckets);
    host->relays = (struct relays){ 0 };
}

/* Repeating. */

static void repeat_texts(struct session_host *host, struct relay *relay)
{
    uint32_t number = relay->taken_there;
    for (const struct payload *copy = relay->oldest_copy; copy != NULL; copy = copy->next)
        say_text(host, relay, ++number, payload_copy(copy->bytes, copy->length));
    metrics_add(host->metrics, METRIC_PEER_TEXTS_REPEATED_TOTAL, number - relay->taken_there);
    relay->waits_since_ms = (uint32_t)host->now_ms;
}

static void repeat(struct session_host *host, struct relay *relay)
{
    /* What was taken is told before its writer repeats it, and not at once: the socket is about to take it, and more may come. */
    if (relay->told_taken != relay->taken_here && !relay->is_leaving)
        say_count(host, relay, PEER_WRITTEN);
    if ((uint32_t)host->now_ms - relay->waits_since_ms < RELAY_REPEAT_MS)
        return;
    relay->waits_since_ms = (uint32_t)host->now_ms;
    if (relay->sent > relay->taken_there)
        repeat_texts(host, relay);
    else if (relay->sent - relay->written_there >= ASKS_FROM && !relay->is_leaving)
        say(host, relay, &(struct message){ .type = PEER_ASK, .peer_left = { .match = relay->match } });
    if (relay->is_leaving)
        say_left(host, relay);
}

void relays_tick(struct session_host *host)
{
    for (size_t bucket = 0; host->relays.count > 0 && bucket < BUCKETS; bucket++) {
        for (struct relay *relay = host->relays.buckets[bucket]; relay != NULL; relay = relay->next)
            repeat(host, relay);
    }
}

/* Hearing. */

static bool is_of_the_future(const struct session *session, uint64_t match)
{
    return session->state == SESSION_SEARCHING && match > session->match;
}

/* The partner's actor; or the matcher of its node, where nobody has taken the match. */
static bool is_of_partner(const struct relay *relay, struct address from)
{
    return address_equals(from, relay->partner) || (address_is_thread(from) && from.node == relay->partner.node);
}

bool relay_takes(struct session *session, struct session_host *host, struct message *message)
{
    if (is_of_the_future(session, message->peer_text.match))
        return true; /* the session keeps it, and asks again */
    struct relay *relay = find(host, message->peer_text.match, session->self);
    if (relay == NULL || relay->is_leaving || !address_equals(message->from, relay->partner)) {
        metrics_add(host->metrics, METRIC_PEER_STALE_TOTAL, 1);
        relay_on_message(host, message);
    } else if (message->peer_text.number == relay->taken_here + 1) {
        relay->taken_here++;
        session->unwritten++;
        message->peer_text.writer = session->self;
        return true;
    } else if (message->peer_text.number <= relay->taken_here) {
        say_count(host, relay, PEER_WRITTEN);
    } else if (relay->asked_for != relay->taken_here + 1) { /* once; what is repeated may get lost, too, and is repeated again then */
        relay->asked_for = relay->taken_here + 1;
        say_count(host, relay, PEER_GAP);
    }
    message_discard(message);
    return false;
}

bool relay_hears_leave(struct session *session, struct session_host *host, const struct message *message)
{
    if (is_of_the_future(session, message->peer_left.match))
        return true;
    struct relay *relay = find(host, message->peer_left.match, session->self);
    if (relay == NULL || relay->is_leaving || !is_of_partner(relay, message->from)) {
        relay_on_message(host, message);
        return false;
    }
    if (!address_is_thread(message->from) && message->peer_left.number > relay->taken_here) {
        say_count(host, relay, PEER_GAP); /* it will say again that it has left */
        return false;
    }
    answer(host, message, PEER_LEFT_HEARD, relay->match);
    return true;
}

/* What the client's socket has taken is the oldest of what it was given: it may still be of an earlier chat. */
void relay_on_written(struct session *session, struct session_host *host, uint32_t texts)
{
    CHECK(texts <= session->unwritten);
    session->unwritten = (uint16_t)(session->unwritten - texts);
    struct relay *relay = session->partner.node != 0 ? current(session, host) : NULL;
    if (relay == NULL)
        return;
    uint32_t written = relay->taken_here > session->unwritten ? relay->taken_here - session->unwritten : 0;
    if (written == relay->written_here)
        return;
    relay->written_here = written;
    say_count(host, relay, PEER_WRITTEN);
}

static void on_count(struct session_host *host, struct relay *relay, const struct message *message)
{
    uint32_t taken = message->peer_count.taken, written = message->peer_count.written;
    if (taken > relay->sent || written > taken)
        return; /* nonsense */
    if (taken > relay->taken_there) {
        drop_copies(relay, taken - relay->taken_there);
        relay->taken_there = taken;
        relay->waits_since_ms = (uint32_t)host->now_ms;
    }
    if (written > relay->written_there) {
        give_credits(host, relay, written - relay->written_there);
        relay->written_there = written;
        relay->waits_since_ms = (uint32_t)host->now_ms;
    }
    if (message->type == PEER_GAP && taken == relay->taken_there)
        repeat_texts(host, relay);
}

void relay_on_message(struct session_host *host, const struct message *message)
{
    /* All of these begin with the match. */
    const uint64_t match = message->peer_left.match;
    struct relay *relay = find(host, match, message->to);
    if (relay != NULL && !is_of_partner(relay, message->from))
        relay = NULL;
    switch ((enum message_type)message->type) {
    case PEER_TEXT: /* while it hears that we have left */
        if (relay == NULL)
            answer(host, message, PEER_LEFT, match);
        break;
    case PEER_ASK:
        if (relay == NULL)
            answer(host, message, PEER_LEFT, match);
        else if (!relay->is_leaving)
            say_count(host, relay, PEER_WRITTEN);
        break;
    case PEER_WRITTEN:
    case PEER_GAP:
        if (relay != NULL)
            on_count(host, relay, message);
        break;
    case PEER_LEFT: /* so have we */
        answer(host, message, PEER_LEFT_HEARD, match);
        if (relay != NULL && relay->is_leaving)
            forget(host, relay);
        break;
    case PEER_LEFT_HEARD:
        if (relay != NULL && relay->is_leaving)
            forget(host, relay);
        break;
    default:
        break;
    }
}

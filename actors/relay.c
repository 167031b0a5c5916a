#include "actors/relay.h"

#include "actors/relay_set.h"
#include "actors/tell.h"
#include "runtime/check.h"

/* With so many credits missing though all is taken, it asks. With fewer a client goes on writing, and what it writes is answered; sockets give them
 * back in lots (ws/writer.h), so a few are always missing. */
enum { ASKS_FROM = 8 };

/* Finding. */

static struct relay *find(const struct session_host *host, uint64_t match, struct address self)
{
    return relay_set_find(&host->relays, match, self);
}

/* The one that is about the chat that the session is in. */
static struct relay *current(const struct session *session, const struct session_host *host)
{
    struct relay *relay = find(host, session->match, session->self);
    return relay != NULL && !relay->is_leaving ? relay : NULL;
}

/* Saying. */

static void say(struct session_host *host, const struct relay *relay, struct message *message)
{
    tell_hand_over(host); /* texts said before */
    message->to = relay->partner;
    message->from = relay->key.self;
    host->send(host->self, message);
}

static void say_left(struct session_host *host, const struct relay *relay)
{
    say(host, relay, &(struct message){ .type = PEER_LEFT, .peer_left = { .match = relay->key.id, .number = relay->sent } });
}

/* PEER_WRITTEN, or PEER_GAP. */
static void say_count(struct session_host *host, struct relay *relay, enum message_type type)
{
    relay->told_taken = relay->taken_here;
    say(host, relay, &(struct message){ .type = (uint16_t)type,
                                        .peer_count = { .match = relay->key.id, .taken = relay->taken_here, .written = relay->written_here } });
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
                                                  .from = relay->key.self,
                                                  .credit = { .texts = texts } });
}

void relay_send(struct session *session, struct session_host *host, struct payload *event)
{
    if (session->partner.node == 0) {
        tell_partner(session, host, event, 0);
        return;
    }
    struct relay *relay = current(session, host);
    if (relay == NULL) { /* it has given up, and the actor is about to hear of that */
        payload_free(&event);
        tell_credit(host, session->self, session_writer(session), 1);
        return;
    }
    if (relay->sent == relay->written_there)
        relay->waits_since_ms = (uint32_t)host->now_ms;
    copies_keep(&relay->copies, event);
    tell_partner(session, host, event, ++relay->sent);
}

uint32_t relay_untaken(const struct session *session, const struct session_host *host)
{
    const struct relay *relay = current(session, host);
    return relay != NULL ? relay->sent - relay->taken_there : 0;
}

/* Forgetting. */

static void stop_counting(struct session_host *host, struct relay *relay)
{
    if (!relay->is_leaving)
        metrics_add(host->metrics, METRIC_REMOTE_CHATS, -1);
}

static void drop(struct session_host *host, struct relay *relay)
{
    stop_counting(host, relay);
    copies_fini(&relay->copies);
    payload_free(&relay->introduction);
    relay_set_remove(&host->relays, relay);
}

static void forget(struct session_host *host, struct relay *relay)
{
    give_credits(host, relay, relay->sent - relay->written_there);
    drop(host, relay);
}

/* It goes on saying so, until that has been heard. */
static void begin_to_leave(struct session_host *host, struct relay *relay)
{
    stop_counting(host, relay);
    relay->is_leaving = true;
    relay->waits_since_ms = (uint32_t)host->now_ms;
    say_left(host, relay);
}

void relay_leave(struct session *session, struct session_host *host)
{
    if (session->partner.node == 0) {
        tell_partner_left(session, host);
        return;
    }
    struct relay *relay = current(session, host);
    if (relay != NULL) /* else it has given up, which is the same */
        begin_to_leave(host, relay);
}

void relay_end(struct session *session, struct session_host *host)
{
    struct relay *relay = session->partner.node != 0 ? current(session, host) : NULL;
    if (relay != NULL)
        forget(host, relay);
}

void relays_on_node_died(struct session_host *host, unsigned node)
{
    struct relay *next;
    for (struct relay *relay = host->relays.first; relay != NULL; relay = next) {
        next = relay->next;
        if (relay->partner.node == node)
            forget(host, relay);
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
    while (host->relays.first != NULL)
        drop(host, host->relays.first);
    relay_set_fini(&host->relays);
}

/* Meeting. */

/* What the partner is told of the match again: all that its own MATCH_FOUND said; or that we have heard ours. */
static void introduce(struct session_host *host, struct relay *relay)
{
    relay->introduced_ms = (uint32_t)host->now_ms;
    if (relay->introduction == NULL) {
        say(host, relay, &(struct message){ .type = MATCH_TAKEN, .peer_left = { .match = relay->key.id } });
        return;
    }
    say(host, relay,
        &(struct message){ .type = MATCH_FOUND,
                           .payload = payload_copy(relay->introduction->bytes, relay->introduction->length),
                           .match_found = { .match = relay->key.id,
                                            .partner = relay->key.self,
                                            .search = relay->partner_search, .role = relay->partner_role } });
}

/* The partner was heard, and knows of us: who has told it of the match takes whatever it says for that. Who has said MATCH_TAKEN waits until that is answered:
 * all else may have been written to a life of this node that is over, by one who has given it up since. */
static void meet(struct relay *relay, enum message_type heard)
{
    if (relay->introduction == NULL && heard != PEER_WRITTEN && heard != PEER_GAP)
        return;
    relay->is_met = true;
    payload_free(&relay->introduction);
}

/* The same topics, and the user in place of the partner. */
static struct payload *introduction_of(const struct session *session, const struct payload *found)
{
    struct peer self = { .identity = session->identity };
    memcpy(self.id, session->user_id, USER_ID_BYTES);
    struct payload *payload = payload_copy(found->bytes, found->length);
    memcpy(payload->bytes, &self, sizeof self);
    return payload;
}

void relay_begin(struct session *session, struct session_host *host, const struct message *found)
{
    if (session->partner.node == 0)
        return;
    struct relay *relay = relay_set_add(&host->relays, session->match, session->self);
    relay->partner = session->partner;
    relay->connection = session_writer(session);
    relay->begun_ms = relay->introduced_ms = (uint32_t)host->now_ms;
    metrics_add(host->metrics, METRIC_REMOTE_CHATS, 1);
    if (found->from.node == 0) { /* this node's matcher has told the partner once */
        relay->introduction = introduction_of(session, found->payload);
        relay->partner_search = found->match_found.partner_search;
        relay->partner_role = found->match_found.role == MATCH_CALLER ? MATCH_CALLEE : MATCH_CALLER;
    } else {
        introduce(host, relay);
    }
}

bool relay_knows_match(struct session_host *host, const struct message *found)
{
    struct relay *relay = find(host, found->match_found.match, found->to);
    if (relay == NULL || !address_equals(found->match_found.partner, relay->partner))
        return false;
    if (relay->is_leaving) {
        say_left(host, relay);
        return true;
    }
    introduce(host, relay);
    return true;
}

/* Nobody is there, or hears us: for the user the chat is over, for a partner who might still come it is as if we had left. */
static void give_up(struct session_host *host, struct relay *relay)
{
    begin_to_leave(host, relay);
    host->send(host->self, &(struct message){ .type = PEER_LEFT,
                                              .to = relay->key.self,
                                              .from = relay->key.self,
                                              .peer_left = { .match = relay->key.id } });
}

/* Repeating. */

static void repeat_texts(struct session_host *host, struct relay *relay)
{
    uint32_t number = relay->taken_there;
    struct copies_reader reader = copies_read(&relay->copies);
    struct payload *copy;
    while ((copy = copies_next(&reader)) != NULL) {
        number++;
        say(host, relay, &(struct message){ .type = PEER_TEXT, .payload = copy,
                                            .peer_text = { .match = relay->key.id, .number = number } });
    }
    metrics_add(host->metrics, METRIC_PEER_TEXTS_REPEATED_TOTAL, number - relay->taken_there);
    relay->waits_since_ms = (uint32_t)host->now_ms;
}

static void repeat(struct session_host *host, struct relay *relay)
{
    /* What was taken is told before its writer repeats it, and not at once: the socket is about to take it, and more may come. */
    if (relay->told_taken != relay->taken_here && !relay->is_leaving)
        say_count(host, relay, PEER_WRITTEN);
    if (!relay->is_met && !relay->is_leaving) {
        if ((uint32_t)host->now_ms - relay->begun_ms >= RELAY_MEET_MS) {
            give_up(host, relay);
            return;
        }
        if ((uint32_t)host->now_ms - relay->introduced_ms >= RELAY_INTRODUCE_MS)
            introduce(host, relay);
    }
    if ((uint32_t)host->now_ms - relay->waits_since_ms < RELAY_REPEAT_MS)
        return;
    relay->waits_since_ms = (uint32_t)host->now_ms;
    if (relay->sent > relay->taken_there)
        repeat_texts(host, relay);
    else if (relay->sent - relay->written_there >= ASKS_FROM && !relay->is_leaving)
        say(host, relay, &(struct message){ .type = PEER_ASK, .peer_left = { .match = relay->key.id } });
    if (relay->is_leaving)
        say_left(host, relay);
}

void relays_tick(struct session_host *host)
{
    for (struct relay *relay = host->relays.first; relay != NULL; relay = relay->next)
        repeat(host, relay);
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

/* Those at the beginning of a run that have been taken before. */
static void drop_taken(const struct relay *relay, struct message *texts)
{
    while (texts->payload != NULL && texts->peer_text.number <= relay->taken_here) {
        payload_free(&(struct payload *){ message_take_payload(texts) });
        texts->peer_text.number++;
    }
}

bool relay_takes(struct session *session, struct session_host *host, struct message *message)
{
    if (is_of_the_future(session, message->peer_text.match))
        return true; /* the session keeps it, and asks again */
    struct relay *relay = find(host, message->peer_text.match, session->self);
    if (relay == NULL || relay->is_leaving || !address_equals(message->from, relay->partner)) {
        metrics_add(host->metrics, METRIC_PEER_STALE_TOTAL, message_texts(message));
        relay_on_message(host, message);
        message_discard(message);
        return false;
    }
    meet(relay, PEER_TEXT);
    drop_taken(relay, message);
    if (message->payload == NULL) {
        say_count(host, relay, PEER_WRITTEN);
        return false;
    }
    if (message->peer_text.number == relay->taken_here + 1) {
        relay->taken_here += message_texts(message);
        session->unwritten = (uint16_t)(session->unwritten + message_texts(message));
        message->peer_text.writer = session->self;
        return true;
    }
    if (relay->asked_for != relay->taken_here + 1) { /* once; what is repeated may get lost, too, and is repeated again then */
        relay->asked_for = relay->taken_here + 1;
        say_count(host, relay, PEER_GAP);
    }
    message_discard(message);
    return false;
}

bool relay_hears_leave(struct session *session, struct session_host *host, const struct message *message)
{
    struct relay *relay = find(host, message->peer_left.match, session->self);
    if (relay == NULL || relay->is_leaving || !is_of_partner(relay, message->from)) {
        relay_on_message(host, message);
        return false;
    }
    meet(relay, PEER_LEFT);
    if (!address_is_thread(message->from) && message->peer_left.number > relay->taken_here) {
        say_count(host, relay, PEER_GAP); /* it will say again that it has left */
        return false;
    }
    answer(host, message, PEER_LEFT_HEARD, relay->key.id);
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
        copies_drop(&relay->copies, taken - relay->taken_there);
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

void relay_hears_of_match_taken(struct session *session, struct session_host *host, const struct message *message)
{
    /* Our own MATCH_FOUND may be on its way: then it will be said again. */
    if (!is_of_the_future(session, message->peer_left.match))
        relay_on_message(host, message);
}

void relay_on_message(struct session_host *host, const struct message *message)
{
    /* All of these begin with the match. */
    const uint64_t match = message->peer_left.match;
    struct relay *relay = find(host, match, message->to);
    if (relay != NULL && !is_of_partner(relay, message->from))
        relay = NULL;
    if (relay != NULL)
        meet(relay, (enum message_type)message->type);
    switch ((enum message_type)message->type) {
    case PEER_TEXT: /* while it hears that we have left */
        if (relay == NULL)
            answer(host, message, PEER_LEFT, match);
        break;
    case PEER_ASK:
    case MATCH_TAKEN: /* it wants to hear of us, too */
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

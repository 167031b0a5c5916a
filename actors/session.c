#include "actors/session.h"

#include <stdlib.h>
#include <string.h>

#include "actors/afar.h"
#include "actors/again.h"
#include "actors/answers.h"
#include "actors/away.h"
#include "actors/blocklist.h"
#include "actors/farewell.h"
#include "actors/leaving.h"
#include "actors/line.h"
#include "actors/reading.h"
#include "actors/relay.h"
#include "actors/stand_in.h"
#include "actors/tell.h"
#include "runtime/check.h"
#include "ws/close_code.h"

/* Its connection may be another one by now, or none. */
static bool is_from_connection(const struct session *session, const struct message *message)
{
    return !session->is_resumable || address_equals(message->from, session->connection);
}

static void end_call(struct session *session, struct session_host *host)
{
    away_settle(session, host);
    farewell_settle(session, host);
    reading_settle(session, host);
    if (session->state == SESSION_OVER)
        afar_part(session, host);
    tell_hand_over(host);
}

bool session_come_back(struct session *session, struct session_host *host, struct address connection, const struct resume_ask *ask)
{
    const bool is_back = away_come_back(session, host, connection, ask);
    end_call(session, host);
    return is_back;
}

void session_on_turn(struct session *session, struct session_host *host)
{
    reading_on_turn(session, host);
    if (host->is_last_call)
        farewell_hear(session, host, FAREWELL_TURN);
    end_call(session, host);
}

void session_on_reminder(struct session *session, struct session_host *host)
{
    if (session->state == SESSION_SEARCHING && !host->is_last_call)
        again_on_reminder(session, host);
    else if (session->is_resumable)
        away_on_reminder(session, host);
    end_call(session, host);
}

static bool is_of_the_future(const struct session *session, uint64_t match)
{
    return session->state == SESSION_SEARCHING && match > session->match;
}

/* What is kept for a client that is away is as good as written: how much that may be is bounded, by resume.h. */
static void relay_text(struct session *session, struct session_host *host, struct message *message)
{
    const struct address writer = message->peer_text.writer;
    const uint32_t texts = message_texts(message);
    metrics_add(host->metrics, METRIC_RELAYED_TOTAL, texts);
    tell_relayed(session, host, message);
    if (!session_is_away(session))
        return;
    if (session->partner.node != 0)
        relay_on_written(session, host, texts);
    else
        tell_credit(host, session->self, writer, texts);
}

static void on_peer_text(struct session *session, struct session_host *host, struct message *message)
{
    if (message->from.node != 0 && !relay_takes(session, host, message))
        return;
    if (is_of_the_future(session, message->peer_text.match)) {
        backlog_put(&session->early, message);
    } else if (session->state == SESSION_CHATTING && message->peer_text.match == session->match) {
        relay_text(session, host, message);
    } else {
        metrics_add(host->metrics, METRIC_PEER_STALE_TOTAL, message_texts(message));
        tell_lost(host, session->self, message->peer_text.writer, message_texts(message));
        message_discard(message);
    }
}

/* The match is over before it has begun. */
static void search_on(struct session *session, struct session_host *host, uint64_t without)
{
    session->match = without;
    session->is_mending = false;
    leaving_drop_early(session, host, without);
    if (session->is_cancelling || session->told == TOLD_LAST_CALL)
        return; /* the cancel's answer will say that it came too late for this match, which is over */
    session->search++;
    tell_search(session, host, true);
}

/* Somebody on another node has left before MATCH_FOUND has come here, which may be lost: if it comes it is of an earlier search. */
static void never_mind(struct session *session, struct session_host *host, const struct message *left)
{
    search_on(session, host, left->peer_left.match);
    relay_on_message(host, left);
}

static void on_peer_left(struct session *session, struct session_host *host, struct message *message)
{
    if (is_of_the_future(session, message->peer_left.match)) {
        if (message->from.node == 0)
            backlog_put(&session->early, message);
        else
            never_mind(session, host, message);
        return;
    }
    if (message->from.node != 0 && !relay_hears_leave(session, host, message))
        return;
    if (session->state != SESSION_CHATTING || message->peer_left.match != session->match)
        return;
    /* Only who is there itself can search on. */
    const bool searches_on = message->peer_left.is_no_show && session->is_resumable && session->resume->match_seq == 0;
    relay_end(session, host);
    tell_set_state(session, host, SESSION_IDLE);
    tell_news(session, host,
              searches_on ? event_partner_no_show(&host->time, session->match) : event_partner_left_chat(&host->time, session->match));
    /* The partner has told the matcher; but what we wrote back to a store that had lost its memory may come after that. And who was never met (relay.h)
     * has told nobody. */
    if (session->is_restored || address_equals(message->from, session->self))
        tell_matcher(session, host, CHAT_ENDED, session->match, NULL);
    if (searches_on)
        away_search_on(session, host);
}

static void on_peer_is_away_or_back(struct session *session, struct session_host *host, struct message *message)
{
    if (is_of_the_future(session, message->peer_left.match) && message->from.node == 0)
        backlog_put(&session->early, message);
    else
        away_on_partner(session, host, message);
}

/* What the matcher answers. Answers to an earlier search are of no interest any more. */

static bool is_of_this_search(const struct session *session, uint32_t search)
{
    return session->state == SESSION_SEARCHING && session->search == search;
}

static void refuse_match(struct session_host *host, struct address from, struct message *message)
{
    metrics_add(host->metrics, METRIC_MATCHES_REFUSED_TOTAL, 1);
    struct message refusal = { .type = MATCH_REFUSED,
                               .to = address_of_thread(host->matcher_thread),
                               .from = from,
                               .match_refused = { .match = message->match_found.match,
                                                  .partner = message->match_found.partner } };
    memcpy(refusal.match_refused.partner_id, message->payload->bytes, USER_ID_BYTES);
    message_discard(message);
    host->send(host->self, &refusal);
}

/* The partner was blocked when the match was made already, which the store did not know yet. It does now. */
static void search_on_without(struct session *session, struct session_host *host, struct message *message)
{
    const uint64_t match = message->match_found.match;
    refuse_match(host, session->self, message);
    search_on(session, host, match);
}

/* The search that it is of was stopped, and may go on as another one: what the partner says in it belongs to no chat. */
static void never_meet(struct session *session, struct session_host *host, uint64_t match)
{
    session->match = match;
    leaving_drop_early(session, host, match);
}

/* By a match id that has been had before (relay.h tells chats by it) a user cannot meet somebody of another node. */
static bool may_meet(const struct session *session, const struct message *found)
{
    return is_of_this_search(session, found->match_found.search) &&
           (found->match_found.partner.node == 0 || found->match_found.match > session->match);
}

static void on_match_found(struct session *session, struct session_host *host, struct message *message)
{
    if (message->from.node != 0 && relay_knows_match(host, message)) {
        message_discard(message);
        return;
    }
    if (!may_meet(session, message)) {
        const uint64_t match = message->match_found.match;
        refuse_match(host, session->self, message);
        if (session->is_resumable && session->state != SESSION_CHATTING && match > session->match)
            never_meet(session, host, match);
        return;
    }
    if (blocklist_has(session->blocklist, message->payload->bytes)) {
        search_on_without(session, host, message);
        return;
    }
    session->is_starting = session->is_mending = false;
    session->match = message->match_found.match;
    session->partner = message->match_found.partner;
    session->is_restored = false;
    relay_begin(session, host, message);
    if (session->peer == NULL) {
        session->peer = malloc(sizeof *session->peer);
        CHECK_MEMORY(session->peer);
    }
    memcpy(session->peer, message->payload->bytes, sizeof *session->peer);
    metrics_observe(host->metrics,
                    message->payload->length > sizeof *session->peer ? METRIC_MATCH_WAIT_SECONDS_INTEREST : METRIC_MATCH_WAIT_SECONDS_ANYONE,
                    MICROSECONDS_PER_MS * (int64_t)((uint32_t)host->now_ms - session->began_ms));
    session->began_ms = (uint32_t)host->now_ms;
    session->has_typed = session->has_reported = false;
    tell_set_state(session, host, SESSION_CHATTING);
    tell_news(session, host,
              event_success_matched(&host->time, (enum match_role)message->match_found.role, session->match,
                                    message->payload->bytes + sizeof *session->peer,
                                    message->payload->length - sizeof *session->peer));
    message_discard(message);
    away_begin_chat(session, host);

    struct backlog early = session->early;
    session->early = (struct backlog){ 0 };
    struct message next;
    while (backlog_take(&early, &next))
        session_on_message(session, host, &next);
    reading_go_on(session, host);
}

static void on_banned(struct session *session, struct session_host *host)
{
    if (session->state >= SESSION_CLOSING)
        return;
    metrics_add(host->metrics, METRIC_BANNED_TOTAL, 1);
    if (session_is_away(session))
        away_end(session, host);
    else
        leaving_close(session, host, CLOSE_BANNED);
}

void session_init(struct session *session, struct session_host *host, struct address self, struct address connection,
                  const struct identity *identity, const uint8_t user_id[USER_ID_BYTES], const struct resume_ask *ask)
{
    char token[TOKEN_DIGITS + 1];
    const bool is_refused = ask != NULL && ask->is_back;
    *session = (struct session){ .self = self, .connection = connection, .identity = *identity, .state = SESSION_NEW };
    memcpy(session->user_id, user_id, USER_ID_BYTES);
    metrics_add(host->metrics, METRIC_USERS, 1);
    tell_connection(session, host, &(struct message){ .type = CONN_ACCEPTED });
    if (ask != NULL && host->resume_ms > 0)
        away_prepare(session, host, token);
    tell_news(session, host,
              event_connection_established_anew(&host->time, session->user_id, session->is_resumable ? token : NULL, host->resume_ms, is_refused));
    farewell_settle(session, host);
}

static void on_resume(struct session *session, struct session_host *host, struct message *message)
{
    struct resume_ask ask = { .token.actor = session->self, .seq = message->conn_resume.seq, .is_back = true };
    if (line_find(host, session->self, message->from) != NULL) { /* it is said again, and will be answered again */
        message_discard(message);
        return;
    }
    const bool is_token = message->payload != NULL && message->payload->length == sizeof ask.token.secret;
    if (is_token)
        memcpy(ask.token.secret, message->payload->bytes, sizeof ask.token.secret);
    if (is_token && away_is_early(session, message->from, ask.token.secret)) {
        message_discard(message); /* it is asked again */
        return;
    }
    if (!is_token || !session->is_resumable || !afar_has_room(session, host) || !away_come_back(session, host, message->from, &ask))
        line_answer_dead(host, message);
    message_discard(message);
}

static void lose_connection(struct session *session, struct session_host *host, struct address connection)
{
    if (afar_is_cut_off(session, host, connection))
        reading_end(session, host, 0);
}

/* What it was to stand in for is gone: it is a session of its own now. */
static void become_session(struct session *session, struct session_host *host)
{
    const struct session stand_in = *session;
    session_init(session, host, stand_in.self, stand_in.connection, &stand_in.identity, stand_in.user_id, &(struct resume_ask){ .is_back = true });
}

static void on_message_as_stand_in(struct session *session, struct session_host *host, struct message *message)
{
    switch (stand_in_on_message(session, host, message)) {
    case STAND_IN_GOES_ON:
        break;
    case STAND_IN_REFUSED:
        become_session(session, host);
        break;
    case STAND_IN_NOT_FOR_IT:
        session_on_undeliverable(host, message);
        break;
    }
}

void session_on_node_died(struct session *session, struct session_host *host, unsigned node)
{
    if (session->is_stand_in) {
        if (stand_in_on_node_died(session, host, node) == STAND_IN_REFUSED)
            become_session(session, host);
        return;
    }
    relay_on_node_died(session, host, node);
    if (session->connection.node == node)
        lose_connection(session, host, session->connection);
    end_call(session, host);
}

void session_on_farewell(struct session *session, struct session_host *host, enum farewell what)
{
    farewell_hear(session, host, what);
    if (!session->is_stand_in)
        end_call(session, host);
}

void session_on_message(struct session *session, struct session_host *host, struct message *message)
{
    if (session->is_stand_in) {
        on_message_as_stand_in(session, host, message);
        return;
    }
    switch ((enum message_type)message->type) {
    case CLIENT_TEXT:
        if (is_from_connection(session, message))
            reading_take(session, host, message);
        else
            message_discard(message);
        if (host->is_last_call)
            farewell_hear(session, host, FAREWELL_TURN);
        break;
    case CONN_GONE:
        if (is_from_connection(session, message))
            reading_end(session, host, message->conn_close.code);
        break;
    case USER_BANNED:
        on_banned(session, host);
        break;
    case PEER_TEXT:
        on_peer_text(session, host, message);
        break;
    case PEER_LEFT:
        on_peer_left(session, host, message);
        break;
    case MATCH_FOUND:
        on_match_found(session, host, message);
        break;
    case SEARCH_WAITING:
    case SEARCH_UNAVAILABLE:
    case SEARCH_BUSY:
        answers_on_search(session, host, message);
        break;
    case SEARCH_CANCELLED:
    case SEARCH_TOO_LATE:
        answers_on_cancel(session, host, message);
        break;
    case MATCH_TAKEN:
        relay_hears_of_match_taken(session, host, message);
        break;
    case TEXT_WRITTEN:
        if (message->credit.is_receipt)
            away_on_credit(session, host, message);
        else
            relay_on_written(session, host, message->credit.texts);
        break;
    case TEXT_DONE:
        away_on_credit(session, host, message);
        break;
    case PEER_AWAY:
    case PEER_BACK:
        on_peer_is_away_or_back(session, host, message);
        break;
    case ADDRESS_DENIED:
        away_on_denied(session, host);
        break;
    case CONN_RESUME:
        on_resume(session, host, message);
        break;
    case LINE_ITEM:
        if (afar_hears(session, host, message))
            session_on_message(session, host, message);
        break;
    case LINE_TAKEN:
        line_on_message(host, message);
        break;
    case LINE_DEAD:
        lose_connection(session, host, address_equals(message->from, session->self) ? session->connection : message->from);
        break;
    default: /* message.def has nothing else for an actor but what comes from other nodes; mailbox.c has checked the direction */
        relay_on_message(host, message);
        message_discard(message);
        if (session->is_resumable && session->state == SESSION_CHATTING && session->partner.node != 0)
            resume_on_taken(session->resume, relay_untaken(session, host));
        break;
    }
    end_call(session, host);
}

void session_fini(struct session *session, struct session_host *host)
{
    struct message message;
    while (backlog_take(&session->waiting_requests, &message) || backlog_take(&session->early, &message))
        message_discard(&message);
    payload_free(&session->interests);
    payload_free(&session->blocklist);
    free(session->peer);
    session->peer = NULL;
    host->forget(host->self, session_reminder(session));
    if (session->is_resumable)
        resume_free(&session->resume);
}

static bool is_about_line(const struct message *message)
{
    return message->type == CONN_RESUME || message->type == LINE_ITEM || message->type == LINE_TAKEN || message->type == LINE_DEAD;
}

void session_on_undeliverable(struct session_host *host, struct message *message)
{
    metrics_add(host->metrics, METRIC_UNDELIVERABLE_TOTAL, message_texts(message));
    if (is_about_line(message)) {
        line_on_message(host, message);
        return;
    }
    if (message->from.node != 0)
        relay_on_message(host, message);
    else if (message->type == PEER_TEXT)
        tell_lost(host, message->to, message->peer_text.writer, message_texts(message));
    if (message->type == MATCH_FOUND && !(message->from.node != 0 && relay_knows_match(host, message)))
        refuse_match(host, message->to, message);
    else
        message_discard(message);
}

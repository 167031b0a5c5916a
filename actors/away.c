#include "actors/away.h"

#include <string.h>

#include "actors/afar.h"
#include "actors/leaving.h"
#include "actors/relay.h"
#include "actors/searching.h"
#include "actors/tell.h"
#include "runtime/check.h"
#include "ws/close_code.h"

static uint32_t ms_until(const struct session_host *host, uint32_t time_ms)
{
    const int32_t left_ms = (int32_t)(time_ms - (uint32_t)host->now_ms);
    return left_ms > 0 ? (uint32_t)left_ms : 0;
}

static bool awaits_show(const struct session *session, const struct session_host *host)
{
    return session->state == SESSION_CHATTING && session->resume->match_seq != 0 && host->show_ms != 0;
}

/* For whatever is due first. A search has the reminder to itself, and its client is there and in no chat. */
static void remind(struct session *session, struct session_host *host)
{
    struct resume *resume = session->resume;
    uint32_t in_ms = UINT32_MAX;
    if (session->state == SESSION_SEARCHING)
        return;
    if (resume->is_away)
        in_ms = ms_until(host, resume->away_until_ms);
    if (awaits_show(session, host) && ms_until(host, resume->show_until_ms) < in_ms)
        in_ms = ms_until(host, resume->show_until_ms);
    if (in_ms != UINT32_MAX)
        host->remind(host->self, &resume->reminder, session->self, in_ms);
    else
        host->forget(host->self, &resume->reminder);
}

/* shown: as in resume_set_secret(). Who has come with the former one may have got its successor all the same, which nobody has shown yet: it stays good. */
static void make_token(struct session *session, struct session_host *host, const uint8_t *shown, char text[TOKEN_DIGITS + 1])
{
    struct token token = { .home = host->incarnation, .actor = session->self };
    if (shown == NULL || resume_is_good(session->resume, shown)) {
        host->fill_random(host->self, token.secret, sizeof token.secret);
        resume_set_secret(session->resume, token.secret, shown);
    }
    memcpy(token.secret, session->resume->secret, sizeof token.secret);
    token_print(text, &token);
}

void away_prepare(struct session *session, struct session_host *host, char token[TOKEN_DIGITS + 1])
{
    session->is_resumable = true;
    session->resume = resume_new();
    session->resume->fallback_ms = FALLBACK_NEVER;
    make_token(session, host, NULL, token);
}

/* Its address. */

/* Has away sessions of this user's address counted. */
static void tell_home(struct session *session, struct session_host *host, enum message_type type)
{
    uint64_t key; /* as address_gate.c has it */
    memcpy(&key, session->identity.address, sizeof key);
    if (!host->has_address_limits || key == 0)
        return;
    tell(session, host,
         &(struct message){ .type = (uint16_t)type,
                            .to = address_of_thread(host->first_io_thread + (unsigned)(key % host->io_threads)),
                            .address_gone = { .key = key } });
}

/* Going. */

bool away_may_go(const struct session *session, const struct session_host *host)
{
    return session->is_resumable && session->state < SESSION_CLOSING && session->code_to_answer != CLOSE_NORMAL && !host->is_draining &&
           afar_has_room(session, host);
}

void away_go(struct session *session, struct session_host *host)
{
    struct resume *resume = session->resume;
    CHECK(backlog_first(&session->waiting_requests) == NULL && !session->is_cancelling); /* reading.c has dealt with them */
    if (session->code_to_answer != 0)
        tell_connection(session, host, &(struct message){ .type = CONN_CLOSE, .conn_close = { .code = session->code_to_answer } });
    afar_part(session, host);
    session->is_gone = false;
    session->code_to_answer = 0;
    session->connection = (struct address){ 0 };
    resume_change_connection(resume);
    resume->is_away = true;
    resume->gone_at_seq = resume->seq;
    resume->away_until_ms = (uint32_t)host->now_ms + host->resume_ms;
    host->away++;
    metrics_add(host->metrics, METRIC_AWAY, 1);
    metrics_add(host->metrics, METRIC_AWAY_TOTAL, 1);
    resume->is_counted = true;
    tell_home(session, host, ADDRESS_AWAY);
    if (session->state == SESSION_SEARCHING) {
        searching_stop(session, host);
        resume->is_paused = true;
        if (session->told == TOLD_LAST_CALL)
            session->told = TOLD_SEARCHING; /* farewell.h: its turn may pass while it is away, so it does not wait for that when it is back */
    } else if (session->state == SESSION_CHATTING) {
        tell(session, host, &(struct message){ .type = PEER_AWAY, .to = session->partner, .peer_left = { .match = session->match } });
    }
    remind(session, host);
}

/* Whatever comes of it. */
static void stop_waiting(struct session *session, struct session_host *host)
{
    struct resume *resume = session->resume;
    resume->is_away = false;
    host->away--;
    metrics_add(host->metrics, METRIC_AWAY, -1);
    if (resume->is_counted)
        tell_home(session, host, ADDRESS_BACK);
    resume->is_counted = false;
}

void away_end(struct session *session, struct session_host *host)
{
    leaving_server(session, host);
    stop_waiting(session, host);
    tell_set_state(session, host, SESSION_OVER);
    metrics_add(host->metrics, METRIC_USERS, -1);
    tell_hand_over(host);
}

/* Coming back. */

static const char *name_of_state(const struct session *session)
{
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
        return "new";
    case SESSION_SEARCHING:
        return "searching";
    case SESSION_CHATTING:
        return "chatting";
    case SESSION_IDLE:
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
    return session->resume->is_paused ? "searching" : "idle";
}

static bool refuse(struct session_host *host)
{
    metrics_add(host->metrics, METRIC_RESUMES_REFUSED_TOTAL, 1);
    return false;
}

/* The client has not got what is kept no more, so it does not know what its chat has come to. */
static void end_with_gap(struct session *session, struct session_host *host)
{
    if (session->resume->is_away)
        away_end(session, host);
    else
        leaving_close(session, host, CLOSE_TAKEN_OVER);
}

static void drop_waiting(struct session *session)
{
    struct message message;
    while (backlog_take(&session->waiting_requests, &message))
        message_discard(&message);
}

/* The matcher's answer to end_matching would be for a connection that is no more: what it will say is made true now. */
static void finish_cancelling(struct session *session, struct session_host *host)
{
    const bool is_too_late = session->state == SESSION_CHATTING;
    if (session->state == SESSION_SEARCHING)
        searching_stop(session, host);
    session->is_cancelling = false;
    tell_news(session, host,
              is_too_late ? event_error(&host->time, ERROR_ALREADY_CHATTING, "end_matching") : event_success(&host->time, "The search is over."));
}

static void take_over(struct session *session, struct session_host *host)
{
    tell_connection(session, host, &(struct message){ .type = CONN_CLOSE, .conn_close = { .code = CLOSE_TAKEN_OVER } });
    afar_part(session, host);
    drop_waiting(session);
    session->is_gone = false;
    session->code_to_answer = 0;
    resume_change_connection(session->resume);
}

/* `resumed` has the number that the client has named, so that it goes on counting from there, and is not kept: it belongs to the connection. */
static void welcome_back(struct session *session, struct session_host *host, const struct resume_ask *ask)
{
    struct resume *resume = session->resume;
    char token[TOKEN_DIGITS + 1];
    make_token(session, host, ask->token.secret, token);
    struct payload *event = event_resumed(&host->time, name_of_state(session), session->state == SESSION_CHATTING ? session->match : 0,
                                          resume->taken_n, token);
    event_number(&event, ask->seq);
    event->next = resume_replay(resume);
    tell_connection(session, host, &(struct message){ .type = EVENT_TEXT, .more = (uint16_t)resume->copies, .payload = event });
}

/* The connection that there is is, or may be: word of that is on its way from another node. What comes from there itself may be older than what is known here. */
static bool may_be_gone(const struct session *session, struct address newer)
{
    return session->resume->is_away || (session_is_afar(session) && newer.node == 0);
}

bool away_is_early(const struct session *session, struct address connection, const uint8_t secret[TOKEN_SECRET_BYTES])
{
    return session->is_resumable && session->state < SESSION_CLOSING && !may_be_gone(session, connection) && resume_is_former(session->resume, secret);
}

bool away_come_back(struct session *session, struct session_host *host, struct address connection, const struct resume_ask *ask)
{
    struct resume *resume = session->resume;
    if (!session->is_resumable || session->state >= SESSION_CLOSING || !resume_serves(resume, ask->token.secret, may_be_gone(session, connection)))
        return refuse(host);
    if (!resume_can_follow(resume, ask->seq)) {
        end_with_gap(session, host);
        return refuse(host);
    }
    const bool was_away = resume->is_away, was_paused = resume->is_paused;
    metrics_add(host->metrics, METRIC_RESUMED_TOTAL, 1);
    if (was_away)
        stop_waiting(session, host);
    else
        take_over(session, host);
    session->connection = connection;
    tell_connection(session, host, &(struct message){ .type = CONN_ACCEPTED });
    resume_acknowledge(resume, ask->seq);
    welcome_back(session, host, ask);
    resume->is_paused = false;
    if (session->is_cancelling)
        finish_cancelling(session, host);
    remind(session, host);
    if (was_paused)
        searching_go_on(session, host);
    if (was_away && session->state == SESSION_CHATTING)
        tell(session, host, &(struct message){ .type = PEER_BACK, .to = session->partner, .peer_left = { .match = session->match } });
    away_settle(session, host);
    return true;
}

/* Matches. */

void away_begin_chat(struct session *session, struct session_host *host)
{
    if (!session->is_resumable)
        return;
    session->resume->match_seq = session->resume->seq;
    session->resume->show_until_ms = (uint32_t)host->now_ms + host->show_ms;
    remind(session, host);
}

/* The client does not know of its match, or cannot say so: its partner need not wait for it. */
static void end_unseen(struct session *session, struct session_host *host)
{
    metrics_add(host->metrics, METRIC_NO_SHOWS_TOTAL, 1);
    if (session->partner.node == 0)
        tell(session, host,
             &(struct message){ .type = PEER_LEFT, .to = session->partner, .peer_left = { .match = session->match, .is_no_show = true } });
    else
        relay_leave(session, host);
    tell_matcher(session, host, CHAT_ENDED, session->match, NULL);
    tell_set_state(session, host, SESSION_IDLE);
    tell_news(session, host, event_partner_left_chat(&host->time, session->match));
}

void away_on_reminder(struct session *session, struct session_host *host)
{
    if (session->state >= SESSION_CLOSING)
        return;
    if (awaits_show(session, host) && ms_until(host, session->resume->show_until_ms) == 0)
        end_unseen(session, host);
    if (session->resume->is_away && ms_until(host, session->resume->away_until_ms) == 0)
        away_end(session, host);
    else
        remind(session, host);
}

void away_search_on(struct session *session, struct session_host *host)
{
    struct resume *resume = session->resume;
    resume->is_unasked = true;
    if (!resume->is_away) {
        searching_begin(session, host, resume->fallback_ms);
        return;
    }
    session->told = TOLD_NOTHING;
    resume->is_paused = true;
}

/* What is heard. */

void away_hear(struct session *session, struct session_host *host, const struct request *request)
{
    struct resume *resume = session->resume;
    resume_hear(resume);
    if (request->ack == 0)
        return;
    const bool awaited_show = resume->match_seq != 0;
    resume_acknowledge(resume, request->ack);
    if (awaited_show && resume->match_seq == 0)
        remind(session, host);
}

void away_on_credit(struct session *session, struct session_host *host, const struct message *message)
{
    if (!session->is_resumable)
        return;
    const uint32_t credits = resume_on_credits(session->resume, message->credit.texts, message->credit.is_lost, session->partner.node == 0);
    if (credits > 0)
        tell_done(session, host, credits);
}

void away_on_partner(struct session *session, struct session_host *host, const struct message *message)
{
    if (!session->is_resumable || session->state != SESSION_CHATTING || message->peer_left.match != session->match ||
        !address_equals(message->from, session->partner))
        return;
    tell_news(session, host,
              message->type == PEER_AWAY ? event_partner_away(&host->time, session->match) : event_partner_back(&host->time, session->match));
}

void away_on_denied(struct session *session, struct session_host *host)
{
    if (!session_is_away(session))
        return;
    session->resume->is_counted = false;
    away_end(session, host);
}

void away_settle(struct session *session, struct session_host *host)
{
    struct resume *resume = session->resume;
    if (!session->is_resumable || session->state >= SESSION_CLOSING)
        return;
    if (resume->is_away && resume->is_lost)
        away_end(session, host);
    if (resume->is_away || !resume->owes_ack)
        return;
    resume->owes_ack = false;
    tell_news(session, host, event_ack(&host->time, resume->acknowledged_n));
}

#include "actors/session.h"

#include <stdlib.h>
#include <string.h>

#include "actors/again.h"
#include "actors/blocklist.h"
#include "actors/relay.h"
#include "actors/requests.h"
#include "actors/tell.h"
#include "runtime/check.h"
#include "wire/chat_text.h"

/* The protocol's own: reported too often. */
enum { CLOSE_BANNED = 4003 };

/* jansson takes 10 ns for a byte, or 80 of the most malicious. A request of more than the first is not for it to parse at once, and no request is
 * once it has parsed the second in one batch. To see whether a request is for jansson at all takes a look at every byte, so that is asked last, and
 * of none that is longer than 2,000 code points take when each is written as an escape. */
enum { QUICK_BYTES = 2048, QUICK_BATCH_BYTES = 16384, CHAT_BYTES_MAX = 12288 };

static bool awaits_matcher(const struct session *session)
{
    return session->is_starting || session->is_cancelling;
}

static bool is_quick(const struct session_host *host, const struct payload *text)
{
    struct chat_text found;
    return (text->length <= QUICK_BYTES && host->parsed_bytes < QUICK_BATCH_BYTES) ||
           (text->length <= CHAT_BYTES_MAX && chat_text_find(&found, text->bytes, text->length) != CHAT_TEXT_NONE);
}

static void await_turn(struct session *session, struct session_host *host)
{
    session->awaits_turn = true;
    host->await_turn(host->self, session->self);
}

static void leave(struct session *session, struct session_host *host)
{
    if (session->state != SESSION_CLOSING)
        requests_leave(session, host);
    tell_set_state(session, host, SESSION_OVER);
    metrics_add(host->metrics, METRIC_USERS, -1);
    if (session->code_to_answer != 0)
        tell(session, host,
             &(struct message){ .type = CONN_CLOSE,
                                .to = session->connection,
                                .conn_close = { .code = session->code_to_answer } });
}

/* The oldest text that waits; NULL: none does. */
static struct payload *take_waiting(struct session *session)
{
    struct message run;
    if (!backlog_take(&session->waiting_requests, &run))
        return NULL;
    struct payload *text = message_take_payload(&run);
    if (run.payload != NULL)
        backlog_put_back(&session->waiting_requests, &run);
    return text;
}

/* Requests that came while it waited for the matcher or a turn. One of them may be the next to wait for. */
static void resume_requests(struct session *session, struct session_host *host)
{
    const struct message *next;
    if (session->awaits_turn)
        return;
    while (!awaits_matcher(session) && session->state < SESSION_CLOSING &&
           (next = backlog_first(&session->waiting_requests)) != NULL) {
        if (!is_quick(host, next->payload)) {
            await_turn(session, host);
            return;
        }
        requests_on_client_text(session, host, take_waiting(session));
    }
    if (session->is_gone)
        leave(session, host);
}

/* As far as they may be dealt with now: each may be one that what follows has to wait for, or the last one. */
static void on_client_texts(struct session *session, struct session_host *host, struct message *run)
{
    while (run->payload != NULL) {
        if (session->state == SESSION_CLOSING) {
            message_discard(run);
        } else if (awaits_matcher(session) || session->awaits_turn) {
            backlog_put(&session->waiting_requests, run);
            return;
        } else if (!is_quick(host, run->payload)) {
            backlog_put(&session->waiting_requests, run);
            await_turn(session, host);
            return;
        } else {
            requests_on_client_text(session, host, message_take_payload(run));
        }
    }
}

void session_on_turn(struct session *session, struct session_host *host)
{
    session->awaits_turn = false;
    struct payload *text = session->state < SESSION_CLOSING ? take_waiting(session) : NULL;
    if (text != NULL)
        requests_on_client_text(session, host, text);
    resume_requests(session, host);
    tell_hand_over(host);
}

/* What the partner sends. */

static bool is_of_the_future(const struct session *session, uint64_t match)
{
    return session->state == SESSION_SEARCHING && match > session->match;
}

static void on_peer_text(struct session *session, struct session_host *host, struct message *message)
{
    if (message->from.node != 0 && !relay_takes(session, host, message))
        return;
    if (is_of_the_future(session, message->peer_text.match)) {
        backlog_put(&session->early, message);
    } else if (session->state == SESSION_CHATTING && message->peer_text.match == session->match) {
        metrics_add(host->metrics, METRIC_RELAYED_TOTAL, message_texts(message));
        tell_relayed(session, host, message);
    } else {
        metrics_add(host->metrics, METRIC_PEER_STALE_TOTAL, message_texts(message));
        tell_credit(host, session->self, message->peer_text.writer, message_texts(message));
        message_discard(message);
    }
}

/* The match is over before it has begun. */
static void search_on(struct session *session, struct session_host *host, uint64_t without)
{
    session->match = without;
    session->is_mending = false;
    requests_drop_early(session, host, without);
    if (session->is_cancelling)
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
    relay_end(session, host);
    tell_set_state(session, host, SESSION_IDLE);
    tell_news(session, host, event_partner_left_chat(&host->time, session->match));
    /* The partner has told the matcher; but what we wrote back to a store that had lost its memory may come after that. And who was never met (relay.h)
     * has told nobody. */
    if (session->is_restored || address_equals(message->from, session->self))
        tell_matcher(session, host, CHAT_ENDED, session->match, NULL);
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
        refuse_match(host, session->self, message);
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
    session->matched_ms = (uint32_t)host->now_ms;
    session->has_typed = session->has_reported = false;
    tell_set_state(session, host, SESSION_CHATTING);
    tell_news(session, host,
              event_success_matched(&host->time, (enum match_role)message->match_found.role, session->match,
                                    message->payload->bytes + sizeof *session->peer,
                                    message->payload->length - sizeof *session->peer));
    message_discard(message);

    struct backlog early = session->early;
    session->early = (struct backlog){ 0 };
    struct message next;
    while (backlog_take(&early, &next))
        session_on_message(session, host, &next);
    resume_requests(session, host);
}

static void on_search_waiting(struct session *session, struct session_host *host)
{
    if (session->told == TOLD_SEARCHING)
        return;
    session->told = TOLD_SEARCHING;
    tell_news(session, host, event_no_match(&host->time));
}

static void on_search_unavailable(struct session *session, struct session_host *host)
{
    if (session->told != TOLD_NOTHING)
        return;
    session->told = TOLD_UNAVAILABLE;
    metrics_add(host->metrics, METRIC_REQUEST_ERRORS_TOTAL, 1);
    tell_news(session, host, event_error(&host->time, ERROR_MATCHING_UNAVAILABLE, "start_matching"));
}

static void on_search_busy(struct session *session, struct session_host *host)
{
    tell_set_state(session, host, SESSION_IDLE);
    requests_drop_early(session, host, UINT64_MAX);
    metrics_add(host->metrics, METRIC_REQUEST_ERRORS_TOTAL, 1);
    tell_news(session, host, event_error(&host->time, ERROR_SERVER_BUSY, "start_matching"));
}

static void on_search_answered(struct session *session, struct session_host *host, const struct message *message)
{
    if (!is_of_this_search(session, message->search_reply.search))
        return;
    session->is_starting = false;
    if (message->type == SEARCH_WAITING)
        on_search_waiting(session, host);
    else if (message->type == SEARCH_UNAVAILABLE)
        on_search_unavailable(session, host);
    else
        on_search_busy(session, host);
    resume_requests(session, host);
}

/* Whoever was first, the match or the cancel, the state tells it: a match is always heard of before this. */
static void on_cancel_answered(struct session *session, struct session_host *host, const struct message *message)
{
    if (session->search != message->search_reply.search)
        return;
    if (!session->is_cancelling) {
        if (message->type == SEARCH_TOO_LATE && session->state == SESSION_SEARCHING)
            again_on_found_matched(session, host);
        return;
    }
    session->is_cancelling = false;
    switch ((enum session_state)session->state) {
    case SESSION_CHATTING:
        tell_error(session, host, ERROR_ALREADY_CHATTING, "end_matching");
        break;
    case SESSION_SEARCHING:
        if (message->type == SEARCH_TOO_LATE) /* as above, or the partner is blocked */
            again_mend_store(session, host);
        tell_set_state(session, host, SESSION_IDLE);
        requests_drop_early(session, host, UINT64_MAX);
        tell_answer(session, host, event_success(&host->time, "The search is over."));
        break;
    case SESSION_NEW:
    case SESSION_IDLE:
        tell_answer(session, host, event_success(&host->time, "The search is over."));
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        return;
    }
    resume_requests(session, host);
}

/* The life of the actor. */

static void on_banned(struct session *session, struct session_host *host)
{
    if (session->state >= SESSION_CLOSING)
        return;
    metrics_add(host->metrics, METRIC_BANNED_TOTAL, 1);
    requests_close(session, host, CLOSE_BANNED);
}

/* What the client has written before may still be on its way to the partner. */
static void on_conn_gone(struct session *session, struct session_host *host, const struct message *message)
{
    session->is_gone = true;
    session->code_to_answer = message->conn_close.code;
    if (session->state == SESSION_CHATTING)
        session->is_cancelling = false; /* it came too late, so much is known without the matcher */
    resume_requests(session, host);
}

void session_init(struct session *session, struct session_host *host, struct address self, struct address connection,
                  const struct identity *identity, const uint8_t user_id[USER_ID_BYTES])
{
    *session = (struct session){ .self = self, .connection = connection, .identity = *identity, .state = SESSION_NEW };
    memcpy(session->user_id, user_id, USER_ID_BYTES);
    metrics_add(host->metrics, METRIC_USERS, 1);
    tell(session, host, &(struct message){ .type = CONN_ACCEPTED, .to = connection });
    tell_news(session, host, event_connection_established(&host->time, session->user_id));
}

void session_on_message(struct session *session, struct session_host *host, struct message *message)
{
    switch ((enum message_type)message->type) {
    case CLIENT_TEXT:
        on_client_texts(session, host, message);
        break;
    case CONN_GONE:
        on_conn_gone(session, host, message);
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
        on_search_answered(session, host, message);
        break;
    case SEARCH_CANCELLED:
    case SEARCH_TOO_LATE:
        on_cancel_answered(session, host, message);
        break;
    case MATCH_TAKEN:
        relay_hears_of_match_taken(session, host, message);
        break;
    case TEXT_WRITTEN:
        relay_on_written(session, host, message->credit.texts);
        break;
    default: /* message.def has nothing else for an actor but what comes from other nodes; mailbox.c has checked the direction */
        relay_on_message(host, message);
        message_discard(message);
        break;
    }
    tell_hand_over(host);
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
    host->forget(host->self, &session->reminder);
}

void session_on_undeliverable(struct session_host *host, struct message *message)
{
    metrics_add(host->metrics, METRIC_UNDELIVERABLE_TOTAL, message_texts(message));
    if (message->from.node != 0)
        relay_on_message(host, message);
    else if (message->type == PEER_TEXT)
        tell_credit(host, message->to, message->peer_text.writer, message_texts(message));
    if (message->type == MATCH_FOUND && !(message->from.node != 0 && relay_knows_match(host, message)))
        refuse_match(host, message->to, message);
    else
        message_discard(message);
}

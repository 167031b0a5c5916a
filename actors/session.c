#include "session.h"

#include <string.h>

#include "request.h"

/* So many refusals by a rate limit are borne at once, and one a second after that; then the connection is closed. */
enum { STRIKES_BURST = 50, STRIKES_PER_SECOND = 1 };

/* Limits are per second; a pause earns so many seconds' worth. */
enum { BURST_SECONDS = 3 };

enum { CLOSE_POLICY_VIOLATION = 1008 };

static void send_to(struct session *session, struct session_host *host, struct message *message)
{
    message->from = session->self;
    host->send(host->self, message);
}

static void set_state(struct session *session, struct session_host *host, enum session_state state)
{
    metrics_add(host->metrics, METRIC_SEARCHING, (state == SESSION_SEARCHING) - (session->state == SESSION_SEARCHING));
    metrics_add(host->metrics, METRIC_CHATTING, (state == SESSION_CHATTING) - (session->state == SESSION_CHATTING));
    session->state = (uint8_t)state;
}

/* Events and answers to the client. */

static void send_event(struct session *session, struct session_host *host, struct payload *event, struct address writer)
{
    send_to(session, host,
            &(struct message){
                .type = EVENT_TEXT, .to = session->connection, .payload = event, .event = { .writer = writer } });
}

/* News that answers no request. */
static void notify(struct session *session, struct session_host *host, struct payload *event)
{
    send_event(session, host, event, (struct address){ 0 });
}

/* The answer to a request: gives its credit back once it is written, so that whoever does not read may not ask either. */
static void reply(struct session *session, struct session_host *host, struct payload *event)
{
    send_event(session, host, event, session->connection);
}

static void reply_error(struct session *session, struct session_host *host, enum error_code code, const char *request)
{
    metrics_add(host->metrics, METRIC_REQUEST_ERRORS_TOTAL, 1);
    reply(session, host, event_error(&host->time, code, request));
}

static void give_credit_back(struct session_host *host, struct address from, struct address writer)
{
    if (address_is_nobody(writer))
        return;
    struct message done = { .type = TEXT_DONE, .to = writer, .from = from, .credit = { .texts = 1 } };
    host->send(host->self, &done);
}

/* What the matcher is told. */

static void tell_matcher(struct session *session, struct session_host *host, enum message_type type, uint64_t match,
                         struct payload *payload)
{
    struct message message = { .type = (uint16_t)type,
                               .to = address_of_thread(host->matcher_thread),
                               .payload = payload,
                               .user = { .match = match } };
    memcpy(message.user.id, session->user_id, USER_ID_BYTES);
    send_to(session, host, &message);
}

static void tell_matcher_search(struct session *session, struct session_host *host, enum message_type type,
                                bool is_known, struct payload *payload)
{
    struct message message = { .type = (uint16_t)type,
                               .to = address_of_thread(host->matcher_thread),
                               .payload = payload,
                               .search = { .ended_match = session->match, .search = session->search, .is_known = is_known } };
    memcpy(message.search.id, session->user_id, USER_ID_BYTES);
    send_to(session, host, &message);
}

static struct payload *copy_interests(const struct session *session)
{
    return payload_copy(session->interests->bytes, session->interests->length);
}

static void tell_partner_left(struct session *session, struct session_host *host)
{
    send_to(session, host,
            &(struct message){
                .type = PEER_LEFT, .to = session->partner, .peer_left = { .match = session->match } });
}

/* Messages of a partner that never became one. */
static void drop_early(struct session *session, struct session_host *host)
{
    struct message message;
    while (backlog_take(&session->early, &message)) {
        if (message.type == PEER_TEXT)
            give_credit_back(host, session->self, message.peer_text.writer);
        message_discard(&message);
    }
}

/* Requests, in the order of request.def. Each answers exactly once: reply, TEXT_DONE, or by way of the partner. */

static void close_for_violations(struct session *session, struct session_host *host);

/* Refuse a request that came too soon after others, and the client that does not heed it. */
static void reply_rate_limited(struct session *session, struct session_host *host, const char *request)
{
    metrics_add(host->metrics, METRIC_RATE_LIMITED_TOTAL, 1);
    reply_error(session, host, ERROR_RATE_LIMITED, request);
    if (!rate_take(&session->strike_bucket, STRIKES_PER_SECOND, STRIKES_BURST, host->now_ms))
        close_for_violations(session, host);
}

static void submit_interests(struct session *session, struct session_host *host, const struct request *request)
{
    /* Each costs a call of Redis, as a search does. */
    if (!rate_take(&session->search_bucket, host->rate_search, host->rate_search * BURST_SECONDS, host->now_ms)) {
        reply_rate_limited(session, host, request->type_name);
        return;
    }
    payload_free(&session->interests);
    session->interests = payload_copy(request->interests.bytes, request->interests.length);
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
    case SESSION_IDLE:
        set_state(session, host, SESSION_IDLE);
        tell_matcher(session, host, USER_STORE, 0, copy_interests(session));
        break;
    case SESSION_CHATTING:
        tell_matcher(session, host, USER_STORE, session->match, copy_interests(session));
        break;
    case SESSION_SEARCHING:
        tell_matcher_search(session, host, SEARCH_START, true, copy_interests(session));
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
    reply(session, host, event_success(&host->time, "Your interests are noted."));
}

static void start_matching(struct session *session, struct session_host *host, const struct request *request)
{
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
        reply_error(session, host, ERROR_NO_INTERESTS, request->type_name);
        break;
    case SESSION_IDLE:
        if (!rate_take(&session->search_bucket, host->rate_search, host->rate_search * BURST_SECONDS, host->now_ms)) {
            reply_rate_limited(session, host, request->type_name);
            break;
        }
        session->search++;
        session->told = TOLD_NOTHING;
        session->is_starting = true;
        set_state(session, host, SESSION_SEARCHING);
        metrics_add(host->metrics, METRIC_SEARCHES_TOTAL, 1);
        tell_matcher_search(session, host, SEARCH_START, false, copy_interests(session));
        give_credit_back(host, session->self, session->connection);
        break;
    case SESSION_SEARCHING:
        reply(session, host, event_no_match(&host->time));
        break;
    case SESSION_CHATTING:
        reply_error(session, host, ERROR_ALREADY_CHATTING, request->type_name);
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

static void end_matching(struct session *session, struct session_host *host, const struct request *request)
{
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
    case SESSION_IDLE:
        reply(session, host, event_success(&host->time, "You were not searching."));
        break;
    case SESSION_SEARCHING:
        session->is_cancelling = true; /* answered by on_cancel_answered() */
        tell_matcher_search(session, host, SEARCH_CANCEL, true, NULL);
        break;
    case SESSION_CHATTING:
        reply_error(session, host, ERROR_ALREADY_CHATTING, request->type_name);
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

static void relay(struct session *session, struct session_host *host, const struct request *request)
{
    enum error_code error = ERROR_NONE;
    if (session->state != SESSION_CHATTING)
        error = ERROR_NOT_IN_CHAT;
    else if (request->type == REQUEST_CHAT_MESSAGE && request->codepoints == 0)
        error = ERROR_MESSAGE_EMPTY;
    else if (request->type == REQUEST_CHAT_MESSAGE && request->codepoints > MESSAGE_CODEPOINTS_MAX)
        error = ERROR_MESSAGE_TOO_LONG;
    if (error != ERROR_NONE) {
        reply_error(session, host, error, request->type_name);
        return;
    }
    if (!rate_take(&session->chat_bucket, host->rate_chat, host->rate_chat * BURST_SECONDS, host->now_ms)) {
        reply_rate_limited(session, host, request->type_name);
        return;
    }
    struct payload *event;
    if (request->type == REQUEST_WEBRTC_SIGNAL)
        event = event_webrtc_signal(&host->time, request->data);
    else if (request->plain.bytes != NULL)
        event = event_chat_message_plain(&host->time, &request->plain);
    else
        event = event_chat_message(&host->time, request->data);
    if (event->length > host->event_bytes_max) {
        payload_free(&event);
        reply_error(session, host, ERROR_MESSAGE_TOO_LONG, request->type_name);
        return;
    }
    send_to(session, host,
            &(struct message){ .type = PEER_TEXT,
                               .to = session->partner,
                               .payload = event,
                               .peer_text = { .match = session->match, .writer = session->connection } });
}

static void end_chat(struct session *session, struct session_host *host, const struct request *request)
{
    if (session->state != SESSION_CHATTING) {
        reply_error(session, host, ERROR_NOT_IN_CHAT, request->type_name);
        return;
    }
    tell_partner_left(session, host);
    tell_matcher(session, host, CHAT_ENDED, session->match, NULL);
    set_state(session, host, SESSION_IDLE);
    reply(session, host, event_success(&host->time, "The chat is over."));
}

static void on_client_text(struct session *session, struct session_host *host, struct message *message)
{
    struct request request;
    enum error_code error = request_parse(&request, message->payload->bytes, message->payload->length);
    if (error != ERROR_NONE) {
        reply_error(session, host, error, request.type_name);
        request_fini(&request);
        message_discard(message);
        return;
    }
    switch (request.type) {
    case REQUEST_SUBMIT_INTERESTS:
        submit_interests(session, host, &request);
        break;
    case REQUEST_START_MATCHING:
        start_matching(session, host, &request);
        break;
    case REQUEST_END_MATCHING:
        end_matching(session, host, &request);
        break;
    case REQUEST_CHAT_MESSAGE:
    case REQUEST_WEBRTC_SIGNAL:
        relay(session, host, &request);
        break;
    case REQUEST_END_CHAT:
        end_chat(session, host, &request);
        break;
    case REQUEST_UNKNOWN:
    case REQUEST_TYPES:
        break; /* request_parse() has refused it */
    }
    request_fini(&request);
    message_discard(message);
}

static bool awaits_matcher(const struct session *session)
{
    return session->is_starting || session->is_cancelling;
}

/* The matcher has answered: requests that came meanwhile. One of them may be the next to wait for. */
static void resume_requests(struct session *session, struct session_host *host)
{
    struct message message;
    while (!awaits_matcher(session) && session->state < SESSION_CLOSING &&
           backlog_take(&session->waiting_requests, &message))
        on_client_text(session, host, &message);
}

/* What the partner sends. */

static bool is_of_the_future(const struct session *session, uint64_t match)
{
    return session->state == SESSION_SEARCHING && match > session->match;
}

static void on_peer_text(struct session *session, struct session_host *host, struct message *message)
{
    if (is_of_the_future(session, message->peer_text.match)) {
        backlog_put(&session->early, message);
    } else if (session->state == SESSION_CHATTING && message->peer_text.match == session->match) {
        metrics_add(host->metrics, METRIC_RELAYED_TOTAL, 1);
        send_event(session, host, message->payload, message->peer_text.writer);
    } else {
        metrics_add(host->metrics, METRIC_PEER_STALE_TOTAL, 1);
        give_credit_back(host, session->self, message->peer_text.writer);
        message_discard(message);
    }
}

static void on_peer_left(struct session *session, struct session_host *host, struct message *message)
{
    if (is_of_the_future(session, message->peer_left.match)) {
        backlog_put(&session->early, message);
        return;
    }
    if (session->state != SESSION_CHATTING || message->peer_left.match != session->match)
        return;
    set_state(session, host, SESSION_IDLE);
    notify(session, host, event_partner_left_chat(&host->time, session->match));
    /* The partner has told the matcher; but what we wrote back to a store that had lost its memory may come after that. */
    if (session->is_restored)
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

static void on_match_found(struct session *session, struct session_host *host, struct message *message)
{
    if (!is_of_this_search(session, message->match_found.search)) {
        refuse_match(host, session->self, message);
        return;
    }
    session->is_starting = false;
    session->match = message->match_found.match;
    session->partner = message->match_found.partner;
    session->is_restored = false;
    memcpy(session->partner_id, message->payload->bytes, USER_ID_BYTES);
    set_state(session, host, SESSION_CHATTING);
    notify(session, host,
           event_success_matched(&host->time, (enum match_role)message->match_found.role, session->match,
                                 message->payload->bytes + USER_ID_BYTES, message->payload->length - USER_ID_BYTES));
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
    notify(session, host, event_no_match(&host->time));
}

static void on_search_unavailable(struct session *session, struct session_host *host)
{
    if (session->told != TOLD_NOTHING)
        return;
    session->told = TOLD_UNAVAILABLE;
    metrics_add(host->metrics, METRIC_REQUEST_ERRORS_TOTAL, 1);
    notify(session, host, event_error(&host->time, ERROR_MATCHING_UNAVAILABLE, "start_matching"));
}

static void on_search_busy(struct session *session, struct session_host *host)
{
    set_state(session, host, SESSION_IDLE);
    metrics_add(host->metrics, METRIC_REQUEST_ERRORS_TOTAL, 1);
    notify(session, host, event_error(&host->time, ERROR_SERVER_BUSY, "start_matching"));
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
        /* A search under new interests found the user matched. MATCH_FOUND comes before this; without it the store has been
         * tampered with, and the user shall not wait for ever: forget it there and search again. */
        if (message->type == SEARCH_TOO_LATE && session->state == SESSION_SEARCHING) {
            metrics_add(host->metrics, METRIC_SEARCHES_REPAIRED_TOTAL, 1);
            tell_matcher(session, host, USER_LEFT, 0, NULL);
            tell_matcher_search(session, host, SEARCH_START, true, copy_interests(session));
        }
        return;
    }
    session->is_cancelling = false;
    switch ((enum session_state)session->state) {
    case SESSION_CHATTING:
        reply_error(session, host, ERROR_ALREADY_CHATTING, "end_matching");
        break;
    case SESSION_SEARCHING:
        if (message->type == SEARCH_TOO_LATE) /* as above */
            tell_matcher(session, host, USER_LEFT, 0, NULL);
        set_state(session, host, SESSION_IDLE);
        drop_early(session, host);
        reply(session, host, event_success(&host->time, "The search is over."));
        break;
    case SESSION_NEW:
    case SESSION_IDLE:
        reply(session, host, event_success(&host->time, "The search is over."));
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        return;
    }
    resume_requests(session, host);
}

/* The life of the actor. */

/* Leave chat, search and store; the client is not told. */
static void leave(struct session *session, struct session_host *host)
{
    if (session->state == SESSION_CHATTING)
        tell_partner_left(session, host);
    if (session->interests != NULL)
        tell_matcher(session, host, USER_LEFT, 0, NULL);
    drop_early(session, host);
}

static void close_for_violations(struct session *session, struct session_host *host)
{
    leave(session, host);
    set_state(session, host, SESSION_CLOSING);
    send_to(session, host,
            &(struct message){
                .type = CONN_CLOSE, .to = session->connection, .conn_close = { .code = CLOSE_POLICY_VIOLATION } });
}

static void on_conn_gone(struct session *session, struct session_host *host)
{
    if (session->state != SESSION_CLOSING)
        leave(session, host);
    set_state(session, host, SESSION_OVER);
    metrics_add(host->metrics, METRIC_USERS, -1);
}

void session_init(struct session *session, struct session_host *host, struct address self, struct address connection,
                  const uint8_t user_id[USER_ID_BYTES])
{
    *session = (struct session){ .self = self, .connection = connection, .state = SESSION_NEW };
    memcpy(session->user_id, user_id, USER_ID_BYTES);
    metrics_add(host->metrics, METRIC_USERS, 1);
    send_to(session, host, &(struct message){ .type = CONN_ACCEPTED, .to = connection });
    notify(session, host, event_connection_established(&host->time, session->user_id));
}

void session_on_message(struct session *session, struct session_host *host, struct message *message)
{
    switch ((enum message_type)message->type) {
    case CLIENT_TEXT:
        if (session->state == SESSION_CLOSING)
            message_discard(message);
        else if (awaits_matcher(session))
            backlog_put(&session->waiting_requests, message);
        else
            on_client_text(session, host, message);
        break;
    case CONN_GONE:
        on_conn_gone(session, host);
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
    default: /* message.def has no other type for an actor; mailbox.c has checked the direction */
        message_discard(message);
        break;
    }
}

void session_restate(struct session *session, struct session_host *host)
{
    switch ((enum session_state)session->state) {
    case SESSION_IDLE:
        tell_matcher(session, host, USER_STORE, 0, copy_interests(session));
        break;
    case SESSION_SEARCHING:
        if (!session->is_cancelling) /* else the answer to the cancel is near, and the store has forgotten the search */
            tell_matcher_search(session, host, SEARCH_START, true, copy_interests(session));
        break;
    case SESSION_CHATTING: {
        struct payload *partner = payload_new(USER_ID_BYTES + session->interests->length);
        memcpy(partner->bytes, session->partner_id, USER_ID_BYTES);
        memcpy(partner->bytes + USER_ID_BYTES, session->interests->bytes, session->interests->length);
        partner->length = USER_ID_BYTES + session->interests->length;
        session->is_restored = true;
        tell_matcher(session, host, CHAT_STORE, session->match, partner);
        break;
    }
    case SESSION_NEW:
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

void session_fini(struct session *session)
{
    struct message message;
    while (backlog_take(&session->waiting_requests, &message) || backlog_take(&session->early, &message))
        message_discard(&message);
    payload_free(&session->interests);
}

void session_on_undeliverable(struct session_host *host, struct message *message)
{
    metrics_add(host->metrics, METRIC_UNDELIVERABLE_TOTAL, 1);
    if (message->type == PEER_TEXT)
        give_credit_back(host, message->to, message->peer_text.writer);
    if (message->type == MATCH_FOUND)
        refuse_match(host, message->to, message);
    else
        message_discard(message);
}

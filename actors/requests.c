#include "actors/requests.h"

#include <string.h>

#include "actors/again.h"
#include "actors/blocklist.h"
#include "actors/relay.h"
#include "actors/tell.h"
#include "wire/request.h"

/* So many refusals by a rate limit are borne at once, and one a second after that; then the connection is closed. Each further SHORT_BYTES of what was
 * refused count as one more: to read them has taken long. */
enum { STRIKES_BURST = 50, STRIKES_PER_SECOND = 1 };

/* Limits are per second; a pause earns so many seconds' worth. */
enum { BURST_SECONDS = 3 };

/* What is no longer than the first counts as one request, each further piece of the second as one more. */
enum { SHORT_BYTES = 4096, BYTES_PER_TOKEN = 1024 };

/* As long as `typing` is in any form that makes sense. */
enum { TYPING_BYTES = 128 };

enum { CLOSE_POLICY_VIOLATION = 1008 };

/* How long after a chat its partner can still be blocked or reported; how long a chat must have been for a report to count; and how
 * often the partner is told who types. */
enum { AFTERMATH_MS = 5 * 60 * 1000, REPORTABLE_MS = 10 * 1000, TYPING_MS = 2000 };

/* Leaving. */

void requests_drop_early(struct session *session, struct session_host *host, uint64_t match)
{
    struct message message;
    struct backlog early = session->early;
    session->early = (struct backlog){ 0 };
    while (backlog_take(&early, &message)) {
        if (message.peer_left.match > match) { /* both kinds begin with it */
            backlog_put(&session->early, &message);
            continue;
        }
        if (message.type == PEER_TEXT)
            tell_credit(host, session->self, message.peer_text.writer, message_texts(&message));
        message_discard(&message);
    }
}

void requests_leave(struct session *session, struct session_host *host)
{
    if (session->state == SESSION_CHATTING)
        relay_leave(session, host);
    if (session->interests != NULL)
        tell_matcher(session, host, USER_LEFT, 0, NULL);
    requests_drop_early(session, host, UINT64_MAX);
}

void requests_close(struct session *session, struct session_host *host, uint16_t code)
{
    requests_leave(session, host);
    tell_set_state(session, host, SESSION_CLOSING);
    tell(session, host, &(struct message){ .type = CONN_CLOSE, .to = session->connection, .conn_close = { .code = code } });
}

/* Limits. */

/* Refuse a request that came too soon after others, and the client that does not heed it. */
static void refuse_as_too_soon(struct session *session, struct session_host *host, const struct request *request, uint32_t strikes)
{
    metrics_add(host->metrics, METRIC_RATE_LIMITED_TOTAL, 1);
    tell_error(session, host, ERROR_RATE_LIMITED, request->type_name);
    if (!rate_take_many(&session->strike_bucket, strikes, STRIKES_PER_SECOND, STRIKES_BURST, host->now_ms))
        requests_close(session, host, CLOSE_POLICY_VIOLATION);
}

/* To parse what is long takes long, and others wait meanwhile: it is paid for by its length, and before. */
static bool may_be_so_long(struct session *session, struct session_host *host, uint32_t length)
{
    if (length <= SHORT_BYTES)
        return true;
    const uint32_t tokens = (length - SHORT_BYTES + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    if (rate_take_many(&session->chat_bucket, tokens, host->rate_chat, host->rate_chat * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, &(struct request){ .type_name = NULL }, length / SHORT_BYTES);
    return false;
}

/* For whatever goes to the partner, and for what leads to nothing: it has been parsed all the same. */
static bool may_say(struct session *session, struct session_host *host, const struct request *request)
{
    if (rate_take(&session->chat_bucket, host->rate_chat, host->rate_chat * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, request, 1);
    return false;
}

static void refuse(struct session *session, struct session_host *host, const struct request *request, enum error_code error)
{
    if (may_say(session, host, request))
        tell_error(session, host, error, request->type_name);
}

/* For whatever costs a call of Redis. */
static bool may_search(struct session *session, struct session_host *host, const struct request *request)
{
    if (rate_take(&session->search_bucket, host->rate_search, host->rate_search * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, request, 1);
    return false;
}

/* Searching. */

static void submit_interests(struct session *session, struct session_host *host, const struct request *request)
{
    if (!may_search(session, host, request))
        return;
    payload_free(&session->interests);
    session->interests = payload_copy(request->interests.bytes, request->interests.length);
    if (session->state == SESSION_NEW)
        tell_set_state(session, host, SESSION_IDLE);
    if (session->state == SESSION_SEARCHING)
        tell_search(session, host, true);
    else
        tell_interests(session, host);
    tell_answer(session, host, event_success(&host->time, "Your interests are noted."));
}

/* From when on anyone will do. */
static void wish_for_anyone(struct session *session, struct session_host *host, const struct request *request)
{
    session->accepts_anyone = request->fallback_ms == 0;
    session->wants_anyone = request->fallback_ms > 0;
    if (session->wants_anyone)
        session->anyone_ms = (uint32_t)host->now_ms + (uint32_t)request->fallback_ms;
    session->is_mending = false;
    again_remind(session, host);
}

static void begin_search(struct session *session, struct session_host *host, const struct request *request)
{
    session->search++;
    session->told = TOLD_NOTHING;
    session->is_starting = true;
    tell_set_state(session, host, SESSION_SEARCHING);
    wish_for_anyone(session, host, request);
    metrics_add(host->metrics, METRIC_SEARCHES_TOTAL, 1);
    tell_search(session, host, false);
    tell_credit(host, session->self, session->connection, 1);
}

static void start_matching(struct session *session, struct session_host *host, const struct request *request)
{
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
        refuse(session, host, request, ERROR_NO_INTERESTS);
        break;
    case SESSION_IDLE:
        if (may_search(session, host, request))
            begin_search(session, host, request);
        break;
    case SESSION_SEARCHING:
        if (may_say(session, host, request))
            tell_answer(session, host, event_no_match(&host->time));
        break;
    case SESSION_CHATTING:
        refuse(session, host, request, ERROR_ALREADY_CHATTING);
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
        if (may_say(session, host, request))
            tell_answer(session, host, event_success(&host->time, "You were not searching."));
        break;
    case SESSION_SEARCHING:
        session->is_cancelling = true; /* answered by session.c's on_cancel_answered() */
        tell_cancel(session, host);
        break;
    case SESSION_CHATTING:
        refuse(session, host, request, ERROR_ALREADY_CHATTING);
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

/* Chatting. */

static void relay_text(struct session *session, struct session_host *host, const struct request *request)
{
    enum error_code error = ERROR_NONE;
    if (session->state != SESSION_CHATTING)
        error = ERROR_NOT_IN_CHAT;
    else if (request->type == REQUEST_CHAT_MESSAGE && request->codepoints == 0)
        error = ERROR_MESSAGE_EMPTY;
    else if (request->type == REQUEST_CHAT_MESSAGE && request->codepoints > MESSAGE_CODEPOINTS_MAX)
        error = ERROR_MESSAGE_TOO_LONG;
    if (error != ERROR_NONE) {
        refuse(session, host, request, error);
        return;
    }
    if (!may_say(session, host, request))
        return;
    struct payload *event;
    if (request->type == REQUEST_WEBRTC_SIGNAL)
        event = event_webrtc_signal(&host->time, request->data, host->event_bytes_max);
    else if (request->text.bytes == NULL)
        event = event_chat_message(&host->time, request->data);
    else
        event = event_chat_text(&host->time, &request->text);
    if (event == NULL) {
        tell_error(session, host, ERROR_MESSAGE_TOO_LONG, request->type_name);
        return;
    }
    relay_send(session, host, event);
}

/* Clients may tell it at each key, and what is too much is dropped; but it must not be made long in order to be a burden. */
static void relay_typing(struct session *session, struct session_host *host, const struct request *request, uint32_t length)
{
    uint32_t now_ms = (uint32_t)host->now_ms;
    if (session->state != SESSION_CHATTING) {
        refuse(session, host, request, ERROR_NOT_IN_CHAT);
    } else if (length > TYPING_BYTES && !may_say(session, host, request)) {
        return;
    } else if (session->has_typed && now_ms - session->typing_ms < TYPING_MS) {
        tell_credit(host, session->self, session->connection, 1);
    } else {
        session->has_typed = true;
        session->typing_ms = now_ms;
        relay_send(session, host, event_typing(&host->time, request->is_active));
    }
}

static void leave_chat(struct session *session, struct session_host *host)
{
    relay_leave(session, host);
    tell_matcher(session, host, CHAT_ENDED, session->match, NULL);
    tell_set_state(session, host, SESSION_IDLE);
}

static void end_chat(struct session *session, struct session_host *host, const struct request *request)
{
    if (session->state != SESSION_CHATTING) {
        refuse(session, host, request, ERROR_NOT_IN_CHAT);
        return;
    }
    leave_chat(session, host);
    tell_answer(session, host, event_success(&host->time, "The chat is over."));
}

static void next(struct session *session, struct session_host *host, const struct request *request)
{
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
    case SESSION_IDLE:
        start_matching(session, host, request);
        break;
    case SESSION_SEARCHING: /* the same search, under the new wish */
        if (!may_search(session, host, request))
            break;
        wish_for_anyone(session, host, request);
        tell_search(session, host, true);
        tell_answer(session, host, event_no_match(&host->time));
        break;
    case SESSION_CHATTING:
        if (!may_search(session, host, request))
            break;
        leave_chat(session, host);
        begin_search(session, host, request);
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

/* Against whoever spoils it. */

/* Whether there is somebody to be blocked: the partner, or the last one for a while. */
static bool has_culprit(const struct session *session, const struct session_host *host)
{
    return session->state == SESSION_CHATTING ||
           (session->peer != NULL && (uint32_t)host->now_ms - session->parted_ms <= AFTERMATH_MS);
}

/* Returns false, with an error for the client, if nobody can be blocked. */
static bool block_culprit(struct session *session, struct session_host *host, const struct request *request)
{
    if (!has_culprit(session, host)) {
        refuse(session, host, request, ERROR_NOT_IN_CHAT);
        return false;
    }
    if (!may_search(session, host, request))
        return false;
    if (!blocklist_add(&session->blocklist, session->peer->id)) {
        tell_error(session, host, ERROR_SERVER_BUSY, request->type_name);
        return false;
    }
    /* Before the end of the chat, so that it holds for the next search of either. */
    tell_matcher(session, host, USER_BLOCKED, 0, payload_copy(session->peer->id, USER_ID_BYTES));
    if (session->state == SESSION_CHATTING)
        leave_chat(session, host);
    return true;
}

static void block(struct session *session, struct session_host *host, const struct request *request)
{
    if (block_culprit(session, host, request))
        tell_answer(session, host, event_success(&host->time, "You will not meet again."));
}

static bool is_known(const uint8_t hash[HASH_BYTES])
{
    static const uint8_t unknown[HASH_BYTES];
    return memcmp(hash, unknown, HASH_BYTES) != 0;
}

/* Reporters are told apart by what is hardest to change. */
static const uint8_t *reporter_of(const struct session *session)
{
    if (is_known(session->identity.address))
        return session->identity.address;
    return is_known(session->identity.device) ? session->identity.device : session->user_id;
}

static void tell_report(struct session *session, struct session_host *host)
{
    /* What is not known is replaced by the other; of whom neither is known, nothing can be refused later. */
    struct identity reported = session->peer->identity;
    if (!is_known(reported.device))
        memcpy(reported.device, reported.address, HASH_BYTES);
    else if (!is_known(reported.address))
        memcpy(reported.address, reported.device, HASH_BYTES);
    if (!is_known(reported.device))
        return;
    struct payload *payload = payload_new(HASH_BYTES + sizeof reported);
    payload_append(&payload, reporter_of(session), HASH_BYTES);
    payload_append(&payload, &reported, sizeof reported);
    tell(session, host,
         &(struct message){ .type = USER_REPORTED,
                            .to = address_of_thread(host->matcher_thread),
                            .payload = payload,
                            .user_reported = { .partner = session->partner } });
}

static void report(struct session *session, struct session_host *host, const struct request *request)
{
    uint32_t chat_ms = (session->state == SESSION_CHATTING ? (uint32_t)host->now_ms : session->parted_ms) - session->matched_ms;
    if (!block_culprit(session, host, request))
        return;
    metrics_add(host->metrics, METRIC_REPORTS_TOTAL, 1);
    if (chat_ms >= REPORTABLE_MS && !session->has_reported) {
        session->has_reported = true;
        tell_report(session, host);
    }
    tell_answer(session, host, event_success(&host->time, "Thank you. You will not meet again."));
}

void requests_on_client_text(struct session *session, struct session_host *host, struct payload *text)
{
    if (!may_be_so_long(session, host, text->length)) {
        payload_free(&text);
        return;
    }
    struct request request;
    enum error_code error = request_parse(&request, text->bytes, text->length);
    if (request.text.bytes == NULL)
        host->parsed_bytes += text->length;
    if (error != ERROR_NONE)
        request.type = REQUEST_UNKNOWN;
    switch (request.type) {
    case REQUEST_UNKNOWN:
    case REQUEST_TYPES:
        refuse(session, host, &request, error);
        break;
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
        relay_text(session, host, &request);
        break;
    case REQUEST_END_CHAT:
        end_chat(session, host, &request);
        break;
    case REQUEST_NEXT:
        next(session, host, &request);
        break;
    case REQUEST_TYPING:
        relay_typing(session, host, &request, text->length);
        break;
    case REQUEST_BLOCK:
        block(session, host, &request);
        break;
    case REQUEST_REPORT:
        report(session, host, &request);
        break;
    }
    request_fini(&request);
    payload_free(&text);
}

#include "actors/requests.h"

#include <string.h>

#include "actors/away.h"
#include "actors/blocklist.h"
#include "actors/leaving.h"
#include "actors/limits.h"
#include "actors/relay.h"
#include "actors/searching.h"
#include "actors/tell.h"
#include "wire/request.h"

/* As long as `typing` is in any form that makes sense. */
enum { TYPING_BYTES = 128 };

/* How long after a chat its partner can still be blocked or reported; how long a chat must have been for a report to count; and how
 * often the partner is told who types. */
enum { AFTERMATH_MS = 5 * 60 * 1000, TYPING_MS = 2000 };

/* So often a client that can come back is told that its connection lives, if it asks. */
enum { ECHO_MS = 5000 };

/* Searching. */

static void submit_interests(struct session *session, struct session_host *host, const struct request *request)
{
    if (!limits_may_search(session, host, request))
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

static void begin_search(struct session *session, struct session_host *host, const struct request *request)
{
    if (session->is_resumable)
        session->resume->is_unasked = false;
    searching_begin(session, host, request->fallback_ms);
    tell_done(session, host, 1);
}

static void start_matching(struct session *session, struct session_host *host, const struct request *request)
{
    switch ((enum session_state)session->state) {
    case SESSION_NEW:
        limits_answer_error(session, host, request, ERROR_NO_INTERESTS);
        break;
    case SESSION_IDLE:
        if (limits_may_begin_search(session, host, request))
            begin_search(session, host, request);
        break;
    case SESSION_SEARCHING:
        if (limits_may_say(session, host, request))
            tell_answer(session, host, event_no_match(&host->time));
        break;
    case SESSION_CHATTING:
        limits_answer_error(session, host, request, ERROR_ALREADY_CHATTING);
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
        if (limits_may_say(session, host, request))
            tell_answer(session, host, event_success(&host->time, "You were not searching."));
        break;
    case SESSION_SEARCHING:
        session->is_cancelling = true; /* answered by session.c's on_cancel_answered() */
        tell_cancel(session, host);
        break;
    case SESSION_CHATTING:
        limits_answer_error(session, host, request, ERROR_ALREADY_CHATTING);
        break;
    case SESSION_CLOSING:
    case SESSION_OVER:
        break;
    }
}

/* Chatting. */

/* Whether the client may know that it is. If the last search was begun for it, what it says before it has said that it has heard of the match is
 * meant for an earlier partner. */
static bool is_in_chat(const struct session *session)
{
    return session->state == SESSION_CHATTING &&
           !(session->is_resumable && session->resume->is_unasked && session->resume->match_seq != 0);
}

static void send_to_partner(struct session *session, struct session_host *host, struct payload *event, uint32_t n)
{
    if (session->is_resumable)
        resume_send(session->resume, n);
    relay_send(session, host, event);
}

/* A text that has been taken before, over another connection perhaps. It is not relayed again; and if its chat is over, nobody will get it any more.
 * Returns whether it is one. */
static bool is_repeated(struct session *session, struct session_host *host, const struct request *request)
{
    if (!session->is_resumable || request->n == 0 || request->n > session->resume->taken_n)
        return false;
    if (!limits_may_acknowledge(session, host, request))
        return true;
    if (request->n <= session->resume->acknowledged_n) {
        session->resume->owes_ack = true;
    } else if (!resume_is_on_its_way(session->resume, request->n)) {
        tell_error(session, host, ERROR_NOT_IN_CHAT, request->type_name);
        return true;
    }
    tell_done(session, host, 1);
    return true;
}

static void relay_text(struct session *session, struct session_host *host, const struct request *request)
{
    enum error_code error = ERROR_NONE;
    if (is_repeated(session, host, request))
        return;
    if (!is_in_chat(session))
        error = ERROR_NOT_IN_CHAT;
    else if (request->type == REQUEST_CHAT_MESSAGE && request->codepoints > MESSAGE_CODEPOINTS_MAX)
        error = ERROR_MESSAGE_TOO_LONG;
    else if (request->type == REQUEST_CHAT_MESSAGE && !request_has_visible_text(request))
        error = ERROR_MESSAGE_EMPTY;
    if (error != ERROR_NONE) {
        limits_answer_error(session, host, request, error);
        return;
    }
    if (!limits_may_say(session, host, request))
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
    send_to_partner(session, host, event, request->n);
}

/* Clients may tell it at each key, and what is too much is dropped; but it must not be made long in order to be a burden. */
static void relay_typing(struct session *session, struct session_host *host, const struct request *request, uint32_t length)
{
    uint32_t now_ms = (uint32_t)host->now_ms;
    if (!is_in_chat(session)) {
        limits_answer_error(session, host, request, ERROR_NOT_IN_CHAT);
    } else if (length > TYPING_BYTES && !limits_may_say(session, host, request)) {
        return;
    } else if (session->has_typed && now_ms - session->typing_ms < TYPING_MS) {
        tell_done(session, host, 1);
    } else {
        session->has_typed = true;
        session->typing_ms = now_ms;
        send_to_partner(session, host, event_typing(&host->time, request->is_active), 0);
    }
}

static void end_chat(struct session *session, struct session_host *host, const struct request *request)
{
    if (!is_in_chat(session)) {
        limits_answer_error(session, host, request, ERROR_NOT_IN_CHAT);
        return;
    }
    limits_note_end(session, host);
    leaving_chat(session, host);
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
        if (!limits_may_search(session, host, request))
            break;
        searching_wish(session, host, request->fallback_ms);
        tell_search(session, host, true);
        tell_answer(session, host, event_no_match(&host->time));
        break;
    case SESSION_CHATTING:
        limits_note_end(session, host);
        if (!limits_may_begin_search(session, host, request)) {
            session->has_skipped = false; /* the chat goes on, and may become a long one */
            break;
        }
        leaving_chat(session, host);
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
    if (session->state == SESSION_CHATTING)
        return is_in_chat(session);
    return session->peer != NULL && (uint32_t)host->now_ms - session->parted_ms <= AFTERMATH_MS;
}

/* Returns false, with an error for the client, if nobody can be blocked. */
static bool block_culprit(struct session *session, struct session_host *host, const struct request *request)
{
    if (!has_culprit(session, host)) {
        limits_answer_error(session, host, request, ERROR_NOT_IN_CHAT);
        return false;
    }
    if (!limits_may_search(session, host, request))
        return false;
    if (!blocklist_add(&session->blocklist, session->peer->id)) {
        tell_error(session, host, ERROR_SERVER_BUSY, request->type_name);
        return false;
    }
    /* Before the end of the chat, so that it holds for the next search of either. */
    tell_matcher(session, host, USER_BLOCKED, 0, payload_copy(session->peer->id, USER_ID_BYTES));
    if (session->state == SESSION_CHATTING) {
        limits_note_end(session, host);
        leaving_chat(session, host);
    }
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

static void count_report(struct session_host *host, enum report_reason reason)
{
    static const enum metric counted_as[REPORT_REASONS] = {
#define REPORT_REASON(name, wire) [REPORT_REASON_##name] = METRIC_REPORTS_TOTAL_##name,
#include "wire/report_reason.def"
#undef REPORT_REASON
    };
    metrics_add(host->metrics, counted_as[reason], 1);
}

static void report(struct session *session, struct session_host *host, const struct request *request)
{
    if (!block_culprit(session, host, request))
        return;
    count_report(host, request->reason);
    if (session->has_lasted && !session->has_reported) {
        session->has_reported = true;
        tell_report(session, host);
    }
    tell_answer(session, host, event_success(&host->time, "Thank you. You will not meet again."));
}

/* Acknowledgements. */

/* What is acknowledged has been taken note of. */
static void acknowledge(struct session *session, struct session_host *host, const struct request *request)
{
    struct resume *resume = session->resume;
    const uint32_t now_ms = (uint32_t)host->now_ms;
    if (!limits_may_acknowledge(session, host, request))
        return;
    if (!request->is_echo || (resume->has_echoed && now_ms - resume->echoed_ms < ECHO_MS)) {
        tell_done(session, host, 1);
        return;
    }
    resume->has_echoed = true;
    resume->echoed_ms = now_ms;
    tell_answer(session, host, event_ack(&host->time, resume->acknowledged_n));
}

/* Of a client that cannot come back. It may want to hear that its connection lives all the same, and pays for that. */
static void echo(struct session *session, struct session_host *host, const struct request *request)
{
    if (!limits_may_say(session, host, request))
        return;
    if (request->is_echo)
        tell_answer(session, host, event_ack(&host->time, 0));
    else
        tell_done(session, host, 1);
}

void requests_on_client_text(struct session *session, struct session_host *host, struct payload *text)
{
    if (!limits_may_be_so_long(session, host, text->length)) {
        payload_free(&text);
        return;
    }
    struct request request;
    enum error_code error = request_parse(&request, text->bytes, text->length);
    if (request.text.bytes == NULL)
        host->parsed_bytes += text->length;
    if (session->is_resumable) {
        away_hear(session, host, &request);
        if (error == ERROR_NONE && request.has_bad_count)
            error = ERROR_INVALID_REQUEST;
    }
    if (error != ERROR_NONE)
        request.type = REQUEST_UNKNOWN;
    switch (request.type) {
    case REQUEST_UNKNOWN:
    case REQUEST_TYPES:
        limits_answer_error(session, host, &request, error);
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
    case REQUEST_ACK:
        if (session->is_resumable)
            acknowledge(session, host, &request);
        else
            echo(session, host, &request);
        break;
    }
    request_fini(&request);
    payload_free(&text);
}

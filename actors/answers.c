#include "actors/answers.h"

#include "actors/again.h"
#include "actors/leaving.h"
#include "actors/reading.h"
#include "actors/tell.h"

static void on_search_waiting(struct session *session, struct session_host *host)
{
    if (session->told >= TOLD_SEARCHING)
        return;
    session->told = TOLD_SEARCHING;
    tell_news(session, host, event_no_match(&host->time));
}

static void on_search_unavailable(struct session *session, struct session_host *host)
{
    if (session->told != TOLD_NOTHING)
        return;
    session->told = TOLD_UNAVAILABLE;
    tell_count_error(host, ERROR_MATCHING_UNAVAILABLE);
    tell_news(session, host, event_error(&host->time, ERROR_MATCHING_UNAVAILABLE, "start_matching"));
}

static void on_search_busy(struct session *session, struct session_host *host)
{
    tell_set_state(session, host, SESSION_IDLE);
    leaving_drop_early(session, host, UINT64_MAX);
    tell_count_error(host, ERROR_SERVER_BUSY);
    tell_news(session, host, event_error(&host->time, ERROR_SERVER_BUSY, "start_matching"));
}

void answers_on_search(struct session *session, struct session_host *host, const struct message *message)
{
    if (session->state != SESSION_SEARCHING || session->search != message->search_reply.search)
        return;
    session->is_starting = false;
    if (message->type == SEARCH_WAITING)
        on_search_waiting(session, host);
    else if (message->type == SEARCH_UNAVAILABLE)
        on_search_unavailable(session, host);
    else
        on_search_busy(session, host);
    reading_go_on(session, host);
}

/* Whoever was first, the match or the cancel, the state tells it: a match is always heard of before this. */
void answers_on_cancel(struct session *session, struct session_host *host, const struct message *message)
{
    if (session->search != message->search_reply.search)
        return;
    if (!session->is_cancelling) {
        if (message->type == SEARCH_TOO_LATE && session->state == SESSION_SEARCHING && session->told != TOLD_LAST_CALL)
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
        leaving_drop_early(session, host, UINT64_MAX);
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
    reading_go_on(session, host);
}

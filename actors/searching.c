#include "actors/searching.h"

#include "actors/again.h"
#include "actors/leaving.h"
#include "actors/tell.h"

void searching_wish(struct session *session, struct session_host *host, int32_t fallback_ms)
{
    session->accepts_anyone = fallback_ms == 0;
    session->wants_anyone = fallback_ms > 0;
    if (session->wants_anyone)
        session->anyone_ms = (uint32_t)host->now_ms + (uint32_t)fallback_ms;
    session->is_mending = false;
    if (session->is_resumable)
        session->resume->fallback_ms = fallback_ms;
    again_remind(session, host);
}

void searching_begin(struct session *session, struct session_host *host, int32_t fallback_ms)
{
    session->search++;
    session->told = TOLD_NOTHING;
    session->is_starting = true;
    session->began_ms = (uint32_t)host->now_ms;
    tell_set_state(session, host, SESSION_SEARCHING);
    searching_wish(session, host, fallback_ms);
    metrics_add(host->metrics, METRIC_SEARCHES_TOTAL, 1);
    tell_search(session, host, false);
}

void searching_stop(struct session *session, struct session_host *host)
{
    again_mend_store(session, host);
    session->search++;
    session->is_starting = session->is_cancelling = session->is_mending = false;
    leaving_drop_early(session, host, UINT64_MAX);
    tell_set_state(session, host, SESSION_IDLE);
}

void searching_go_on(struct session *session, struct session_host *host)
{
    session->search++;
    session->is_starting = true;
    session->began_ms = (uint32_t)host->now_ms;
    tell_set_state(session, host, SESSION_SEARCHING);
    again_remind(session, host);
    tell_search(session, host, true);
}

#include "actors/again.h"

#include "actors/restate.h"
#include "actors/tell.h"

/* How long to wait for an answer of the matcher before looking again. */
enum { ANSWER_MS = 100 };

/* So long a MATCH_FOUND of another node may be on its way. */
enum { ON_ITS_WAY_MS = 1000 };

/* The matcher hears of a new peer by another way than of a search, and not long after. */
enum { NEW_PEER_MS = 100, NEW_PEER_EACH_MS = 1 };

/* A search is said again each so often, and a fifth of it more or less: its user is random, and so when it comes. */
static uint32_t say_again_ms(const struct session *session)
{
    enum { SHORTEST_MS = 8000, SPREAD_MS = 4000 };
    return SHORTEST_MS + (session->user_id[0] * 256u + session->user_id[1]) % (SPREAD_MS + 1);
}

void again_remind(struct session *session, struct session_host *host)
{
    uint32_t in_ms = host->has_peers ? say_again_ms(session) : UINT32_MAX;
    const int32_t until_anyone_ms = (int32_t)(session->anyone_ms - (uint32_t)host->now_ms);
    if (session->wants_anyone && until_anyone_ms < (int64_t)in_ms)
        in_ms = until_anyone_ms > 0 ? (uint32_t)until_anyone_ms : 0;
    if (in_ms != UINT32_MAX)
        host->remind(host->self, session_reminder(session), session->self, in_ms);
    else
        host->forget(host->self, session_reminder(session));
}

void again_on_new_peer(struct session *session, struct session_host *host, uint32_t before)
{
    const uint32_t in_ms = NEW_PEER_MS + before * NEW_PEER_EACH_MS;
    const bool wants_anyone_sooner = session->wants_anyone && (int32_t)(session->anyone_ms - (uint32_t)host->now_ms) < (int64_t)in_ms;
    if (!session->is_mending && !wants_anyone_sooner && in_ms < say_again_ms(session))
        host->remind(host->self, session_reminder(session), session->self, in_ms);
}

void again_mend_store(struct session *session, struct session_host *host)
{
    tell_matcher(session, host, USER_LEFT, 0, NULL);
    tell_interests(session, host);
    restate_blocks(session, host);
}

static void mend_search(struct session *session, struct session_host *host)
{
    metrics_add(host->metrics, METRIC_SEARCHES_REPAIRED_TOTAL, 1);
    again_mend_store(session, host);
    tell_search(session, host, true);
}

void again_on_found_matched(struct session *session, struct session_host *host)
{
    if (!host->has_peers) {
        mend_search(session, host);
    } else if (!session->is_mending) {
        session->is_mending = true;
        host->remind(host->self, session_reminder(session), session->self, ON_ITS_WAY_MS);
    }
}

void again_on_reminder(struct session *session, struct session_host *host)
{
    if (session->state != SESSION_SEARCHING)
        return;
    if (session->is_starting && !session->is_mending) { /* and may be refused: the store must not keep a search that its user has given up */
        host->remind(host->self, session_reminder(session), session->self, ANSWER_MS);
        return;
    }
    const bool is_mending = session->is_mending;
    session->is_mending = false;
    /* The user has waited long enough for somebody who shares an interest. */
    if (session->wants_anyone && (!host->has_peers || (int32_t)((uint32_t)host->now_ms - session->anyone_ms) >= 0)) {
        session->wants_anyone = false;
        session->accepts_anyone = true;
    }
    if (!session->is_cancelling && is_mending)
        mend_search(session, host);
    else if (!session->is_cancelling)
        tell_search(session, host, true);
    again_remind(session, host);
}

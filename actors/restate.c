#include "actors/restate.h"

#include "actors/tell.h"

static bool has_something_to_say(const struct session *session)
{
    return session->state != SESSION_NEW && session->state < SESSION_CLOSING;
}

/* Not a search that is being cancelled, or was by the last call (farewell.h): the answer to that is near, and the store has forgotten the search. Nor one whose first SEARCH_START was sent
 * since the RESYNC: that one counts, and if it is refused (SEARCH_BUSY) a second one would leave in the store whom nobody searches for. */
static bool has_search_to_say(const struct session *session, const struct session_host *host)
{
    return session->state == SESSION_SEARCHING && !session->is_cancelling && session->told != TOLD_LAST_CALL &&
           !(session->is_starting && session->search_epoch == host->epoch);
}

size_t restate_calls(const struct session *session, const struct session_host *host)
{
    enum { AT_ONCE = RESTATE_BLOCKS_AT_ONCE * USER_ID_BYTES };
    if (!has_something_to_say(session))
        return 0;
    const size_t blocks = session->blocklist != NULL ? (session->blocklist->length + AT_ONCE - 1) / AT_ONCE : 0;
    return 1 + blocks + has_search_to_say(session, host);
}

static void restate_chat(struct session *session, struct session_host *host)
{
    struct payload *partner = payload_new(sizeof *session->peer + session->interests->length);
    payload_append(&partner, session->peer, sizeof *session->peer);
    payload_append(&partner, session->interests->bytes, session->interests->length);
    session->is_restored = true;
    tell_matcher(session, host, CHAT_STORE, session->match, partner);
}

void restate_blocks(struct session *session, struct session_host *host)
{
    enum { AT_ONCE = RESTATE_BLOCKS_AT_ONCE * USER_ID_BYTES };
    const struct payload *list = session->blocklist;
    for (size_t at = 0; list != NULL && at < list->length; at += AT_ONCE) {
        size_t length = list->length - at < AT_ONCE ? list->length - at : AT_ONCE;
        tell_matcher(session, host, USER_BLOCKED, 0, payload_copy(list->bytes + at, length));
    }
}

void restate(struct session *session, struct session_host *host)
{
    if (!has_something_to_say(session))
        return;
    host->is_restating = true;
    /* First that there is such a user, since what belongs to one is forgotten with it; then whom it must not meet; then that it searches. */
    if (session->state != SESSION_CHATTING)
        tell_interests(session, host);
    else
        restate_chat(session, host);
    restate_blocks(session, host);
    if (has_search_to_say(session, host))
        tell_search(session, host, true);
    host->is_restating = false;
}

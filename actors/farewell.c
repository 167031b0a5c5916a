#include "actors/farewell.h"

#include "actors/away.h"
#include "actors/leaving.h"
#include "actors/reading.h"
#include "actors/stand_in.h"
#include "actors/tell.h"
#include "ws/close_code.h"

static void send_away(struct session *session, struct session_host *host)
{
    if (session->state >= SESSION_CLOSING)
        return;
    leaving_close(session, host, CLOSE_RESTART);
}

/* A match that the store has made before it hears of this is a chat that goes on: its other side may know of it. So it is still SEARCHING. */
static void end_search(struct session *session, struct session_host *host)
{
    session->told = TOLD_LAST_CALL;
    host->forget(host->self, session_reminder(session));
    if (!session->is_cancelling)
        tell_cancel(session, host);
}

/* In its turn. */
static void send_away_from_no_chat(struct session *session, struct session_host *host)
{
    if (session->state == SESSION_CHATTING)
        return;
    if (!session_is_away(session))
        send_away(session, host);
    else if (session->resume->copies == 0)
        away_end(session, host);
}

static void close_whatever_it_does(struct session *session, struct session_host *host)
{
    if (session_is_away(session))
        away_end(session, host);
    else
        send_away(session, host);
}

static void end(struct session *session, struct session_host *host)
{
    if (session_is_away(session)) {
        away_end(session, host);
    } else if (session_is_afar(session)) {
        if (session->state != SESSION_CLOSING)
            leaving_close(session, host, CLOSE_RESTART);
        reading_end(session, host, 0);
    }
}

static void hear_as_stand_in(struct session *session, struct session_host *host, enum farewell what)
{
    if (what == FAREWELL_TURN || what == FAREWELL_CLOSING_TIME)
        stand_in_let_go(session, host);
    else if (what == FAREWELL_DRAIN)
        stand_in_end(session, host);
}

void farewell_hear(struct session *session, struct session_host *host, enum farewell what)
{
    if (session->is_stand_in) {
        hear_as_stand_in(session, host, what);
        return;
    }
    switch (what) {
    case FAREWELL_LAST_CALL:
        if (session->state == SESSION_SEARCHING)
            end_search(session, host);
        break;
    case FAREWELL_TURN:
        send_away_from_no_chat(session, host);
        break;
    case FAREWELL_CLOSING_TIME:
        close_whatever_it_does(session, host);
        break;
    case FAREWELL_DRAIN:
        end(session, host);
        break;
    }
}

void farewell_settle(struct session *session, struct session_host *host)
{
    const bool awaits_turn = session->state == SESSION_CHATTING || (session->state == SESSION_SEARCHING && session->told == TOLD_LAST_CALL);
    if (host->is_last_call && !awaits_turn && !session_is_away(session))
        send_away(session, host);
}

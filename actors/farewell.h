/* farewell.h: how an actor takes leave of its client when the server empties (--drain-time): chats go on, and whoever is in none is sent to another node.
 *
 *   LAST_CALL                        searches are cancelled, without a word: nobody is matched here any more, but for who is already
 *   its turn after that              in no chat: the connection is closed with 1012
 *   it says something, its chat      the same, at once
 *   ends, it searches again
 *   its turn after CLOSING_TIME      the same, whatever it does
 *
 * Who is away keeps what is kept for it, and hears 1012 when it comes back, after that; or ends in its turn, if there is nothing. A stand-in does not know what
 * its session does, which is another node's and goes on: in its turn its connection is cut without a close code, so that the client comes back to the
 * session by way of another node. So nothing that is said in a chat is lost, and nobody is waited for but those whose chats are here.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_FAREWELL_H
#define CHATTERBOX_ACTORS_FAREWELL_H

#include "actors/session_state.h"

enum farewell {
    FAREWELL_LAST_CALL,
    FAREWELL_TURN,         /* after LAST_CALL; or its client has come back since, or said something */
    FAREWELL_CLOSING_TIME, /* its turn after that */
    FAREWELL_DRAIN         /* all connections of this node are closed, and nobody will come back */
};

/* The actor, or the stand-in, may be SESSION_OVER after it. */
void farewell_hear(struct session *session, struct session_host *host, enum farewell what);

/* At the end of each call of an actor, and when it has begun: host->is_last_call sends it away, if it is in no chat. */
void farewell_settle(struct session *session, struct session_host *host);

#endif

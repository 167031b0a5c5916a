/* afar.h: an actor whose client has come back by way of another node. The connection lives there, the actor stays here, and what they say to each other
 * goes by a line (line.h). Towards the partner the actor stands in for its connection, so that no third node is named anywhere: whose text is for the client has
 * its credit back from the actor, when the client's socket has taken the text.
 *
 *   CONN_RESUME                     the token is looked at as if a connection of this node had shown it (away.h): the line begins with LINE_ACCEPTED, or there is none
 *   CONN_GONE by the line, the      the actor is away
 *   line or its node is dead
 *   another connection has the      the old one is closed with 4002, and its line ends
 *   token, wherever that is
 *
 * Such an actor holds no place of this node's connections, so it counts with those that are away: of both there are host->away_max at most.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_AFAR_H
#define CHATTERBOX_ACTORS_AFAR_H

#include <stdbool.h>

#include "actors/session_state.h"

/* Whether one more may be so. */
bool afar_has_room(const struct session *session, const struct session_host *host);

/* What is for its connection: CONN_ACCEPTED, which makes the line; EVENT_TEXT, TEXT_DONE, CONN_CLOSE. The payload is taken over. session_is_afar(). */
void afar_say(struct session *session, struct session_host *host, struct message *message);

/* LINE_ITEM. Returns whether *message is now what a connection of this node would have said: CLIENT_TEXT or CONN_GONE. Else it is taken over. */
bool afar_hears(struct session *session, struct session_host *host, struct message *message);

/* LINE_DEAD, or the node has died. Returns whether it was about the actor's connection, which is gone: then CONN_GONE is to follow. */
bool afar_is_cut_off(struct session *session, struct session_host *host, struct address other);

/* The actor has no more to do with its connection, which is nobody from here on. Nothing happens if it is not afar. */
void afar_part(struct session *session, struct session_host *host);

#endif

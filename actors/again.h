/* again.h: a search that is said to the matcher once more: since from now on anyone will do; since what another node has said of it may be lost, each ten
 * seconds or so, where there are other nodes; since there is one more of these; or since the store is wrong about it.
 *
 * To say it again changes nothing in the store but what it is about: it keeps its place.
 *
 * Threads: the session thread's.
 */
#ifndef CHATTERBOX_ACTORS_AGAIN_H
#define CHATTERBOX_ACTORS_AGAIN_H

#include "actors/session_state.h"

/* SEARCHING: have again_on_reminder() called when it is time, if ever. Only who searches has a reminder. */
void again_remind(struct session *session, struct session_host *host);

/* SEARCHING: a node is heard that was not before. Whoever waits there and could not be met, since the store was told whom this one can reach, may be met
 * now. before: so many others have been told on this thread; each a little later than the one before, or all would come to the store at once. */
void again_on_new_peer(struct session *session, struct session_host *host, uint32_t before);

/* What was asked for by again_remind(). */
void again_on_reminder(struct session *session, struct session_host *host);

/* A search that was said again found the user matched. MATCH_FOUND of this node comes before this; without it, it is on its way from another one, or
 * lost, or the store has been tampered with. The user shall not wait for ever: have the store forget it, at once or after a while, and search again. */
void again_on_found_matched(struct session *session, struct session_host *host);

/* Have the store forget a user whom it has in a chat that we know nothing of, but not what it must know of it. */
void again_mend_store(struct session *session, struct session_host *host);

#endif

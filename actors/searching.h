/* searching.h: a search begins, pauses while its client is away, and goes on.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_SEARCHING_H
#define CHATTERBOX_ACTORS_SEARCHING_H

#include "actors/session_state.h"

/* From when on anyone will do. fallback_ms: as the client wishes (wire/request.h). Of a search that is on, or is about to begin. */
void searching_wish(struct session *session, struct session_host *host, int32_t fallback_ms);

/* It has interests, and neither searches nor chats. The client hears of it when the matcher has answered. */
void searching_begin(struct session *session, struct session_host *host, int32_t fallback_ms);

/* Whatever the matcher may be about to say is void: the store forgets the search, and a match that is on its way will be refused. SEARCHING: it is
 * IDLE then. */
void searching_stop(struct session *session, struct session_host *host);

/* A search that was stopped goes on, under the same wish. */
void searching_go_on(struct session *session, struct session_host *host);

#endif

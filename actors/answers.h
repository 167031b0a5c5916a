/* answers.h: what the matcher answers a session actor that searches, or does so no more, but for a match.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_ANSWERS_H
#define CHATTERBOX_ACTORS_ANSWERS_H

#include "actors/session_state.h"

/* SEARCH_WAITING, SEARCH_UNAVAILABLE or SEARCH_BUSY. Takes nothing over. */
void answers_on_search(struct session *session, struct session_host *host, const struct message *message);

/* SEARCH_CANCELLED or SEARCH_TOO_LATE. Takes nothing over. */
void answers_on_cancel(struct session *session, struct session_host *host, const struct message *message);

#endif

/* tell.h: what a session actor says, to its client, its partner and the matcher. Shared by session.c and requests.c, and by nobody else.
 *
 * Threads: the session thread. Ownership: payloads go with what is told.
 */
#ifndef CHATTERBOX_ACTORS_TELL_H
#define CHATTERBOX_ACTORS_TELL_H

#include "actors/session_state.h"

void tell_set_state(struct session *session, struct session_host *host, enum session_state state);

/* Any message, from this actor. */
void tell(struct session *session, struct session_host *host, struct message *message);

/* The client. */

/* News that answers no request. */
void tell_news(struct session *session, struct session_host *host, struct payload *event);

/* The answer to a request: gives its credit back once it is written, so that whoever does not read may not ask either. */
void tell_answer(struct session *session, struct session_host *host, struct payload *event);

/* An answer that refuses. request: the type that the client wrote, or NULL. */
void tell_error(struct session *session, struct session_host *host, enum error_code code, const char *request);

/* An event that somebody else's text became: that one gets its credit back. */
void tell_relayed(struct session *session, struct session_host *host, struct payload *event, struct address writer);

/* A text is done with and has no answer. writer: the connection whose text it was. */
void tell_credit(struct session_host *host, struct address from, struct address writer);

/* The matcher. */

/* match: as in message.h for each type. */
void tell_matcher(struct session *session, struct session_host *host, enum message_type type, uint64_t match, struct payload *payload);

/* Search, or search on. is_known: this search was accepted before. */
void tell_search(struct session *session, struct session_host *host, bool is_known);
void tell_cancel(struct session *session, struct session_host *host);

/* Write down the interests; also in a chat. */
void tell_interests(struct session *session, struct session_host *host);

/* The partner. */

void tell_partner_left(struct session *session, struct session_host *host);

#endif

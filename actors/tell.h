/* tell.h: what a session actor says, to its client, its partner and the matcher. Shared by the files of this room that act for one (session.c
 * and whatever it uses), and by nobody else.
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

/* What is for its connection, wherever that is: CONN_ACCEPTED, EVENT_TEXT, TEXT_DONE, CONN_CLOSE. */
void tell_connection(struct session *session, struct session_host *host, struct message *message);

/* News that answers no request. */
void tell_news(struct session *session, struct session_host *host, struct payload *event);

/* The answer to a request: gives its credit back once it is written, so that whoever does not read may not ask either. */
void tell_answer(struct session *session, struct session_host *host, struct payload *event);

/* An answer that refuses. request: the type that the client wrote, or NULL. */
void tell_error(struct session *session, struct session_host *host, enum error_code code, const char *request);

/* For an error that is told otherwise. tell_error() does it itself. */
void tell_count_error(struct session_host *host, enum error_code code);

/* The events that somebody else's texts became, a PEER_TEXT: that one gets its credits back; not while the client is away, and they are only kept. */
void tell_relayed(struct session *session, struct session_host *host, struct message *texts);

/* Texts of the client are done with and have no answer. */
void tell_done(struct session *session, struct session_host *host, uint32_t texts);

/* The same of others' texts. writer: who gets the credits, on this node. */
void tell_credit(struct session_host *host, struct address from, struct address writer, uint32_t texts);

/* The same of texts of a partner, which nobody gets. */
void tell_lost(struct session_host *host, struct address from, struct address writer, uint32_t texts);

/* The matcher. */

/* match: as in message.h for each type. */
void tell_matcher(struct session *session, struct session_host *host, enum message_type type, uint64_t match, struct payload *payload);

/* Search, or search on. is_known: this search was accepted before. */
void tell_search(struct session *session, struct session_host *host, bool is_known);
void tell_cancel(struct session *session, struct session_host *host);

/* Write down the interests; also in a chat. */
void tell_interests(struct session *session, struct session_host *host);

/* The partner. */

/* An event of this chat goes out with those before and after it, as one. number: of the event, if the partner is on another node; else 0. Only
 * relay.h tells those of other nodes. */
void tell_partner(struct session *session, struct session_host *host, struct payload *event, uint32_t number);

/* Send what was told the partner. At the end of each call of an actor. */
void tell_hand_over(struct session_host *host);

void tell_partner_left(struct session *session, struct session_host *host);

#endif

/* away.h: a session outlives its connection: it waits for its client, and goes on with it.
 *
 * To be away is no state of the protocol's table but lies beside it: the chat goes on, interests and blocks stay, and what would be said to the client is
 * kept (resume.h). A search stops, since nobody shall be matched with somebody who is away, and begins again when the client is back.
 *
 *   the connection ends, but not by 1000   away; ADDRESS_AWAY to the home of its address, PEER_AWAY to the partner
 *   its token comes, --resume-time is not  back: CONN_ACCEPTED, `resumed`, what the client has not got; PEER_BACK to the partner. So too from a connection that
 *   over                                   is still open, which is closed with 4002. It may be one of another I/O thread, or of
 *                                          another node (afar.h)
 *   too much has piled up, time is over,   over, as if the client had left
 *   the server stops
 *
 * What comes from another connection than the actor's own is of the past. A client says again what has a number and was not taken; of the rest `resumed`
 * tells what came of it. So whatever the old connection was about to say may be dropped.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_AWAY_H
#define CHATTERBOX_ACTORS_AWAY_H

#include <stdbool.h>

#include "actors/session_state.h"
#include "wire/request.h"

/* A new session whose client may come back. token: what it is told. */
void away_prepare(struct session *session, struct session_host *host, char token[TOKEN_DIGITS + 1]);

/* Whether it stays, although its connection has ended. */
bool away_may_go(const struct session *session, const struct session_host *host);

/* The connection has ended. away_may_go(). */
void away_go(struct session *session, struct session_host *host);

/* Whether the token that a connection shows serves as soon as the one is known to be gone that it has brought, and from which nothing was heard. */
bool away_is_early(const struct session *session, struct address connection, const uint8_t secret[TOKEN_SECRET_BYTES]);

/* A connection shows a token of this actor. Returns false if it opens nothing: it is wrong, used or too old, or the client has missed too much; then
 * the chat is over for both, and the actor may be SESSION_OVER. */
bool away_come_back(struct session *session, struct session_host *host, struct address connection, const struct resume_ask *ask)
    __attribute__((warn_unused_result));

/* Nobody comes back any more: it is SESSION_OVER. session_is_away(). */
void away_end(struct session *session, struct session_host *host);

/* Everything below is of a session that is_resumable, but for where it says so. */

/* What was asked for by host->remind(), but for a search. */
void away_on_reminder(struct session *session, struct session_host *host);

/* The client has been told of a match: it has --show-time to say that it has heard of it. Of any session. */
void away_begin_chat(struct session *session, struct session_host *host);

/* The client has said something over its connection. */
void away_hear(struct session *session, struct session_host *host, const struct request *request);

/* TEXT_DONE or TEXT_WRITTEN: of texts to a partner of this node. Of any session. */
void away_on_credit(struct session *session, struct session_host *host, const struct message *message);

/* PEER_AWAY or PEER_BACK. Of any session. */
void away_on_partner(struct session *session, struct session_host *host, const struct message *message);

/* ADDRESS_DENIED: too many of its address are away. Of any session. */
void away_on_denied(struct session *session, struct session_host *host);

/* The partner has never come, and the client is there: find it another one without having been asked. It is IDLE. */
void away_search_on(struct session *session, struct session_host *host);

/* At the end of each call of an actor, of any session: what it owes its client, if there is one; and its end, if too much has piled up. */
void away_settle(struct session *session, struct session_host *host);

#endif

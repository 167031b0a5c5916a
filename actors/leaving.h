/* leaving.h: a session actor leaves: a chat, the server, its connection. What its client has asked for, or what others have made of it.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_LEAVING_H
#define CHATTERBOX_ACTORS_LEAVING_H

#include "actors/session_state.h"

/* Messages of a partner that never became one, of matches up to this one. */
void leaving_drop_early(struct session *session, struct session_host *host, uint64_t match);

/* CHATTING: it is IDLE then. */
void leaving_chat(struct session *session, struct session_host *host);

/* Leave chat, search and store; the client is not told. */
void leaving_server(struct session *session, struct session_host *host);

/* That, and have the client's connection closed with a code (RFC 6455, section 7.4). There must be one. */
void leaving_close(struct session *session, struct session_host *host, uint16_t code);

#endif

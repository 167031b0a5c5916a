/* reading.h: a session actor takes what its client writes, one text after the other, as far as it may be dealt with now.
 *
 * A text waits while the actor waits for the matcher, or for a turn since it takes long; whatever comes after it waits behind it, the end of the
 * connection too. session.h says why.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_READING_H
#define CHATTERBOX_ACTORS_READING_H

#include "actors/session_state.h"

/* A CLIENT_TEXT, taken over: each of its texts may be one that what follows has to wait for, or the last one. */
void reading_take(struct session *session, struct session_host *host, struct message *run);

/* That is all. code: as CONN_GONE has it. */
void reading_end(struct session *session, struct session_host *host, uint16_t code);

/* The matcher has answered: requests that came meanwhile. One of them may be the next to wait for. */
void reading_go_on(struct session *session, struct session_host *host);

/* At the end of each call of an actor: who has been told to close and has lost its connection before is SESSION_OVER, since CONN_GONE does not come again. */
void reading_settle(struct session *session, struct session_host *host);

/* The turn that was awaited. */
void reading_on_turn(struct session *session, struct session_host *host);

#endif

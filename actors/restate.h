/* restate.h: what the store must know of a user, told again after it has lost its memory.
 *
 * Everybody is online when Redis comes back, so everybody has something to say at once; who may, and when, is the matcher's to decide
 * (matcher.h). What an actor says is counted in messages, each of which becomes one call: how many they will be is known before, from
 * what the actor holds anyway.
 *
 * Between RESYNCED and its turn an actor goes on as ever, and speaks to a store that does not know it yet. That is harmless: what tidies up finds
 * nothing, a search brings all that it needs, the blocked are refused by the actor itself, and what the turn says is true when it comes.
 *
 * Threads: the session thread. Pure, as session.h.
 */
#ifndef CHATTERBOX_ACTORS_RESTATE_H
#define CHATTERBOX_ACTORS_RESTATE_H

#include "actors/blocklist.h"
#include "actors/session_state.h"

/* So many blocked users are told in one message, so that a call stays small. */
enum { RESTATE_BLOCKS_AT_ONCE = 32 };

/* Most messages that one actor needs: that there is such a user, the whole blocklist, a search. */
enum { RESTATE_CALLS_MAX = 2 + (BLOCKLIST_MAX + RESTATE_BLOCKS_AT_ONCE - 1) / RESTATE_BLOCKS_AT_ONCE };

/* How many messages restate() will send. */
size_t restate_calls(const struct session *session, const struct session_host *host);

/* State again what the store must know of this user. */
void restate(struct session *session, struct session_host *host);

/* Only whom it has blocked: USER_BLOCKED. */
void restate_blocks(struct session *session, struct session_host *host);

#endif

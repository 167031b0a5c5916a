/* limits.h: how much a client may ask, and what it is told when that was too much.
 *
 * Threads: the session thread.
 */
#ifndef CHATTERBOX_ACTORS_LIMITS_H
#define CHATTERBOX_ACTORS_LIMITS_H

#include <stdbool.h>

#include "actors/session_state.h"
#include "wire/request.h"

/* Limits are per second; a pause earns so many seconds' worth. */
enum { BURST_SECONDS = 3 };

/* Each of these answers the request itself, with an error, where it returns false. */

/* A request of so many bytes, before it is parsed. */
bool limits_may_be_so_long(struct session *session, struct session_host *host, uint32_t length);

/* For whatever goes to the partner, and for what leads to nothing: it has been parsed all the same. */
bool limits_may_say(struct session *session, struct session_host *host, const struct request *request);

/* For whatever costs a call of Redis. */
bool limits_may_search(struct session *session, struct session_host *host, const struct request *request);

/* For a new search, which costs the same, and is refused for a while to who has skipped many. Skips are counted for each session, not for its device or
 * address: whoever would tell everybody the same shows no device, and at one address there may be as many people as --address-connections says, who may
 * skip as often each. A client that connects anew for each stranger is held to --address-handshakes, which is not more than that. */
bool limits_may_begin_search(struct session *session, struct session_host *host, const struct request *request);

/* How often a client that can come back may acknowledge what has come: as often as it and its partner may write. */
bool limits_may_acknowledge(struct session *session, struct session_host *host, const struct request *request);

/* The client ends the chat that is on: that is a skip if it was short. */
void limits_note_end(struct session *session, const struct session_host *host);

/* Answer with an error, which costs as much as something said. */
void limits_answer_error(struct session *session, struct session_host *host, const struct request *request, enum error_code error);

#endif

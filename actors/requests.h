/* requests.h: what a client may ask of its actor, and what comes of it in each state.
 *
 * Each request is answered exactly once: by an event, by TEXT_DONE, or by way of the partner.
 *
 * Threads: the session thread. Source: the protocol's tables, restated in src/wire/README.md.
 */
#ifndef CHATTERBOX_ACTORS_REQUESTS_H
#define CHATTERBOX_ACTORS_REQUESTS_H

#include "actors/session_state.h"

/* Take a text of the client, which is freed. Not while the actor waits for the matcher: session.c keeps it until then. */
void requests_on_client_text(struct session *session, struct session_host *host, struct payload *text);

#endif

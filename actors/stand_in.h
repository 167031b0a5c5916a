/* stand_in.h: what a connection has in the place of its actor, if that is on another node: it hands over what the connection says, and says to it what the actor
 * says (line.h). It lives where actors live, in their slab, as a struct session that is_stand_in, of which its members connection, partner (the actor) and
 * identity alone count.
 *
 *   a token of another node is shown    CONN_RESUME to the actor, again and again
 *   LINE_ACCEPTED                       CONN_ACCEPTED: the client is back
 *   LINE_DEAD, or the node is dead      before that: an ordinary new session, in the same slot, that tells the client so. After that: the connection is closed
 *                                       with 1012; when its client comes back it hears that its session is gone
 *   nobody has answered for             the handshake fails, so that the client tries again with its token: the bus is down, and what is there may still be there
 *   LINE_PATIENCE_MS
 *
 * Threads: the session thread of the connection.
 */
#ifndef CHATTERBOX_ACTORS_STAND_IN_H
#define CHATTERBOX_ACTORS_STAND_IN_H

#include <stdbool.h>

#include "actors/session_state.h"
#include "runtime/token.h"

/* actor: on another node, as ask->token says. Of the new session, if it comes to that: identity, user_id. */
void stand_in_init(struct session *session, struct session_host *host, struct address self, struct address connection,
                   const struct identity *identity, const uint8_t user_id[USER_ID_BYTES], const struct resume_ask *ask, struct address actor);

enum stand_in_result {
    STAND_IN_GOES_ON, /* or it is SESSION_OVER */
    STAND_IN_REFUSED, /* it is to become an ordinary session */
    STAND_IN_NOT_FOR_IT /* it has nothing to do with such a message, which is still the caller's */
};

/* Take one message over, if it can be for it. */
enum stand_in_result stand_in_on_message(struct session *session, struct session_host *host, struct message *message)
    __attribute__((warn_unused_result));

/* After lines_on_node_died(). node: as in an address. */
enum stand_in_result stand_in_on_node_died(struct session *session, struct session_host *host, unsigned node)
    __attribute__((warn_unused_result));

/* Its connection is cut without a close code, which its client takes for a network that failed: it comes back to its session by way of another node. */
void stand_in_let_go(struct session *session, struct session_host *host);

/* The server stops, and all connections are closed: it is SESSION_OVER. */
void stand_in_end(struct session *session, struct session_host *host);

#endif

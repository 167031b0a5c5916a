/* relay.h: what one of a pair says to the other, whether that one is on this node or another.
 *
 * On this node a text is a message in a ring: it arrives, and its credit comes back from the partner's socket. Nothing is numbered or kept.
 *
 * Across nodes the bus may lose, double and delay anything (src/bus), so the two actors number, acknowledge and repeat:
 *
 *   MATCH_FOUND      by the matcher that has made the match; then by the actor of its node
 *   MATCH_TAKEN      by the other actor. The first repeats its own until it hears anything of the other in this chat, the other one until it is answered,
 *                    and after RELAY_MEET_MS the chat is over
 *   PEER_TEXT        number 1, 2, 3, … of this chat and direction; taken if it is the next. An older one is acknowledged again, a newer one
 *                    answered with PEER_GAP
 *   PEER_WRITTEN     taken: up to this number the partner's actor has them, and the copies go. written: up to this one the partner's socket has
 *                    them, and their credits come back. So a slow reader slows its partner here as well, and nothing is repeated to it
 *   PEER_GAP         the same, and: repeat what comes after `taken`
 *   PEER_ASK         what have you taken and written? Sent when many credits are missing though all is taken
 *   PEER_LEFT        number: of the last text. The chat is over for the receiver when it has taken that one
 *   PEER_LEFT_HEARD  the receiver has nothing more to do with that chat
 *
 * What is not acknowledged for a second is repeated, and so is PEER_LEFT until it has been heard or the node is dead, also when its actor has gone
 * meanwhile: each such chat is a struct relay, kept by the host. A client has 16 credits, so there are at most 16 copies.
 *
 * An actor is told that it has not met its partner by a PEER_LEFT from itself.
 *
 * Threads:   the session thread's.
 * Ownership: payloads of messages handed in are taken over where it says so. Copies are the relay's.
 */
#ifndef CHATTERBOX_ACTORS_RELAY_H
#define CHATTERBOX_ACTORS_RELAY_H

#include <stdbool.h>

#include "actors/session_state.h"

/* A match has been made with session->partner: MATCH_FOUND, which is taken. */
void relay_begin(struct session *session, struct session_host *host, const struct message *found);

/* MATCH_FOUND came from another node. Returns whether it is of a chat that the actor is in, or has left: then that has been answered, and nothing
 * is to be done. Also for an actor that is gone. Takes nothing over. */
bool relay_knows_match(struct session_host *host, const struct message *found);

/* MATCH_TAKEN. Takes nothing over. */
void relay_hears_of_match_taken(struct session *session, struct session_host *host, const struct message *message);

/* An event for the partner, made of one text of the client. The event is taken over. */
void relay_send(struct session *session, struct session_host *host, struct payload *event);

/* CHATTING with a partner on another node, whose actor does not have so many of the texts of this chat yet. */
uint32_t relay_untaken(const struct session *session, const struct session_host *host);

/* The user has left the chat. */
void relay_leave(struct session *session, struct session_host *host);

/* PEER_TEXT came from another node. Returns whether the session is to go on with it as with one of this node: then the credit of
 * whatever it becomes is to be given to peer_text.writer. Else the message is taken over. */
bool relay_takes(struct session *session, struct session_host *host, struct message *message);

/* PEER_LEFT came from another node. Returns whether the session is to go on with it. Else there is more to come before, or it is of another
 * chat. */
bool relay_hears_leave(struct session *session, struct session_host *host, const struct message *message);

/* The partner has left: nothing more is to be said. Whatever was not written is not repeated, and its credits come back. */
void relay_end(struct session *session, struct session_host *host);

/* TEXT_WRITTEN: so many of the partner's texts are written to the client's socket. */
void relay_on_written(struct session *session, struct session_host *host, uint32_t texts);

/* Whatever came from another node for an actor, alive or not, that is not one of the above; or, for one that is gone, any. Takes nothing over. */
void relay_on_message(struct session_host *host, const struct message *message);

/* A node has died, or this one has begun a new life for it: a chat with one of its users is over. node: as in an address. After
 * relays_on_node_died(). */
void relay_on_node_died(struct session *session, struct session_host *host, unsigned node);

/* Before that, once: nothing is to be said to it any more. */
void relays_on_node_died(struct session_host *host, unsigned node);

/* Acknowledge what was taken, and repeat what has been waiting for too long. Several times a second, while there are any. */
enum { RELAYS_TICK_MS = 250, RELAY_REPEAT_MS = 1000, RELAY_INTRODUCE_MS = 200, RELAY_MEET_MS = 3000 };
void relays_tick(struct session_host *host);

void relays_fini(struct session_host *host);

#endif

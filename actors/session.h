/* session.h: the session actor: one user's state machine.
 *
 *                 submit_interests        start_matching           MATCH_FOUND
 *           NEW ──────────────────► IDLE ───────────────► SEARCHING ───────────► CHATTING
 *                                    ▲    SEARCH_CANCELLED     │                    │
 *                                    ├─────────────────────────┘                    │
 *                                    └──────────────────────────────────────────────┘
 *                                                  end_chat, PEER_LEFT
 *
 * Its client may have asked to be able to come back: then it may be away in any of these states (away.h).
 *
 * What each request does in each state is the protocol's table. Three things need care:
 *  - A search that is being started or cancelled. The client's further requests wait until the matcher has answered,
 *    because until then nobody knows which state they would meet.
 *  - A request that takes long. To parse it and to write its event is a matter of milliseconds at worst, and those of many
 *    users may come together: everybody else on the thread would wait for all of them. So if it is long, or much was parsed in
 *    this batch already, it waits for a turn of its actor's, which the host gives between batches of messages, one actor after
 *    the other; and what its client sends after it, its leaving too, waits behind it.
 *  - A partner who has heard of the match first. What it says waits until MATCH_FOUND has come here too; match ids grow,
 *    so a higher one than the last is of the future and a lower one of the past.
 *
 * Credits: each text of the client is answered by exactly one of: an event to itself that names it as writer, TEXT_DONE,
 * or its way to the partner, whose I/O thread gives the credit back (README.md here, "Flow control").
 *
 * Threads:   the session thread it was placed on, for life.
 * Ownership: a message handed in is the actor's, payload included. Messages sent are the host's.
 * Pure:      all effects go through struct session_host (session_state.h, as is all that the actor holds).
 */
#ifndef CHATTERBOX_ACTORS_SESSION_H
#define CHATTERBOX_ACTORS_SESSION_H

#include "actors/farewell.h"
#include "actors/session_state.h"

/* Become the actor of a connection, accept it, and welcome the client. user_id: random. ask: NULL, or the client wants to be able to come back, and if
 * it wanted to come back now, that was not possible. */
void session_init(struct session *session, struct session_host *host, struct address self, struct address connection,
                  const struct identity *identity, const uint8_t user_id[USER_ID_BYTES], const struct resume_ask *ask);

/* A connection of this node shows a token of this actor: as away_come_back() (away.h). The actor may be SESSION_OVER after it. */
bool session_come_back(struct session *session, struct session_host *host, struct address connection, const struct resume_ask *ask)
    __attribute__((warn_unused_result));

/* What was asked for by host->await_turn(). The actor may be SESSION_OVER after it, too. */
void session_on_turn(struct session *session, struct session_host *host);

/* What was asked for by host->remind(). The actor may be SESSION_OVER after it. */
void session_on_reminder(struct session *session, struct session_host *host);

/* PEER_NODE_DIED, after relays_on_node_died() and lines_on_node_died(): its chat is over, or its connection gone. The actor may be SESSION_OVER after it. */
void session_on_node_died(struct session *session, struct session_host *host, unsigned node);

/* The server empties, or stops: farewell.h. The actor may be SESSION_OVER after it. */
void session_on_farewell(struct session *session, struct session_host *host, enum farewell what);

/* Take one message. The actor is finished when its state is SESSION_OVER. An actor, or a stand-in for one of another node. */
void session_on_message(struct session *session, struct session_host *host, struct message *message);

/* Free what the actor owns. In any state; sends nothing. */
void session_fini(struct session *session, struct session_host *host);

/* What the host does with a message for an actor that is gone, so that no sender waits for ever. */
void session_on_undeliverable(struct session_host *host, struct message *message);

#endif

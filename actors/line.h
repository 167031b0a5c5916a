/* line.h: a connection on one node and its actor on another say by a line what they would say to each other by rings. At the connection's end a stand-in
 * for the actor says and hears it (stand_in.h), at the actor's end the actor itself (afar.h).
 *
 * The bus may lose, double and delay anything, so what is said (an item: LINE_ITEM, enum line_kind) is numbered 1, 2, 3, … in each direction, and kept
 * until the other end has taken it:
 *
 *   CONN_RESUME  by the stand-in: the token; repeated until it is answered
 *   LINE_ITEM    taken if it is the next. An older one is acknowledged again, of a newer one the other end is asked to repeat what is between. It also says how
 *                much has been taken the other way, as does
 *   LINE_TAKEN   since not everything is answered
 *   LINE_DEAD    answers whatever is said to an end that there is not, and a token that opens nothing
 *
 * What is not acknowledged for a second is repeated. A line whose end has nothing more to say (is_ended) goes on until that is taken, or the other end is
 * gone, too; its actor, or stand-in, may be gone by then. A line ends with the node at its other end, or with this node's life (PEER_NODE_DIED).
 *
 * How much is kept: of the texts of a client, and of its partner, no more than they have credits; answers cost credits, too. What is left is little, but a line that
 * all the same has LINE_COPIES_MAX is given up.
 *
 * What an end is to know of its own line (it has been given up, nobody has answered) it hears by LINE_DEAD from itself.
 *
 * Threads:   the session thread's.
 * Ownership: a line is its host's, from line_new() until it is dropped. Messages handed in are taken over where it says so.
 */
#ifndef CHATTERBOX_ACTORS_LINE_H
#define CHATTERBOX_ACTORS_LINE_H

#include <stdbool.h>

#include "actors/ends.h"
#include "actors/session_state.h"
#include "runtime/backlog.h"
#include "runtime/token.h"

enum { LINE_ASK_MS = 250, LINE_PATIENCE_MS = 5000, LINE_REPEAT_MS = 1000, LINE_COPIES_MAX = 1024 };

/* One end. */
struct line {
    struct end_key key; /* the other end, as a number; who is at this one */
    struct line *next, *previous; /* of the thread's */
    struct address other;
    uint32_t said, taken_there;     /* number of the last item; of the last that the other end has */
    uint32_t taken_here;            /* of the other's */
    uint32_t told_taken;            /* what the other end knows of taken_here */
    uint32_t asked_for;             /* the number whose repetition was asked for last; 0: none yet */
    uint32_t waits_since_ms;        /* low bits: when something was said that is to be acknowledged, or was */
    uint32_t asked_since_ms, asked_ms; /* secret: likewise, when the other end was asked first, and last */
    uint32_t seq;                   /* secret: CONN_RESUME's */
    struct payload *secret;         /* the other end has not answered yet; else NULL */
    struct backlog copies;          /* LINE_ITEM, of taken_there + 1 to said */
    struct backlog owed;            /* the actor's end: TEXT_WRITTEN of texts that the socket has not taken yet, oldest first: afar.c's */
    bool is_ended;                  /* see above */
    bool is_dead;                   /* the other end is gone: nothing is said or heard any more, but this end does not know yet */
};

/* self: who is at this end. There is no other one between these two. */
struct line *line_new(struct session_host *host, struct address self, struct address other);

/* NULL: there is none. */
struct line *line_find(const struct session_host *host, struct address self, struct address other);

/* Show the other end a token, until it says something. */
void line_ask(struct session_host *host, struct line *line, const uint8_t secret[TOKEN_SECRET_BYTES], uint32_t seq);

/* The payload is taken over; NULL: none. */
void line_say(struct session_host *host, struct line *line, enum line_kind kind, uint32_t value, struct payload *payload);

/* LINE_ITEM came. Returns the line if it is the next item and somebody is at this end: then message->payload is the caller's. Else NULL, and the message is
 * taken over. */
struct line *line_hears(struct session_host *host, struct message *message);

/* CONN_RESUME, LINE_ITEM, LINE_TAKEN or LINE_DEAD came for somebody who is gone, or LINE_TAKEN for anybody. Takes the message over. */
void line_on_message(struct session_host *host, struct message *message);

/* Nothing more is to be said or heard. */
void line_end(struct session_host *host, struct line *line);

/* There is no line, or session, for whoever has sent this. */
void line_answer_dead(struct session_host *host, const struct message *message);

/* Nothing is to be said any more, and the other end need not know. Frees it. */
void line_drop(struct session_host *host, struct line *line);

/* The other end is gone. */
void line_kill(struct line *line);

/* A node has died, or this one has begun a new life for it. Lines that have ended are dropped, of all others the other end is gone. node: as in an address. */
void lines_on_node_died(struct session_host *host, unsigned node);

/* Acknowledge and repeat. Several times a second, while there are any: with relays_tick(). */
void lines_tick(struct session_host *host);

void lines_fini(struct session_host *host);

#endif

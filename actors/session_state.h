/* session_state.h: what a session actor holds, the states it goes through, and the world it acts upon.
 *
 * session.h says how it lives. It is apart from this so that those who answer and speak for the actor (requests.h, tell.h)
 * need not know who calls them.
 *
 * Runs:      what an actor has for its partner collects in the host, and is sent as one when the actor has anything else to say or its call ends.
 * Threads:   the session thread. Only the host's struct metrics is read by others.
 * Ownership: what struct session points to is the actor's, and freed by session_fini(); its reminder is the host's.
 */
#ifndef CHATTERBOX_ACTORS_SESSION_STATE_H
#define CHATTERBOX_ACTORS_SESSION_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/resume.h"
#include "runtime/backlog.h"
#include "runtime/message.h"
#include "runtime/metrics.h"
#include "runtime/rate.h"
#include "wire/event.h"

struct reminder; /* the host's */

/* ends.h's. All zero: there are none. */
struct ends {
    struct ck_hs *set; /* NULL: there never was one */
    uint32_t count;
    uint32_t removed; /* since the set was last built */
};

/* Chats with users of other nodes: relay_set.h's. */
struct relays {
    struct ends ends;
    struct relay *first;
};

/* Lines between actors and connections of two nodes: line.h's. */
struct lines {
    struct ends ends;
    struct line *first;
};

/* Other nodes that live: neighbours.h's. All zero: there are none. */
struct neighbours {
    struct neighbour *list;
    uint32_t count, capacity;
};

/* The world as all actors of one thread see it. */
struct session_host {
    void *self;
    void (*send)(void *self, const struct message *message);
    struct metrics *metrics;
    struct event_time time; /* the time of the current batch of messages */
    uint64_t now_ms;        /* the same, monotonic */
    size_t parsed_bytes;    /* of requests that jansson has parsed in the current batch: the actors count, the host begins anew */
    unsigned matcher_thread;
    struct relays relays;
    struct lines lines;
    struct neighbours neighbours;
    uint64_t incarnation; /* of this node, for tokens */
    uint32_t rate_chat;   /* per second; 0: no limit */
    uint32_t rate_search; /* per second; 0: no limit */
    uint32_t event_bytes_max; /* longest event that is relayed */
    struct message relayed;   /* the actors': PEER_TEXT, which the one at work has for its partner; no payload: nothing */
    struct payload *last_relayed; /* in its list */
    uint8_t epoch;            /* low bits of the last RESYNC's */
    bool is_restating;        /* restate.c's: what is told to the matcher is marked so */
    uint32_t resume_ms;       /* how long a client may be away; 0: nobody may come back */
    uint32_t show_ms;         /* until it has said that it has heard of a match; 0: it need not */
    uint32_t away, away_max;  /* actors that wait for their clients to come back; at most so many of these and the next */
    uint32_t afar;            /* actors whose clients' connections are on other nodes */
    bool is_draining;         /* none does any more */
    bool is_last_call;        /* whoever is in no chat is sent away: farewell.h */
    bool has_address_limits;  /* away actors count, at the I/O threads, */
    unsigned first_io_thread, io_threads; /* … which are these */
    bool has_peers;           /* there may be users on other nodes, and matches of theirs get lost: searches are said again */

    void (*fill_random)(void *self, void *bytes, size_t length);

    /* Have session_on_reminder() called in so long, instead of whatever *reminder was to remind of before; and not at all. *reminder
     * is the host's, NULL while there is none. */
    void (*remind)(void *self, struct reminder **reminder, struct address actor, uint32_t in_ms);
    void (*forget)(void *self, struct reminder **reminder);

    /* Have session_on_turn() called once, after the turns that others wait for already. An actor waits for one at most; if it is over before,
     * there is none. */
    void (*await_turn)(void *self, struct address actor);
};

enum session_state {
    SESSION_NEW,       /* no interests */
    SESSION_IDLE,
    SESSION_SEARCHING,
    SESSION_CHATTING,
    SESSION_CLOSING,   /* told to close; waits for CONN_GONE and says no more */
    SESSION_OVER       /* CONN_GONE came: the host frees the actor */
};

/* What the client has been told about the search that is on. */
enum session_told { TOLD_NOTHING, TOLD_UNAVAILABLE, TOLD_SEARCHING, TOLD_LAST_CALL /* and no more: farewell.h has cancelled it */ };

struct session {
    struct address self;
    struct address connection; /* nobody: it is away */
    struct address partner;    /* CHATTING; then of the last chat. is_stand_in: the actor on another node */
    struct payload *interests; /* topics, as submitted last; NULL: NEW */
    uint64_t match;            /* the chat that is on, else the last one; 0: none yet */
    struct backlog waiting_requests; /* is_starting, is_cancelling, awaits_turn */
    struct backlog early;            /* SEARCHING: from a partner that we have not heard of yet */
    uint8_t user_id[USER_ID_BYTES];
    struct identity identity;
    struct peer *peer;         /* whom it chats with, or did last; NULL: nobody yet */
    struct payload *blocklist; /* blocklist.h */
    union {
        struct reminder *reminder; /* SEARCHING: again.h's */
        struct resume *resume;     /* is_resumable; it has the reminder then */
    };
    uint32_t search;           /* number of the last search */
    uint32_t began_ms;         /* low bits of the monotonic time: when the last search or, since, the last chat began, */
    uint32_t parted_ms;        /* … and when a chat ended */
    union {
        uint32_t typing_ms;    /* CHATTING: when the partner was told last */
        uint32_t anyone_ms;    /* SEARCHING, not accepts_anyone: from when on anyone will do, if there is a reminder */
    };
    struct rate_bucket chat_bucket;
    struct rate_bucket search_bucket;
    struct rate_bucket strike_bucket;
    struct rate_bucket skip_bucket;
    uint16_t code_to_answer; /* is_gone: CONN_GONE's */
    uint16_t unwritten;      /* texts of partners on other nodes that its client's socket has not taken yet: relay.c's */
    uint8_t state;      /* enum session_state */
    uint8_t search_epoch; /* is_starting: the host's when SEARCH_START was sent */
    uint8_t told : 2;       /* enum session_told */
    bool wants_anyone : 1;  /* anyone_ms counts */
    bool is_mending : 1;    /* SEARCHING: the store has it matched, and MATCH_FOUND may be on its way from another node */
    bool is_starting : 1;   /* the first SEARCH_START of this search is on its way */
    bool is_cancelling : 1; /* SEARCH_CANCEL is on its way; its end_matching is yet to be answered */
    bool awaits_turn : 1;   /* for the oldest of waiting_requests, which may take long */
    bool is_gone : 1;       /* CONN_GONE came; what is left of waiting_requests comes first */
    bool accepts_anyone : 1; /* SEARCHING: somebody who shares no interest, too */
    bool has_typed : 1;     /* typing_ms counts */
    bool has_lasted : 1;    /* the last chat, so long that its partner may be reported */
    bool has_reported : 1;  /* the partner of the chat that is on, or the last one */
    bool is_restored : 1;   /* this chat was written back to the store (CHAT_STORE) */
    bool has_skipped : 1;   /* it has ended its last chat within seconds, and not searched since */
    bool is_resumable : 1;  /* its client may come back */
    bool is_stand_in : 1;   /* it is no actor but stands in for one of another node: stand_in.h. Nothing else of it counts but connection and is_gone */
};

/* Where the host's reminder is kept. */
static inline struct reminder **session_reminder(struct session *session)
{
    return session->is_resumable ? &session->resume->reminder : &session->reminder;
}

/* Its client's connection is gone: events are kept, connection is nobody. */
static inline bool session_is_away(const struct session *session)
{
    return session->is_resumable && session->resume->is_away;
}

/* Its client's connection is on another node. */
static inline bool session_is_afar(const struct session *session)
{
    return !session->is_stand_in && session->connection.node != 0;
}

/* Who has the credits of its texts back, so that they may be given to the connection. */
static inline struct address session_writer(const struct session *session)
{
    return session->is_resumable ? session->self : session->connection;
}

#endif

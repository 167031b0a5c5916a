/* message.h: what threads say to each other, and to whom.
 *
 * A message is 64 bytes (one cache line), passed by value, and owns at most one payload; but for a run, which is so many messages of CLIENT_TEXT,
 * PEER_TEXT or EVENT_TEXT as one: they would differ in their payloads alone, and the message has a list of these. What one client writes in one
 * turn stays a run on all its way. The catalogue with every type, its direction and what happens when a ring is full is message.def.
 *
 * Threads:   plain data; any thread.
 * Ownership: the payload belongs to whoever holds the message. mailbox_send() takes it over.
 */
#ifndef CHATTERBOX_RUNTIME_MESSAGE_H
#define CHATTERBOX_RUNTIME_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/payload.h"

/* What a thread is for. A thread has exactly one role; bits, so that message.def can name several. */
enum thread_role {
    ROLE_MAIN = 1,
    ROLE_IO = 2,
    ROLE_SESSION = 4,
    ROLE_MATCHER = 8,
    ROLE_BUS = 16,
};

/* In the place of a close code: the connection ends without one. */
enum { CONN_CLOSE_CUT = 0 };

/* Thread 0 is main, so the all-zero address, which nothing but thread messages ever needs, also serves as 'nobody'. */
enum { THREAD_MAIN = 0, THREADS_MAX = 255 };

enum {
    ADDRESS_GENERATION_BITS = 24,
    ADDRESS_SLOT_BITS = 20,
    ADDRESS_NODE_BITS = 12,
    ADDRESS_GENERATION_MAX = (1 << ADDRESS_GENERATION_BITS) - 1,
    ADDRESS_SLOTS = 1 << ADDRESS_SLOT_BITS,
    ADDRESS_NODE_MAX = (1 << ADDRESS_NODE_BITS) - 1,
};

/* The receiver of a message: a slot of a thread, or (generation 0) the thread itself.
 * A slot's generation changes whenever the slot is given back, so an old address never reaches a new owner: for that it would have to be as old
 * as the 16 million owners after which generations begin anew.
 * node: 0 is this process, where alone the rest means anything. Else it is what bus/peers.h calls an index, and the message goes to the
 * bus thread, whatever the thread. */
struct address {
    uint32_t generation : ADDRESS_GENERATION_BITS;
    uint32_t thread : 8;
    uint32_t slot : ADDRESS_SLOT_BITS;
    uint32_t node : ADDRESS_NODE_BITS;
};

_Static_assert(sizeof(struct address) == 8, "an address is eight bytes");

static inline struct address address_of_thread(unsigned thread)
{
    return (struct address){ .generation = 0, .slot = 0, .thread = thread };
}

static inline bool address_is_thread(struct address address)
{
    return address.generation == 0;
}

static inline bool address_is_nobody(struct address address)
{
    return address.generation == 0 && address.thread == THREAD_MAIN && address.node == 0;
}

static inline bool address_equals(struct address a, struct address b)
{
    return a.generation == b.generation && a.thread == b.thread && a.slot == b.slot && a.node == b.node;
}

enum message_type {
    MESSAGE_NONE,
#define MSG(name, body, payload, from, to, full) name,
#include "actors/message.def"
#undef MSG
    MESSAGE_TYPES
};

enum { USER_ID_BYTES = 16, HASH_BYTES = 16 };

struct ssl_ctx_st; /* libssl's */

/* Whom a connection belongs to, as far as can be known: hashes under a secret of the server. All zero: not known. */
struct identity {
    uint8_t device[HASH_BYTES];  /* of ?id= */
    uint8_t address[HASH_BYTES]; /* of the peer's address; not known for loopback, where a proxy may stand */
};

/* The other one in a chat. */
struct peer {
    uint8_t id[USER_ID_BYTES];
    struct identity identity;
};

/* Which side of the WebRTC handshake a user plays; each chat has one of each. */
enum match_role { MATCH_CALLER, MATCH_CALLEE };

/* What is said by a line (actors/line.h). Between nodes, so numbers stay what they are. */
enum line_kind {
    LINE_ACCEPTED = 1, /* to the connection: CONN_ACCEPTED */
    LINE_NEWS,         /* EVENT_TEXT that gives nobody a credit */
    LINE_ANSWER,       /* EVENT_TEXT that gives this client one */
    LINE_TEXT,         /* EVENT_TEXT that gives a partner one: LINE_WRITTEN says when. value: event.is_awaited */
    LINE_CREDITS,      /* TEXT_DONE. value: so many */
    LINE_CLOSE,        /* CONN_CLOSE. value: the code */
    LINE_CLIENT_TEXT,  /* from the connection: CLIENT_TEXT */
    LINE_WRITTEN,      /* of those of LINE_TEXT the socket has taken so many more: value */
    LINE_GONE,         /* CONN_GONE. value: the code */
    LINE_KINDS
};

/* A run is no longer than this. Credits bound what one client has on its way; this holds whatever they are. */
enum { RUN_MAX = 256 };

struct message {
    uint16_t type; /* enum message_type */
    uint16_t more; /* of a run: payloads behind the first one, in its list */
    struct address to;
    struct address from; /* set by mailbox_send() when it is left all zero: the sending thread */
    struct payload *payload;

    union { /* message_continues() compares what is in client_text, event and peer_text */
        struct {
            bool is_binary; /* only where the I/O thread's configuration lets it in */
        } client_text;

        struct {
            struct address writer; /* the connection whose text this is, gets its credit back; or nobody */
            bool is_binary;        /* for an actor that was sent such */
            bool is_awaited;       /* the writer is an actor, which is told at once when it is written */
        } event;

        struct {
            struct identity identity;
        } conn_opened;

        struct {
            struct identity client; /* whose address it is about; comes back with the answer */
        } address;

        struct {
            uint64_t key; /* of the address */
        } address_gone;

        struct {
            uint16_t code; /* RFC 6455, section 7.4. CONN_GONE: 0, or CONN_CLOSE with it is to follow the actor's last answer. CONN_CLOSE: or CONN_CLOSE_CUT */
        } conn_close;

        struct {
            uint32_t texts;  /* how many credits come back */
            bool is_receipt; /* TEXT_WRITTEN: of what was is_awaited */
            bool is_lost;    /* TEXT_DONE to an actor: nobody got these texts */
        } credit;

        struct {
            uint64_t match;
            struct address writer; /* as in event */
            uint32_t number;       /* between nodes: of the first of these texts, from 1 (actors/relay.h) */
        } peer_text;

        struct {
            uint64_t match;
            uint32_t number; /* PEER_LEFT between nodes: of the last text */
            bool is_no_show; /* PEER_LEFT on this node: its client has never said that it has heard of the match */
        } peer_left;         /* and PEER_ASK, PEER_LEFT_HEARD, MATCH_TAKEN, PEER_AWAY, PEER_BACK */

        struct {
            uint64_t match;
            uint32_t taken, written; /* numbers */
        } peer_count;

        struct {
            uint32_t seq; /* of the last event that the client has got; the payload is the token's secret */
        } conn_resume;

        struct {
            uint32_t number; /* 1, 2, 3, … of this line and direction */
            uint32_t taken;  /* as in line_taken */
            uint32_t kind;   /* enum line_kind */
            uint32_t value;
        } line_item;

        struct {
            uint32_t taken;        /* of the other direction: up to this number */
            uint32_t wants_repeat; /* 1: something newer has come, so what is between is lost; else 0 */
        } line_taken;

        struct {
            uint8_t id[USER_ID_BYTES];
            uint64_t match; /* CHAT_ENDED, CHAT_STORE: the chat. USER_STORE: the chat the user is in, or 0 */
            bool is_restating; /* a turn of RESTATE made it say so */
        } user;

        struct {
            uint8_t id[USER_ID_BYTES];
            uint64_t ended_match; /* the user's last chat, over by now; 0 if there was none */
            uint32_t search;      /* counts the user's searches; the same for a search that goes on */
            bool is_known;        /* this search was accepted before: it is never SEARCH_BUSY */
            bool accepts_anyone;  /* if nobody shares a topic */
            bool is_restating;    /* as in user */
        } search;

        struct {
            uint32_t search;
        } search_reply;

        struct {
            uint64_t match; /* grows: of two matches of one user the later has the higher number */
            struct address partner;
            uint32_t search; /* the receiver's search that is answered by this */
            uint32_t partner_search; /* from this node's matcher: the partner's, likewise */
            uint8_t role;    /* enum match_role */
        } match_found;

        struct {
            uint8_t partner_id[USER_ID_BYTES];
            uint64_t match;
            struct address partner; /* the other side, who may already talk to nobody */
        } match_refused;

        struct {
            struct address partner; /* told if this was one report too many */
        } user_reported;

        struct {
            uint64_t epoch; /* counts how often the store has come up */
        } resync;

        struct {
            uint64_t epoch; /* of the resync that this is part of */
            uint32_t calls; /* RESTATE: as many messages with is_restating may be sent; RESTATE_CALLS_MAX or more */
            bool is_done;   /* RESTATED: every actor of the thread has had its turn */
        } restate;

        struct {
            struct ssl_ctx_st *ssl; /* a reference, the receiver's from here on (tls/context.h) */
        } tls_context;

        struct {
            uint64_t incarnation; /* of the process, as in its users' channel_id */
            uint16_t node;        /* as in an address */
        } peer_node;
    };
};

_Static_assert(sizeof(struct message) == 64, "a message is one cache line");

/* The name as in message.def, for logs and metrics. */
const char *message_name(unsigned type);

/* Whether a thread of role `from` may send this type to a thread of role `to`. */
bool message_may_travel(unsigned type, enum thread_role from, enum thread_role to);

/* Whether the sender must stop reading its sockets while this message waits for room. */
bool message_throttles(unsigned type);

/* Whether any message may go from a thread of role `from` to one of role `to`; such a pair has a ring. */
bool roles_talk(enum thread_role from, enum thread_role to);

/* How many texts or events it is. */
static inline uint32_t message_texts(const struct message *run)
{
    return 1u + run->more;
}

/* The first payload of a run, which is the taker's then; NULL if none is left. */
static inline struct payload *message_take_payload(struct message *run)
{
    struct payload *payload = run->payload;
    if (payload == NULL)
        return NULL;
    run->payload = payload->next;
    run->more -= run->more > 0;
    payload->next = NULL;
    return payload;
}

/* Whether `next`, sent right after `message`, says the same but for its payloads: a further text of the same client, a further event for the
 * same one. Then both may be one run, and it would not be too long. */
bool message_continues(const struct message *message, const struct message *next);

/* Free the payload, or the payloads of a run. */
void message_discard(struct message *message);

#endif

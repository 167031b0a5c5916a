/* world.h: one world: the server's threads with their queues and actors, the store, the clients, and the chance that moves them.
 *
 * It only lies there: client.c says what clients do, threads.c what the server's threads do, invariants.c what must hold, and sim.c
 * who goes next. Of several nodes (cluster.h) each is a world of its own; what they have in common lies in the cluster.
 *
 * Threads:   one in all; the server's are numbers here.
 * Ownership: whoever makes a world frees it with world_free(). A message sent is copied in, its payload moves with it, and it lies in
 *            the queue between two threads until it is delivered.
 * Errors:    what is broken ends the program, with the seed that shows it.
 */
#ifndef CHATTERBOX_TESTS_SIM_WORLD_H
#define CHATTERBOX_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/matcher.h"
#include "actors/session_state.h"
#include "runtime/backlog.h"
#include "runtime/message.h"
#include "runtime/metrics.h"
#include "redis/reachable.h"
#include "runtime/payload.h"
#include "sim/fake_store.h"
#include "sim/ledger.h"
#include "wire/event.h"
#include "wire/request.h"

enum { SESSION_THREADS = 3, IO_THREAD = 1, FIRST_SESSION_THREAD = 2 };
enum { MATCHER_THREAD = FIRST_SESSION_THREAD + SESSION_THREADS, BUS_THREAD, THREADS };
enum { CLIENTS = 10, CROWD = 150, ACTORS = 512 };
enum { CREDITS = 16, REQUESTS_MAX = 64 };
enum { TEXT_MAX = 160, QUEUE_MAX = 256, CONNECTIONS_KEPT = 64 };
enum { RESUME_MS = 120000, SHOW_MS = 60000 }; /* a message takes seconds here */

enum view { VIEW_GONE, VIEW_CONNECTING, VIEW_NEW, VIEW_IDLE, VIEW_SEARCHING, VIEW_CHATTING };

/* Its rules are client.c's. */
struct client {
    enum view view;        /* what the client may believe from the events it has seen */
    uint32_t generation;   /* of its connection */
    struct address actor;
    int credits;
    char match[MATCH_ID_TEXT];
    uint8_t id[USER_ID_BYTES];
    long written;          /* number of the last message, over all chats */
    long heard;            /* number of the partner's last message in this chat; 0: none yet */
    struct chat *chat;     /* of the last match; NULL: none yet */
    unsigned side;         /* which of the two of that chat it is */
    enum request_type asked[REQUESTS_MAX]; /* requests that await a direct answer, oldest first */
    size_t asked_count;
    bool has_asked_next;   /* its chats may end unannounced */
    bool takes_anyone;     /* it has said so in this connection */
    uint8_t partner_id[USER_ID_BYTES]; /* of the last match that it has heard of */
    struct payload *blocked;           /* ids, as far as it was told that the block holds */
    /* returning.c's: */
    struct address open[CONNECTIONS_KEPT]; /* by generation: the actors of connections that the server has not heard the end of */
    bool is_cut;           /* it has no connection; view is what it had come to */
    bool is_connecting;
    bool is_partner_away;
    bool is_unasked;       /* the server has searched on by itself, since the partner had not come, */
    bool owes_ack;         /* … and must hear that the client knows of the match before it writes */
    struct token token;
    uint32_t seq, has_acknowledged;
    uint32_t n, acknowledged_n;
    unsigned barrier, barriers; /* the one that is not answered; 0: none */
    size_t queued;
    struct queued {
        uint32_t n;
        char match[MATCH_ID_TEXT];
        char json[TEXT_MAX];
    } queue[QUEUE_MAX];    /* not acknowledged, oldest first */
};

struct world {
    const char *program; /* that is told when something is broken */
    uint64_t random;
    uint64_t seed;
    long step;
    struct backlog queues[THREADS][THREADS];
    struct session actors[ACTORS];
    uint32_t actor_slots; /* those that were ever used */
    uint32_t actor_generation[ACTORS];
    bool actor_is_alive[ACTORS];
    unsigned sender; /* the thread whose turn it is */
    struct session_host hosts[SESSION_THREADS];
    struct metrics metrics;
    struct matcher matcher;
    struct fake_store *store;     /* NULL: a node of several, which has its own way to one */
    struct ledger *ledger;
    struct reachable reachable;   /* as the matcher's host knows it */
    void *node;                   /* the cluster's; NULL: alone */
    uint64_t number;              /* of it */
    bool is_traced;
    void (*on_for_bus)(struct world *world, struct message *message); /* the bus thread takes a message. Takes it over */
    bool says_nothing_again;      /* broken on purpose: nobody is reminded to say a search again */
    uint64_t now_ms;              /* of the node's clock, where reminders have their time */
    struct client clients[CROWD];
    size_t client_count; /* CLIENTS, or CROWD: more than may state themselves again at once */
    uint32_t restated[SESSION_THREADS]; /* actors that have had their turn */
    bool ignores_turns;  /* broken on purpose: all actors of a thread state themselves again in one turn */
    size_t most_restating;
    long relayed, matched, blocked, banned, typed, strangers;
    long sent_away; /* since the server empties */
    long relayed_before; /* by then */
    long reminders;
    struct backlog turns[SESSION_THREADS]; /* that actors await: to whom alone counts */
    long turns_taken;
    long joined; /* messages that became part of a run */
    long remote, broken; /* matches with somebody of another node; chats of this node's that a death has ended */
    long cuts, returned, lost, said_again, acknowledged; /* of clients that come back */
};

/* Print the seed, the step and what is broken, and exit. */
_Noreturn void world_fail(const struct world *world, const char *what);

/* A number below the given one, which what is left of the seed decides. */
uint64_t pick(uint64_t *random, uint64_t below);

/* A number below the given one, which only the seed and the picks before it decide. */
uint64_t world_pick(struct world *world, uint64_t below);

/* Everything in it but the store. */
void world_free(struct world *world);

/* Queue a message from the thread whose turn it is. Also what the actors' hosts send with: self is the struct world. */
void world_send(void *self, const struct message *message);

#endif

/* world.h: one world: the server's threads with their queues and actors, the store, the clients, and the chance that moves them.
 *
 * It only lies there: client.c says what clients do, threads.c what the server's threads do, invariants.c what must hold, and sim.c
 * who goes next.
 *
 * Threads:   one in all; the server's are numbers here.
 * Ownership: sim.c makes the world of each seed and frees it. A message sent is copied in, its payload moves with it, and it lies in
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
#include "runtime/payload.h"
#include "sim/fake_store.h"
#include "wire/event.h"
#include "wire/request.h"

enum { SESSION_THREADS = 3, IO_THREAD = 1, FIRST_SESSION_THREAD = 2 };
enum { MATCHER_THREAD = FIRST_SESSION_THREAD + SESSION_THREADS, THREADS = MATCHER_THREAD + 1 };
enum { CLIENTS = 10, CROWD = 150, ACTORS = 512, MATCHES_KEPT = 4096 };
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
    long written;          /* number of the last message, over all chats */
    long heard;            /* number of the partner's last message in this chat; 0: none yet */
    unsigned side;         /* of the pair: which of the two of the last match it is */
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
    uint32_t life;         /* counts its sessions */
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

/* What one side of a chat has written, and how much of it the other has heard. */
struct said {
    long written;
    long heard;
    bool is_leaving; /* it has asked for the end of the chat: what it writes now comes too late */
    bool is_banned;  /* what it wrote then may be lost */
    bool is_over;    /* the other side has heard that it left: heard is final */
};

struct world {
    uint64_t random;
    uint64_t seed;
    long step;
    struct backlog queues[THREADS][THREADS];
    struct session actors[ACTORS];
    uint32_t actor_generation[ACTORS];
    bool actor_is_alive[ACTORS];
    unsigned sender; /* the thread whose turn it is */
    struct session_host hosts[SESSION_THREADS];
    struct metrics metrics;
    struct matcher matcher;
    struct fake_store store;
    struct client clients[CROWD];
    size_t client_count; /* CLIENTS, or CROWD: more than may state themselves again at once */
    uint32_t restated[SESSION_THREADS]; /* actors that have had their turn */
    bool ignores_turns;  /* broken on purpose: all actors of a thread state themselves again in one turn */
    size_t most_restating;
    long relayed, matched, blocked, banned, typed, strangers;
    long reminders;
    struct backlog turns[SESSION_THREADS]; /* that actors await: to whom alone counts */
    long turns_taken;
    long joined; /* messages that became part of a run */
    long cuts, returned, lost, said_again, acknowledged;
    uint8_t pairs[MATCHES_KEPT][2][USER_ID_BYTES]; /* by match: who the store has paired */
    struct said said[MATCHES_KEPT][2];             /* by match, in the order of the pair */
};

/* Print the seed, the step and what is broken, and exit. */
_Noreturn void world_fail(const struct world *world, const char *what);

/* A number below the given one, which only the seed and the picks before it decide. */
uint64_t world_pick(struct world *world, uint64_t below);

/* Queue a message from the thread whose turn it is. Also what the actors' hosts send with: self is the struct world. */
void world_send(void *self, const struct message *message);

#endif

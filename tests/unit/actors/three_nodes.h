/* three_nodes.h: one user whose session is on node HOME and who comes back by way of any of three nodes, each with its actors, its sockets and a bus to the
 * others that loses and delays, or does not.
 *
 * The test is client, sockets, partner, matcher and bus. What a client or its partner must never see fails the test where it is seen: a text twice or out
 * of order, an event that is not the next.
 */
#ifndef CHATTERBOX_TESTS_UNIT_ACTORS_THREE_NODES_H
#define CHATTERBOX_TESTS_UNIT_ACTORS_THREE_NODES_H

#include "unit/unit.h"

#include "actors/session.h"
#include "runtime/token.h"

enum { HOME, OTHER, THIRD, NODES };
enum { IO_THREAD = 1, SESSION_THREAD = 2, MATCHER_THREAD = 3 };
enum { CREDITS = 16, SLOTS = 64, CONNECTIONS = 64, QUEUE_MAX = 8192, UNWRITTEN_MAX = 512 };

struct flying {
    struct message message;
    uint64_t due_ms;
};

/* What an I/O thread has of one. */
struct socket {
    unsigned node;
    struct address self, actor;
    bool is_used, is_accepted, has_actor, is_broken; /* is_broken: the client is not there any more */
    int close_code;      /* CONN_CLOSE's; 0: none has come */
    int credits;
    struct message unwritten[UNWRITTEN_MAX];
    unsigned unwritten_first, unwritten_count;
};

struct node {
    struct session_host host;
    struct metrics metrics;
    struct session slots[SLOTS];
    bool is_alive[SLOTS];
    uint32_t generation;
};

struct user {
    struct socket *socket; /* NULL: it has none */
    bool is_ready;         /* it has heard where it is */
    struct token token;
    uint32_t seq, n, acked_n;
    uint32_t resumed_n;    /* what `resumed` has counted last */
    uint32_t heard;        /* of its partner's texts */
    unsigned resumed, anew; /* how often it came back, and was told that it could not */
};

struct mate { /* the partner, on HOME */
    uint32_t written, heard;
    int credits;
    bool has_left;
};

extern struct node nodes[NODES];
extern struct user user;
extern struct mate mate;
extern bool is_bad, is_drowned;
extern uint64_t now_ms;

void begin(uint32_t seed);
void begin_in_a_chat(void);
void finish(void);

/* The same, for cmocka. */
int set_up(void **state);
int tear_down(void **state);

/* Numbers below `of`, by the seed. */
unsigned pick(unsigned of);

/* The client. */
void connects(unsigned node);
void writes(void);
void breaks(void);                 /* its connection is gone without a word */
void closes(unsigned code);

/* The others. */
void mate_writes(void);
void socket_takes_one(struct socket *socket);
void something_comes(void);        /* by a bus, or from one actor to another of its node */
void time_passes(unsigned ms);
void calm_down(void);              /* twelve seconds of a good bus, in which sockets take all */
void all_comes_for(unsigned ms);    /* the same, for so long */
void moves_to(unsigned node);       /* the client, in calm */
void node_dies(unsigned node, unsigned to); /* as the other one hears of it */

/* Between the two files that this is made of: three_nodes_sockets.c has sockets and the client. */
unsigned index_at(unsigned at, unsigned other);
void carry(unsigned from, unsigned to, const struct message *message, uint64_t in_ms);
void to_socket(unsigned node, struct message *message);
struct session *find_actor(struct node *node, struct address address);
void after_actor(struct node *node, struct session *session);
void says(const char *json);
void ring_runs_empty(unsigned node);
void sockets_take_all(void);
void sockets_begin(void);
void sockets_finish(void);

struct session *home_actor(void);  /* NULL: it is over */
unsigned lines_at(unsigned node);
unsigned actors_at(unsigned node);    /* stand-ins, too */
unsigned stand_ins_at(unsigned node);

#endif

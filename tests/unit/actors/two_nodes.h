/* two_nodes.h: two users on two nodes, each a whole session actor, and between them a bus that loses, doubles, delays and reorders, or none of it.
 *
 * The test is clients, sockets, matchers and buses. What a client must never see fails the test where it is seen: a text of another chat, twice or out of
 * order, or a partner who has left before all that he had written.
 */
#ifndef CHATTERBOX_TESTS_UNIT_ACTORS_TWO_NODES_H
#define CHATTERBOX_TESTS_UNIT_ACTORS_TWO_NODES_H

#include "unit/unit.h"

#include "actors/relay.h"
#include "actors/session.h"

enum { CREDITS = 16, QUEUE_MAX = 4096, CHATS_MAX = 256 };

struct flying {
    struct message message;
    uint64_t due_ms;
};

/* A user, its actor and the threads around it. */
struct side {
    struct session session;
    struct session_host host;
    struct metrics metrics;
    struct address self, connection;
    unsigned peer_index; /* of the other side's node */
    struct flying coming[QUEUE_MAX]; /* from the bus and the matcher */
    size_t coming_count;
    struct message unwritten[QUEUE_MAX]; /* events for its socket */
    size_t unwritten_first, unwritten_count;
    int credits;
    uint64_t chat;       /* the last that its client has heard of; 0: none */
    unsigned heard;      /* texts in this chat */
    bool has_left[CHATS_MAX];
    bool has_given_up[CHATS_MAX]; /* its actor: the partner was not heard of in time */
    bool has_ended[CHATS_MAX];    /* its matcher has been told so */
    unsigned refused;             /* matches, by its actor */
    unsigned written[CHATS_MAX]; /* texts, by chat */
};

extern struct side sides[2];
extern uint64_t matches;  /* the last one's id */
extern bool is_drowned;   /* the bus loses everything */
extern bool has_died;     /* a node, to the other: what was written last may be lost */

struct side *other(const struct side *side);

/* Both have said what they like. The bus is bad. */
void begin(uint32_t seed);

/* Both are in a chat. The bus is good. */
void begin_in_a_chat(void);

void finish(void);

/* What a client does, if it may. */
void receive_request(struct side *side, const char *json);
void write_text(struct side *side);
void search(struct side *side);
void leave(struct side *side, bool searches_on);
void client_goes(struct side *side);

/* What the world does. */
void find_match(void);                 /* of two who search */
void something_comes(struct side *side);
void socket_takes_one(struct side *side);
void time_passes(unsigned ms);

/* One of all these, by the seed. */
void step(void);

/* Ten seconds of a good bus, in which nobody does anything but wait. */
void calm_down(void);

/* What is on its way to the side's actor finds it gone. */
void all_is_undeliverable(struct side *side);

#endif

/* peers.h: which other nodes live, and whether this one may believe that it does.
 *
 * Every node says twice a second that it lives (a beat), to everybody and so to itself. Hence
 *
 *   alive    a node is from its first beat on
 *   dead     when it was silent for 2 s during which the own beats came back and nothing can have been missed: who hears nothing at all, or is
 *            cut off now and then, concludes nothing
 *   up       is the bus while the own beats come back by every way (a way is one Redis of --bus), none of them later than 1 s
 *
 * A node has lives. It begins a new one when others may have taken it for dead, so that nobody goes on with what they have given up:
 *   - time stood still for it for over 1.5 s;
 *   - its own beats did not come back for 2 s though it was connected;
 *   - the bus was down for longer than --bus-patience;
 *   - somebody says that it has buried this life, which it does when it hears a beat of a life that it has declared dead.
 * With a new life all that was between it and others is over: it parts from every peer, who is alive again, under another index, at its next
 * beat. To the others a node that begins a new life is one that has died, and another that is alive.
 *
 * A living peer has an index, which is what an address says (message.h). Indexes are given out in a ring, so that one is not soon used again.
 *
 * The number of every batch is greater than that of the one before by the same way from the same life; what is not is dropped.
 *
 * What happened is returned: peers_take_news() after every call.
 *
 * Threads: pure, one owner. Time comes in, in milliseconds of a clock that never goes back; each call that has one is also a look at whether it
 *          stood still.
 */
#ifndef CHATTERBOX_BUS_PEERS_H
#define CHATTERBOX_BUS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/message.h"

enum {
    PEERS_BEAT_MS = 500,
    PEERS_SILENT_MS = 2000,  /* a peer, or the own beats: then somebody is dead */
    PEERS_DOWN_MS = 1000,    /* the own beats: then nothing is concluded */
    PEERS_FROZEN_MS = 1500,
    PEERS_WAYS_MAX = 16,
    PEERS_MAX = ADDRESS_NODE_MAX /* indexes are 1 to this */
};

enum peers_verdict {
    PEERS_TAKE,     /* by a living peer */
    PEERS_ECHO,     /* one's own beat */
    PEERS_OLD,      /* replayed, doubled or overtaken; or one's own of a former life */
    PEERS_BURIED,   /* of a life that is over; its node, which lives, should be told so */
    PEERS_STRANGER, /* not a beat, and of a life whose beats were not heard yet */
    PEERS_FULL      /* as many are known as can be */
};

enum peers_event {
    PEERS_ALIVE,
    PEERS_DIED,
    PEERS_LEFT,    /* it took its leave */
    PEERS_PARTED,  /* it lives, and this node began a new life */
    PEERS_NEW_LIFE /* of this node; PARTED of every peer follows */
};

/* Why PEERS_NEW_LIFE. */
enum peers_cause { PEERS_FROZEN, PEERS_UNHEARD, PEERS_OUT_OF_PATIENCE, PEERS_WAS_BURIED };

struct peers_news {
    enum peers_event event;
    enum peers_cause cause; /* NEW_LIFE */
    unsigned index;         /* of a peer */
    uint64_t incarnation, life;
};

/* Users of a node, or of several. */
struct peers_crowd {
    uint64_t online, searching, chatting;
};

struct peers;

/* self: this node's incarnation, not 0. ways: how many Redis carry the bus, at least 1. Never NULL. */
struct peers *peers_new(uint64_t self, unsigned ways, uint64_t patience_ms, uint64_t now_ms);

void peers_free(struct peers **peers);

/* 1, 2, 3, … */
uint64_t peers_own_life(const struct peers *peers);

/* A beat came by a way, from a batch that has been opened. On PEERS_TAKE *index is the peer's. */
enum peers_verdict peers_on_beat(struct peers *peers, unsigned way, uint64_t source, uint64_t life, uint64_t number,
                                 const struct peers_crowd *crowd, uint64_t now_ms, unsigned *index) __attribute__((warn_unused_result));

/* Likewise a batch that was for this node alone. */
enum peers_verdict peers_on_batch(struct peers *peers, uint64_t source, uint64_t life, uint64_t number, uint64_t now_ms, unsigned *index)
    __attribute__((warn_unused_result));

/* What comes by this way is missed from now on, until the next own beat comes back by it. */
void peers_on_gap(struct peers *peers, unsigned way);

/* A node that has taken its leave: as dead, but not counted as a death. */
void peers_on_leave(struct peers *peers, uint64_t source, uint64_t life);

/* Somebody has buried this life of ours. */
void peers_on_buried(struct peers *peers, uint64_t life, uint64_t now_ms);

/* At least each PEERS_BEAT_MS. is_connected: to every Redis of the bus, and subscribed. */
void peers_tick(struct peers *peers, bool is_connected, uint64_t now_ms);

/* Whether the bus is up. */
bool peers_is_up(const struct peers *peers, uint64_t now_ms);

/* By how many ways the own beats come back; and whether they do by this one. */
unsigned peers_ways_up(const struct peers *peers, uint64_t now_ms);
bool peers_is_way_up(const struct peers *peers, unsigned way, uint64_t now_ms);

/* Whether one that lives has this index; its incarnation and life then. */
bool peers_find(const struct peers *peers, unsigned index, uint64_t *incarnation, uint64_t *life);

/* The index of the node if it is alive in that life, else 0. */
unsigned peers_index_of(const struct peers *peers, uint64_t incarnation, uint64_t life);

unsigned peers_alive(const struct peers *peers);

/* Of all that live, as they said last. */
struct peers_crowd peers_crowd(const struct peers *peers);

/* What happened since, oldest first. Returns false if nothing is left. */
bool peers_take_news(struct peers *peers, struct peers_news *news) __attribute__((warn_unused_result));

#endif

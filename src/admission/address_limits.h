/* address_limits.h: how much comes from each address: connections that are open, and how fast new ones come.
 *
 * An address is a key: 64 bits of a keyed hash (identity.h), so that no client can choose where it lands in the table (ck_hs). An address of
 * which nothing is open, and whose bucket is full again, is forgotten by the sweep.
 *
 * Bounded: with `capacity` addresses in the table a further one is let in uncounted. To refuse it would let whoever has so many addresses
 * lock out everybody else; limits for each address are no help against him, --max-connections is.
 *
 * Threads: one I/O thread owns one of these; address_gate.h says which one an address belongs to.
 */
#ifndef CHATTERBOX_ADMISSION_ADDRESS_LIMITS_H
#define CHATTERBOX_ADMISSION_ADDRESS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct address_limits;

struct address_limits_config {
    uint32_t connections; /* of each kind below and address; 0: no limit */
    uint32_t handshakes;  /* a second, in bursts of ADDRESS_BURST times that; 0: no limit */
    uint32_t capacity;    /* addresses; up to 2^24 */
};

enum { ADDRESS_BURST = 3 };

enum address_kind {
    ADDRESS_HALF_OPEN, /* accepted, no WebSocket yet */
    ADDRESS_WEBSOCKET, /* takes a handshake out of the bucket as well */
    ADDRESS_AWAITED,   /* no WebSocket any more, and counts against new ones all the same */
    ADDRESS_KINDS,
    ADDRESS_RETURNING = ADDRESS_KINDS /* to be taken only: a WebSocket, against which those that are awaited do not count */
};

enum address_verdict {
    ADDRESS_COUNTED,   /* to be given back */
    ADDRESS_UNCOUNTED, /* may come, and is not given back: the table is full */
    ADDRESS_REFUSED
};

struct address_limits *address_limits_new(const struct address_limits_config *config);

void address_limits_free(struct address_limits **limits);

/* May one more come from there? now_ms: monotonic milliseconds. */
enum address_verdict address_limits_take(struct address_limits *limits, uint64_t key, enum address_kind kind, uint64_t now_ms)
    __attribute__((warn_unused_result));

/* One that was counted is gone. Of the awaited nobody remembers whether it was: one too many is not missed. */
void address_limits_give_back(struct address_limits *limits, uint64_t key, enum address_kind kind);

/* Forget addresses that nothing is to be remembered of. Looks at a part of the table each time; to be called at each tick. */
void address_limits_sweep(struct address_limits *limits, uint64_t now_ms);

/* How many addresses are in the table. */
uint32_t address_limits_used(const struct address_limits *limits);

#endif

/* batch.h: what one node says to another in one turn, as one message of Redis' pub/sub.
 *
 *   u8 version | u64 source | u64 life | u64 number | records, sealed | tag (SEAL_TAG_BYTES)
 *   a record: u24 length of body | u8 type | body
 *
 * What is in clear is authenticated, and so is whom the batch is for (a node's incarnation, or everybody), which is not in it, but known from
 * the channel that it came by: put into another channel it does not open. Numbers are big-endian.
 *
 * A batch is full at BATCH_BYTES; what is longer than that travels alone. Nothing of a batch is believed before all of it has been checked.
 *
 * Threads: pure; a value of its owner.
 */
#ifndef CHATTERBOX_BUS_BATCH_H
#define CHATTERBOX_BUS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/seal.h"

/* The longest is what redis/stream.h takes in one reply, less what stands around it there. */
enum {
    BATCH_VERSION = 2, /* a node passes over what is of another: the two do not know each other */
    BATCH_HEADER_BYTES = 25,
    BATCH_RECORD_BYTES = 4, /* before a body */
    BATCH_BYTES = 65536,
    BATCH_LONGEST = (1 << 20) - 1024,
    BATCH_BODY_MAX = BATCH_LONGEST - BATCH_HEADER_BYTES - BATCH_RECORD_BYTES - SEAL_TAG_BYTES,
};

/* For whom: an incarnation is never 0. */
enum { BATCH_FOR_ALL = 0 };

struct batch_record {
    uint8_t type;
    const uint8_t *body; /* in the batch */
    size_t length;
};

/* Putting one together. All zero is empty. */
struct batch {
    uint8_t *bytes; /* with room for the header before, and for the tag after */
    size_t used, capacity;
    unsigned records;
};

/* Returns false, and adds nothing, if it does not fit any more: then close this one first. body_length is at most BATCH_BODY_MAX. */
bool batch_add(struct batch *batch, uint8_t type, const void *body, size_t body_length) __attribute__((warn_unused_result));

/* The same in two steps, for a body that is made in place: room for body_length bytes, or NULL. */
uint8_t *batch_reserve(struct batch *batch, uint8_t type, size_t body_length) __attribute__((warn_unused_result));

/* The longest body that fits, beside what is there, into BATCH_BYTES. */
size_t batch_room(const struct batch *batch);

/* Seal what was added. Returns the length of batch->bytes, which are good until the next batch_add(). The batch is empty then; its memory is
 * kept. */
size_t batch_close(struct batch *batch, struct seal *seal, uint64_t source, uint64_t life, uint64_t number, uint64_t target);

void batch_fini(struct batch *batch);

/* Taking one apart. */

struct batch_header {
    uint64_t source, life, number;
};

enum batch_verdict {
    BATCH_OK,
    BATCH_MALFORMED,     /* too short, too long, or its records are no records */
    BATCH_OTHER_VERSION,
    BATCH_NOT_OURS       /* does not open: another secret, another target, or tampered with */
};

/* What is in clear, and not to be believed before batch_open(). */
enum batch_verdict batch_peek(struct batch_header *header, const uint8_t *bytes, size_t length) __attribute__((warn_unused_result));

struct batch_reader {
    const uint8_t *next, *end;
};

/* Open a batch that was peeked at, in place. On BATCH_OK reader stands before its first record, and every record has been checked. After
 * BATCH_NOT_OURS bytes hold nothing that can be opened again. */
enum batch_verdict batch_open(struct batch_reader *reader, struct seal *seal, uint64_t target, uint8_t *bytes, size_t length)
    __attribute__((warn_unused_result));

/* Returns false after the last one. */
bool batch_next(struct batch_reader *reader, struct batch_record *record) __attribute__((warn_unused_result));

#endif

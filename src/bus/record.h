/* record.h: a message between actors of two nodes as a record of a batch, and back.
 *
 *   address to | address from | what record.def says; what is not of a fixed length is its end
 *   an address: u8 thread | u24 slot | u24 generation
 *
 * Of the two addresses `to` means something on the receiving node, and `from`, and every one in the body, on the sending one, which the receiver
 * calls by its index. No third node is ever named.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_BUS_RECORD_H
#define CHATTERBOX_BUS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "bus/batch.h"
#include "runtime/message.h"

enum record_type {
#define RECORD(name, number) RECORD_##name = (number),
#define MESSAGE(name, number) RECORD_##name = (number),
#include "bus/record.def"
#undef RECORD
#undef MESSAGE
};

enum { RECORD_ADDRESS_BYTES = 7, RECORD_HEAD_BYTES = 2 * RECORD_ADDRESS_BYTES };

/* The longest payload of a message that goes over the bus. */
enum { RECORD_LONGEST_FIXED = 16, RECORD_PAYLOAD_MAX = BATCH_BODY_MAX - RECORD_HEAD_BYTES - RECORD_LONGEST_FIXED };

/* Add a message that is for another node, from an actor or a thread of this one; of a run as many texts as there is room for, in one record. Its
 * payloads stay the caller's. Returns how many texts (of what is no run: 1) were added; 0 if the batch is full. */
unsigned record_write(struct batch *batch, const struct message *message) __attribute__((warn_unused_result));

enum record_verdict { RECORD_OK, RECORD_UNKNOWN, RECORD_MALFORMED };

/* A message, or a run, of the node that has this index here; its payload is the caller's. That message->to is an actor of this node is still to be
 * seen. */
enum record_verdict record_read(struct message *message, const struct batch_record *record, unsigned node)
    __attribute__((warn_unused_result));

#endif

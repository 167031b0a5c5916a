/* links.h: what is on its way to each living peer, and the keys that batches are sealed and opened with.
 *
 * A link is a peer by its index (peers.h): the keys of its life, and the batch that it is told next. Whoever hosts this hands over news of
 * peers, and is handed sealed batches to publish.
 *
 * Threads:   one owner.
 * Ownership: messages written stay the caller's. Bytes to publish are good during the call.
 */
#ifndef CHATTERBOX_BUS_LINKS_H
#define CHATTERBOX_BUS_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/batch.h"
#include "bus/peers.h"
#include "bus/record.h"
#include "bus/seal.h"
#include "runtime/message.h"

struct links_host {
    void *self;
    /* A batch of so many records for target. way: which Redis; for a node it is the one where it has its channel. */
    void (*publish)(void *self, unsigned way, uint64_t target, const uint8_t *bytes, size_t length, unsigned records);
    void (*lost)(void *self, unsigned records); /* for a peer that is gone */
};

struct links;

/* self: this node's incarnation; its life is 1. secrets outlive it. Never NULL. */
struct links *links_new(const struct links_host *host, const struct seal_secrets *secrets, uint64_t self, unsigned ways);

void links_free(struct links **links);

/* Of several Redis a node is subscribed to its own channel at this one. */
unsigned links_way_of(const struct links *links, uint64_t incarnation);

/* Batches are sealed as those of this life from now on. */
void links_set_life(struct links *links, uint64_t life);

/* A peer lives; or not any more. */
void links_open(struct links *links, unsigned index, uint64_t incarnation, uint64_t life);
void links_close(struct links *links, unsigned index);

/* A message that names another node, or a run: it goes with the next flush. If there is no such peer, it is lost. Returns false if its sender is to be told so: it
 * would say it again for ever. An actor may have met somebody of a peer after it was told that this one is gone, since word of the match came through
 * another thread. */
bool links_write(struct links *links, const struct message *message) __attribute__((warn_unused_result));

/* Publish what was written, one batch for each peer (of what is longer: more). */
void links_flush(struct links *links);

/* Publish one record at once, by one way. target: a node, alive or not, or BATCH_FOR_ALL. */
void links_publish(struct links *links, unsigned way, uint64_t target, enum record_type type, const void *body, size_t length);

/* Open what came. index: the peer's that header names, 0 if it is none. What reader yields is good until the next call. */
enum batch_verdict links_read(struct links *links, struct batch_reader *reader, const struct batch_header *header, unsigned index,
                              uint64_t target, const uint8_t *bytes, size_t length) __attribute__((warn_unused_result));

#endif

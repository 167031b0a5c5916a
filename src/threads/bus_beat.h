/* bus_beat.h: what a beat says: how many users this node has, and what they do.
 *
 *   u32 online | u32 searching | u32 chatting
 *
 * Threads: the bus thread's. Metrics of others are read.
 */
#ifndef CHATTERBOX_THREADS_BUS_BEAT_H
#define CHATTERBOX_THREADS_BUS_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/batch.h"
#include "bus/peers.h"
#include "runtime/metrics.h"

enum { BUS_BEAT_BYTES = 12 };

/* metrics_sets: of all threads. */
void bus_beat_write(uint8_t body[BUS_BEAT_BYTES], const struct metrics *metrics_sets, unsigned metrics_count);

/* Returns false if it is no beat. */
bool bus_beat_read(struct peers_crowd *crowd, const struct batch_record *record) __attribute__((warn_unused_result));

/* What all others say together. metrics: the bus thread's. */
void bus_beat_show(struct metrics *metrics, struct peers_crowd crowd);

#endif

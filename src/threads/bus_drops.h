/* bus_drops.h: what came over the bus, or should have gone, and did not arrive: counted by reason, and a line for each reason once a minute.
 *
 * Threads: the bus thread's.
 */
#ifndef CHATTERBOX_THREADS_BUS_DROPS_H
#define CHATTERBOX_THREADS_BUS_DROPS_H

#include <stdint.h>

#include "bus/batch.h"
#include "bus/peers.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

enum bus_drop { DROP_NONE, DROP_VERSION, DROP_SEAL, DROP_MALFORMED, DROP_OLD, DROP_BURIED, DROP_STRANGER, DROP_UNKNOWN, DROP_UNSENT, DROPS };

struct bus_drops {
    const struct log *log;
    struct metrics *metrics;
    uint64_t logged_ms[DROPS], unlogged[DROPS];
};

/* count: batches, or records of one. DROP_NONE does nothing. */
void bus_drops_count(struct bus_drops *drops, enum bus_drop reason, unsigned count, uint64_t now_ms);

/* What a verdict means for the batch that it is about. */
enum bus_drop bus_drop_of_batch(enum batch_verdict verdict);
enum bus_drop bus_drop_of_peer(enum peers_verdict verdict);

#endif

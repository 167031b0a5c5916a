/* fake_bus.h: Redis' pub/sub as it may be: a batch that is published comes to every node of that Redis, or not, or twice, or late, or in another order.
 *
 * Threads:   one in all.
 * Ownership: bytes are copied.
 */
#ifndef CHATTERBOX_TESTS_SIM_FAKE_BUS_H
#define CHATTERBOX_TESTS_SIM_FAKE_BUS_H

#include "sim/cluster.h"

struct flying {
    struct flying *next;
    uint64_t due_ms; /* by the cluster's clock */
    bool is_for_all;
    size_t length;
    uint8_t bytes[];
};

/* To whom it is meant for: a node, or BATCH_FOR_ALL. */
void fake_bus_publish(struct node *from, uint64_t target, const uint8_t *bytes, size_t length);

/* What has come for a node, oldest first; NULL: nothing. The caller frees it. */
struct flying *fake_bus_take(struct node *node);

/* All that is on its way to a node is lost. */
void fake_bus_lose(struct node *node);

#endif

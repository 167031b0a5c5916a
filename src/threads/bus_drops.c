#include "threads/bus_drops.h"

#include <inttypes.h>

enum { LOGGED_MS = 60000 };

static const struct {
    enum metric metric;
    const char *why;
} catalogue[DROPS] = {
    [DROP_VERSION] = { METRIC_BUS_DROPPED_VERSION_TOTAL, "of another version" },
    [DROP_SEAL] = { METRIC_BUS_DROPPED_SEAL_TOTAL, "sealed with another secret, or tampered with" },
    [DROP_MALFORMED] = { METRIC_BUS_DROPPED_MALFORMED_TOTAL, "malformed" },
    [DROP_OLD] = { METRIC_BUS_DROPPED_OLD_TOTAL, "doubled, overtaken or played back" },
    [DROP_BURIED] = { METRIC_BUS_DROPPED_BURIED_TOTAL, "of a life that is over" },
    [DROP_STRANGER] = { METRIC_BUS_DROPPED_STRANGER_TOTAL, "of a node that is not alive" },
    [DROP_UNKNOWN] = { METRIC_BUS_DROPPED_UNKNOWN_TOTAL, "of an unknown kind" },
    [DROP_UNSENT] = { METRIC_BUS_DROPPED_UNSENT_TOTAL, "cannot be sent" },
};

void bus_drops_count(struct bus_drops *drops, enum bus_drop reason, unsigned count, uint64_t now_ms)
{
    if (reason == DROP_NONE)
        return;
    metrics_add(drops->metrics, catalogue[reason].metric, count);
    drops->unlogged[reason] += count;
    if (drops->logged_ms[reason] != 0 && now_ms - drops->logged_ms[reason] < LOGGED_MS)
        return;
    log_event(drops->log, LOG_WARN, "bus_dropped", "reason=\"%s\" count=%" PRIu64, catalogue[reason].why, drops->unlogged[reason]);
    drops->logged_ms[reason] = now_ms;
    drops->unlogged[reason] = 0;
}

enum bus_drop bus_drop_of_batch(enum batch_verdict verdict)
{
    switch (verdict) {
    case BATCH_OK:
        return DROP_NONE;
    case BATCH_MALFORMED:
        return DROP_MALFORMED;
    case BATCH_OTHER_VERSION:
        return DROP_VERSION;
    case BATCH_NOT_OURS:
        return DROP_SEAL;
    }
    return DROP_NONE;
}

enum bus_drop bus_drop_of_peer(enum peers_verdict verdict)
{
    switch (verdict) {
    case PEERS_TAKE:
    case PEERS_ECHO:
        return DROP_NONE;
    case PEERS_OLD:
        return DROP_OLD;
    case PEERS_BURIED:
        return DROP_BURIED;
    case PEERS_STRANGER:
    case PEERS_FULL:
        return DROP_STRANGER;
    }
    return DROP_NONE;
}

/* metrics.h: counters, one set for each thread, one number in it for each METRIC and each SAMPLE of metrics.def.
 *
 * Threads: a set is written by its thread alone; any thread may read it at any time (relaxed atomics: a reader sees each
 *          counter at some recent value, and no order between them).
 */
#ifndef CHATTERBOX_RUNTIME_METRICS_H
#define CHATTERBOX_RUNTIME_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum metric {
#define METRIC(name, kind, text) METRIC_##name,
#define FAMILY(name, kind, text)
#define SAMPLE(name, id, labels) METRIC_##name##_##id,
#include "actors/metrics.def"
#undef SAMPLE
#undef FAMILY
#undef METRIC
    METRICS
};

struct metrics {
    _Alignas(64) _Atomic int64_t value[METRICS];
};

/* The owner's thread only, hence no read-modify-write. */
static inline void metrics_add(struct metrics *metrics, enum metric metric, int64_t delta)
{
    int64_t now = atomic_load_explicit(&metrics->value[metric], memory_order_relaxed);
    atomic_store_explicit(&metrics->value[metric], now + delta, memory_order_relaxed);
}

/* Likewise: a gauge that is known as a whole. */
static inline void metrics_set(struct metrics *metrics, enum metric metric, int64_t value)
{
    atomic_store_explicit(&metrics->value[metric], value, memory_order_relaxed);
}

/* The sum over sets. */
int64_t metrics_sum(const struct metrics *sets, size_t count, enum metric metric);

/* Room for what metrics_print() prints, whatever the values: it grows with the catalogue. 21: the longest number and its end. */
enum {
    METRICS_TEXT_BYTES = 1
#define FAMILY(name, kind, text) + sizeof "# HELP chatterbox_" #name " " text "\n# TYPE chatterbox_" #name " " #kind "\n"
#define SAMPLE(name, id, labels) + sizeof "chatterbox_" #name "{" labels "} " + 21
#define METRIC(name, kind, text) FAMILY(name, kind, text) SAMPLE(name, , "")
#include "actors/metrics.def"
#undef METRIC
#undef SAMPLE
#undef FAMILY
};

/* Prometheus text exposition format 0.0.4 of the sums, every name prefixed chatterbox_. Returns the length, or 0 if it does
 * not fit into capacity bytes. */
size_t metrics_print(const struct metrics *sets, size_t count, char *text, size_t capacity);

#endif

/* metrics.h: counters, one set for each thread, with a number for each METRIC and each SAMPLE of metrics.def, and several for each SERIES.
 *
 * Threads: a set is written by its thread alone; any thread may read it at any time (relaxed atomics: a reader sees each
 *          counter at some recent value, and no order between them).
 */
#ifndef CHATTERBOX_RUNTIME_METRICS_H
#define CHATTERBOX_RUNTIME_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { METRICS_BOUNDS = 12 };

/* Of a SERIES: how many there were in each bucket, of those beyond the last bound, and the sum of all in microseconds. */
enum { SERIES_BEYOND = METRICS_BOUNDS, SERIES_SUM, SERIES_NUMBERS };

/* Of a SERIES: the first of its numbers. */
enum metric {
#define METRIC(name, kind, text) METRIC_##name,
#define SCALE(name, ...)
#define HISTOGRAM(name, scale, text)
#define SERIES(name, id, labels) METRIC_##name##_##id, METRIC_##name##_##id##_LAST = METRIC_##name##_##id + SERIES_NUMBERS - 1,
#define FAMILY(name, kind, text)
#define SAMPLE(name, id, labels) METRIC_##name##_##id,
#include "actors/metrics.def"
#undef SAMPLE
#undef FAMILY
#undef SERIES
#undef HISTOGRAM
#undef SCALE
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

/* For metrics_observe() by those who count in milliseconds. */
enum { MICROSECONDS_PER_MS = 1000 };

/* Likewise: that something has taken so long goes into a SERIES. */
void metrics_observe(struct metrics *metrics, enum metric series, int64_t microseconds);

/* The sum over sets. */
int64_t metrics_sum(const struct metrics *sets, size_t count, enum metric metric);

/* Room for what metrics_print() prints, whatever the values: it grows with the catalogue. 21: the longest number and its end; of a sum in seconds the point, too.
 * 8: the longest bound. */
enum {
    METRICS_TEXT_BYTES = 1
#define FAMILY(name, kind, text) + sizeof "# HELP chatterbox_" #name " " text "\n# TYPE chatterbox_" #name " " #kind "\n"
#define SAMPLE(name, id, labels) + sizeof "chatterbox_" #name "{" labels "} " + 21
#define METRIC(name, kind, text) FAMILY(name, kind, text) SAMPLE(name, , "")
#define SCALE(name, ...)
#define HISTOGRAM(name, scale, text) FAMILY(name, histogram, text)
#define SERIES(name, id, labels) + (METRICS_BOUNDS + 1) * (sizeof "chatterbox_" #name "_bucket{" labels ",le=\"\"} " + 8 + 21) + sizeof "chatterbox_" #name "_sum{" labels "} " + 22 + sizeof "chatterbox_" #name "_count{" labels "} " + 21
#include "actors/metrics.def"
#undef SERIES
#undef HISTOGRAM
#undef SCALE
#undef METRIC
#undef SAMPLE
#undef FAMILY
};

/* Prometheus text exposition format 0.0.4 of the sums, every name prefixed chatterbox_. Returns the length, or 0 if it does
 * not fit into capacity bytes. */
size_t metrics_print(const struct metrics *sets, size_t count, char *text, size_t capacity);

#endif

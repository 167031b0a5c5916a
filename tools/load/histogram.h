/* histogram.h: latencies, counted in buckets that are at most 1/32 wide (as HdrHistogram does). */
#ifndef CHATTERBOX_TOOLS_LOAD_HISTOGRAM_H
#define CHATTERBOX_TOOLS_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_STEPS };

struct histogram {
    uint64_t count, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that the given share (0 to 1) of all is not above. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif

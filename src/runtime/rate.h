/* rate.h: a token bucket: so many a second, and a burst after a pause.
 *
 * Threads: plain data of its owner.
 */
#ifndef CHATTERBOX_RUNTIME_RATE_H
#define CHATTERBOX_RUNTIME_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a full bucket. Eight bytes, since every user has several. */
struct rate_bucket {
    uint32_t spent_milli; /* thousandths of a token taken and not yet refilled */
    uint32_t updated_ms;  /* low bits of the time of the last take */
};

/* Take one token of a bucket that holds `burst` and refills at `per_second`. Returns false, and takes nothing, if there is
 * none. per_second 0: no limit. now_ms: monotonic milliseconds. */
bool rate_take(struct rate_bucket *bucket, uint32_t per_second, uint32_t burst, uint64_t now_ms);

/* Take so many tokens, or none; more than a full bucket holds count as a full bucket. */
bool rate_take_many(struct rate_bucket *bucket, uint32_t tokens, uint32_t per_second, uint32_t burst, uint64_t now_ms);

/* Whether nothing is missing, so that it is as good as a new one. */
bool rate_is_full(const struct rate_bucket *bucket, uint32_t per_second, uint64_t now_ms);

#endif

#include "runtime/rate.h"

enum { MILLI = 1000 };

static uint64_t spent_milli(const struct rate_bucket *bucket, uint32_t per_second, uint64_t now_ms)
{
    /* The time wraps after 49 days; a pause as long as that merely refills less than it might. */
    uint32_t elapsed_ms = (uint32_t)now_ms - bucket->updated_ms;
    uint64_t refilled_milli = (uint64_t)elapsed_ms * per_second;
    return bucket->spent_milli > refilled_milli ? bucket->spent_milli - refilled_milli : 0;
}

bool rate_take(struct rate_bucket *bucket, uint32_t per_second, uint32_t burst, uint64_t now_ms)
{
    return rate_take_many(bucket, 1, per_second, burst, now_ms);
}

bool rate_take_many(struct rate_bucket *bucket, uint32_t tokens, uint32_t per_second, uint32_t burst, uint64_t now_ms)
{
    if (per_second == 0)
        return true;
    uint64_t spent = spent_milli(bucket, per_second, now_ms);
    uint64_t wanted_milli = (uint64_t)(tokens < burst ? tokens : burst) * MILLI;
    bool has_enough = spent + wanted_milli <= (uint64_t)burst * MILLI;
    if (has_enough)
        spent += wanted_milli;
    bucket->spent_milli = (uint32_t)spent;
    bucket->updated_ms = (uint32_t)now_ms;
    return has_enough;
}

bool rate_is_full(const struct rate_bucket *bucket, uint32_t per_second, uint64_t now_ms)
{
    return per_second == 0 || spent_milli(bucket, per_second, now_ms) == 0;
}

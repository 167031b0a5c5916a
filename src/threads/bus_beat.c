#include "threads/bus_beat.h"

#include "bus/bytes.h"

void bus_beat_write(uint8_t body[BUS_BEAT_BYTES], const struct metrics *metrics_sets, unsigned metrics_count)
{
    static const enum metric counted[] = { METRIC_USERS, METRIC_SEARCHING, METRIC_CHATTING };
    for (unsigned i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        int64_t users = metrics_sum(metrics_sets, metrics_count, counted[i]);
        bytes_put(body + i * 4, (uint64_t)(users > 0 ? users : 0), 4); /* threads count for themselves, and are not looked at in the same moment */
    }
}

bool bus_beat_read(struct peers_crowd *crowd, const struct batch_record *record)
{
    if (record->length != BUS_BEAT_BYTES)
        return false;
    *crowd = (struct peers_crowd){ bytes_get(record->body, 4), bytes_get(record->body + 4, 4), bytes_get(record->body + 8, 4) };
    return true;
}

void bus_beat_show(struct metrics *metrics, struct peers_crowd crowd)
{
    metrics_set(metrics, METRIC_PEER_USERS, (int64_t)crowd.online);
    metrics_set(metrics, METRIC_PEER_SEARCHING, (int64_t)crowd.searching);
    metrics_set(metrics, METRIC_PEER_CHATTING, (int64_t)crowd.chatting);
}

#include "net/liveness.h"

#include "net/complaint.h"

static enum liveness fail(struct net *net, enum metric metric, enum liveness liveness)
{
    metrics_add(net->metrics, metric, 1);
    return liveness;
}

enum liveness liveness_check(struct connection *connection, uint64_t *next_ms)
{
    struct net *net = connection->net;
    const struct options *options = net->options;
    const uint32_t now_ms = net_now_ms(net);
    const int64_t patience_ms = options->ping_interval_ms + options->ping_timeout_ms;
    int64_t message_left_ms = options->ping_interval_ms;
    /* It has taken nothing for so long. Two of the kind in one chat would otherwise keep each other for ever. */
    if (connection->is_writing && (int64_t)(now_ms - connection->write_since_ms) > patience_ms) {
        complaint_slow_reader(net);
        return fail(net, METRIC_SLOW_READERS_TOTAL, LIVENESS_GONE);
    }
    if (!connection->is_reading) {
        /* We keep it waiting ourselves, so its silence says nothing. */
        *next_ms = (uint64_t)options->ping_interval_ms;
        return LIVENESS_FINE;
    }
    if (reader_is_amid_message(connection->reader)) {
        message_left_ms = options->message_timeout_ms - (int64_t)(now_ms - reader_since_ms(connection->reader));
        if (message_left_ms <= 0)
            return fail(net, METRIC_MESSAGE_TIMEOUTS_TOTAL, LIVENESS_LATE);
    }
    const int64_t silent_ms = now_ms - connection->last_read_ms;
    int64_t left_ms;
    enum liveness liveness = LIVENESS_FINE;
    if (connection->has_pinged) {
        left_ms = options->ping_timeout_ms - (int64_t)(now_ms - connection->pinged_ms);
        if (left_ms <= 0) {
            complaint_ping_timeout(net);
            return fail(net, METRIC_PING_TIMEOUTS_TOTAL, LIVENESS_GONE);
        }
    } else if (silent_ms >= options->ping_interval_ms) {
        connection->has_pinged = true;
        connection->pinged_ms = now_ms;
        left_ms = options->ping_timeout_ms;
        liveness = LIVENESS_SILENT;
    } else {
        left_ms = options->ping_interval_ms - silent_ms;
    }
    *next_ms = (uint64_t)(left_ms < message_left_ms ? left_ms : message_left_ms);
    return liveness;
}

#include "net/feeding.h"

#include "net/sending.h"

/* Frames that take no credits: pings and pongs, and whatever is looked through for the client's close frame. Who sends more of them than this wants
 * to keep us busy. */
enum { FREE_PER_SECOND = 100, FREE_BURST = 1000 };

static void on_text(struct connection *connection, const struct reader_found *found)
{
    struct net *net = connection->net;
    struct payload *text = found->text;
    if (!connection->has_actor) {
        payload_free(&text);
        return;
    }
    connection->credits--;
    metrics_add(net->metrics, METRIC_TEXTS_IN_TOTAL, 1);
    bool must_throttle = executor_send(&net->executor, &(struct message){ .type = CLIENT_TEXT,
                                                                          .to = connection->actor,
                                                                          .from = connection->self,
                                                                          .payload = text,
                                                                          .client_text = { .is_binary = found->is_binary } });
    if (must_throttle && !connection->is_stalled) {
        connection->is_stalled = true;
        connection->next_stalled = net->stalled;
        net->stalled = connection;
    }
}

/* Once our own close frame is out nothing may follow it. */
static void on_ping(struct connection *connection, const struct reader_found *found)
{
    if (connection->state != CONNECTION_OPEN)
        return;
    writer_put_pong(&connection->net->writers, &connection->writer, found->bytes, found->length);
    sending_mark(connection);
}

enum feeding_result feeding_take(struct connection *connection, const unsigned char *bytes, size_t length, size_t *left,
                                 enum close_code *code)
{
    struct net *net = connection->net;
    struct reader_input input = {
        .bytes = bytes, .length = length, .now_ms = net_now_ms(net), .is_for_close = connection->state != CONNECTION_OPEN
    };
    struct reader_found found;
    for (;;) {
        input.is_paused = !feeding_may_take(connection);
        switch (reader_next(&net->readers, &connection->reader, &input, &found)) {
        case READER_MORE:
            *left = input.length;
            return FEEDING_ON;
        case READER_MESSAGE:
            on_text(connection, &found);
            continue;
        case READER_PING:
            on_ping(connection, &found);
            break;
        case READER_VOID:
            break;
        case READER_CLOSED:
            *code = found.code;
            return FEEDING_CLOSED;
        case READER_FAILED:
            *code = found.code;
            return FEEDING_FAILED;
        }
        if (!rate_take(&connection->free_bucket, FREE_PER_SECOND, FREE_BURST, input.now_ms)) {
            *code = CLOSE_POLICY_VIOLATION;
            return FEEDING_FAILED;
        }
    }
}

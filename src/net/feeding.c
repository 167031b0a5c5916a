#include "net/feeding.h"

#include "net/sending.h"

/* Frames that take no credits: pings and pongs, and whatever is looked through for the client's close frame. Who sends more of them than this wants
 * to keep us busy. */
enum { FREE_PER_SECOND = 100, FREE_BURST = 1000 };

/* What comes in at once goes on as one message. */
struct run {
    struct message texts; /* CLIENT_TEXT; no payload: nothing yet */
    struct payload **end; /* of its list */
};

static void hand_over(struct connection *connection, struct run *run)
{
    struct net *net = connection->net;
    if (run->texts.payload == NULL)
        return;
    metrics_add(net->metrics, METRIC_TEXTS_IN_TOTAL, message_texts(&run->texts));
    bool must_throttle = executor_send(&net->executor, &run->texts);
    run->texts.payload = NULL;
    if (must_throttle && !connection->is_stalled) {
        connection->is_stalled = true;
        connection->next_stalled = net->stalled;
        net->stalled = connection;
    }
}

static void on_text(struct connection *connection, struct run *run, const struct reader_found *found)
{
    struct payload *text = found->text;
    if (!connection->has_actor) {
        payload_free(&text);
        return;
    }
    connection->credits--; /* so a run is never too long */
    if (run->texts.payload != NULL && found->is_binary == run->texts.client_text.is_binary) {
        run->texts.more++;
    } else {
        hand_over(connection, run);
        run->texts = (struct message){ .type = CLIENT_TEXT,
                                       .to = connection->actor,
                                       .from = connection->self,
                                       .client_text = { .is_binary = found->is_binary } };
        run->end = &run->texts.payload;
    }
    *run->end = text;
    run->end = &text->next;
}

/* Once our own close frame is out nothing may follow it. */
static void on_ping(struct connection *connection, const struct reader_found *found)
{
    if (connection->state != CONNECTION_OPEN)
        return;
    writer_put_pong(&connection->net->writers, &connection->writer, found->bytes, found->length);
    sending_mark(connection);
}

static enum feeding_result take(struct connection *connection, struct run *run, const unsigned char *bytes, size_t length, size_t *left,
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
            on_text(connection, run, &found);
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

enum feeding_result feeding_take(struct connection *connection, const unsigned char *bytes, size_t length, size_t *left,
                                 enum close_code *code)
{
    struct run run = { .texts.payload = NULL };
    const enum feeding_result result = take(connection, &run, bytes, length, left, code);
    hand_over(connection, &run);
    return result;
}

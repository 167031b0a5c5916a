#include "net/delivering.h"

#include "net/complaint.h"
#include "net/connection.h"
#include "net/sending.h"

void delivering_on_events(struct net *net, struct connection *connection, struct message *events)
{
    const uint32_t texts = message_texts(events);
    struct writer_credit credit = { .to = events->event.writer, .texts = texts, .is_awaited = events->event.is_awaited };
    if (connection != NULL && (connection->state == CONNECTION_OPEN || connection->state == CONNECTION_ENDING)) {
        metrics_add(net->metrics, METRIC_EVENTS_OUT_TOTAL, texts);
        credit = writer_put_events(&net->writers, &connection->writer, events, connection->self);
        sending_mark(connection);
    } else {
        metrics_add(net->metrics, METRIC_UNDELIVERABLE_TOTAL, texts);
    }
    connection_give_credit(net, credit);
    message_discard(events);
}

static void on_all_sent(struct connection *connection)
{
    uint32_t own;
    connection_give_credit(connection->net, writer_settle(&connection->writer, connection->self, &own));
    if (own > 0 || connection->begins) {
        connection->begins = false;
        connection_on_credit(connection, own);
    }
    if (connection->shuts_down && !sending_has_output(connection))
        connection_shut_half(connection);
}

static void on_sending(struct connection *connection, enum sending_result result)
{
    switch (result) {
    case SENDING_NOTHING:
        break;
    case SENDING_DONE:
        on_all_sent(connection);
        break;
    case SENDING_SLOW:
        metrics_add(connection->net->metrics, METRIC_SLOW_READERS_TOTAL, 1);
        complaint_slow_reader(connection->net);
        connection_kill(connection);
        break;
    case SENDING_FAILED:
        connection_kill(connection);
        break;
    }
}

/* A write that had to wait is over. */
static void on_sent_late(struct connection *connection, enum sending_result result)
{
    on_sending(connection, result);
    if (sending_has_output(connection))
        sending_mark(connection);
}

void delivering_flush_all(struct net *net)
{
    struct connection *connection;
    while ((connection = sending_next(net)) != NULL)
        on_sending(connection, sending_flush(connection, on_sent_late));
}

#include "net/ending.h"

#include <stdlib.h>

#include "net/address_gate.h"
#include "net/sealing.h"
#include "net/sending.h"

void ending_count(const struct connection *connection, enum close_code code)
{
    static const struct {
        enum close_code code;
        enum metric metric;
    } known[] = {
#define CLOSE_CODE(name, number) { CLOSE_##name, METRIC_CLOSES_TOTAL_##name },
#include "ws/close_code.def"
#undef CLOSE_CODE
    };
    enum metric metric = METRIC_CLOSES_TOTAL_OTHER; /* clients may say what they like */
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].code == code)
            metric = known[i].metric;
    }
    metrics_add(connection->net->metrics, metric, 1);
}

void ending_leave_actor(struct connection *connection, uint16_t code)
{
    struct net *net = connection->net;
    if (connection->has_actor)
        executor_send(&net->executor, &(struct message){ .type = CONN_GONE,
                                                         .to = connection->actor,
                                                         .from = connection->self,
                                                         .conn_close = { .code = code } });
    connection->has_actor = false;
}

void ending_give_slot_back(struct connection *connection)
{
    struct net *net = connection->net;
    if (!connection->is_closed || connection->awaits_actor || connection->awaits_gate)
        return;
    if (connection->is_websocket)
        metrics_add(net->metrics, METRIC_WEBSOCKETS, -1);
    slab_give_back(&net->connections, connection->self.slot);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = (struct connection *)handle;
    connection->is_closed = true;
    metrics_add(connection->net->metrics, METRIC_CONNECTIONS, -1);
    ending_give_slot_back(connection);
}

struct writer_credit ending_release(struct connection *connection)
{
    struct net *net = connection->net;
    ending_leave_actor(connection, 0);
    wheel_cancel(&connection->deadline);
    if (connection->is_stalled) {
        struct connection **link = &net->stalled;
        while (*link != connection)
            link = &(*link)->next_stalled;
        *link = connection->next_stalled;
        connection->is_stalled = false;
    }
    sealing_drop(connection);
    struct writer_credit credit = writer_abandon(&net->writers, &connection->writer);
    sending_unmark(connection);
    reader_drop(&connection->reader);
    payload_free(&connection->held);
    free(connection->head);
    connection->head = NULL;
    free(connection->acceptance);
    connection->acceptance = NULL;
    address_gate_leave(connection);
    connection->is_reading = false;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
    return credit;
}

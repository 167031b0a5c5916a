#include "net/ending.h"

#include <stdlib.h>

#include "net/address_gate.h"
#include "net/connection.h"
#include "runtime/check.h"
#include "ws/reader.h"
#include "ws/writer.h"

/* Of what still comes after our good-bye so much is looked through for the client's, or thrown away. Who sends more does not listen: the rest is
 * not even read, since a flood would take the thread's time from everybody else. The client sees our last words all the same, since the socket
 * is not closed before its deadline; and a flood is not back at once with a new one. */
enum { LAST_BYTES_MAX = 256 * 1024 };

/* After our half is shut, the client gets so long to shut its own. */
enum { LINGER_MS = 1000 };

void connection_leave_actor(struct connection *connection, uint16_t code)
{
    struct net *net = connection->net;
    if (connection->has_actor)
        executor_send(&net->executor, &(struct message){ .type = CONN_GONE,
                                                         .to = connection->actor,
                                                         .from = connection->self,
                                                         .conn_close = { .code = code } });
    connection->has_actor = false;
}

void connection_give_slot_back(struct connection *connection)
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
    connection_give_slot_back(connection);
}

void connection_kill(struct connection *connection)
{
    struct net *net = connection->net;
    if (connection->state == CONNECTION_DEAD)
        return;
    connection_leave_actor(connection, 0);
    connection->state = CONNECTION_DEAD;
    wheel_cancel(&connection->deadline);
    if (connection->is_stalled) {
        struct connection **link = &net->stalled;
        while (*link != connection)
            link = &(*link)->next_stalled;
        *link = connection->next_stalled;
        connection->is_stalled = false;
    }
    writer_abandon(connection);
    reader_drop(connection);
    payload_free(&connection->held);
    free(connection->head);
    connection->head = NULL;
    free(connection->accept);
    connection->accept = NULL;
    address_gate_leave(connection);
    connection->is_reading = false;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    free(request);
}

void connection_on_output_done(struct connection *connection)
{
    connection->shuts_down = false;
    if (connection->state == CONNECTION_DEAD)
        return;
    uv_shutdown_t *request = malloc(sizeof *request);
    CHECK_MEMORY(request);
    if (uv_shutdown(request, (uv_stream_t *)&connection->tcp, on_shut_down) != 0) {
        free(request);
        connection_kill(connection);
        return;
    }
    connection_set_deadline(connection, LINGER_MS);
}

/* What still comes is thrown away. */
static void stop_understanding(struct connection *connection)
{
    reader_drop(connection);
    payload_free(&connection->held);
    connection_start_reading(connection);
}

void connection_linger(struct connection *connection)
{
    connection_leave_actor(connection, 0);
    connection->state = CONNECTION_LINGERING;
    connection_set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
    stop_understanding(connection);
    if (connection->state == CONNECTION_LINGERING)
        writer_shut_down(connection);
}

void connection_close(struct connection *connection, enum close_code code)
{
    switch ((enum connection_state)connection->state) {
    case CONNECTION_OPEN:
        connection_leave_actor(connection, 0);
        writer_put_close(connection, code);
        connection->state = CONNECTION_CLOSING;
        connection_set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
        connection_resume(connection); /* to see the client's close frame, whatever the credits */
        break;
    case CONNECTION_ENDING:
        writer_put_close(connection, (enum close_code)connection->ends_with);
        connection_linger(connection);
        break;
    case CONNECTION_REQUEST:
    case CONNECTION_ACCEPTING:
        connection_kill(connection);
        break;
    case CONNECTION_CLOSING:
    case CONNECTION_LINGERING:
    case CONNECTION_DEAD:
        break;
    }
}

void connection_end(struct connection *connection, enum close_code code)
{
    if (connection->state != CONNECTION_OPEN) { /* our close frame is out already */
        connection_linger(connection);
        return;
    }
    connection_leave_actor(connection, (uint16_t)code);
    connection->state = CONNECTION_ENDING;
    connection->ends_with = (uint16_t)code;
    connection_set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
    stop_understanding(connection);
}

void connection_fail(struct connection *connection, enum close_code code)
{
    metrics_add(connection->net->metrics, METRIC_PROTOCOL_ERRORS_TOTAL, 1);
    connection_end(connection, code);
}

static void discard(struct connection *connection, uint32_t length)
{
    connection->last_bytes += length;
    if (connection->last_bytes > LAST_BYTES_MAX)
        connection_stop_reading(connection);
}

/* For the client's close frame. */
static void look_through(struct connection *connection, const unsigned char *bytes, size_t length)
{
    connection->last_bytes += (uint32_t)length;
    if (connection->last_bytes <= LAST_BYTES_MAX)
        connection_feed(connection, bytes, length);
    else
        connection_linger(connection);
}

void connection_on_last_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
{
    if (connection->state == CONNECTION_CLOSING)
        look_through(connection, bytes, length);
    else
        discard(connection, (uint32_t)length);
}

#include "net/connection.h"

#include <sys/socket.h>

#include "http/reply.h"
#include "net/address_gate.h"
#include "net/ending.h"
#include "net/opening.h"
#include "runtime/check.h"
#include "ws/reader.h"
#include "ws/writer.h"

/* Connections beyond --max-connections that are still let in, so that health checks and refusals get through. */
enum { CONNECTIONS_SPARE = 64 };

void connection_set_deadline(struct connection *connection, uint64_t in_ms)
{
    struct net *net = connection->net;
    wheel_set(&net->wheel, &connection->deadline, uv_now(&net->executor.loop) + in_ms);
}

/* Reading. */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = (struct connection *)handle;
    struct net *net = connection->net;
    (void)suggested;
    /* libuv reads on as long as the buffer is filled, 32 times at most, while the others wait. Without room it leaves off (UV_ENOBUFS), and
     * epoll tells of the rest in the next turn. */
    if (net->last_to_fill == connection) {
        net->last_to_fill = NULL;
        *buffer = uv_buf_init(NULL, 0);
        return;
    }
    /* One buffer serves all: what is not used up within the callback is copied. */
    *buffer = uv_buf_init((char *)net->read_buffer, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

void connection_start_reading(struct connection *connection)
{
    if (connection->is_reading || connection->state == CONNECTION_DEAD)
        return;
    connection->is_reading = uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read) == 0;
    if (!connection->is_reading)
        connection_kill(connection);
}

void connection_stop_reading(struct connection *connection)
{
    uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->is_reading = false;
}

void connection_hold(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct payload *held = length > 0 ? payload_copy(bytes, length) : NULL;
    payload_free(&connection->held);
    connection->held = held;
    connection->held_from = 0;
}

void connection_resume(struct connection *connection)
{
    if ((connection->state != CONNECTION_OPEN && connection->state != CONNECTION_CLOSING) ||
        !connection_may_feed(connection))
        return;
    struct payload *held = connection->held;
    connection->held = NULL;
    if (held != NULL) {
        const size_t left = connection_feed(connection, held->bytes + connection->held_from, held->length - connection->held_from);
        if (left > 0) {
            connection->held = held;
            connection->held_from = held->length - (uint32_t)left;
            return;
        }
    }
    payload_free(&held);
    if (connection_may_feed(connection) && connection->state != CONNECTION_DEAD)
        connection_start_reading(connection);
}

/* Frames. */

size_t connection_feed(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct net *net = connection->net;
    size_t consumed = 0;
    enum close_code code;
    if (connection_may_feed(connection)) {
        switch (reader_feed(connection, bytes, length, &consumed, &code)) {
        case READER_MORE:
            break;
        case READER_CLOSED:
            connection_end(connection, code);
            return 0;
        case READER_FAILED:
            connection_fail(connection, code);
            return 0;
        }
    }
    /* Only now: a client that waits for answers itself has its credits back before it writes again, and to stop and start costs two
     * system calls. */
    if (consumed < length)
        connection_stop_reading(connection);
    if (reader_is_amid_message(connection) &&
        connection->deadline.tick > (uv_now(&net->executor.loop) + (uint64_t)net->options->message_timeout_ms) / WHEEL_TICK_MS)
        connection_set_deadline(connection, (uint64_t)net->options->message_timeout_ms);
    return length - consumed;
}

/* What has just been read, whatever of it may be taken. */
static void feed_and_hold(struct connection *connection, const unsigned char *bytes, size_t length)
{
    const size_t left = connection_feed(connection, bytes, length);
    if (left > 0)
        connection_hold(connection, bytes + (length - left), left);
}

static void stall(struct connection *connection)
{
    struct net *net = connection->net;
    if (connection->is_stalled)
        return;
    connection->is_stalled = true;
    connection->next_stalled = net->stalled;
    net->stalled = connection;
}

void connection_unstall(struct connection *connection)
{
    connection->is_stalled = false;
    connection_resume(connection);
}

void connection_on_text(struct connection *connection, struct payload *text, bool is_binary)
{
    struct net *net = connection->net;
    if (connection->state != CONNECTION_OPEN || !connection->has_actor) {
        payload_free(&text);
        return;
    }
    connection->credits--;
    metrics_add(net->metrics, METRIC_TEXTS_IN_TOTAL, 1);
    bool must_throttle = executor_send(&net->executor, &(struct message){ .type = CLIENT_TEXT,
                                                                          .to = connection->actor,
                                                                          .from = connection->self,
                                                                          .payload = text,
                                                                          .client_text = { .is_binary = is_binary } });
    if (must_throttle)
        stall(connection);
}

void connection_on_credit(struct connection *connection, uint32_t texts)
{
    connection->credits = (int16_t)(connection->credits + (int)texts);
    if (!connection->is_reading)
        connection_resume(connection);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = (struct connection *)stream;
    struct net *net = connection->net;
    if (length == 0 || length == UV_ENOBUFS)
        return;
    net->last_to_fill = (size_t)length == buffer->len ? connection : NULL;
    if (length < 0) {
        connection_kill(connection);
        return;
    }
    metrics_add(net->metrics, METRIC_READS_TOTAL, 1);
    metrics_add(net->metrics, METRIC_BYTES_IN_TOTAL, length);
    connection->last_read_ms = net_now_ms(net);
    connection->has_pinged = false;
    const unsigned char *bytes = (const unsigned char *)buffer->base;
    switch ((enum connection_state)connection->state) {
    case CONNECTION_REQUEST:
        opening_on_bytes(connection, bytes, (size_t)length);
        break;
    case CONNECTION_OPEN:
        feed_and_hold(connection, bytes, (size_t)length);
        break;
    case CONNECTION_CLOSING:
    case CONNECTION_ENDING:
    case CONNECTION_LINGERING:
        connection_on_last_bytes(connection, bytes, (size_t)length);
        break;
    case CONNECTION_ACCEPTING: /* nothing is held yet, or reading would have been stopped */
        connection_hold(connection, bytes, (size_t)length);
        connection_stop_reading(connection);
        break;
    case CONNECTION_DEAD:
        break;
    }
}

/* Time. */

/* An open connection: is a message late, is the client silent? */
static void check_liveness(struct connection *connection)
{
    struct net *net = connection->net;
    const struct options *options = net->options;
    uint32_t now_ms = net_now_ms(net);
    int64_t next_ms = options->ping_interval_ms;
    const int64_t patience_ms = options->ping_interval_ms + options->ping_timeout_ms;
    if (connection->is_writing && (int64_t)(now_ms - connection->write_since_ms) > patience_ms) {
        /* It has taken nothing for so long. Two of the kind in one chat would otherwise keep each other for ever. */
        metrics_add(net->metrics, METRIC_SLOW_READERS_TOTAL, 1);
        connection_kill(connection);
        return;
    }
    if (!connection->is_reading) {
        /* We keep it waiting ourselves, so its silence says nothing. */
        connection_set_deadline(connection, (uint64_t)next_ms);
        return;
    }
    if (reader_is_amid_message(connection)) {
        int64_t left_ms = options->message_timeout_ms - (int64_t)(now_ms - connection->message_since_ms);
        if (left_ms <= 0) {
            metrics_add(net->metrics, METRIC_MESSAGE_TIMEOUTS_TOTAL, 1);
            connection_fail(connection, CLOSE_POLICY_VIOLATION);
            return;
        }
        next_ms = left_ms;
    }
    int64_t silent_ms = now_ms - connection->last_read_ms;
    int64_t left_ms;
    if (connection->has_pinged) {
        left_ms = options->ping_timeout_ms - (int64_t)(now_ms - connection->pinged_ms);
        if (left_ms <= 0) {
            metrics_add(net->metrics, METRIC_PING_TIMEOUTS_TOTAL, 1);
            connection_kill(connection);
            return;
        }
    } else if (silent_ms >= options->ping_interval_ms) {
        writer_put_frame(connection, WSLAY_PING, NULL, 0);
        connection->has_pinged = true;
        connection->pinged_ms = now_ms;
        left_ms = options->ping_timeout_ms;
    } else {
        left_ms = options->ping_interval_ms - silent_ms;
    }
    connection_set_deadline(connection, (uint64_t)(left_ms < next_ms ? left_ms : next_ms));
}

void connection_on_deadline(struct connection *connection)
{
    switch ((enum connection_state)connection->state) {
    case CONNECTION_REQUEST:
        metrics_add(connection->net->metrics, METRIC_HANDSHAKE_TIMEOUTS_TOTAL, 1);
        connection_kill(connection);
        break;
    case CONNECTION_OPEN:
        check_liveness(connection);
        break;
    case CONNECTION_ACCEPTING: /* our own session thread is late: give it the time */
        connection_set_deadline(connection, (uint64_t)connection->net->options->handshake_timeout_ms);
        break;
    case CONNECTION_ENDING: /* our own session thread is late */
        connection_close(connection, CLOSE_GOING_AWAY);
        break;
    case CONNECTION_CLOSING:
    case CONNECTION_LINGERING:
        connection_kill(connection);
        break;
    case CONNECTION_DEAD:
        break;
    }
}

/* The beginning. */

void connection_peer_address(const struct connection *connection, uint8_t address[ADDRESS_BYTES])
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    int length = sizeof peer;
    uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&peer, &length);
    client_address_of_socket(address, (const struct sockaddr *)&peer);
}

/* Far too many: a word if the socket takes it at once, and the descriptor back. */
static void refuse_and_kill(struct connection *connection, int status)
{
    char text[1024];
    uv_buf_t buffer = uv_buf_init(text, (unsigned)http_reply_refusal(text, sizeof text, status, false));
    if (status == 503)
        metrics_add(connection->net->metrics, METRIC_SERVER_FULL_TOTAL, 1);
    uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    connection_kill(connection);
}

void connection_accept(struct net *net, uv_stream_t *listener)
{
    uint32_t slot, generation;
    struct connection *connection = slab_take(&net->connections, &slot, &generation);
    CHECK(connection != NULL); /* the slab is larger than the descriptor limit */
    connection->net = net;
    connection->self = (struct address){ .generation = generation,
                                         .slot = slot & 0xFFFFFFu,
                                         .thread = (uint8_t)mailbox_thread(net->executor.mailbox) };
    connection->credits = CREDITS;
    uv_tcp_init(&net->executor.loop, &connection->tcp);
    metrics_add(net->metrics, METRIC_CONNECTIONS, 1);
    int error = uv_accept(listener, (uv_stream_t *)&connection->tcp);
    if (error != 0) {
        metrics_add(net->metrics, METRIC_ACCEPT_ERRORS_TOTAL, 1);
        connection_kill(connection);
        return;
    }
    metrics_add(net->metrics, METRIC_CONNECTIONS_TOTAL, 1);
    connection->last_read_ms = net_now_ms(net);
    connection_set_deadline(connection, (uint64_t)net->options->handshake_timeout_ms);
    if (metrics_sum(net->metrics_sets, net->metrics_count, METRIC_CONNECTIONS) > net->max_connections + CONNECTIONS_SPARE) {
        refuse_and_kill(connection, 503);
        return;
    }
    if (!address_gate_arrive(connection)) {
        refuse_and_kill(connection, 429);
        return;
    }
    connection_start_reading(connection);
}

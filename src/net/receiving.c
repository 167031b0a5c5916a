#include "net/receiving.h"

/* So much is read before a guest is served. With a payload for each text and one for each event it still fits into a cache of the first level. 200 users
 * with 16 texts each in one poll cost 0.54 of user time for each second in the kernel when the guest came to them at the end, 0.38 to 0.42 in portions of
 * 6 to 48 KiB; to write what each portion has brought at once, too, costs the kernel more than it saves. */
enum { UNSERVED_BYTES_MAX = 8 * 1024 };

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

bool receiving_start(struct connection *connection, uv_read_cb on_read)
{
    if (!connection->is_reading)
        connection->is_reading = uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read) == 0;
    return connection->is_reading;
}

void receiving_stop(struct connection *connection)
{
    uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->is_reading = false;
}

bool receiving_note(struct connection *connection, ssize_t length, const uv_buf_t *buffer)
{
    struct net *net = connection->net;
    if (length == 0 || length == UV_ENOBUFS)
        return false;
    net->last_to_fill = (size_t)length == buffer->len ? connection : NULL;
    if (length < 0)
        return true;
    metrics_add(net->metrics, METRIC_READS_TOTAL, 1);
    metrics_add(net->metrics, METRIC_BYTES_IN_TOTAL, length);
    net->unserved_bytes += (uint32_t)length;
    connection->last_read_ms = net_now_ms(net);
    connection->has_pinged = false;
    return true;
}

void receiving_hold(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct payload *held = length > 0 ? payload_copy(bytes, length) : NULL;
    payload_free(&connection->held);
    connection->held = held;
    connection->held_from = 0;
}

void receiving_done(struct net *net)
{
    if (net->unserved_bytes < UNSERVED_BYTES_MAX)
        return;
    net->unserved_bytes = 0;
    executor_serve_guest(&net->executor);
}

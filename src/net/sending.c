#include "net/sending.h"

#include <stdlib.h>

#include "net/socket.h"
#include "runtime/check.h"

struct write {
    uv_write_t request;
    struct connection *connection;
    void (*on_done)(struct connection *connection, enum sending_result result);
};

void sending_mark(struct connection *connection)
{
    if (connection->is_dirty)
        return;
    connection->is_dirty = true;
    connection->next_dirty = connection->net->dirty;
    connection->net->dirty = connection;
}

void sending_unmark(struct connection *connection)
{
    if (!connection->is_dirty)
        return;
    struct connection **link = &connection->net->dirty;
    while (*link != connection)
        link = &(*link)->next_dirty;
    *link = connection->next_dirty;
    connection->is_dirty = false;
}

struct connection *sending_next(struct net *net)
{
    struct connection *connection = net->dirty;
    if (connection == NULL)
        return NULL;
    net->dirty = connection->next_dirty;
    connection->is_dirty = false;
    return connection;
}

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct connection *connection = write->connection;
    connection->is_writing = false;
    writer_discard(&connection->net->writers, &connection->writer);
    write->on_done(connection, status == 0 ? SENDING_DONE : SENDING_FAILED);
    free(write);
}

/* What the kernel has no room for yet. */
static enum sending_result write_later(struct connection *connection, struct iovec parts[2], unsigned count,
                                       void (*on_done)(struct connection *connection, enum sending_result result))
{
    uv_buf_t buffers[2];
    for (unsigned i = 0; i < count; i++)
        buffers[i] = uv_buf_init(parts[i].iov_base, (unsigned)parts[i].iov_len);
    struct write *write = malloc(sizeof *write);
    CHECK_MEMORY(write);
    write->connection = connection;
    write->on_done = on_done;
    if (uv_write(&write->request, (uv_stream_t *)&connection->tcp, buffers, count, on_written) != 0) {
        free(write);
        return SENDING_FAILED;
    }
    connection->is_writing = true;
    connection->write_since_ms = net_now_ms(connection->net);
    return SENDING_NOTHING;
}

/* Flow control bounds what a partner can send ahead of a reader; this bounds everything. */
static bool is_slow(const struct connection *connection)
{
    return writer_bytes(&connection->writer) > (size_t)connection->net->options->write_queue;
}

enum sending_result sending_flush(struct connection *connection,
                                  void (*on_done)(struct connection *connection, enum sending_result result))
{
    struct net *net = connection->net;
    struct writer *writer = &connection->writer;
    if (!writer_has_output(writer) || connection->state == CONNECTION_DEAD)
        return SENDING_NOTHING;
    if (connection->is_writing)
        return is_slow(connection) ? SENDING_SLOW : SENDING_NOTHING;

    struct iovec parts[2];
    metrics_add(net->metrics, METRIC_WRITES_TOTAL, 1);
    metrics_add(net->metrics, METRIC_BYTES_OUT_TOTAL, (int64_t)writer_bytes(writer));
    unsigned count = writer_take(writer, parts);
    ssize_t sent = socket_send(&connection->tcp, parts, count);
    enum sending_result result = SENDING_FAILED;
    if (sent >= 0 || sent == UV_EAGAIN) {
        count = writer_sent(&net->writers, writer, sent > 0 ? (size_t)sent : 0, parts);
        if (count == 0)
            return SENDING_DONE;
        result = write_later(connection, parts, count, on_done);
    }
    if (result == SENDING_FAILED)
        writer_discard(&net->writers, writer);
    else if (is_slow(connection))
        result = SENDING_SLOW;
    return result;
}

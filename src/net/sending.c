#include "net/sending.h"

#include <stdlib.h>

#include "net/sealing.h"
#include "net/socket.h"
#include "runtime/check.h"

typedef void on_sent_fn(struct connection *connection, enum sending_result result);

struct write {
    uv_write_t request;
    struct connection *connection;
    on_sent_fn *on_done;
    struct payload *sealed; /* NULL: the bytes are the writer's */
    size_t plain;           /* sealed: so many of the writer's bytes are in it */
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

static enum sending_result send_on(struct connection *connection, size_t plain, on_sent_fn *on_done);

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct connection *connection = write->connection;
    enum sending_result result = status == 0 ? SENDING_DONE : SENDING_FAILED;
    connection->is_writing = false;
    const bool is_dead = connection->state == CONNECTION_DEAD; /* since the write, and before it was told of */
    if (result == SENDING_DONE && write->sealed != NULL && !is_dead)
        result = send_on(connection, write->plain, write->on_done);
    if (result == SENDING_FAILED || write->sealed == NULL || is_dead)
        writer_discard(&connection->net->writers, &connection->writer);
    write->on_done(connection, result);
    payload_free(&write->sealed);
    free(write);
}

/* What the kernel has no room for yet. Takes `sealed` over, unless it fails. */
static enum sending_result write_later(struct connection *connection, const uv_buf_t buffers[], unsigned count, struct payload *sealed, size_t plain,
                                       on_sent_fn *on_done)
{
    struct write *write = malloc(sizeof *write);
    CHECK_MEMORY(write);
    *write = (struct write){ .connection = connection, .on_done = on_done, .sealed = sealed, .plain = plain };
    if (uv_write(&write->request, (uv_stream_t *)&connection->tcp, buffers, count, on_written) != 0) {
        free(write);
        return SENDING_FAILED;
    }
    connection->is_writing = true;
    connection->write_since_ms = net_now_ms(connection->net);
    return SENDING_NOTHING;
}

static enum sending_result write_parts_later(struct connection *connection, const struct iovec parts[2], unsigned count, on_sent_fn *on_done)
{
    uv_buf_t buffers[2];
    for (unsigned i = 0; i < count; i++)
        buffers[i] = uv_buf_init(parts[i].iov_base, (unsigned)parts[i].iov_len);
    return write_later(connection, buffers, count, NULL, 0, on_done);
}

/* With TLS. */

/* What has been sealed, in which so many of the writer's bytes are. */
static enum sending_result send_sealed(struct connection *connection, size_t plain, on_sent_fn *on_done)
{
    struct payload *sealed = sealing_take_output(connection);
    if (sealed == NULL)
        return SENDING_DONE;
    struct iovec part = { .iov_base = sealed->bytes, .iov_len = sealed->length };
    metrics_add(connection->net->metrics, METRIC_WRITES_TOTAL, 1);
    metrics_add(connection->net->metrics, METRIC_BYTES_OUT_TOTAL, sealed->length);
    ssize_t sent = socket_send(&connection->tcp, &part, 1);
    enum sending_result result = sent == (ssize_t)sealed->length ? SENDING_DONE : SENDING_FAILED;
    if (sent == UV_EAGAIN)
        sent = 0;
    if (result == SENDING_FAILED && sent >= 0) {
        const uv_buf_t rest = uv_buf_init((char *)sealed->bytes + sent, sealed->length - (unsigned)sent);
        result = write_later(connection, &rest, 1, sealed, plain, on_done);
    }
    if (result != SENDING_NOTHING)
        payload_free(&sealed);
    return result;
}

/* Seal and send these parts of the writer's, and what libssl has to say, until the socket takes no more. */
static enum sending_result send_parts(struct connection *connection, struct iovec parts[2], unsigned count, on_sent_fn *on_done)
{
    struct net *net = connection->net;
    for (;;) {
        size_t left = 0, plain = 0;
        for (unsigned i = 0; i < count; i++)
            left += parts[i].iov_len;
        if (left > 0 && (plain = sealing_seal(connection, parts, count)) == 0)
            return SENDING_FAILED;
        if (plain == left && connection->shuts_down)
            sealing_say_good_bye(connection);
        const enum sending_result result = send_sealed(connection, plain, on_done);
        if (result != SENDING_DONE || left == 0)
            return result;
        count = writer_sent(&net->writers, &connection->writer, plain, parts);
        if (count == 0)
            return SENDING_DONE;
    }
}

/* So many bytes of the writer's more have left. */
static enum sending_result send_on(struct connection *connection, size_t plain, on_sent_fn *on_done)
{
    struct iovec parts[2];
    const unsigned count = plain > 0 ? writer_sent(&connection->net->writers, &connection->writer, plain, parts) : 0;
    return send_parts(connection, parts, count, on_done);
}

static enum sending_result flush_sealed(struct connection *connection, on_sent_fn *on_done)
{
    struct iovec parts[2];
    const unsigned count = writer_has_output(&connection->writer) ? writer_take(&connection->writer, parts) : 0;
    return send_parts(connection, parts, count, on_done);
}

/* Either way. */

/* Flow control bounds what a partner can send ahead of a reader; this bounds everything. */
static bool is_slow(const struct connection *connection)
{
    return writer_bytes(&connection->writer) > (size_t)connection->net->options->write_queue;
}

/* Flattened, since every text of a plain connection goes through it: without that TLS, which calls the same functions, costs those without it 2 % of their
 * instructions (callgrind, one text in flight). */
__attribute__((flatten)) static enum sending_result flush_plain(struct connection *connection, on_sent_fn *on_done)
{
    struct net *net = connection->net;
    struct writer *writer = &connection->writer;
    struct iovec parts[2];
    metrics_add(net->metrics, METRIC_WRITES_TOTAL, 1);
    metrics_add(net->metrics, METRIC_BYTES_OUT_TOTAL, (int64_t)writer_bytes(writer));
    unsigned count = writer_take(writer, parts);
    ssize_t sent = socket_send(&connection->tcp, parts, count);
    if (sent < 0 && sent != UV_EAGAIN)
        return SENDING_FAILED;
    count = writer_sent(&net->writers, writer, sent > 0 ? (size_t)sent : 0, parts);
    return count == 0 ? SENDING_DONE : write_parts_later(connection, parts, count, on_done);
}

enum sending_result sending_flush(struct connection *connection, on_sent_fn *on_done)
{
    if (!sending_has_output(connection) || connection->state == CONNECTION_DEAD)
        return SENDING_NOTHING;
    if (connection->is_writing)
        return is_slow(connection) ? SENDING_SLOW : SENDING_NOTHING;
    const enum sending_result result = sealing_of(connection) != NULL ? flush_sealed(connection, on_done) : flush_plain(connection, on_done);
    if (result == SENDING_FAILED)
        writer_discard(&connection->net->writers, &connection->writer);
    else if (result == SENDING_NOTHING && is_slow(connection))
        return SENDING_SLOW;
    return result;
}

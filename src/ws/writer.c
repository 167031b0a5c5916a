#include "ws/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/connection.h"
#include "net/ending.h"
#include "runtime/check.h"

/* Outputs of this size are kept for the next to come; larger ones are freed. */
enum { OUTPUT_BYTES = 4096, OUTPUTS_KEPT = 256 };

struct output {
    struct output *next; /* among the free ones */
    uint32_t length, capacity;
    const unsigned char *constant; /* goes out behind bytes */
    uint32_t constant_length;
    unsigned char bytes[];
};

struct write {
    uv_write_t request;
    struct connection *connection;
    struct output *output;
};

static struct output *output_take(struct net *net, size_t length)
{
    struct output *output = net->free_outputs;
    if (length <= OUTPUT_BYTES && output != NULL) {
        net->free_outputs = output->next;
        net->free_output_count--;
    } else {
        size_t capacity = length <= OUTPUT_BYTES ? OUTPUT_BYTES : length * 2;
        output = malloc(sizeof *output + capacity);
        CHECK_MEMORY(output);
        output->capacity = (uint32_t)capacity;
    }
    output->length = output->constant_length = 0;
    output->constant = NULL;
    return output;
}

static void output_give_back(struct net *net, struct output *output)
{
    if (output->capacity != OUTPUT_BYTES || net->free_output_count >= OUTPUTS_KEPT) {
        free(output);
        return;
    }
    output->next = net->free_outputs;
    net->free_outputs = output;
    net->free_output_count++;
}

static ssize_t put_encoded(const uint8_t *bytes, size_t length, int flags, void *user_data)
{
    struct net *net = user_data;
    (void)flags;
    writer_put_bytes(net->encoding, bytes, length);
    return (ssize_t)length;
}

bool writer_init(struct net *net)
{
    static const struct wslay_frame_callbacks callbacks = { .send_callback = put_encoded };
    return wslay_frame_context_init(&net->encoder, &callbacks, net) == 0;
}

void writer_fini(struct net *net)
{
    wslay_frame_context_free(net->encoder);
    while (net->free_outputs != NULL) {
        struct output *output = net->free_outputs;
        net->free_outputs = output->next;
        free(output);
    }
}

static void mark_dirty(struct connection *connection)
{
    if (connection->is_dirty)
        return;
    connection->is_dirty = true;
    connection->next_dirty = connection->net->dirty;
    connection->net->dirty = connection;
}

void writer_put_bytes(struct connection *connection, const void *bytes, size_t length)
{
    struct net *net = connection->net;
    struct output *output = connection->output;
    if (length == 0)
        return;
    CHECK(output == NULL || output->constant == NULL);
    if (output == NULL) {
        output = connection->output = output_take(net, length);
    } else if (output->length + length > output->capacity) {
        struct output *grown = output_take(net, output->length + length);
        memcpy(grown->bytes, output->bytes, output->length);
        grown->length = output->length;
        output_give_back(net, output);
        output = connection->output = grown;
    }
    memcpy(output->bytes + output->length, bytes, length);
    output->length += (uint32_t)length;
    mark_dirty(connection);
}

void writer_put_constant(struct connection *connection, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    CHECK(connection->output != NULL && connection->output->constant == NULL);
    connection->output->constant = bytes;
    connection->output->constant_length = (uint32_t)length;
}

void writer_put_frame(struct connection *connection, enum wslay_opcode opcode, const void *bytes, size_t length)
{
    struct net *net = connection->net;
    struct wslay_frame_iocb frame = {
        .fin = 1, .opcode = (uint8_t)opcode, .payload_length = length, .data = bytes, .data_length = length
    };
    net->encoding = connection;
    ssize_t sent = wslay_frame_send(net->encoder, &frame);
    CHECK(sent == (ssize_t)length); /* put_encoded() takes everything at once */
}

void writer_put_close(struct connection *connection, enum close_code code)
{
    const uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)(code & 0xFF) };
    writer_put_frame(connection, WSLAY_CONNECTION_CLOSE, payload, code == CLOSE_NO_STATUS ? 0 : sizeof payload);
}

/* Credits. */

void writer_give_credit(struct net *net, struct address writer, uint32_t texts)
{
    if (texts == 0 || address_is_nobody(writer))
        return;
    if (writer.thread != mailbox_thread(net->executor.mailbox)) {
        executor_send(&net->executor,
                      &(struct message){ .type = TEXT_WRITTEN, .to = writer, .credit = { .texts = texts } });
        return;
    }
    struct connection *connection = slab_find(&net->connections, writer.slot, writer.generation);
    if (connection != NULL)
        connection_on_credit(connection, texts);
}

static void settle(struct connection *connection)
{
    uint32_t texts = connection->owed_written;
    connection->owed_written = 0;
    connection->settles = false;
    writer_give_credit(connection->net, connection->owed_to, texts);
}

void writer_put_event(struct connection *connection, enum wslay_opcode opcode, const struct payload *payload,
                      struct address writer)
{
    if (address_is_nobody(writer) || address_equals(writer, connection->self)) {
        connection->own_queued += address_is_nobody(writer) ? 0 : 1;
        connection->settles = true;
    } else {
        if (!address_equals(writer, connection->owed_to)) {
            /* A new partner. What the old one wrote is as good as written: nobody waits for it any more. */
            connection->owed_written += connection->owed_queued + connection->owed_writing;
            connection->owed_queued = connection->owed_writing = 0;
            settle(connection);
            connection->owed_to = writer;
        }
        connection->owed_queued++;
    }
    writer_put_frame(connection, opcode, payload->bytes, payload->length);
}

/* Everything handed to the kernel so far has been taken by it. */
static void on_all_written(struct connection *connection)
{
    connection->owed_written += connection->owed_writing;
    connection->owed_writing = 0;
    uint32_t own = connection->own_writing;
    connection->own_writing = 0;
    bool is_writer_here = connection->owed_to.thread == connection->self.thread;
    if (is_writer_here || connection->owed_written >= CREDIT_LOT || (connection->settles && connection->owed_queued == 0))
        settle(connection);
    if (own > 0 || connection->begins) {
        connection->begins = false;
        connection_on_credit(connection, own);
    }
    if (connection->shuts_down && connection->output == NULL)
        connection_on_output_done(connection);
}

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct connection *connection = write->connection;
    connection->is_writing = false;
    connection->written_bytes = 0;
    output_give_back(connection->net, write->output);
    free(write);
    if (status != 0) {
        connection_kill(connection);
        return;
    }
    on_all_written(connection);
    if (connection->output != NULL)
        mark_dirty(connection);
}

/* Flow control bounds what a partner can send ahead of a reader; this bounds everything. */
static void give_up_if_slow(struct connection *connection, size_t queued_bytes)
{
    struct net *net = connection->net;
    if (queued_bytes <= (size_t)net->options->write_queue)
        return;
    metrics_add(net->metrics, METRIC_SLOW_READERS_TOTAL, 1);
    connection_kill(connection);
}

static uint32_t output_bytes(const struct output *output)
{
    return output->length + output->constant_length;
}

/* What is left of an output once so many bytes are sent. Returns the number of buffers, 0 for nothing. */
static unsigned output_rest(const struct output *output, uint32_t sent, uv_buf_t buffers[2])
{
    unsigned count = 0;
    if (sent < output->length)
        buffers[count++] = uv_buf_init((char *)(uintptr_t)(output->bytes + sent), output->length - sent);
    uint32_t constant_sent = sent > output->length ? sent - output->length : 0;
    if (constant_sent < output->constant_length)
        buffers[count++] = uv_buf_init((char *)(uintptr_t)(output->constant + constant_sent),
                                       output->constant_length - constant_sent);
    return count;
}

/* As uv_try_write(), which is for any stream and calls write(): on a socket send() has less to go through. Returns the bytes taken, or a libuv
 * error. */
static ssize_t send_now(const struct connection *connection, uv_buf_t buffers[2], unsigned count)
{
    uv_os_fd_t fd;
    int error = uv_fileno((const uv_handle_t *)&connection->tcp, &fd);
    if (error != 0)
        return error;
    struct iovec parts[2];
    for (unsigned i = 0; i < count; i++)
        parts[i] = (struct iovec){ .iov_base = buffers[i].base, .iov_len = buffers[i].len };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
    ssize_t sent;
    do {
        sent = count == 1 ? send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                          : sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? uv_translate_sys_error(errno) : sent;
}

static void flush(struct connection *connection)
{
    struct net *net = connection->net;
    if (connection->output == NULL || connection->state == CONNECTION_DEAD)
        return;
    if (connection->is_writing) { /* on_written() comes back to it */
        give_up_if_slow(connection, (size_t)connection->written_bytes + output_bytes(connection->output));
        return;
    }

    struct output *output = connection->output;
    connection->output = NULL;
    connection->owed_writing += connection->owed_queued;
    connection->own_writing += connection->own_queued;
    connection->owed_queued = connection->own_queued = 0;

    uv_buf_t buffers[2];
    unsigned count = output_rest(output, 0, buffers);
    ssize_t written = send_now(connection, buffers, count);
    metrics_add(net->metrics, METRIC_WRITES_TOTAL, 1);
    metrics_add(net->metrics, METRIC_BYTES_OUT_TOTAL, output_bytes(output));
    if (written < 0 && written != UV_EAGAIN) {
        output_give_back(net, output);
        connection_kill(connection);
        return;
    }
    uint32_t sent = written > 0 ? (uint32_t)written : 0;
    count = output_rest(output, sent, buffers);
    if (count == 0) {
        output_give_back(net, output);
        on_all_written(connection);
        return;
    }
    struct write *write = malloc(sizeof *write);
    CHECK_MEMORY(write);
    write->connection = connection;
    write->output = output;
    connection->is_writing = true;
    connection->write_since_ms = net_now_ms(net);
    connection->written_bytes = output_bytes(output) - sent;
    int error = uv_write(&write->request, (uv_stream_t *)&connection->tcp, buffers, count, on_written);
    if (error != 0) {
        connection->is_writing = false;
        output_give_back(net, output);
        free(write);
        connection_kill(connection);
        return;
    }
    give_up_if_slow(connection, connection->written_bytes);
}

void writer_flush_all(struct net *net)
{
    while (net->dirty != NULL) {
        struct connection *connection = net->dirty;
        net->dirty = connection->next_dirty;
        connection->is_dirty = false;
        flush(connection);
    }
}

void writer_shut_down(struct connection *connection)
{
    connection->shuts_down = true;
    if (connection->output == NULL && !connection->is_writing)
        connection_on_output_done(connection);
}

void writer_abandon(struct connection *connection)
{
    struct net *net = connection->net;
    connection->owed_written += connection->owed_queued + connection->owed_writing;
    connection->owed_queued = connection->owed_writing = 0;
    settle(connection);
    connection->own_queued = connection->own_writing = 0;
    if (connection->output != NULL)
        output_give_back(net, connection->output);
    connection->output = NULL;
    if (connection->is_dirty) {
        struct connection **link = &net->dirty;
        while (*link != connection)
            link = &(*link)->next_dirty;
        *link = connection->next_dirty;
        connection->is_dirty = false;
    }
}

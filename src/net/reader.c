#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "net/connection.h"
#include "net/plain_frame.h"
#include "net/writer.h"

enum { READERS_KEPT = 64 };

/* More frames than this in one message serve nobody but an attacker, unless they carry so much on average. */
enum { FRAGMENTS_MAX = 64, FRAGMENT_BYTES = 32 };

/* wslay takes so much at once and delivers all messages in it, so this bounds how far credits are overdrawn. */
enum { SLICE_BYTES = 512 };

struct reader {
    wslay_event_context_ptr context;
    struct connection *borrower;
    struct reader *next; /* in the pool */
    const unsigned char *bytes;
    size_t length;
    struct payload *text; /* the message, as far as it has come; NULL: nothing has */
    uint64_t fed;    /* bytes given to wslay in all */
    uint64_t framed; /* bytes of all frames that have begun */
    unsigned fragments;
    bool is_message_open;
    uint8_t opcode;   /* of the frame that is coming in */
    bool has_close;   /* the client's close frame came */
    uint16_t close_code; /* has_close: what it says */
    uint8_t close_length;
    uint8_t close_bytes[2]; /* the beginning of a close frame */
    uint16_t failure; /* enum close_code, or 0 */
};

static ssize_t give_bytes(wslay_event_context_ptr context, uint8_t *buffer, size_t room, int flags, void *user_data)
{
    struct reader *reader = user_data;
    (void)flags;
    if (reader->length == 0 || !connection_may_feed(reader->borrower)) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t given = reader->length < SLICE_BYTES ? reader->length : SLICE_BYTES;
    given = given < room ? given : room;
    memcpy(buffer, reader->bytes, given);
    reader->bytes += given;
    reader->length -= given;
    reader->fed += given;
    return (ssize_t)given;
}

/* wslay only reads. What it would write goes nowhere: pongs and close frames are put into the output in their place among the others. */
static ssize_t drop_bytes(wslay_event_context_ptr context, const uint8_t *bytes, size_t length, int flags,
                          void *user_data)
{
    (void)context;
    (void)bytes;
    (void)flags;
    (void)user_data;
    return (ssize_t)length;
}

static void fail(struct reader *reader, enum close_code code)
{
    if (reader->failure == 0)
        reader->failure = (uint16_t)code;
    wslay_event_shutdown_read(reader->context);
}

static void on_frame_start(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *frame,
                           void *user_data)
{
    struct reader *reader = user_data;
    (void)context;
    const size_t mask_bytes = 4; /* wslay has refused a frame without a mask */
    size_t extended_bytes = frame->payload_length > 0xFFFF ? 8 : frame->payload_length > 125 ? 2 : 0;
    reader->framed += 2 + extended_bytes + mask_bytes + frame->payload_length;
    if (frame->opcode != WSLAY_CONTINUATION_FRAME && !reader->is_message_open)
        reader->borrower->message_since_ms = net_now_ms(reader->borrower->net);
    reader->opcode = frame->opcode;
    if (wslay_is_ctrl_frame(frame->opcode))
        return;
    reader->fragments = frame->opcode == WSLAY_CONTINUATION_FRAME ? reader->fragments + 1 : 1;
    reader->is_message_open = !frame->fin;
    /* wslay has compared the length of this frame, not that of the message. */
    uint64_t message_bytes = frame->payload_length + (reader->text != NULL ? reader->text->length : 0);
    if (frame->opcode == WSLAY_BINARY_FRAME && !reader->borrower->net->accepts_binary)
        fail(reader, CLOSE_UNSUPPORTED_DATA);
    else if (reader->fragments > FRAGMENTS_MAX + message_bytes / FRAGMENT_BYTES)
        fail(reader, CLOSE_POLICY_VIOLATION);
    else if (message_bytes > (uint64_t)reader->borrower->net->options->max_message)
        fail(reader, CLOSE_TOO_BIG);
}

/* wslay would collect the message in pieces from malloc, and copy them together; we collect it where it is to be sent on. */
static void on_frame_chunk(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                           void *user_data)
{
    struct reader *reader = user_data;
    (void)context;
    if (reader->opcode == WSLAY_CONNECTION_CLOSE) {
        for (size_t i = 0; i < chunk->data_length && reader->close_length < sizeof reader->close_bytes; i++)
            reader->close_bytes[reader->close_length++] = chunk->data[i];
        return;
    }
    if (wslay_is_ctrl_frame(reader->opcode) || reader->failure != 0 || reader->borrower->state != CONNECTION_OPEN)
        return;
    if (reader->text == NULL)
        reader->text = payload_new(chunk->data_length);
    payload_append(&reader->text, chunk->data, chunk->data_length);
}

static void on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
                       void *user_data)
{
    struct reader *reader = user_data;
    (void)context;
    if (reader->failure != 0)
        return;
    if (!wslay_is_ctrl_frame(message->opcode)) {
        struct payload *text = reader->text;
        reader->text = NULL;
        connection_on_text(reader->borrower, text != NULL ? text : payload_new(0), message->opcode == WSLAY_BINARY_FRAME);
    } else if (message->opcode == WSLAY_PING) {
        /* Once our own close frame is out nothing may follow it. */
        if (reader->borrower->state == CONNECTION_OPEN)
            writer_put_frame(reader->borrower, WSLAY_PONG, message->msg, message->msg_length);
    } else if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        /* Half of a status code: wslay lets it pass. */
        if (message->msg_length == 1)
            fail(reader, CLOSE_PROTOCOL_ERROR);
        reader->has_close = message->msg_length != 1;
        reader->close_code = message->msg_length == 0 ? CLOSE_NO_STATUS : message->status_code;
    }
}

static void borrow(struct connection *connection)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = give_bytes,
        .send_callback = drop_bytes,
        .on_frame_recv_start_callback = on_frame_start,
        .on_frame_recv_chunk_callback = on_frame_chunk,
        .on_msg_recv_callback = on_message,
    };
    struct net *net = connection->net;
    struct reader *reader = net->free_readers;
    if (reader != NULL) {
        net->free_readers = reader->next;
        net->free_reader_count--;
    } else {
        reader = calloc(1, sizeof *reader);
        CHECK_MEMORY(reader);
        CHECK(wslay_event_context_server_init(&reader->context, &callbacks, reader) == 0);
        wslay_event_config_set_no_buffering(reader->context, 1);
        wslay_event_config_set_max_recv_msg_length(reader->context, (uint64_t)net->options->max_message);
    }
    reader->fed = reader->framed = 0;
    reader->fragments = 0;
    reader->is_message_open = false;
    reader->borrower = connection;
    connection->reader = reader;
    connection->message_since_ms = net_now_ms(net);
}

static void destroy(struct reader *reader)
{
    wslay_event_context_free(reader->context);
    payload_free(&reader->text);
    free(reader);
}

void reader_drop(struct connection *connection)
{
    if (connection->reader != NULL)
        destroy(connection->reader);
    connection->reader = NULL;
}

void reader_fini(struct net *net)
{
    while (net->free_readers != NULL) {
        struct reader *reader = net->free_readers;
        net->free_readers = reader->next;
        destroy(reader);
    }
}

bool reader_is_amid_message(const struct connection *connection)
{
    const struct reader *reader = connection->reader;
    return reader != NULL && (reader->fed != reader->framed || reader->is_message_open);
}

static void give_back(struct connection *connection)
{
    struct net *net = connection->net;
    struct reader *reader = connection->reader;
    connection->reader = NULL;
    reader->borrower = NULL;
    if (net->free_reader_count >= READERS_KEPT) {
        destroy(reader);
        return;
    }
    reader->next = net->free_readers;
    net->free_readers = reader;
    net->free_reader_count++;
}

/* wslay itself objects to something: it has queued a close frame, whose code tells what it was. */
static void on_objection(struct reader *reader)
{
    uint16_t code = wslay_event_get_status_code_sent(reader->context);
    uint16_t client_code = (uint16_t)(reader->close_bytes[0] << 8 | reader->close_bytes[1]);
    if (code == CLOSE_INVALID_DATA || code == CLOSE_TOO_BIG) {
        reader->failure = code;
    } else if (client_code >= CLOSE_SERVICE_RESTART && client_code <= CLOSE_BAD_GATEWAY) {
        /* It does not know the codes that were registered after the RFC (section 7.4.2). */
        reader->has_close = true;
        reader->close_code = client_code;
    } else {
        reader->failure = CLOSE_PROTOCOL_ERROR;
    }
}

/* Between two messages: take those that come in plain frames. Returns how many bytes they had. */
static size_t take_plain_frames(struct connection *connection, const unsigned char *bytes, size_t length)
{
    const size_t longest = (size_t)connection->net->options->max_message;
    size_t at = 0;
    while (at < length && connection->state == CONNECTION_OPEN && connection_may_feed(connection)) {
        struct payload *text;
        size_t taken = plain_frame_take(bytes + at, length - at, longest, &text);
        if (taken == 0)
            break;
        at += taken;
        connection_on_text(connection, text, false);
    }
    return at;
}

enum reader_result reader_feed(struct connection *connection, const unsigned char *bytes, size_t length,
                               size_t *consumed, enum close_code *code)
{
    size_t plain = 0;
    if (connection->reader == NULL) {
        plain = take_plain_frames(connection, bytes, length);
        if (plain == length || !connection_may_feed(connection)) {
            *consumed = plain;
            return READER_MORE;
        }
        borrow(connection);
    }
    struct reader *reader = connection->reader;
    reader->bytes = bytes + plain;
    reader->length = length - plain;
    int error = wslay_event_recv(reader->context);
    *consumed = length - reader->length;

    wslay_event_send(reader->context); /* to nowhere */
    if (!wslay_event_get_read_enabled(reader->context) && !reader->has_close && reader->failure == 0)
        on_objection(reader);
    else if (error != 0 && reader->failure == 0)
        reader->failure = CLOSE_PROTOCOL_ERROR;
    if (reader->failure != 0) {
        *code = (enum close_code)reader->failure;
        return READER_FAILED;
    }
    if (reader->has_close) {
        *code = (enum close_code)reader->close_code;
        return READER_CLOSED;
    }
    if (!reader_is_amid_message(connection))
        give_back(connection);
    return READER_MORE;
}

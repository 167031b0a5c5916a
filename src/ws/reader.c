#include "ws/reader.h"

#include <stdlib.h>
#include <string.h>

#include "net/connection.h"
#include "runtime/check.h"
#include "ws/plain_frame.h"
#include "ws/utf8.h"
#include "ws/writer.h"

enum { READERS_KEPT = 64 };

/* More frames than this in one message serve nobody but an attacker, unless they carry so much on average. */
enum { FRAGMENTS_MAX = 64, FRAGMENT_BYTES = 32 };

/* wslay takes so much at once and delivers all messages in it, so this bounds how far credits are overdrawn. */
enum { SLICE_BYTES = 512 };

enum { CONTROL_BYTES_MAX = 125 };

/* Frames that take no credits: pings and pongs, and whatever is looked through for the client's close frame. Who sends more of them than this wants
 * to keep us busy. */
enum { FREE_PER_SECOND = 100, FREE_BURST = 1000 };

struct reader {
    wslay_frame_context_ptr frames;
    struct connection *borrower;
    struct reader *next; /* in the pool */
    const unsigned char *bytes;
    size_t length;
    uint64_t fed;    /* bytes given to wslay in all */
    uint64_t framed; /* bytes of all frames that have begun */

    /* The frame that is coming in. */
    uint64_t left; /* bytes of its payload that have not come */
    bool is_in_frame;
    bool is_last; /* FIN */
    uint8_t opcode;
    uint8_t control_length;
    uint8_t control[CONTROL_BYTES_MAX]; /* the payload of a control frame */

    /* The message that is coming in, if is_message_open. */
    bool is_message_open;
    bool is_binary;
    unsigned fragments;
    struct utf8_stream utf8;
    struct payload *text; /* as far as it has come; NULL: nothing has */
};

/* What a step finds: the client's close frame has come, or a code to fail with; 0: go on. */
enum { STEP_ON = 0, STEP_CLOSED = 1 };

static ssize_t give_bytes(uint8_t *buffer, size_t room, int flags, void *user_data)
{
    struct reader *reader = user_data;
    (void)flags;
    if (reader->length == 0 || !connection_may_feed(reader->borrower))
        return -1;
    size_t given = reader->length < SLICE_BYTES ? reader->length : SLICE_BYTES;
    given = given < room ? given : room;
    memcpy(buffer, reader->bytes, given);
    reader->bytes += given;
    reader->length -= given;
    reader->fed += given;
    return (ssize_t)given;
}

static bool is_open(const struct reader *reader)
{
    return reader->borrower->state == CONNECTION_OPEN;
}

/* A text or binary frame, or one that goes on with such a message. */
static int begin_data_frame(struct reader *reader, const struct wslay_frame_iocb *frame)
{
    const struct net *net = reader->borrower->net;
    const bool goes_on = frame->opcode == WSLAY_CONTINUATION_FRAME;
    if (goes_on != reader->is_message_open)
        return CLOSE_PROTOCOL_ERROR;
    if (!goes_on) {
        reader->is_binary = frame->opcode == WSLAY_BINARY_FRAME;
        reader->fragments = 0;
        reader->utf8 = (struct utf8_stream){ 0 };
    }
    reader->fragments++;
    reader->is_message_open = true;
    const uint64_t text_bytes = reader->text != NULL ? reader->text->length : 0;
    if (reader->is_binary && !net->accepts_binary)
        return CLOSE_UNSUPPORTED_DATA;
    if (frame->payload_length > (uint64_t)net->options->max_message - text_bytes)
        return CLOSE_TOO_BIG;
    if (reader->fragments > FRAGMENTS_MAX + (text_bytes + frame->payload_length) / FRAGMENT_BYTES)
        return CLOSE_POLICY_VIOLATION;
    return STEP_ON;
}

static bool is_free(const struct reader *reader)
{
    return reader->opcode == WSLAY_PING || reader->opcode == WSLAY_PONG || (reader->opcode != WSLAY_CONNECTION_CLOSE && !is_open(reader));
}

/* wslay has refused what is wrong with the frame alone: lengths, and control frames that are long or fragmented. */
static int begin_frame(struct reader *reader, const struct wslay_frame_iocb *frame)
{
    if (frame->rsv != 0 || !frame->mask)
        return CLOSE_PROTOCOL_ERROR;
    const size_t mask_bytes = 4;
    const size_t extended_bytes = frame->payload_length > 0xFFFF ? 8 : frame->payload_length > 125 ? 2 : 0;
    reader->framed += 2 + extended_bytes + mask_bytes + frame->payload_length;
    reader->is_in_frame = true;
    reader->is_last = frame->fin;
    reader->opcode = frame->opcode;
    reader->left = frame->payload_length;
    reader->control_length = 0;
    if (is_free(reader) &&
        !rate_take(&reader->borrower->free_bucket, FREE_PER_SECOND, FREE_BURST, net_now_ms(reader->borrower->net)))
        return CLOSE_POLICY_VIOLATION;
    if (!reader->is_message_open)
        reader->borrower->message_since_ms = net_now_ms(reader->borrower->net);
    switch (frame->opcode) {
    case WSLAY_CONTINUATION_FRAME:
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        return begin_data_frame(reader, frame);
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return STEP_ON;
    default:
        return CLOSE_PROTOCOL_ERROR;
    }
}

static int take_payload(struct reader *reader, const uint8_t *bytes, size_t length)
{
    reader->left -= length;
    if (wslay_is_ctrl_frame(reader->opcode)) {
        memcpy(reader->control + reader->control_length, bytes, length);
        reader->control_length += (uint8_t)length;
        return STEP_ON;
    }
    if (!reader->is_binary && !utf8_take(&reader->utf8, bytes, length))
        return CLOSE_INVALID_DATA;
    if (!is_open(reader)) /* nobody will read it */
        return STEP_ON;
    if (reader->text == NULL)
        reader->text = payload_new(length);
    payload_append(&reader->text, bytes, length);
    return STEP_ON;
}

/* Section 7.4 and the registry of section 11.7: what may be sent, and what libraries and applications use. */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int on_close(const struct reader *reader, enum close_code *code)
{
    const uint8_t *body = reader->control;
    const size_t code_bytes = 2;
    *code = CLOSE_NO_STATUS;
    if (reader->control_length == 0)
        return STEP_CLOSED;
    if (reader->control_length < code_bytes)
        return CLOSE_PROTOCOL_ERROR;
    struct utf8_stream reason = { 0 };
    if (!utf8_take(&reason, body + code_bytes, reader->control_length - code_bytes) || !utf8_is_complete(&reason))
        return CLOSE_INVALID_DATA;
    unsigned number = (unsigned)body[0] << 8 | body[1];
    if (!is_close_code(number))
        return CLOSE_PROTOCOL_ERROR;
    *code = (enum close_code)number;
    return STEP_CLOSED;
}

static int end_frame(struct reader *reader, enum close_code *code)
{
    reader->is_in_frame = false;
    if (reader->opcode == WSLAY_CONNECTION_CLOSE)
        return on_close(reader, code);
    if (reader->opcode == WSLAY_PING && is_open(reader)) /* once our own close frame is out nothing may follow it */
        writer_put_frame(reader->borrower, WSLAY_PONG, reader->control, reader->control_length);
    if (wslay_is_ctrl_frame(reader->opcode) || !reader->is_last)
        return STEP_ON;
    if (!reader->is_binary && !utf8_is_complete(&reader->utf8))
        return CLOSE_INVALID_DATA;
    struct payload *text = reader->text;
    reader->text = NULL;
    reader->is_message_open = false;
    connection_on_text(reader->borrower, text != NULL ? text : payload_new(0), reader->is_binary);
    return STEP_ON;
}

/* Part of a frame, as wslay has unmasked it. */
static int on_part(struct reader *reader, const struct wslay_frame_iocb *part, enum close_code *code)
{
    int step = reader->is_in_frame ? STEP_ON : begin_frame(reader, part);
    if (step == STEP_ON)
        step = take_payload(reader, part->data, part->data_length);
    if (step == STEP_ON && reader->left == 0)
        step = end_frame(reader, code);
    return step;
}

static void borrow(struct connection *connection)
{
    static const struct wslay_frame_callbacks callbacks = { .recv_callback = give_bytes };
    struct net *net = connection->net;
    struct reader *reader = net->free_readers;
    if (reader != NULL) {
        net->free_readers = reader->next;
        net->free_reader_count--;
    } else {
        reader = calloc(1, sizeof *reader);
        CHECK_MEMORY(reader);
        CHECK(wslay_frame_context_init(&reader->frames, &callbacks, reader) == 0);
    }
    reader->fed = reader->framed = 0;
    reader->borrower = connection;
    connection->reader = reader;
    connection->message_since_ms = net_now_ms(net);
}

static void destroy(struct reader *reader)
{
    wslay_frame_context_free(reader->frames);
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
    int step = STEP_ON;
    while (step == STEP_ON) {
        struct wslay_frame_iocb part = { 0 };
        ssize_t taken = wslay_frame_recv(reader->frames, &part);
        if (taken >= 0)
            step = on_part(reader, &part, code);
        else if (taken != WSLAY_ERR_WANT_READ)
            step = CLOSE_PROTOCOL_ERROR;
        else if (reader->length == 0 || !connection_may_feed(connection))
            break;
    }
    *consumed = length - reader->length;
    if (step == STEP_CLOSED)
        return READER_CLOSED;
    if (step != STEP_ON) {
        *code = (enum close_code)step;
        return READER_FAILED;
    }
    if (!reader_is_amid_message(connection))
        give_back(connection);
    return READER_MORE;
}

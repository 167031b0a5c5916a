#include "ws/reader.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "runtime/check.h"
#include "ws/plain_frame.h"
#include "ws/utf8.h"

enum { READERS_KEPT = 64 };

/* More frames than this in one message serve nobody but an attacker, unless they carry so much on average. */
enum { FRAGMENTS_MAX = 64, FRAGMENT_BYTES = 32 };

/* wslay takes so much at once, and what it has taken is read to the end, so this bounds how much is read of an input that is paused. */
enum { SLICE_BYTES = 512 };

enum { CONTROL_BYTES_MAX = 125 };

struct reader {
    wslay_frame_context_ptr frames;
    struct reader *next; /* in the pool */
    const struct reader_pool *pool;
    struct reader_input *input; /* of this step */
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
    uint32_t since_ms; /* when it, or else this frame, began */
    struct utf8_stream utf8;
    struct payload *text; /* as far as it has come; NULL: nothing has */
};

/* What a piece of a frame leads to: nothing yet, a step of reader.h's, or a code to fail with. */
enum { GO_ON = -1 };

static ssize_t give_bytes(uint8_t *buffer, size_t room, int flags, void *user_data)
{
    struct reader *reader = user_data;
    struct reader_input *input = reader->input;
    (void)flags;
    if (input->length == 0 || input->is_paused)
        return -1;
    size_t given = input->length < SLICE_BYTES ? input->length : SLICE_BYTES;
    given = given < room ? given : room;
    memcpy(buffer, input->bytes, given);
    input->bytes += given;
    input->length -= given;
    reader->fed += given;
    return (ssize_t)given;
}

/* A text or binary frame, or one that goes on with such a message. */
static int begin_data_frame(struct reader *reader, const struct wslay_frame_iocb *frame)
{
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
    if (reader->is_binary && !reader->pool->accepts_binary)
        return CLOSE_UNSUPPORTED_DATA;
    if (frame->payload_length > reader->pool->longest - text_bytes)
        return CLOSE_TOO_BIG;
    if (reader->fragments > FRAGMENTS_MAX + (text_bytes + frame->payload_length) / FRAGMENT_BYTES)
        return CLOSE_POLICY_VIOLATION;
    return GO_ON;
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
    if (!reader->is_message_open)
        reader->since_ms = reader->input->now_ms;
    switch (frame->opcode) {
    case WSLAY_CONTINUATION_FRAME:
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        return begin_data_frame(reader, frame);
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return GO_ON;
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
        return GO_ON;
    }
    if (!reader->is_binary && !utf8_take(&reader->utf8, bytes, length))
        return CLOSE_INVALID_DATA;
    if (reader->input->is_for_close)
        return GO_ON;
    if (reader->text == NULL)
        reader->text = payload_new(length);
    payload_append(&reader->text, bytes, length);
    return GO_ON;
}

/* Section 7.4 and the registry of section 11.7: what may be sent, and what libraries and applications use. */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int end_close_frame(const struct reader *reader, struct reader_found *found)
{
    const uint8_t *body = reader->control;
    const size_t code_bytes = 2;
    found->code = CLOSE_NO_STATUS;
    if (reader->control_length == 0)
        return READER_CLOSED;
    if (reader->control_length < code_bytes)
        return CLOSE_PROTOCOL_ERROR;
    struct utf8_stream reason = { 0 };
    if (!utf8_take(&reason, body + code_bytes, reader->control_length - code_bytes) || !utf8_is_complete(&reason))
        return CLOSE_INVALID_DATA;
    unsigned number = (unsigned)body[0] << 8 | body[1];
    if (!is_close_code(number))
        return CLOSE_PROTOCOL_ERROR;
    found->code = (enum close_code)number;
    return READER_CLOSED;
}

static int end_message(struct reader *reader, struct reader_found *found)
{
    if (!reader->is_binary && !utf8_is_complete(&reader->utf8))
        return CLOSE_INVALID_DATA;
    reader->is_message_open = false;
    if (reader->input->is_for_close) {
        payload_free(&reader->text);
        return READER_VOID;
    }
    found->text = reader->text != NULL ? reader->text : payload_new(0);
    found->is_binary = reader->is_binary;
    reader->text = NULL;
    return READER_MESSAGE;
}

static int end_frame(struct reader *reader, struct reader_found *found)
{
    reader->is_in_frame = false;
    switch (reader->opcode) {
    case WSLAY_CONNECTION_CLOSE:
        return end_close_frame(reader, found);
    case WSLAY_PING:
        found->bytes = reader->control;
        found->length = reader->control_length;
        return READER_PING;
    case WSLAY_PONG:
        return READER_VOID;
    default:
        if (reader->is_last)
            return end_message(reader, found);
        return reader->input->is_for_close ? READER_VOID : GO_ON;
    }
}

/* Part of a frame, as wslay has unmasked it. */
static int on_part(struct reader *reader, const struct wslay_frame_iocb *part, struct reader_found *found)
{
    int step = reader->is_in_frame ? GO_ON : begin_frame(reader, part);
    if (step == GO_ON)
        step = take_payload(reader, part->data, part->data_length);
    if (step == GO_ON && reader->left == 0)
        step = end_frame(reader, found);
    return step;
}

static struct reader *borrow(struct reader_pool *pool, uint32_t now_ms)
{
    static const struct wslay_frame_callbacks callbacks = { .recv_callback = give_bytes };
    struct reader *reader = pool->free;
    if (reader != NULL) {
        pool->free = reader->next;
        pool->free_count--;
    } else {
        reader = calloc(1, sizeof *reader);
        CHECK_MEMORY(reader);
        CHECK(wslay_frame_context_init(&reader->frames, &callbacks, reader) == 0);
    }
    reader->pool = pool;
    reader->fed = reader->framed = 0;
    reader->since_ms = now_ms;
    return reader;
}

void reader_drop(struct reader **pointer)
{
    struct reader *reader = *pointer;
    if (reader == NULL)
        return;
    wslay_frame_context_free(reader->frames);
    payload_free(&reader->text);
    free(reader);
    *pointer = NULL;
}

void reader_pool_fini(struct reader_pool *pool)
{
    while (pool->free != NULL) {
        struct reader *reader = pool->free;
        pool->free = reader->next;
        reader_drop(&reader);
    }
}

bool reader_is_amid_message(const struct reader *reader)
{
    return reader != NULL && (reader->fed != reader->framed || reader->is_message_open);
}

uint32_t reader_since_ms(const struct reader *reader)
{
    return reader->since_ms;
}

static void give_back(struct reader_pool *pool, struct reader **pointer)
{
    struct reader *reader = *pointer;
    if (pool->free_count >= READERS_KEPT) {
        reader_drop(pointer);
        return;
    }
    reader->next = pool->free;
    pool->free = reader;
    pool->free_count++;
    *pointer = NULL;
}

/* A message that comes in one plain frame, which nearly all do. */
static bool take_plain_frame(const struct reader_pool *pool, struct reader_input *input, struct reader_found *found)
{
    size_t taken = plain_frame_take(input->bytes, input->length, pool->longest, &found->text);
    input->bytes += taken;
    input->length -= taken;
    found->is_binary = false;
    return taken > 0;
}

enum reader_step reader_next(struct reader_pool *pool, struct reader **pointer, struct reader_input *input, struct reader_found *found)
{
    if (*pointer == NULL) {
        if (input->length == 0 || input->is_paused)
            return READER_MORE;
        if (!input->is_for_close && take_plain_frame(pool, input, found))
            return READER_MESSAGE;
        *pointer = borrow(pool, input->now_ms);
    }
    struct reader *reader = *pointer;
    reader->input = input;
    int step = GO_ON;
    while (step == GO_ON) {
        struct wslay_frame_iocb part = { 0 };
        ssize_t taken = wslay_frame_recv(reader->frames, &part);
        if (taken >= 0)
            step = on_part(reader, &part, found);
        else if (taken != WSLAY_ERR_WANT_READ)
            step = CLOSE_PROTOCOL_ERROR;
        else if (input->length == 0 || input->is_paused)
            step = READER_MORE;
    }
    if (step == READER_MORE && !reader_is_amid_message(reader))
        give_back(pool, pointer);
    if (step < CLOSE_NORMAL)
        return (enum reader_step)step;
    found->code = (enum close_code)step;
    return READER_FAILED;
}

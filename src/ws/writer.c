#include "ws/writer.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"

/* Outputs of this size are kept for the next to come; larger ones are freed. */
enum { OUTPUT_BYTES = 4096, OUTPUTS_KEPT = 256 };

/* Section 5.2. */
enum { FIN = 0x80, LENGTH_IN_16_BITS = 126, LENGTH_IN_64_BITS = 127, HEAD_BYTES_MAX = 10 };
enum opcode { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct output {
    struct output *next; /* among the free ones */
    uint32_t length, capacity;
    const unsigned char *constant; /* goes out behind bytes */
    uint32_t constant_length;
    unsigned char bytes[];
};

static struct output *output_take(struct writer_pool *pool, size_t length)
{
    struct output *output = pool->free;
    if (length <= OUTPUT_BYTES && output != NULL) {
        pool->free = output->next;
        pool->free_count--;
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

static void output_give_back(struct writer_pool *pool, struct output *output)
{
    if (output->capacity != OUTPUT_BYTES || pool->free_count >= OUTPUTS_KEPT) {
        free(output);
        return;
    }
    output->next = pool->free;
    pool->free = output;
    pool->free_count++;
}

static uint32_t output_bytes(const struct output *output)
{
    return output->length + output->constant_length;
}

/* What is left once so many bytes are sent. Returns the number of parts, 0 for nothing. */
static unsigned output_rest(const struct output *output, uint32_t sent, struct iovec parts[2])
{
    unsigned count = 0;
    if (sent < output->length)
        parts[count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)(output->bytes + sent), .iov_len = output->length - sent };
    uint32_t constant_sent = sent > output->length ? sent - output->length : 0;
    if (constant_sent < output->constant_length)
        parts[count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)(output->constant + constant_sent),
                                         .iov_len = output->constant_length - constant_sent };
    return count;
}

void writer_pool_fini(struct writer_pool *pool)
{
    while (pool->free != NULL) {
        struct output *output = pool->free;
        pool->free = output->next;
        free(output);
    }
}

/* Putting. */

/* Room for so many bytes, counted as written. */
static unsigned char *make_room(struct writer_pool *pool, struct writer *writer, size_t length)
{
    struct output *output = writer->output;
    CHECK(output == NULL || output->constant == NULL);
    if (output == NULL) {
        output = writer->output = output_take(pool, length);
    } else if (output->length + length > output->capacity) {
        struct output *grown = output_take(pool, output->length + length);
        memcpy(grown->bytes, output->bytes, output->length);
        grown->length = output->length;
        output_give_back(pool, output);
        output = writer->output = grown;
    }
    output->length += (uint32_t)length;
    return output->bytes + output->length - length;
}

void writer_put_bytes(struct writer_pool *pool, struct writer *writer, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(make_room(pool, writer, length), bytes, length);
}

void writer_put_constant(struct writer *writer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    CHECK(writer->output != NULL && writer->output->constant == NULL);
    writer->output->constant = bytes;
    writer->output->constant_length = (uint32_t)length;
}

/* The head of a frame that is a whole message, without a mask. Returns its length. */
static size_t print_head(unsigned char head[HEAD_BYTES_MAX], enum opcode opcode, size_t length)
{
    head[0] = (unsigned char)(FIN | opcode);
    if (length < LENGTH_IN_16_BITS) {
        head[1] = (unsigned char)length;
        return 2;
    }
    const size_t length_bytes = length <= 0xFFFF ? 2 : 8;
    head[1] = length_bytes == 2 ? LENGTH_IN_16_BITS : LENGTH_IN_64_BITS;
    for (size_t i = 0; i < length_bytes; i++)
        head[2 + i] = (unsigned char)((uint64_t)length >> 8 * (length_bytes - 1 - i));
    return 2 + length_bytes;
}

static void put_frame(struct writer_pool *pool, struct writer *writer, enum opcode opcode, const void *bytes, size_t length)
{
    unsigned char head[HEAD_BYTES_MAX];
    const size_t head_length = print_head(head, opcode, length);
    unsigned char *at = make_room(pool, writer, head_length + length);
    memcpy(at, head, head_length);
    if (length > 0)
        memcpy(at + head_length, bytes, length);
}

void writer_put_ping(struct writer_pool *pool, struct writer *writer)
{
    put_frame(pool, writer, PING, NULL, 0);
}

void writer_put_pong(struct writer_pool *pool, struct writer *writer, const void *bytes, size_t length)
{
    put_frame(pool, writer, PONG, bytes, length);
}

void writer_put_close(struct writer_pool *pool, struct writer *writer, enum close_code code)
{
    const uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)(code & 0xFF) };
    put_frame(pool, writer, CLOSE, payload, code == CLOSE_NO_STATUS ? 0 : sizeof payload);
}

/* What has been written is no longer owed. */
static struct writer_credit pay(struct writer *writer)
{
    struct writer_credit credit = { .to = writer->owed_to,
                                    .texts = address_is_nobody(writer->owed_to) ? 0 : writer->owed_written,
                                    .is_awaited = writer->is_awaited };
    writer->owed_written = 0;
    writer->settles = false;
    return credit;
}

static struct writer_credit pay_all(struct writer *writer)
{
    writer->owed_written += writer->owed_queued + writer->owed_leaving;
    writer->owed_queued = writer->owed_leaving = 0;
    return pay(writer);
}

struct writer_credit writer_put_events(struct writer_pool *pool, struct writer *writer, const struct message *events, struct address self)
{
    struct writer_credit credit = { .texts = 0 };
    const struct address from = events->event.writer;
    const uint16_t texts = (uint16_t)message_texts(events);
    if (address_is_nobody(from) || address_equals(from, self)) {
        writer->own_queued += address_is_nobody(from) ? 0 : texts;
        writer->settles = true;
    } else {
        if (!address_equals(from, writer->owed_to)) {
            /* A new partner. What the old one wrote is as good as written: nobody waits for it any more. */
            credit = pay_all(writer);
            writer->owed_to = from;
        }
        writer->is_awaited = events->event.is_awaited;
        writer->settles |= writer->is_awaited;
        writer->owed_queued += texts;
    }
    for (const struct payload *event = events->payload; event != NULL; event = event->next)
        put_frame(pool, writer, events->event.is_binary ? BINARY : TEXT, event->bytes, event->length);
    return credit;
}

/* Sending. */

size_t writer_bytes(const struct writer *writer)
{
    return (writer->output != NULL ? output_bytes(writer->output) : 0) +
           (writer->leaving != NULL ? output_bytes(writer->leaving) - writer->sent : 0);
}

unsigned writer_take(struct writer *writer, struct iovec parts[2])
{
    CHECK(writer->output != NULL && writer->leaving == NULL);
    writer->leaving = writer->output;
    writer->output = NULL;
    writer->sent = 0;
    writer->owed_leaving += writer->owed_queued;
    writer->own_leaving += writer->own_queued;
    writer->owed_queued = writer->own_queued = 0;
    return output_rest(writer->leaving, 0, parts);
}

unsigned writer_sent(struct writer_pool *pool, struct writer *writer, size_t bytes, struct iovec parts[2])
{
    writer->sent += (uint32_t)bytes;
    unsigned count = output_rest(writer->leaving, writer->sent, parts);
    if (count == 0)
        writer_discard(pool, writer);
    return count;
}

struct writer_credit writer_settle(struct writer *writer, struct address self, uint32_t *own)
{
    writer->owed_written += writer->owed_leaving;
    writer->owed_leaving = 0;
    *own = writer->own_leaving;
    writer->own_leaving = 0;
    const bool is_writer_here = writer->owed_to.thread == self.thread;
    if (is_writer_here || writer->owed_written >= CREDIT_LOT || (writer->settles && writer->owed_queued == 0))
        return pay(writer);
    return (struct writer_credit){ .texts = 0 };
}

struct writer_credit writer_abandon(struct writer_pool *pool, struct writer *writer)
{
    writer->own_queued = writer->own_leaving = 0;
    if (writer->output != NULL)
        output_give_back(pool, writer->output);
    writer->output = NULL;
    return pay_all(writer);
}

void writer_discard(struct writer_pool *pool, struct writer *writer)
{
    if (writer->leaving != NULL)
        output_give_back(pool, writer->leaving);
    writer->leaving = NULL;
}

#include "bus/batch.h"

#include <stdlib.h>
#include <string.h>

#include "bus/bytes.h"
#include "runtime/check.h"

/* Where a batch's memory begins: most turns have a text or two for one node. */
enum { FIRST_CAPACITY = 1024 };

enum { CLEAR_BYTES = BATCH_HEADER_BYTES + 8 }; /* what is authenticated in clear: the header, and for whom the batch is */

static void reserve(struct batch *batch, size_t wanted)
{
    if (wanted <= batch->capacity)
        return;
    size_t capacity = batch->capacity > 0 ? batch->capacity : FIRST_CAPACITY;
    while (capacity < wanted)
        capacity *= 2;
    batch->bytes = realloc(batch->bytes, capacity);
    CHECK_MEMORY(batch->bytes);
    batch->capacity = capacity;
}

uint8_t *batch_reserve(struct batch *batch, uint8_t type, size_t body_length)
{
    CHECK(body_length <= BATCH_BODY_MAX);
    size_t used = batch->records > 0 ? batch->used : BATCH_HEADER_BYTES;
    size_t wanted = used + BATCH_RECORD_BYTES + body_length + SEAL_TAG_BYTES;
    if (wanted > BATCH_BYTES && batch->records > 0)
        return NULL;
    reserve(batch, wanted);
    bytes_put(batch->bytes + used, body_length, 3);
    batch->bytes[used + 3] = type;
    batch->used = used + BATCH_RECORD_BYTES + body_length;
    batch->records++;
    return batch->bytes + used + BATCH_RECORD_BYTES;
}

size_t batch_room(const struct batch *batch)
{
    const size_t used = (batch->records > 0 ? batch->used : BATCH_HEADER_BYTES) + BATCH_RECORD_BYTES + SEAL_TAG_BYTES;
    return used < BATCH_BYTES ? BATCH_BYTES - used : 0;
}

bool batch_add(struct batch *batch, uint8_t type, const void *body, size_t body_length)
{
    uint8_t *into = batch_reserve(batch, type, body_length);
    if (into != NULL && body_length > 0)
        memcpy(into, body, body_length);
    return into != NULL;
}

static void print_header(uint8_t bytes[BATCH_HEADER_BYTES], uint64_t source, uint64_t life, uint64_t number)
{
    bytes[0] = BATCH_VERSION;
    bytes_put_64(bytes + 1, source);
    bytes_put_64(bytes + 9, life);
    bytes_put_64(bytes + 17, number);
}

static void print_clear(uint8_t clear[CLEAR_BYTES], const uint8_t header[BATCH_HEADER_BYTES], uint64_t target)
{
    memcpy(clear, header, BATCH_HEADER_BYTES);
    bytes_put_64(clear + BATCH_HEADER_BYTES, target);
}

size_t batch_close(struct batch *batch, struct seal *seal, uint64_t source, uint64_t life, uint64_t number, uint64_t target)
{
    uint8_t clear[CLEAR_BYTES];
    CHECK(batch->records > 0);
    print_header(batch->bytes, source, life, number);
    print_clear(clear, batch->bytes, target);
    seal_close(seal, number, clear, sizeof clear, batch->bytes + BATCH_HEADER_BYTES, batch->used - BATCH_HEADER_BYTES,
               batch->bytes + batch->used);
    batch->records = 0;
    return batch->used + SEAL_TAG_BYTES;
}

void batch_fini(struct batch *batch)
{
    free(batch->bytes);
    *batch = (struct batch){ 0 };
}

enum batch_verdict batch_peek(struct batch_header *header, const uint8_t *bytes, size_t length)
{
    if (length > 0 && bytes[0] != BATCH_VERSION)
        return BATCH_OTHER_VERSION;
    if (length < BATCH_HEADER_BYTES + BATCH_RECORD_BYTES + SEAL_TAG_BYTES || length > BATCH_LONGEST)
        return BATCH_MALFORMED;
    *header = (struct batch_header){ .source = bytes_get_64(bytes + 1), .life = bytes_get_64(bytes + 9), .number = bytes_get_64(bytes + 17) };
    return BATCH_OK;
}

static bool take_record(struct batch_reader *reader, struct batch_record *record)
{
    size_t left = (size_t)(reader->end - reader->next);
    if (left < BATCH_RECORD_BYTES)
        return false;
    size_t length = (size_t)bytes_get(reader->next, 3);
    if (length > left - BATCH_RECORD_BYTES)
        return false;
    *record = (struct batch_record){ .type = reader->next[3], .body = reader->next + BATCH_RECORD_BYTES, .length = length };
    reader->next = record->body + length;
    return true;
}

enum batch_verdict batch_open(struct batch_reader *reader, struct seal *seal, uint64_t target, uint8_t *bytes, size_t length)
{
    struct batch_header header;
    struct batch_record record;
    uint8_t clear[CLEAR_BYTES];
    enum batch_verdict verdict = batch_peek(&header, bytes, length);
    if (verdict != BATCH_OK)
        return verdict;
    print_clear(clear, bytes, target);
    size_t sealed = length - BATCH_HEADER_BYTES - SEAL_TAG_BYTES;
    if (!seal_open(seal, header.number, clear, sizeof clear, bytes + BATCH_HEADER_BYTES, sealed, bytes + BATCH_HEADER_BYTES + sealed))
        return BATCH_NOT_OURS;
    const struct batch_reader opened = { .next = bytes + BATCH_HEADER_BYTES, .end = bytes + BATCH_HEADER_BYTES + sealed };
    struct batch_reader check = opened;
    while (check.next != check.end) {
        if (!take_record(&check, &record))
            return BATCH_MALFORMED;
    }
    *reader = opened;
    return BATCH_OK;
}

bool batch_next(struct batch_reader *reader, struct batch_record *record)
{
    return take_record(reader, record);
}

/* A batch from nobody knows whom: the first byte says of what kind.
 *   even  anything at all: it does not open, unless somebody has broken AES
 *   odd   what follows is sealed as records: it opens if and only if it is records, which are then read as messages; what is a message
 *         becomes the same record again; of a run, whose texts may share more than was said, one that is read as the same texts */
#include "bus/batch.h"
#include "bus/bytes.h"
#include "bus/record.h"
#include "fuzz/fuzz.h"

enum { SOURCE = 1, LIFE = 2, NUMBER = 3, TARGET = 4, NODE = 5 };

static const uint8_t secret[SEAL_SECRET_BYTES] = "fuzz";

static bool are_records(const uint8_t *data, size_t size)
{
    while (size >= BATCH_RECORD_BYTES) {
        size_t length = (size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2];
        if (length > size - BATCH_RECORD_BYTES)
            return false;
        data += BATCH_RECORD_BYTES + length;
        size -= BATCH_RECORD_BYTES + length;
    }
    return size == 0;
}

static void check_run(const struct message *message, const uint8_t *written, unsigned texts)
{
    struct message again;
    const struct batch_record record = { .type = written[3], .body = written + BATCH_RECORD_BYTES, .length = (size_t)bytes_get(written, 3) };
    CHECK(texts >= 2 && texts == message_texts(message)); /* of what the fuzzer makes all goes into one batch */
    CHECK(record_read(&again, &record, NODE) == RECORD_OK);
    CHECK(message_texts(&again) == texts && again.peer_text.match == message->peer_text.match &&
          again.peer_text.number == message->peer_text.number);
    const struct payload *text = message->payload;
    for (const struct payload *same = again.payload; same != NULL; same = same->next, text = text->next)
        CHECK(same->length == text->length && memcmp(same->bytes, text->bytes, text->length) == 0);
    CHECK(text == NULL);
    message_discard(&again);
}

static void check_message(const struct message *message, const struct batch_record *record)
{
    struct batch batch = { 0 };
    struct message back = *message;
    CHECK(message->to.node == 0 && message->from.node == NODE && message->to.generation != 0);
    back.to.node = NODE; /* as the other side would have written it */
    back.from.node = 0;
    if (message->type == MATCH_FOUND) {
        CHECK(message->match_found.partner.node == NODE && message->payload->length >= sizeof(struct peer));
        back.match_found.partner.node = 0;
    }
    const unsigned texts = record_write(&batch, &back);
    const uint8_t *written = batch.bytes + BATCH_HEADER_BYTES;
    CHECK(written[3] == record->type);
    if (record->type == RECORD_PEER_TEXTS) {
        CHECK(bytes_get(written, 3) <= record->length);
        check_run(message, written, texts);
    } else {
        CHECK(texts == 1 && bytes_get(written, 3) == record->length);
        CHECK(memcmp(written + BATCH_RECORD_BYTES, record->body, record->length) == 0);
    }
    batch_fini(&batch);
}

static void open_anything(const uint8_t *data, size_t size)
{
    struct batch_header header;
    struct batch_reader reader;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    CHECK_MEMORY(bytes);
    memcpy(bytes, data, size);
    if (batch_peek(&header, bytes, size) == BATCH_OK) {
        struct seal *seal = seal_new(secret, header.source, header.life);
        CHECK(batch_open(&reader, seal, TARGET, bytes, size) == BATCH_NOT_OURS);
        seal_free(&seal);
    }
    free(bytes);
}

static void open_records(const uint8_t *data, size_t size)
{
    size_t length = BATCH_HEADER_BYTES + size + SEAL_TAG_BYTES;
    uint8_t *bytes = calloc(1, length);
    uint8_t clear[BATCH_HEADER_BYTES + 8];
    CHECK_MEMORY(bytes);
    bytes[0] = BATCH_VERSION;
    bytes_put_64(bytes + 1, SOURCE);
    bytes_put_64(bytes + 9, LIFE);
    bytes_put_64(bytes + 17, NUMBER);
    memcpy(clear, bytes, BATCH_HEADER_BYTES);
    bytes_put_64(clear + BATCH_HEADER_BYTES, TARGET);
    memcpy(bytes + BATCH_HEADER_BYTES, data, size);
    struct seal *seal = seal_new(secret, SOURCE, LIFE);
    seal_close(seal, NUMBER, clear, sizeof clear, bytes + BATCH_HEADER_BYTES, size, bytes + BATCH_HEADER_BYTES + size);
    struct batch_reader reader;
    bool is_good = size >= BATCH_RECORD_BYTES && length <= BATCH_LONGEST && are_records(data, size);
    enum batch_verdict verdict = batch_open(&reader, seal, TARGET, bytes, length);
    CHECK((verdict == BATCH_OK) == is_good && verdict != BATCH_NOT_OURS);
    struct batch_record record;
    struct message message;
    size_t seen = 0;
    while (is_good && batch_next(&reader, &record)) {
        seen += BATCH_RECORD_BYTES + record.length;
        if (record_read(&message, &record, NODE) != RECORD_OK)
            continue;
        check_message(&message, &record);
        message_discard(&message);
    }
    CHECK(!is_good || seen == size);
    seal_free(&seal);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        open_anything(data + 1, size - 1);
    else
        open_records(data + 1, size - 1);
    return 0;
}

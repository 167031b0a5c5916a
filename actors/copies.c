#include "actors/copies.h"

#include "runtime/check.h"

/* A chunk: u16 texts, then of each an entry and as many bytes as it says. */
struct entry {
    uint32_t shared, rest; /* bytes: of the first text of the chunk, with which this one begins; and those that follow */
};

/* What a block of the pool has room for (payload.h): some five texts of the usual length. */
enum { CHUNK_BYTES = 480 };

enum { COUNT_BYTES = sizeof(uint16_t), ENTRY_BYTES = sizeof(struct entry), FIRST_TEXT = COUNT_BYTES + ENTRY_BYTES };

static uint16_t texts_of(const struct payload *chunk)
{
    uint16_t texts;
    memcpy(&texts, chunk->bytes, COUNT_BYTES);
    return texts;
}

static struct entry entry_at(const struct payload *chunk, uint32_t from)
{
    struct entry entry;
    memcpy(&entry, chunk->bytes + from, ENTRY_BYTES);
    return entry;
}

static uint32_t shared_with_first(const struct payload *chunk, const struct payload *text)
{
    const uint32_t first = entry_at(chunk, COUNT_BYTES).rest;
    return (uint32_t)payload_shared(chunk->bytes + FIRST_TEXT, first, text->bytes, text->length);
}

static void add_chunk(struct copies *copies, const struct payload *text)
{
    const uint16_t none = 0;
    const size_t length = FIRST_TEXT + (size_t)text->length;
    struct payload *chunk = payload_new(length > CHUNK_BYTES ? length : CHUNK_BYTES);
    payload_append(&chunk, &none, COUNT_BYTES);
    if (copies->newest != NULL)
        copies->newest->next = chunk;
    else
        copies->oldest = chunk;
    copies->newest = chunk;
}

void copies_keep(struct copies *copies, const struct payload *text)
{
    uint32_t shared = copies->newest != NULL ? shared_with_first(copies->newest, text) : 0;
    if (copies->newest == NULL || texts_of(copies->newest) == UINT16_MAX ||
        ENTRY_BYTES + text->length - shared > copies->newest->capacity - copies->newest->length) {
        add_chunk(copies, text);
        shared = 0;
    }
    struct payload *chunk = copies->newest;
    const struct entry entry = { .shared = shared, .rest = text->length - shared };
    const uint16_t texts = (uint16_t)(texts_of(chunk) + 1);
    memcpy(chunk->bytes, &texts, COUNT_BYTES);
    payload_append(&chunk, &entry, ENTRY_BYTES);
    payload_append(&chunk, text->bytes + shared, entry.rest);
    CHECK(chunk == copies->newest); /* it has had room */
}

void copies_drop(struct copies *copies, uint32_t texts)
{
    while (texts > 0) {
        struct payload *chunk = copies->oldest;
        CHECK(chunk != NULL);
        const uint32_t left = (uint32_t)texts_of(chunk) - copies->dropped;
        if (texts < left) {
            copies->dropped = (uint16_t)(copies->dropped + texts);
            return;
        }
        texts -= left;
        copies->dropped = 0;
        copies->oldest = chunk->next;
        if (copies->oldest == NULL)
            copies->newest = NULL;
        payload_free(&chunk);
    }
}

static void enter(struct copies_reader *reader, const struct payload *chunk)
{
    *reader = (struct copies_reader){ .chunk = chunk, .from = COUNT_BYTES, .left = chunk != NULL ? texts_of(chunk) : 0 };
}

static void pass(struct copies_reader *reader)
{
    reader->from += ENTRY_BYTES + entry_at(reader->chunk, reader->from).rest;
    reader->left--;
    if (reader->left == 0)
        enter(reader, reader->chunk->next);
}

struct copies_reader copies_read(const struct copies *copies)
{
    struct copies_reader reader;
    enter(&reader, copies->oldest);
    for (uint16_t i = 0; i < copies->dropped; i++) {
        CHECK(reader.chunk != NULL);
        pass(&reader);
    }
    return reader;
}

struct payload *copies_next(struct copies_reader *reader)
{
    if (reader->chunk == NULL)
        return NULL;
    const uint8_t *bytes = reader->chunk->bytes;
    const struct entry entry = entry_at(reader->chunk, reader->from);
    struct payload *text = payload_new((size_t)entry.shared + entry.rest);
    payload_append(&text, bytes + FIRST_TEXT, entry.shared);
    payload_append(&text, bytes + reader->from + ENTRY_BYTES, entry.rest);
    pass(reader);
    return text;
}

void copies_fini(struct copies *copies)
{
    while (copies->oldest != NULL)
        copies_drop(copies, (uint32_t)texts_of(copies->oldest) - copies->dropped);
}

/* The stream of frames: whatever it is and however it is cut, the same messages, pings and end come out, text is UTF-8, and nothing of one
 * borrower is left in a context when the next one has it.
 *
 * The first byte of the input is the seed of the cuts; if it is odd, binary is accepted; if its highest bit is set, only the close matters.
 */
#include <utf8proc.h>

#include "fuzz/fuzz.h"
#include "ws/reader.h"

enum { MAX_MESSAGE = 2000 };

static struct reader_pool pool = { .longest = MAX_MESSAGE };

/* What came out, one after the other. */
static struct payload *heard;

static void hear(char what, const void *bytes, size_t length)
{
    uint32_t prefix = (uint32_t)length;
    payload_append(&heard, &what, 1);
    payload_append(&heard, &prefix, sizeof prefix);
    payload_append(&heard, bytes, length);
}

static void hear_text(struct payload *text, bool is_binary)
{
    CHECK(text->length <= MAX_MESSAGE);
    CHECK(pool.accepts_binary || !is_binary);
    for (size_t at = 0; !is_binary && at < text->length;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step = utf8proc_iterate(text->bytes + at, (utf8proc_ssize_t)(text->length - at), &codepoint);
        CHECK(step > 0);
        at += (size_t)step;
    }
    hear(is_binary ? 'b' : 't', text->bytes, text->length);
    payload_free(&text);
}

/* Hear all that is in a piece, pausing now and then. Returns the last step, which is not MESSAGE, PING or VOID. */
static enum reader_step take(struct reader **reader, struct reader_input *input, uint32_t *seed)
{
    for (;;) {
        struct reader_found found = { .code = CLOSE_NORMAL };
        enum reader_step step = reader_next(&pool, reader, input, &found);
        switch (step) {
        case READER_MESSAGE:
            CHECK(!input->is_for_close);
            hear_text(found.text, found.is_binary);
            break;
        case READER_PING:
            CHECK(found.length <= 125);
            hear('p', found.bytes, found.length);
            break;
        case READER_VOID:
            hear('v', NULL, 0);
            break;
        case READER_MORE:
            return step;
        case READER_CLOSED:
        case READER_FAILED:
            CHECK(found.code > CLOSE_NORMAL || step == READER_CLOSED);
            hear((char)('0' + step), &found.code, sizeof found.code);
            return step;
        }
        input->is_paused = *seed != 0 && next_random(seed) % 4 == 0;
    }
}

/* seed 0: all at once. */
static void run(const uint8_t *data, size_t size, uint32_t seed, bool is_for_close)
{
    struct reader *reader = NULL;
    enum reader_step step = READER_MORE;
    while (size > 0 && step == READER_MORE) {
        size_t piece = seed == 0 ? size : 1 + next_random(&seed) % (next_random(&seed) % 4 == 0 ? 600 : 5);
        piece = piece < size ? piece : size;
        struct payload *bytes = payload_copy(data, piece); /* not a byte more */
        struct reader_input input = { .bytes = bytes->bytes, .length = piece, .is_for_close = is_for_close };
        do {
            input.is_paused = false;
            step = take(&reader, &input, &seed);
            CHECK(input.length <= piece && input.bytes == bytes->bytes + piece - input.length);
            CHECK(step != READER_MORE || input.length == 0 || input.is_paused);
        } while (step == READER_MORE && input.length > 0);
        payload_free(&bytes);
        data += piece;
        size -= piece;
    }
    bool is_amid = step == READER_MORE && reader_is_amid_message(reader);
    CHECK(is_amid || step != READER_MORE || reader == NULL);
    hear(is_amid ? 'y' : 'n', NULL, 0);
    reader_drop(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    pool.accepts_binary = data[0] % 2 == 1;
    const bool is_for_close = (data[0] & 0x80) != 0;
    heard = payload_new(0);
    run(data + 1, size - 1, 0, is_for_close);
    struct payload *at_once = heard;
    heard = payload_new(0);
    run(data + 1, size - 1, data[0] + 1u, is_for_close);
    CHECK(heard->length == at_once->length && memcmp(heard->bytes, at_once->bytes, heard->length) == 0);
    payload_free(&heard);
    payload_free(&at_once);
    return 0;
}

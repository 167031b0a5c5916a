/* The stream of frames: whatever it is and however it is cut, the same messages, pongs and end come out, text is UTF-8, and nothing of one
 * connection is left in a context when the next one borrows it.
 *
 * The first byte of the input is the seed of the cuts; if it is odd, binary is accepted.
 */
#include <utf8proc.h>

#include "fuzz/fuzz.h"
#include "net/connection.h"
#include "ws/reader.h"
#include "ws/writer.h"

enum { MAX_MESSAGE = 2000 };

static struct options options = { .max_message = MAX_MESSAGE };
static struct net net = { .options = &options };
static struct connection connection = { .net = &net };

/* What came out, one after the other. */
static struct payload *heard;

static void hear(char what, const void *bytes, size_t length)
{
    uint32_t prefix = (uint32_t)length;
    payload_append(&heard, &what, 1);
    payload_append(&heard, &prefix, sizeof prefix);
    payload_append(&heard, bytes, length);
}

/* In the place of connection.c and writer.c. */

void connection_on_text(struct connection *of, struct payload *text, bool is_binary)
{
    CHECK(of == &connection && text->length <= MAX_MESSAGE);
    CHECK(net.accepts_binary || !is_binary);
    for (size_t at = 0; !is_binary && at < text->length;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step = utf8proc_iterate(text->bytes + at, (utf8proc_ssize_t)(text->length - at), &codepoint);
        CHECK(step > 0);
        at += (size_t)step;
    }
    hear(is_binary ? 'b' : 't', text->bytes, text->length);
    payload_free(&text);
    connection.credits--;
}

void writer_put_frame(struct connection *of, enum wslay_opcode opcode, const void *bytes, size_t length)
{
    CHECK(of == &connection && opcode == WSLAY_PONG && length <= 125);
    hear('p', bytes, length);
}

/* seed 0: all at once. */
static void run(const uint8_t *data, size_t size, uint32_t seed)
{
    enum reader_result result = READER_MORE;
    enum close_code code = CLOSE_NORMAL;
    connection.state = CONNECTION_OPEN;
    connection.free_bucket = (struct rate_bucket){ 0 };
    while (size > 0 && result == READER_MORE) {
        size_t piece = seed == 0 ? size : 1 + next_random(&seed) % (next_random(&seed) % 4 == 0 ? 600 : 5);
        piece = piece < size ? piece : size;
        connection.credits = seed == 0 ? INT16_MAX : (int16_t)(1 + next_random(&seed) % 3);
        struct payload *bytes = payload_copy(data, piece); /* not a byte more */
        size_t consumed;
        result = reader_feed(&connection, bytes->bytes, piece, &consumed, &code);
        payload_free(&bytes);
        CHECK(consumed > 0 && consumed <= piece);
        CHECK(consumed == piece || result != READER_MORE || connection.credits <= 0);
        data += consumed;
        size -= consumed;
    }
    bool is_amid = result == READER_MORE && reader_is_amid_message(&connection);
    CHECK(is_amid || result != READER_MORE || connection.reader == NULL);
    CHECK(result == READER_MORE || code >= CLOSE_NORMAL);
    hear((char)('0' + result), &code, sizeof code);
    hear(is_amid ? 'y' : 'n', NULL, 0);
    reader_drop(&connection);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    net.accepts_binary = data[0] % 2 == 1;
    heard = payload_new(0);
    run(data + 1, size - 1, 0);
    struct payload *at_once = heard;
    heard = payload_new(0);
    run(data + 1, size - 1, data[0] + 1u);
    CHECK(heard->length == at_once->length && memcmp(heard->bytes, at_once->bytes, heard->length) == 0);
    payload_free(&heard);
    payload_free(&at_once);
    return 0;
}

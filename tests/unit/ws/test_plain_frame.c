/* A frame that is recognised without wslay means to wslay what it means to us. */
#include "unit/unit.h"

#include <wslay/wslay.h>

#include "ws/plain_frame.h"

enum { BYTES_MAX = 70000, LONGEST = 65536 };

static unsigned char frame[BYTES_MAX];
static size_t frame_length;

static uint64_t random_state = 1;

static unsigned pick(unsigned below)
{
    /* xorshift64: Marsaglia, "Xorshift RNGs", 2003 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % below);
}

/* A masked text frame, its length in the shortest form. */
static void make_frame(const void *text, size_t length)
{
    const unsigned char mask[4] = { (unsigned char)pick(256), (unsigned char)pick(256), (unsigned char)pick(256), (unsigned char)pick(256) };
    size_t at = 0;
    frame[at++] = 0x81;
    if (length < 126) {
        frame[at++] = (unsigned char)(0x80 | length);
    } else if (length < 65536) {
        frame[at++] = 0x80 | 126;
        frame[at++] = (unsigned char)(length >> 8);
        frame[at++] = (unsigned char)length;
    } else {
        frame[at++] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            frame[at++] = (unsigned char)((uint64_t)length >> shift);
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < length; i++)
        frame[at + i] = ((const unsigned char *)text)[i] ^ mask[i % 4];
    frame_length = at + length;
}

/* What wslay makes of the bytes: the first message, if there is one. */
struct heard {
    const unsigned char *bytes;
    size_t left;
    bool has_message;
    uint8_t opcode;
    unsigned char text[BYTES_MAX];
    size_t length;
};

static ssize_t give(wslay_event_context_ptr context, uint8_t *buffer, size_t room, int flags, void *user_data)
{
    struct heard *heard = user_data;
    (void)flags;
    if (heard->left == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t given = heard->left < room ? heard->left : room;
    memcpy(buffer, heard->bytes, given);
    heard->bytes += given;
    heard->left -= given;
    return (ssize_t)given;
}

static void on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message, void *user_data)
{
    struct heard *heard = user_data;
    (void)context;
    if (heard->has_message)
        return;
    heard->has_message = true;
    heard->opcode = message->opcode;
    heard->length = message->msg_length;
    if (message->msg_length > 0) /* msg may be NULL else */
        memcpy(heard->text, message->msg, message->msg_length);
}

static const struct heard *wslay_hears(const unsigned char *bytes, size_t length)
{
    static const struct wslay_event_callbacks callbacks = { .recv_callback = give, .on_msg_recv_callback = on_message };
    static struct heard heard;
    heard = (struct heard){ .bytes = bytes, .left = length };
    wslay_event_context_ptr context;
    assert_int_equal(wslay_event_context_server_init(&context, &callbacks, &heard), 0);
    wslay_event_config_set_max_recv_msg_length(context, LONGEST);
    (void)wslay_event_recv(context);
    wslay_event_context_free(context);
    return &heard;
}

/* Returns whether it was recognised; and if so wslay agrees. */
static bool is_taken(size_t length)
{
    struct payload *text = NULL;
    size_t taken = plain_frame_take(frame, length, LONGEST, &text);
    if (taken == 0) {
        assert_null(text);
        return false;
    }
    assert_true(taken <= length);
    const struct heard *heard = wslay_hears(frame, taken);
    assert_true(heard->has_message);
    assert_int_equal(heard->opcode, WSLAY_TEXT_FRAME);
    assert_int_equal(heard->length, text->length);
    assert_memory_equal(heard->text, text->bytes, text->length);
    payload_free(&text);
    return true;
}

static void whole_messages_of_every_length_are_taken(void **state)
{
    (void)state;
    static char text[LONGEST];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)pick(128);
    for (size_t length = 0; length < 300; length++) {
        make_frame(text, length);
        assert_true(is_taken(frame_length));
        assert_false(is_taken(frame_length - 1)); /* not all of it has come */
        frame[frame_length] = 0x81;               /* the next one has begun */
        assert_true(is_taken(frame_length + 1));
    }
    make_frame(text, 65535);
    assert_true(is_taken(frame_length));
    make_frame(text, 65536); /* a length of 64 bits is rare: wslay's */
    assert_false(is_taken(frame_length));
}

static void what_is_longer_than_allowed_is_not_taken(void **state)
{
    (void)state;
    struct payload *text = NULL;
    make_frame("twelve bytes", 12);
    assert_int_equal(plain_frame_take(frame, frame_length, 11, &text), 0);
    assert_int_equal(plain_frame_take(frame, frame_length, 12, &text), frame_length);
    payload_free(&text);
}

static void text_in_every_language_is_taken(void **state)
{
    static const char *const texts[] = { "ä", "für dich", "привет", "你好，世界", "\xF0\x9F\x98\x80", "eleven bytes and \xE2\x82\xAC at the end \xE2\x82\xAC" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        make_frame(texts[i], strlen(texts[i]));
        assert_true(is_taken(frame_length));
        make_frame(texts[i], strlen(texts[i]) - 1); /* mostly half a code point */
        (void)is_taken(frame_length);
    }
}

static void what_is_not_utf8_is_left_to_wslay(void **state)
{
    (void)state;
    char text[64];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'x', sizeof text);
        text[at] = (char)(0x80 + pick(128));
        make_frame(text, sizeof text);
        assert_false(is_taken(frame_length));
    }
}

static void heads_of_every_kind_mean_the_same(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            make_frame("some text of a length that several heads name", 45);
            frame[0] = (unsigned char)first;
            frame[1] = (unsigned char)second;
            taken += is_taken(frame_length);
        }
    }
    assert_true(taken > 0 && taken <= 46); /* a masked text of 0 to 45 bytes, or so */
}

static void damaged_frames_mean_the_same(void **state)
{
    (void)state;
    char text[400];
    unsigned taken = 0;
    for (unsigned round = 0; round < 200000; round++) {
        size_t length = pick(sizeof text);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(' ' + pick(95));
        make_frame(text, length);
        for (unsigned damage = pick(3); damage > 0; damage--)
            frame[pick(pick(2) == 0 ? 8 : (unsigned)frame_length)] = (unsigned char)pick(256);
        taken += is_taken(pick(4) == 0 ? pick((unsigned)frame_length + 1) : frame_length);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages_of_every_length_are_taken),
        cmocka_unit_test(what_is_longer_than_allowed_is_not_taken),
        cmocka_unit_test(text_in_every_language_is_taken),
        cmocka_unit_test(what_is_not_utf8_is_left_to_wslay),
        cmocka_unit_test(heads_of_every_kind_mean_the_same),
        cmocka_unit_test(damaged_frames_mean_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a reader finds in bytes, however they are cut, without a socket and a loop. */
#include "unit/unit.h"

#include "ws/reader.h"

enum { LONGEST = 1000, BYTES_MAX = 4096 };
enum { FIN = 0x80, MASKED = 0x80, CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static struct reader_pool pool;
static struct reader *reader;
static unsigned char bytes[BYTES_MAX];
static size_t length;

static int set_up(void **state)
{
    (void)state;
    pool = (struct reader_pool){ .longest = LONGEST };
    reader = NULL;
    length = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    reader_drop(&reader);
    reader_pool_fini(&pool);
    return 0;
}

/* Append a frame with a mask. */
static void put_frame(unsigned head, const void *payload, size_t payload_length)
{
    static const unsigned char mask[4] = { 1, 2, 3, 4 };
    assert_true(length + payload_length + 8 <= sizeof bytes);
    bytes[length++] = (unsigned char)head;
    if (payload_length < 126) {
        bytes[length++] = (unsigned char)(MASKED | payload_length);
    } else {
        bytes[length++] = MASKED | 126;
        bytes[length++] = (unsigned char)(payload_length >> 8);
        bytes[length++] = (unsigned char)payload_length;
    }
    memcpy(bytes + length, mask, 4);
    length += 4;
    for (size_t i = 0; i < payload_length; i++)
        bytes[length++] = ((const unsigned char *)payload)[i] ^ mask[i % 4];
}

static void put_text(unsigned head, const char *text)
{
    put_frame(head, text, strlen(text));
}

static struct reader_input all_of_it(void)
{
    return (struct reader_input){ .bytes = bytes, .length = length, .now_ms = 7 };
}

static void expect_message(struct reader_input *input, const char *text)
{
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, input, &found), READER_MESSAGE);
    assert_int_equal(found.text->length, strlen(text));
    assert_memory_equal(found.text->bytes, text, found.text->length);
    payload_free(&found.text);
}

static void expect(struct reader_input *input, enum reader_step step)
{
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, input, &found), step);
}

static void expect_failure(enum close_code code)
{
    struct reader_input input = all_of_it();
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, &input, &found), READER_FAILED);
    assert_int_equal(found.code, code);
}

static void test_messages_come_one_at_a_time_and_in_order(void **state)
{
    (void)state;
    put_text(FIN | TEXT, "one");
    put_text(FIN | TEXT, "zwei, für dich");
    put_text(FIN | TEXT, "");
    put_text(FIN | TEXT, "four");
    struct reader_input input = all_of_it();
    expect_message(&input, "one");
    expect_message(&input, "zwei, für dich");
    expect_message(&input, "");
    expect_message(&input, "four");
    expect(&input, READER_MORE);
    assert_int_equal(input.length, 0);
    assert_null(reader);
}

static void test_a_message_may_come_byte_by_byte(void **state)
{
    (void)state;
    put_text(FIN | TEXT, "slowly");
    for (size_t i = 0; i + 1 < length; i++) {
        struct reader_input input = { .bytes = bytes + i, .length = 1, .now_ms = (uint32_t)(100 + i) };
        expect(&input, READER_MORE);
        assert_true(reader_is_amid_message(reader));
    }
    assert_in_range(reader_since_ms(reader), 100, 106); /* while the head of its frame came */
    struct reader_input last = { .bytes = bytes + length - 1, .length = 1 };
    expect_message(&last, "slowly");
    expect(&last, READER_MORE);
    assert_false(reader_is_amid_message(reader));
    assert_null(reader);
}

static void test_control_frames_come_between_fragments(void **state)
{
    (void)state;
    put_text(TEXT, "half ");
    put_text(FIN | PING, "are you there");
    put_text(FIN | PONG, "");
    put_text(FIN | CONTINUATION, "whole");
    struct reader_input input = all_of_it();
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, &input, &found), READER_PING);
    assert_int_equal(found.length, strlen("are you there"));
    assert_memory_equal(found.bytes, "are you there", found.length);
    expect(&input, READER_VOID);
    expect_message(&input, "half whole");
    expect(&input, READER_MORE);
    assert_null(reader);
}

static void test_nothing_is_taken_of_an_input_that_is_paused(void **state)
{
    (void)state;
    put_text(FIN | TEXT, "first");
    put_text(FIN | TEXT, "second");
    struct reader_input input = all_of_it();
    expect_message(&input, "first");
    const size_t left = input.length;
    input.is_paused = true;
    expect(&input, READER_MORE);
    assert_int_equal(input.length, left);
    input.is_paused = false;
    expect_message(&input, "second");
    expect(&input, READER_MORE);
}

static void test_what_was_taken_is_found_though_the_input_is_paused(void **state)
{
    (void)state;
    put_text(FIN | PONG, ""); /* for wslay, which takes what follows along with it */
    put_text(FIN | TEXT, "b");
    struct reader_input input = all_of_it();
    expect(&input, READER_VOID);
    input.is_paused = true;
    expect_message(&input, "b");
    expect(&input, READER_MORE);
    assert_null(reader);
}

static void test_only_the_close_frame_matters_after_our_own(void **state)
{
    (void)state;
    const unsigned char going_away[] = { 1001 >> 8, 1001 & 0xFF };
    put_text(FIN | TEXT, "unheard");
    put_text(TEXT, "in ");
    put_text(FIN | CONTINUATION, "pieces");
    put_frame(FIN | CLOSE, going_away, sizeof going_away);
    struct reader_input input = all_of_it();
    input.is_for_close = true;
    expect(&input, READER_VOID);
    expect(&input, READER_VOID);
    expect(&input, READER_VOID);
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, &input, &found), READER_CLOSED);
    assert_int_equal(found.code, 1001);
}

static void test_a_close_frame_without_a_code_says_so(void **state)
{
    (void)state;
    put_text(FIN | CLOSE, "");
    struct reader_input input = all_of_it();
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, &input, &found), READER_CLOSED);
    assert_int_equal(found.code, CLOSE_NO_STATUS);
}

static void test_what_is_wrong_has_its_code(void **state)
{
    static const unsigned char bad_code[] = { 999 >> 8, 999 & 0xFF };
    static const struct {
        unsigned head;
        const void *payload;
        size_t length;
        enum close_code code;
    } cases[] = {
        { FIN | BINARY, "x", 1, CLOSE_UNSUPPORTED_DATA },
        { FIN | CONTINUATION, "x", 1, CLOSE_PROTOCOL_ERROR }, /* of nothing */
        { FIN | 3, "", 0, CLOSE_PROTOCOL_ERROR },             /* no such opcode */
        { FIN | 0x40 | TEXT, "", 0, CLOSE_PROTOCOL_ERROR },   /* a reserved bit */
        { PING, "", 0, CLOSE_PROTOCOL_ERROR },                /* in fragments */
        { FIN | TEXT, "\xC3", 1, CLOSE_INVALID_DATA },
        { FIN | CLOSE, "\x03", 1, CLOSE_PROTOCOL_ERROR },
        { FIN | CLOSE, bad_code, sizeof bad_code, CLOSE_PROTOCOL_ERROR },
        { FIN | CLOSE, "\x03\xE8\xC3", 3, CLOSE_INVALID_DATA },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tear_down(state);
        set_up(state);
        put_frame(cases[i].head, cases[i].payload, cases[i].length);
        expect_failure(cases[i].code);
    }
}

static void test_a_frame_without_a_mask_breaks_the_protocol(void **state)
{
    (void)state;
    const unsigned char unmasked[] = { FIN | TEXT, 1, 'x' };
    memcpy(bytes, unmasked, sizeof unmasked);
    length = sizeof unmasked;
    expect_failure(CLOSE_PROTOCOL_ERROR);
}

static void test_a_message_is_too_long_before_it_has_come(void **state)
{
    (void)state;
    char text[LONGEST + 1];
    memset(text, 'x', sizeof text);
    put_frame(FIN | TEXT, text, LONGEST);
    struct reader_input input = all_of_it();
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, &input, &found), READER_MESSAGE);
    payload_free(&found.text);
    expect(&input, READER_MORE);

    length = 0;
    put_frame(TEXT, text, LONGEST - 1);
    put_frame(FIN | CONTINUATION, text, 2);
    length--; /* the head alone tells it */
    expect_failure(CLOSE_TOO_BIG);
}

static void test_many_tiny_fragments_are_refused(void **state)
{
    (void)state;
    put_text(TEXT, "");
    for (int i = 0; i < 100; i++)
        put_text(CONTINUATION, "");
    expect_failure(CLOSE_POLICY_VIOLATION);
}

static void test_binary_is_let_in_where_the_pool_says_so(void **state)
{
    (void)state;
    pool.accepts_binary = true;
    put_frame(FIN | BINARY, "\xFF\x00", 2);
    struct reader_input input = all_of_it();
    struct reader_found found;
    assert_int_equal(reader_next(&pool, &reader, &input, &found), READER_MESSAGE);
    assert_true(found.is_binary);
    assert_int_equal(found.text->length, 2);
    payload_free(&found.text);
}

/* The next borrower of a context must not see anything of the one before. */
static void test_a_reader_that_stops_amid_a_message_does_not_go_back_to_the_pool(void **state)
{
    (void)state;
    put_text(TEXT, "for ever");
    struct reader_input input = all_of_it();
    expect(&input, READER_MORE);
    assert_non_null(reader);
    reader_drop(&reader);
    assert_null(reader);
    assert_int_equal(pool.free_count, 0);

    length = 0;
    put_text(TEXT, "in ");
    put_text(FIN | CONTINUATION, "pieces");
    input = all_of_it();
    expect_message(&input, "in pieces");
    expect(&input, READER_MORE);
    assert_int_equal(pool.free_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages_come_one_at_a_time_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_message_may_come_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_control_frames_come_between_fragments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_taken_of_an_input_that_is_paused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_taken_is_found_though_the_input_is_paused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_the_close_frame_matters_after_our_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_close_frame_without_a_code_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_wrong_has_its_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_frame_without_a_mask_breaks_the_protocol, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_message_is_too_long_before_it_has_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_tiny_fragments_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_binary_is_let_in_where_the_pool_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reader_that_stops_amid_a_message_does_not_go_back_to_the_pool, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A message between nodes becomes a record, and a message again, with the addresses as the other side has to write them. */
#include "unit/unit.h"

#include "bus/record.h"

enum { SOURCE = 1, TARGET = 2, THEIR_INDEX_HERE = 7, OUR_INDEX_THERE = 4000 };

static const uint8_t secret[SEAL_SECRET_BYTES] = "shared";

static const struct address to = { .generation = 11, .thread = 3, .slot = ADDRESS_SLOTS - 1, .node = THEIR_INDEX_HERE },
                            from = { .generation = ADDRESS_GENERATION_MAX, .thread = 2, .slot = 5 };

static const uint64_t match = 0x0123456789abcdef;

static struct message say(enum message_type type)
{
    return (struct message){ .type = (uint16_t)type, .to = to, .from = from };
}

static struct message left(void)
{
    struct message message = say(PEER_LEFT);
    message.peer_left.match = match;
    message.peer_left.number = 7;
    return message;
}

/* What arrives of one message. The batch is left open for what points into it. */
static struct batch_record pass(struct batch *batch, const struct message *message)
{
    struct batch_reader reader;
    struct batch_record record;
    struct seal *seal = seal_new(secret, SOURCE, 1);
    assert_int_equal(record_write(batch, message), message_texts(message));
    size_t length = batch_close(batch, seal, SOURCE, 1, 1, TARGET);
    assert_int_equal(batch_open(&reader, seal, TARGET, batch->bytes, length), BATCH_OK);
    assert_true(batch_next(&reader, &record));
    seal_free(&seal);
    return record;
}

static struct message arrives(const struct message *message)
{
    struct batch batch = { 0 };
    struct message read;
    struct batch_record record = pass(&batch, message);
    assert_int_equal(record_read(&read, &record, OUR_INDEX_THERE), RECORD_OK);
    assert_int_equal(read.type, message->type);
    struct address here = to, there = from;
    here.node = 0;
    there.node = OUR_INDEX_THERE;
    assert_true(address_equals(read.to, here));
    assert_true(address_equals(read.from, there));
    batch_fini(&batch);
    return read;
}

static void there_it_is_what_it_was_here(void **state)
{
    (void)state;
    struct message message = say(PEER_TEXT);
    message.payload = payload_copy("an event", 8);
    message.peer_text.match = match;
    message.peer_text.number = UINT32_MAX;
    struct message read = arrives(&message);
    assert_int_equal(read.peer_text.match, match);
    assert_int_equal(read.peer_text.number, UINT32_MAX);
    assert_true(address_is_nobody(read.peer_text.writer));
    assert_int_equal(read.payload->length, 8);
    assert_memory_equal(read.payload->bytes, "an event", 8);
    message_discard(&read);
    message_discard(&message);

    static const enum message_type counts[] = { PEER_WRITTEN, PEER_GAP };
    for (size_t i = 0; i < 2; i++) {
        message = say(counts[i]);
        message.peer_count.match = match;
        message.peer_count.taken = 9;
        message.peer_count.written = 8;
        read = arrives(&message);
        assert_int_equal(read.peer_count.match, match);
        assert_int_equal(read.peer_count.taken, 9);
        assert_int_equal(read.peer_count.written, 8);
        assert_null(read.payload);
    }

    static const enum message_type others[] = { PEER_LEFT, PEER_ASK, PEER_LEFT_HEARD, MATCH_TAKEN, PEER_AWAY, PEER_BACK };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        message = left();
        message.type = (uint16_t)others[i];
        read = arrives(&message);
        assert_int_equal(read.type, others[i]);
        assert_int_equal(read.peer_left.match, match);
        assert_int_equal(read.peer_left.number, others[i] == PEER_LEFT ? 7 : 0);
    }
}

static void what_is_said_by_a_line(void **state)
{
    (void)state;
    struct message message = say(CONN_RESUME), read;
    message.payload = payload_copy("seventeen letters", 17);
    message.conn_resume.seq = 77;
    read = arrives(&message);
    assert_int_equal(read.conn_resume.seq, 77);
    assert_int_equal(read.payload->length, 17);
    assert_memory_equal(read.payload->bytes, "seventeen letters", 17);
    message_discard(&read);
    message_discard(&message);

    for (unsigned kind = 0; kind <= LINE_KINDS; kind++) {
        struct batch batch = { 0 };
        message = say(LINE_ITEM);
        message.payload = kind % 2 == 0 ? payload_copy("text", 4) : NULL;
        message.line_item.number = UINT32_MAX;
        message.line_item.taken = 5;
        message.line_item.kind = kind;
        message.line_item.value = 4002;
        if (kind == 0 || kind == LINE_KINDS) {
            const struct batch_record record = pass(&batch, &message);
            assert_int_equal(record_read(&read, &record, OUR_INDEX_THERE), RECORD_MALFORMED);
        } else {
            read = arrives(&message);
            assert_int_equal(read.line_item.number, UINT32_MAX);
            assert_int_equal(read.line_item.taken, 5);
            assert_int_equal(read.line_item.kind, kind);
            assert_int_equal(read.line_item.value, 4002);
            assert_int_equal(read.payload->length, message.payload != NULL ? 4 : 0);
            message_discard(&read);
        }
        message_discard(&message);
        batch_fini(&batch);
    }

    message = say(LINE_TAKEN);
    message.line_taken.taken = 9;
    message.line_taken.wants_repeat = 1;
    read = arrives(&message);
    assert_int_equal(read.line_taken.taken, 9);
    assert_int_equal(read.line_taken.wants_repeat, 1);
    message = say(LINE_DEAD);
    arrives(&message);
}

static void a_match_with_a_user_of_the_sender(void **state)
{
    (void)state;
    struct peer peer = { .id = { 9 } };
    struct message message = say(MATCH_FOUND);
    message.payload = payload_copy(&peer, sizeof peer);
    message.match_found.match = match;
    message.match_found.search = 4;
    message.match_found.role = MATCH_CALLEE;
    message.match_found.partner = (struct address){ .generation = 6, .thread = 2, .slot = 1 };
    struct message read = arrives(&message);
    assert_int_equal(read.match_found.match, match);
    assert_int_equal(read.match_found.search, 4);
    assert_int_equal(read.match_found.role, MATCH_CALLEE);
    struct address partner = message.match_found.partner;
    partner.node = OUR_INDEX_THERE;
    assert_true(address_equals(read.match_found.partner, partner));
    assert_memory_equal(read.payload->bytes, &peer, sizeof peer);
    message_discard(&read);

    struct batch batch = { 0 };
    message.payload->length--; /* not a whole peer */
    struct batch_record record = pass(&batch, &message);
    assert_int_equal(record_read(&read, &record, 1), RECORD_MALFORMED);
    message.payload->length++;
    message.match_found.partner.generation = 0; /* nobody */
    record = pass(&batch, &message);
    assert_int_equal(record_read(&read, &record, 1), RECORD_MALFORMED);
    message_discard(&message);
    batch_fini(&batch);
}

static struct message run_of(const char *const texts[], unsigned count)
{
    struct message run = say(PEER_TEXT);
    run.peer_text.match = match;
    run.peer_text.number = 41;
    run.more = (uint16_t)(count - 1);
    struct payload **link = &run.payload;
    for (unsigned i = 0; i < count; i++, link = &(*link)->next)
        *link = payload_copy(texts[i], strlen(texts[i]));
    return run;
}

static void a_run_is_one_record(void **state)
{
    static const char *const texts[] = { "{\"at\":\"12:00\",\"text\":\"one\"}",
                                         "{\"at\":\"12:00\",\"text\":\"one and two\"}",
                                         "{\"at\":\"12:00\",\"text\":\"three\"}",
                                         "",
                                         "{\"at\":\"12:00\",\"text\":\"three\"}",
                                         "{\"at\":\"12:00\",\"text\":\"three\"}" };
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    (void)state;
    struct message run = run_of(texts, TEXTS), read = arrives(&run);
    assert_int_equal(message_texts(&read), TEXTS);
    assert_int_equal(read.peer_text.match, match);
    assert_int_equal(read.peer_text.number, 41);
    const struct payload *payload = read.payload;
    for (unsigned i = 0; i < TEXTS; i++, payload = payload->next) {
        assert_int_equal(payload->length, strlen(texts[i]));
        assert_memory_equal(payload->bytes, texts[i], payload->length);
    }
    assert_null(payload);
    message_discard(&read);

    /* What texts begin with together goes once. */
    struct batch batch = { 0 };
    const struct batch_record record = pass(&batch, &run);
    assert_int_equal(record.type, RECORD_PEER_TEXTS);
    size_t length = RECORD_HEAD_BYTES + 8 + 4 + TEXTS * 5 + strlen(texts[0]) + strlen(" and two\"}") + strlen("three\"}") + strlen(texts[4]);
    assert_int_equal(record.length, length);
    batch_fini(&batch);
    message_discard(&run);
}

/* The rest is for the next batch; and who is alone is no run. */
static void of_a_run_there_goes_what_there_is_room_for(void **state)
{
    enum { LONG = 30000 };
    (void)state;
    static char first[LONG + 1], second[LONG + 1], third[LONG + 1];
    memset(first, 'a', LONG);
    memset(second, 'b', LONG);
    memset(third, 'c', LONG);
    const char *const texts[] = { first, second, third };
    struct batch batch = { 0 };
    struct message run = run_of(texts, 3);
    assert_int_equal(record_write(&batch, &run), 2);
    assert_int_equal(batch.bytes[BATCH_HEADER_BYTES + 3], RECORD_PEER_TEXTS);
    assert_int_equal(record_write(&batch, &run), 0);
    batch_fini(&batch);
    assert_true(batch_add(&batch, RECORD_BEAT, first, 10000));
    const size_t before = batch.used;
    assert_int_equal(record_write(&batch, &run), 1);
    assert_int_equal(batch.bytes[before + 3], RECORD_PEER_TEXT);
    batch_fini(&batch);
    message_discard(&run);
}

/* As the other node's matcher does. */
static void a_thread_may_speak(void **state)
{
    (void)state;
    struct batch batch = { 0 };
    struct message message = say(USER_BANNED), read;
    message.from = address_of_thread(4);
    struct batch_record record = pass(&batch, &message);
    assert_int_equal(record_read(&read, &record, OUR_INDEX_THERE), RECORD_OK);
    assert_int_equal(read.type, USER_BANNED);
    assert_true(address_is_thread(read.from));
    assert_int_equal(read.from.node, OUR_INDEX_THERE);
    batch_fini(&batch);
}

static void what_cannot_be_is_malformed(void **state)
{
    (void)state;
    struct batch batch = { 0 };
    struct message message = left(), read = { .type = MESSAGE_NONE };
    const struct batch_record good = pass(&batch, &message);
    uint8_t body[64];
    struct batch_record bad = { .type = good.type, .body = body, .length = good.length };
    for (bad.length = 0; bad.length <= sizeof body; bad.length++) {
        memset(body, 1, sizeof body);
        memcpy(body, good.body, good.length);
        assert_int_equal(record_read(&read, &bad, 1), bad.length == good.length ? RECORD_OK : RECORD_MALFORMED);
    }
    bad.length = good.length;
    memset(body + 4, 0, 3); /* `to` has no generation: a thread is not for others to speak to */
    assert_int_equal(record_read(&read, &bad, 1), RECORD_MALFORMED);
    memcpy(body, good.body, good.length);
    body[1] = 0xFF; /* a slot that does not exist */
    assert_int_equal(record_read(&read, &bad, 1), RECORD_MALFORMED);
    batch_fini(&batch);
}

static void texts_that_cannot_be_are_malformed(void **state)
{
    static const char *const texts[] = { "abc", "abd" };
    (void)state;
    enum { FIXED = RECORD_HEAD_BYTES + 8 + 4, FIRST = 5 + 3, SECOND = 5 + 1 };
    struct batch batch = { 0 };
    struct message run = run_of(texts, 2), read;
    const struct batch_record good = pass(&batch, &run);
    assert_int_equal(good.length, FIXED + FIRST + SECOND);
    uint8_t body[FIXED + FIRST + SECOND + 8] = { 0 };
    struct batch_record bad = { .type = good.type, .body = body };
    memcpy(body, good.body, good.length);
    for (bad.length = 0; bad.length <= sizeof body; bad.length++) {
        const bool is_whole = bad.length == good.length || bad.length == good.length + 5; /* an empty one more */
        assert_int_equal(record_read(&read, &bad, 1), is_whole ? RECORD_OK : RECORD_MALFORMED);
        if (is_whole)
            message_discard(&read);
    }
    bad.length = good.length;
    body[FIXED + 1] = 1; /* with whom? */
    assert_int_equal(record_read(&read, &bad, 1), RECORD_MALFORMED);
    body[FIXED + 1] = 0;
    body[FIXED + FIRST + 1] = 4; /* it has but three */
    assert_int_equal(record_read(&read, &bad, 1), RECORD_MALFORMED);
    body[FIXED + FIRST + 1] = 3;
    assert_int_equal(record_read(&read, &bad, 1), RECORD_OK);
    message_discard(&read);
    message_discard(&run);
    batch_fini(&batch);
}

static void what_is_not_known_is_passed_over(void **state)
{
    (void)state;
    struct message read;
    uint8_t body[64] = { 1 };
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        const struct batch_record record = { .type = (uint8_t)type, .body = body, .length = 3 };
        bool is_message = type >= RECORD_PEER_TEXT && type <= RECORD_PEER_TEXTS;
        assert_int_equal(record_read(&read, &record, 1), is_message ? RECORD_MALFORMED : RECORD_UNKNOWN);
    }
}

static void what_does_not_fit_is_not_begun(void **state)
{
    (void)state;
    struct batch batch = { 0 };
    static const char text[60000];
    assert_true(batch_add(&batch, 1, text, sizeof text));
    struct message message = left();
    while (record_write(&batch, &message) > 0) {
    }
    assert_in_range(batch.used + SEAL_TAG_BYTES, BATCH_BYTES - 32, BATCH_BYTES);
    batch_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_it_is_what_it_was_here),
        cmocka_unit_test(what_is_said_by_a_line),
        cmocka_unit_test(a_match_with_a_user_of_the_sender),
        cmocka_unit_test(a_run_is_one_record),
        cmocka_unit_test(of_a_run_there_goes_what_there_is_room_for),
        cmocka_unit_test(a_thread_may_speak),
        cmocka_unit_test(what_cannot_be_is_malformed),
        cmocka_unit_test(texts_that_cannot_be_are_malformed),
        cmocka_unit_test(what_is_not_known_is_passed_over),
        cmocka_unit_test(what_does_not_fit_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

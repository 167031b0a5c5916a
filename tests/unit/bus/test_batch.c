/* Batches: records go in and come out, at most 64 KiB of them at once; and what is not as it was sealed is told apart and dropped. */
#include "unit/unit.h"

#include <stdlib.h>

#include "bus/batch.h"
#include "bus/bytes.h"

enum { SOURCE = 0x1122, LIFE = 5, NUMBER = 9, TARGET = 0x3344 };

static const uint8_t secret[SEAL_SECRET_BYTES] = "the secret that all nodes share", other_secret[SEAL_SECRET_BYTES] = "and another one";

struct sealed {
    uint8_t bytes[512];
    size_t length;
};

static struct sealed seal_two_records(void)
{
    struct batch batch = { 0 };
    struct seal *seal = seal_new(secret, SOURCE, LIFE);
    struct sealed sealed;
    assert_true(batch_add(&batch, 7, "a text", 6));
    assert_true(batch_add(&batch, 8, NULL, 0));
    sealed.length = batch_close(&batch, seal, SOURCE, LIFE, NUMBER, TARGET);
    memcpy(sealed.bytes, batch.bytes, sealed.length);
    batch_fini(&batch);
    seal_free(&seal);
    return sealed;
}

static enum batch_verdict verdict_on(const struct sealed *sealed, size_t length, const uint8_t *with, uint64_t target, struct batch_reader *reader)
{
    static uint8_t scratch[512];
    struct batch_header header;
    memcpy(scratch, sealed->bytes, length);
    enum batch_verdict verdict = batch_peek(&header, scratch, length);
    if (verdict != BATCH_OK)
        return verdict;
    struct seal *seal = seal_new(with, header.source, header.life);
    verdict = batch_open(reader, seal, target, scratch, length);
    seal_free(&seal);
    return verdict;
}

static void records_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct sealed sealed = seal_two_records();
    struct batch_header header;
    struct batch_reader reader;
    struct batch_record record;
    assert_int_equal(batch_peek(&header, sealed.bytes, sealed.length), BATCH_OK);
    assert_int_equal(header.source, SOURCE);
    assert_int_equal(header.life, LIFE);
    assert_int_equal(header.number, NUMBER);
    assert_int_equal(verdict_on(&sealed, sealed.length, secret, TARGET, &reader), BATCH_OK);
    assert_true(batch_next(&reader, &record));
    assert_int_equal(record.type, 7);
    assert_int_equal(record.length, 6);
    assert_memory_equal(record.body, "a text", 6);
    assert_true(batch_next(&reader, &record));
    assert_int_equal(record.type, 8);
    assert_int_equal(record.length, 0);
    assert_false(batch_next(&reader, &record));
}

static void nothing_is_in_clear(void **state)
{
    (void)state;
    struct sealed sealed = seal_two_records();
    assert_null(memmem(sealed.bytes, sealed.length, "a text", 6));
}

static void what_is_not_ours_does_not_open(void **state)
{
    (void)state;
    struct sealed sealed = seal_two_records();
    struct batch_reader reader;
    assert_int_equal(verdict_on(&sealed, sealed.length, other_secret, TARGET, &reader), BATCH_NOT_OURS);
    assert_int_equal(verdict_on(&sealed, sealed.length, secret, TARGET + 1, &reader), BATCH_NOT_OURS); /* put into another's channel */
    assert_int_equal(verdict_on(&sealed, sealed.length, secret, BATCH_FOR_ALL, &reader), BATCH_NOT_OURS);
    sealed.bytes[0]++;
    assert_int_equal(verdict_on(&sealed, sealed.length, secret, TARGET, &reader), BATCH_OTHER_VERSION);
}

static void no_bit_may_be_another(void **state)
{
    (void)state;
    const struct sealed sealed = seal_two_records();
    struct batch_reader reader;
    for (size_t bit = 8; bit < sealed.length * 8; bit++) { /* but for the version's */
        struct sealed flipped = sealed;
        flipped.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(verdict_on(&flipped, flipped.length, secret, TARGET, &reader), BATCH_NOT_OURS);
    }
}

static void no_byte_may_be_missing(void **state)
{
    (void)state;
    const struct sealed sealed = seal_two_records();
    struct batch_reader reader;
    for (size_t length = 0; length < sealed.length; length++)
        assert_int_not_equal(verdict_on(&sealed, length, secret, TARGET, &reader), BATCH_OK);
    assert_int_equal(verdict_on(&sealed, 10, secret, TARGET, &reader), BATCH_MALFORMED);
    assert_int_equal(verdict_on(&sealed, 0, secret, TARGET, &reader), BATCH_MALFORMED);
}

/* Sealed by somebody who knows the secret, and has a fault. */
static void records_that_are_none_are_found_before_any_is_believed(void **state)
{
    (void)state;
    static const uint8_t good_then_too_long[] = { 0, 0, 1, 7, 'x', 0, 0, 2, 7, 'y' }, cut[] = { 0, 0, 1, 7, 'x', 0, 0 };
    const struct {
        const uint8_t *records;
        size_t length;
    } faults[] = { { good_then_too_long, sizeof good_then_too_long }, { cut, sizeof cut } };
    for (size_t i = 0; i < 2; i++) {
        struct sealed sealed = { .length = BATCH_HEADER_BYTES + faults[i].length + SEAL_TAG_BYTES };
        uint8_t clear[BATCH_HEADER_BYTES + 8];
        struct batch_reader reader = { 0 };
        struct seal *seal = seal_new(secret, SOURCE, LIFE);
        sealed.bytes[0] = BATCH_VERSION;
        bytes_put_64(sealed.bytes + 1, SOURCE);
        bytes_put_64(sealed.bytes + 9, LIFE);
        bytes_put_64(sealed.bytes + 17, NUMBER);
        memcpy(clear, sealed.bytes, BATCH_HEADER_BYTES);
        bytes_put_64(clear + BATCH_HEADER_BYTES, TARGET);
        memcpy(sealed.bytes + BATCH_HEADER_BYTES, faults[i].records, faults[i].length);
        seal_close(seal, NUMBER, clear, sizeof clear, sealed.bytes + BATCH_HEADER_BYTES, faults[i].length,
                   sealed.bytes + BATCH_HEADER_BYTES + faults[i].length);
        assert_int_equal(verdict_on(&sealed, sealed.length, secret, TARGET, &reader), BATCH_MALFORMED);
        assert_null(reader.next);
        seal_free(&seal);
    }
}

static void a_batch_is_full_at_64_KiB(void **state)
{
    (void)state;
    struct batch batch = { 0 };
    struct seal *seal = seal_new(secret, SOURCE, LIFE);
    char text[1000] = "";
    unsigned records = 0;
    while (batch_add(&batch, 1, text, sizeof text))
        records++;
    assert_int_equal(records, 65);
    assert_int_equal(batch.records, records);
    size_t length = batch_close(&batch, seal, SOURCE, LIFE, NUMBER, TARGET);
    assert_in_range(length, BATCH_BYTES - sizeof text - BATCH_RECORD_BYTES, BATCH_BYTES);
    assert_int_equal(batch.records, 0);
    assert_true(batch_add(&batch, 1, text, sizeof text)); /* the next */
    batch_fini(&batch);
    seal_free(&seal);
}

static void what_is_longer_travels_alone(void **state)
{
    (void)state;
    struct batch batch = { 0 };
    struct batch_header header;
    struct batch_reader reader;
    struct batch_record record;
    struct seal *seal = seal_new(secret, SOURCE, LIFE);
    uint8_t *text = calloc(1, BATCH_BODY_MAX);
    assert_non_null(text);
    assert_true(batch_add(&batch, 1, text, 1));
    assert_false(batch_add(&batch, 2, text, BATCH_BODY_MAX));
    batch_close(&batch, seal, SOURCE, LIFE, NUMBER, TARGET);
    assert_true(batch_add(&batch, 2, text, BATCH_BODY_MAX));
    assert_false(batch_add(&batch, 3, text, 0));
    size_t length = batch_close(&batch, seal, SOURCE, LIFE, NUMBER + 1, TARGET);
    assert_int_equal(length, BATCH_LONGEST);
    assert_int_equal(batch_peek(&header, batch.bytes, length + 1), BATCH_MALFORMED);
    assert_int_equal(batch_open(&reader, seal, TARGET, batch.bytes, length), BATCH_OK);
    assert_true(batch_next(&reader, &record));
    assert_int_equal(record.length, BATCH_BODY_MAX);
    assert_false(batch_next(&reader, &record));
    free(text);
    batch_fini(&batch);
    seal_free(&seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_as_they_went_in),
        cmocka_unit_test(nothing_is_in_clear),
        cmocka_unit_test(what_is_not_ours_does_not_open),
        cmocka_unit_test(no_bit_may_be_another),
        cmocka_unit_test(no_byte_may_be_missing),
        cmocka_unit_test(records_that_are_none_are_found_before_any_is_believed),
        cmocka_unit_test(a_batch_is_full_at_64_KiB),
        cmocka_unit_test(what_is_longer_travels_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is kept is had again, whole and in order, however it is packed. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/copies.h"

static struct payload *text_of(unsigned number)
{
    char text[2048];
    /* Alike, unlike, empty, and longer than a chunk. */
    int length = number % 7 == 3 ? 0 : snprintf(text, sizeof text, "{\"at\":\"12:00:%02u\",\"text\":\"%u\"}", number / 10 % 60, number);
    if (number % 11 == 5) {
        memset(text, (int)number, 1500);
        length = 1500;
    }
    return payload_copy(text, (size_t)length);
}

static void expect_from(const struct copies *copies, unsigned first, unsigned last)
{
    struct copies_reader reader = copies_read(copies);
    struct payload *copy;
    for (unsigned number = first; number <= last; number++) {
        struct payload *text = text_of(number);
        copy = copies_next(&reader);
        assert_non_null(copy);
        assert_null(copy->next);
        assert_int_equal(copy->length, text->length);
        assert_memory_equal(copy->bytes, text->bytes, text->length);
        payload_free(&copy);
        payload_free(&text);
    }
    assert_null(copies_next(&reader));
}

static void keep(struct copies *copies, unsigned number)
{
    struct payload *text = text_of(number);
    copies_keep(copies, text);
    payload_free(&text);
}

static void they_come_back_as_they_were(void **state)
{
    (void)state;
    struct copies copies = { 0 };
    unsigned first = 1, last = 0;
    expect_from(&copies, first, last);
    srand(1);
    for (unsigned step = 0; step < 3000; step++) {
        const unsigned kept = last + 1 - first;
        if (kept > 0 && (rand() % 4 == 0 || kept > 40)) {
            const unsigned dropped = (unsigned)rand() % (kept + 1);
            copies_drop(&copies, dropped);
            first += dropped;
        } else {
            keep(&copies, ++last);
        }
        expect_from(&copies, first, last);
    }
    copies_fini(&copies);
    assert_null(copies.oldest);
    assert_null(copies.newest);
    copies_fini(&copies);
}

/* Sixteen events of one turn, as a client has credits. */
static void alike_ones_are_packed(void **state)
{
    (void)state;
    struct copies copies = { 0 };
    unsigned chunks = 0;
    for (unsigned i = 0; i < 16; i++) {
        char text[256];
        const int length = snprintf(text, sizeof text,
                                    "{\"type\":\"chat_message\",\"description\":\"The partner wrote.\",\"timestamp\":\"2026-11-27T12:00:00.000Z\","
                                    "\"data\":{\"message\":\"%02u what somebody wrote\"}}", i);
        struct payload *payload = payload_copy(text, (size_t)length);
        copies_keep(&copies, payload);
        payload_free(&payload);
    }
    for (const struct payload *chunk = copies.oldest; chunk != NULL; chunk = chunk->next)
        chunks++;
    assert_in_range(chunks, 2, 3);
    copies_drop(&copies, 16);
    assert_null(copies.oldest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_back_as_they_were),
        cmocka_unit_test(alike_ones_are_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

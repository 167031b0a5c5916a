/* Blocks and payloads: kept by the thread that gives them back, up to a limit, and never two owners of one. */
#include "unit/unit.h"

#include <uv.h>

#include "runtime/payload.h"
#include "runtime/pool.h"

/* Under AddressSanitizer nothing is kept, and the sanitizer watches over the rest. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS 0
#else
#define KEEPS 1
#endif

enum { MANY = 5000 };

static void what_is_given_back_is_taken_again(void **state)
{
    (void)state;
    void *first = pool_take(POOL_TEXT);
    void *second = pool_take(POOL_TEXT);
    assert_ptr_not_equal(first, second);
    pool_give_back(POOL_TEXT, first);
    pool_give_back(POOL_TEXT, second);
    if (KEEPS) {
        void *again = pool_take(POOL_TEXT);
        assert_ptr_equal(again, second);
        pool_give_back(POOL_TEXT, again);
    }
    pool_empty();
}

static void blocks_of_all_sizes_are_whole_and_apart(void **state)
{
    (void)state;
    static unsigned char *blocks[MANY];
    for (int round = 0; round < 3; round++) {
        for (enum pool_size size = 0; size < POOL_SIZES; size++) {
            size_t bytes = size == POOL_NODE ? POOL_NODE_BYTES : POOL_TEXT_BYTES;
            for (int i = 0; i < MANY; i++) {
                blocks[i] = pool_take(size);
                memset(blocks[i], i % 251, bytes);
            }
            for (int i = 0; i < MANY; i++) {
                assert_int_equal(blocks[i][0], i % 251);
                assert_int_equal(blocks[i][bytes - 1], i % 251);
                pool_give_back(size, blocks[i]);
            }
        }
    }
    pool_empty();
}

static void give_all_back(void *argument)
{
    void **blocks = argument;
    for (int i = 0; i < MANY; i++)
        pool_give_back(POOL_NODE, blocks[i]);
    pool_empty();
}

static void another_thread_may_give_back(void **state)
{
    (void)state;
    static void *blocks[MANY];
    for (int i = 0; i < MANY; i++)
        blocks[i] = pool_take(POOL_NODE);
    uv_thread_t thread;
    assert_int_equal(uv_thread_create(&thread, give_all_back, blocks), 0);
    uv_thread_join(&thread);
    pool_empty();
}

static void a_payload_grows_and_keeps_its_bytes(void **state)
{
    (void)state;
    struct payload *payload = payload_new(0);
    for (int i = 0; i < MANY; i++) {
        unsigned char byte = (unsigned char)i;
        payload_append(&payload, &byte, 1);
        assert_true(payload->capacity >= payload->length);
    }
    assert_int_equal(payload->length, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(payload->bytes[i], (unsigned char)i);
    payload_append(&payload, NULL, 0);
    assert_int_equal(payload->length, MANY);
    payload_free(&payload);
    assert_null(payload);
    payload_free(&payload);
    pool_empty();
}

static void what_stays_takes_no_more_than_it_needs(void **state)
{
    (void)state;
    struct payload *copy = payload_copy("chess", 5);
    assert_int_equal(copy->length, 5);
    assert_int_equal(copy->capacity, 5);
    assert_memory_equal(copy->bytes, "chess", 5);
    payload_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_taken_again),
        cmocka_unit_test(blocks_of_all_sizes_are_whole_and_apart),
        cmocka_unit_test(another_thread_may_give_back),
        cmocka_unit_test(a_payload_grows_and_keeps_its_bytes),
        cmocka_unit_test(what_stays_takes_no_more_than_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

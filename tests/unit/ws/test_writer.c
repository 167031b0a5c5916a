/* Frames become bytes, and what is sent gives credits back, without a socket and a loop. */
#include "unit/unit.h"

#include "ws/writer.h"

static struct writer_pool pool;
static struct writer writer;

static const struct address self = { .thread = 1, .slot = 1, .generation = 1 };
static const struct address here = { .thread = 1, .slot = 2, .generation = 1 };
static const struct address there = { .thread = 2, .slot = 1, .generation = 1 };
static const struct address elsewhere = { .thread = 2, .slot = 2, .generation = 1 };
static const struct address nobody;

static int set_up(void **state)
{
    (void)state;
    writer = (struct writer){ 0 };
    pool = (struct writer_pool){ 0 };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    const struct writer_credit left = writer_abandon(&pool, &writer);
    (void)left;
    writer_discard(&pool, &writer);
    writer_pool_fini(&pool);
    return 0;
}

static struct writer_credit put_events(const char *const texts[], size_t count, struct address from)
{
    struct message events = { .type = EVENT_TEXT, .more = (uint16_t)(count - 1), .event = { .writer = from } };
    for (struct payload **end = &events.payload; count > 0; count--, end = &(*end)->next, texts++)
        *end = payload_copy(*texts, strlen(*texts));
    struct writer_credit credit = writer_put_events(&pool, &writer, &events, self);
    message_discard(&events);
    return credit;
}

static struct writer_credit put_event(const char *text, struct address from)
{
    return put_events(&text, 1, from);
}

static void expect_credit(struct writer_credit credit, struct address to, uint32_t texts)
{
    assert_int_equal(credit.texts, texts);
    if (texts > 0)
        assert_true(address_equals(credit.to, to));
}

/* Take and send all. Returns the credits of others, and checks those of the client itself. */
static struct writer_credit send_all(uint32_t expected_own)
{
    struct iovec parts[2];
    uint32_t own;
    writer_take(&writer, parts);
    assert_int_equal(writer_sent(&pool, &writer, writer_bytes(&writer), parts), 0);
    struct writer_credit credit = writer_settle(&writer, self, &own);
    assert_int_equal(own, expected_own);
    return credit;
}

static void expect_bytes(const struct iovec *part, const void *bytes, size_t length)
{
    assert_int_equal(part->iov_len, length);
    assert_memory_equal(part->iov_base, bytes, length);
}

static void test_what_is_put_leaves_in_one_piece(void **state)
{
    (void)state;
    struct iovec parts[2];
    assert_false(writer_has_output(&writer));
    assert_int_equal(put_event("hi", nobody).texts, 0);
    writer_put_ping(&pool, &writer);
    writer_put_pong(&pool, &writer, "p", 1);
    writer_put_close(&pool, &writer, CLOSE_GOING_AWAY);
    assert_true(writer_has_output(&writer));
    assert_int_equal(writer_take(&writer, parts), 1);
    expect_bytes(&parts[0], "\x81\x02hi\x89\x00\x8A\x01p\x88\x02\x03\xE9", 13);
    assert_false(writer_has_output(&writer));
}

static void test_a_run_is_so_many_frames_and_credits(void **state)
{
    (void)state;
    struct iovec parts[2];
    uint32_t own;
    assert_int_equal(put_events((const char *const[]){ "a", "bc", "" }, 3, there).texts, 0);
    assert_int_equal(put_events((const char *const[]){ "d", "e" }, 2, self).texts, 0);
    assert_int_equal(writer_take(&writer, parts), 1);
    expect_bytes(&parts[0], "\x81\x01" "a" "\x81\x02" "bc" "\x81\x00" "\x81\x01" "d" "\x81\x01" "e", 15);
    assert_int_equal(writer_sent(&pool, &writer, 15, parts), 0);
    expect_credit(writer_settle(&writer, self, &own), there, 3);
    assert_int_equal(own, 2);
}

static void test_a_close_without_a_status_is_empty(void **state)
{
    (void)state;
    struct iovec parts[2];
    writer_put_close(&pool, &writer, CLOSE_NO_STATUS);
    writer_take(&writer, parts);
    expect_bytes(&parts[0], "\x88\x00", 2);
}

static void test_constant_bytes_go_behind_and_are_not_copied(void **state)
{
    (void)state;
    static const char page[] = "page";
    struct iovec parts[2];
    writer_put_bytes(&pool, &writer, "head", 4);
    writer_put_constant(&writer, page, 4);
    assert_int_equal(writer_bytes(&writer), 8);
    assert_int_equal(writer_take(&writer, parts), 2);
    assert_ptr_equal(parts[1].iov_base, page);
    assert_int_equal(writer_sent(&pool, &writer, 6, parts), 1);
    expect_bytes(&parts[0], "ge", 2);
    assert_int_equal(writer_bytes(&writer), 2);
    assert_int_equal(writer_sent(&pool, &writer, 2, parts), 0);
    assert_int_equal(writer_bytes(&writer), 0);
}

static void test_what_is_long_is_whole(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    static char text[LONG + 1];
    struct iovec parts[2];
    memset(text, 'x', LONG);
    writer_put_bytes(&pool, &writer, "short", 5);
    assert_int_equal(put_event(text, nobody).texts, 0);
    writer_take(&writer, parts);
    assert_int_equal(parts[0].iov_len, 5 + 10 + LONG);
    assert_memory_equal(parts[0].iov_base, "short\x81\x7F", 7);
    assert_memory_equal((char *)parts[0].iov_base + 15, text, LONG);
}

static void test_a_partner_of_this_thread_has_its_credit_back_at_once(void **state)
{
    (void)state;
    expect_credit(put_event("a", here), nobody, 0);
    expect_credit(send_all(0), here, 1);
    expect_credit(put_event("b", here), nobody, 0);
    expect_credit(put_event("c", here), nobody, 0);
    expect_credit(send_all(0), here, 2);
}

static void test_a_partner_of_another_thread_has_them_back_in_lots(void **state)
{
    (void)state;
    for (int i = 1; i < CREDIT_LOT; i++) {
        expect_credit(put_event("a", there), nobody, 0);
        expect_credit(send_all(0), nobody, 0);
    }
    expect_credit(put_event("a", there), nobody, 0);
    expect_credit(send_all(0), there, CREDIT_LOT);
}

static void test_an_actor_that_awaits_them_has_them_back_at_once(void **state)
{
    (void)state;
    struct message event = { .type = EVENT_TEXT, .payload = payload_copy("a", 1), .event = { .writer = there, .is_awaited = true } };
    expect_credit(writer_put_events(&pool, &writer, &event, self), nobody, 0);
    struct writer_credit credit = send_all(0);
    expect_credit(credit, there, 1);
    assert_true(credit.is_awaited);
    expect_credit(writer_put_events(&pool, &writer, &event, self), nobody, 0);
    credit = put_event("b", elsewhere); /* a new partner */
    expect_credit(credit, there, 1);
    assert_true(credit.is_awaited);
    expect_credit(send_all(0), nobody, 0);
    message_discard(&event);
}

static void test_nothing_is_owed_until_all_is_sent(void **state)
{
    (void)state;
    struct iovec parts[2];
    uint32_t own;
    expect_credit(put_event("a", here), nobody, 0);
    writer_take(&writer, parts);
    assert_int_equal(writer_sent(&pool, &writer, 2, parts), 1);
    expect_credit(put_event("b", here), nobody, 0); /* waits for the next write */
    assert_int_equal(writer_sent(&pool, &writer, 1, parts), 0);
    expect_credit(writer_settle(&writer, self, &own), here, 1);
}

static void test_an_answer_gives_the_client_its_own_credit_and_the_partner_the_rest(void **state)
{
    (void)state;
    expect_credit(put_event("a", there), nobody, 0);
    expect_credit(put_event("answer", self), nobody, 0);
    expect_credit(put_event("news", nobody), nobody, 0);
    expect_credit(send_all(1), there, 1);
}

static void test_a_new_partner_settles_with_the_old_one(void **state)
{
    (void)state;
    struct iovec parts[2];
    uint32_t own;
    expect_credit(put_event("a", there), nobody, 0);
    writer_take(&writer, parts);
    expect_credit(put_event("b", there), nobody, 0);
    expect_credit(put_event("c", elsewhere), there, 2);
    assert_int_equal(writer_sent(&pool, &writer, 3, parts), 0);
    expect_credit(writer_settle(&writer, self, &own), nobody, 0);
    expect_credit(writer_abandon(&pool, &writer), elsewhere, 1);
}

static void test_who_is_gone_owes_nothing_any_more(void **state)
{
    (void)state;
    struct iovec parts[2];
    expect_credit(put_event("a", there), nobody, 0);
    writer_take(&writer, parts);
    expect_credit(put_event("b", there), nobody, 0);
    expect_credit(writer_abandon(&pool, &writer), there, 2);
    assert_false(writer_has_output(&writer));
    assert_int_equal(writer_bytes(&writer), 3); /* the kernel may still read what was taken */
    writer_discard(&pool, &writer);
    assert_int_equal(writer_bytes(&writer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_put_leaves_in_one_piece, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_run_is_so_many_frames_and_credits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_close_without_a_status_is_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_constant_bytes_go_behind_and_are_not_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_long_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_partner_of_this_thread_has_its_credit_back_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_partner_of_another_thread_has_them_back_in_lots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_actor_that_awaits_them_has_them_back_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_owed_until_all_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_gives_the_client_its_own_credit_and_the_partner_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_new_partner_settles_with_the_old_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_gone_owes_nothing_any_more, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a session that may be come back to keeps: numbers, copies, accounts of texts, and who may come back. */
#include "unit/unit.h"

#include "actors/resume.h"

static struct resume *resume;

static int set_up(void **state)
{
    (void)state;
    resume = resume_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resume_free(&resume);
    assert_null(resume);
    return 0;
}

/* An event of so many bytes before it is numbered. */
static void tell(size_t length)
{
    struct payload *event = payload_new(length);
    memset(event->bytes, 'x', length);
    event->bytes[0] = '{';
    event->bytes[length - 1] = '}';
    event->length = (uint32_t)length;
    resume_keep(resume, &event);
    payload_free(&event);
}

static uint32_t kept(void)
{
    uint32_t count = 0;
    struct payload *next, *copies = resume_replay(resume);
    for (struct payload *copy = copies; copy != NULL; copy = next, count++) {
        next = copy->next;
        payload_free(&copy);
    }
    assert_int_equal(count, resume->copies);
    return count;
}

static void events_are_numbered(void **state)
{
    (void)state;
    struct payload *event = payload_copy("{\"type\":\"t\"}", 12), *behind = payload_copy("{}", 2);
    event->next = behind;
    resume_keep(resume, &event);
    assert_int_equal(event->length, strlen("{\"type\":\"t\",\"seq\":1}"));
    assert_memory_equal(event->bytes, "{\"type\":\"t\",\"seq\":1}", event->length);
    assert_ptr_equal(event->next, behind); /* it may have moved, in its place */
    struct payload *copy = resume_replay(resume);
    assert_int_equal(copy->length, event->length);
    assert_memory_equal(copy->bytes, event->bytes, event->length);
    payload_free(&copy);
    payload_free(&event);
    payload_free(&behind);
}

static void what_is_acknowledged_is_forgotten(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        tell(10);
    resume_acknowledge(resume, 2);
    assert_int_equal(kept(), 3);
    assert_false(resume_can_follow(resume, 1));
    assert_true(resume_can_follow(resume, 2));
    assert_true(resume_can_follow(resume, 5));
    assert_false(resume_can_follow(resume, 6)); /* there was none */
    resume_acknowledge(resume, 6);
    assert_int_equal(kept(), 3);
    resume_acknowledge(resume, 1);
    assert_int_equal(kept(), 3);
    resume_acknowledge(resume, 5);
    assert_int_equal(kept(), 0);
    assert_int_equal(resume->copied_bytes, 0);
    assert_true(resume_can_follow(resume, 5));
    assert_false(resume_can_follow(resume, 4));
}

static void no_more_than_64_events_and_64_kib_are_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 70; i++)
        tell(10);
    assert_int_equal(kept(), 64);
    assert_false(resume_can_follow(resume, 5));
    assert_true(resume_can_follow(resume, 6));
    for (int i = 0; i < 10; i++)
        tell(10000);
    assert_int_equal(kept(), 6);
    assert_true(resume->copied_bytes <= RESUME_BYTES_MAX);
    tell(70000); /* not even this one */
    assert_int_equal(kept(), 0);
    assert_false(resume->is_lost); /* the client is there, and may have got all of it */
}

static void what_nobody_got_is_lost_when_it_is_kept_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        tell(10);
    resume->is_away = true;
    resume->gone_at_seq = resume->seq;
    for (int i = 0; i < 64; i++)
        tell(10);
    assert_false(resume->is_lost);
    tell(10);
    assert_true(resume->is_lost);
}

static void texts_are_acknowledged_in_their_order(void **state)
{
    (void)state;
    resume_send(resume, 1);
    resume_send(resume, 0); /* one without a number */
    resume_send(resume, 2);
    assert_int_equal(resume->taken_n, 2);
    assert_int_equal(resume_on_credits(resume, 2, false, true), 2);
    assert_true(resume->owes_ack);
    assert_int_equal(resume->acknowledged_n, 1);
    assert_true(resume_is_on_its_way(resume, 2));
    assert_false(resume_is_on_its_way(resume, 1));
    assert_false(resume_is_on_its_way(resume, 3));
    assert_int_equal(resume_on_credits(resume, 1, false, true), 1);
    assert_int_equal(resume->acknowledged_n, 2);
    assert_int_equal(resume->on_their_way, 0);
}

static void what_nobody_got_is_not_acknowledged(void **state)
{
    (void)state;
    resume_send(resume, 1);
    assert_int_equal(resume_on_credits(resume, 1, true, true), 1);
    assert_int_equal(resume->acknowledged_n, 0);
    assert_false(resume->owes_ack);
}

static void nothing_is_acknowledged_for_what_was_of_another_chat(void **state)
{
    (void)state;
    resume_send(resume, 1);
    resume_send(resume, 2);
    resume_end_chat(resume);
    assert_false(resume_is_on_its_way(resume, 2));
    resume_send(resume, 3);
    /* Of which chat the first two are that come back nobody knows. */
    assert_int_equal(resume_on_credits(resume, 2, false, true), 2);
    assert_int_equal(resume->acknowledged_n, 0);
    assert_int_equal(resume_on_credits(resume, 1, false, true), 1);
    assert_int_equal(resume->acknowledged_n, 3);
}

static void more_texts_than_credits_are_acknowledged_together(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= RESUME_FLIGHTS_MAX + 4; n++) /* over several connections */
        resume_send(resume, n);
    assert_int_equal(resume_on_credits(resume, RESUME_FLIGHTS_MAX - 1, false, true), RESUME_FLIGHTS_MAX - 1);
    assert_int_equal(resume->acknowledged_n, RESUME_FLIGHTS_MAX - 1);
    assert_int_equal(resume_on_credits(resume, 4, false, true), 4);
    assert_int_equal(resume->acknowledged_n, RESUME_FLIGHTS_MAX - 1); /* one of them is not there yet */
    assert_int_equal(resume_on_credits(resume, 1, false, true), 1);
    assert_int_equal(resume->acknowledged_n, RESUME_FLIGHTS_MAX + 4);
}

static void a_connection_gets_no_credits_for_what_another_one_has_paid(void **state)
{
    (void)state;
    resume_send(resume, 1);
    resume_send(resume, 2);
    resume_change_connection(resume);
    resume_send(resume, 3);
    assert_int_equal(resume_on_credits(resume, 2, false, true), 1);
    assert_int_equal(resume_on_credits(resume, 1, false, true), 0);
    assert_int_equal(resume->acknowledged_n, 3);
}

static void a_partner_on_another_node_has_them_before_its_socket(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        resume_send(resume, n);
    resume_on_taken(resume, 1);
    assert_int_equal(resume->acknowledged_n, 2);
    assert_int_equal(resume_on_credits(resume, 2, false, false), 2);
    assert_int_equal(resume->acknowledged_n, 2);
    resume_on_taken(resume, 0);
    assert_int_equal(resume->acknowledged_n, 3);
    resume_on_taken(resume, 0);
}

static void a_token_serves_once(void **state)
{
    (void)state;
    uint8_t first[TOKEN_SECRET_BYTES] = { 1 }, second[TOKEN_SECRET_BYTES] = { 2 }, none[TOKEN_SECRET_BYTES] = { 0 };
    resume_set_secret(resume, first, NULL);
    assert_true(resume_serves(resume, first, resume->is_away));
    assert_false(resume_serves(resume, none, resume->is_away)); /* there was no former one */
    resume->is_away = true;
    assert_false(resume_serves(resume, none, resume->is_away));
    resume->is_away = false;
    resume_set_secret(resume, second, first);
    assert_true(resume_serves(resume, second, resume->is_away));
    assert_false(resume_serves(resume, first, resume->is_away)); /* its connection is there */
    resume->is_away = true;
    assert_true(resume_serves(resume, first, resume->is_away)); /* it broke before it was heard */
    resume_hear(resume);
    assert_false(resume_serves(resume, first, resume->is_away));
    assert_true(resume_serves(resume, second, resume->is_away));
    second[TOKEN_SECRET_BYTES - 1] ^= 1;
    assert_false(resume_serves(resume, second, resume->is_away));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_are_numbered),
        TEST(what_is_acknowledged_is_forgotten),
        TEST(no_more_than_64_events_and_64_kib_are_kept),
        TEST(what_nobody_got_is_lost_when_it_is_kept_no_more),
        TEST(texts_are_acknowledged_in_their_order),
        TEST(what_nobody_got_is_not_acknowledged),
        TEST(nothing_is_acknowledged_for_what_was_of_another_chat),
        TEST(more_texts_than_credits_are_acknowledged_together),
        TEST(a_connection_gets_no_credits_for_what_another_one_has_paid),
        TEST(a_partner_on_another_node_has_them_before_its_socket),
        TEST(a_token_serves_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

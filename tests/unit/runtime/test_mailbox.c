/* Mailboxes, seen from one thread that plays all parts: order, full rings, and who must not sleep. */
#include "unit/unit.h"

#include <poll.h>

#include "runtime/mailbox.h"

enum { IO_THREAD = 1, SESSION_THREAD = 2, OTHER_SESSION = 3, BUS_THREAD = 4, THREADS = 5 };

struct fixture {
    uv_loop_t loop;
    struct exchange *exchange;
    struct mailbox *io, *session, *other;
    uint64_t seen[64];
    size_t seen_count, deliveries;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    const enum thread_role roles[THREADS] = { ROLE_MAIN, ROLE_IO, ROLE_SESSION, ROLE_SESSION, ROLE_BUS };
    fixture = (struct fixture){ .exchange = exchange_new(roles, THREADS, 4) }; /* three fit into a ring */
    fixture.io = exchange_mailbox(fixture.exchange, IO_THREAD);
    fixture.session = exchange_mailbox(fixture.exchange, SESSION_THREAD);
    fixture.other = exchange_mailbox(fixture.exchange, OTHER_SESSION);
    uv_loop_init(&fixture.loop);
    for (unsigned thread = 0; thread < THREADS; thread++)
        mailbox_attach(exchange_mailbox(fixture.exchange, thread), &fixture.loop);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned thread = 0; thread < THREADS; thread++)
        mailbox_detach(exchange_mailbox(fixture->exchange, thread));
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    exchange_free(&fixture->exchange);
    return uv_loop_close(&fixture->loop);
}

static void see(void *owner, struct message *message)
{
    struct fixture *fixture = owner;
    fixture->deliveries++;
    for (unsigned left = message_texts(message); left > 0; left--) {
        struct payload *payload = message_take_payload(message);
        assert_null(payload->next);
        memcpy(&fixture->seen[fixture->seen_count++], payload->bytes, sizeof fixture->seen[0]);
        payload_free(&payload);
    }
    assert_null(message->payload);
}

static bool send_as(struct mailbox *from, uint32_t who, unsigned to, enum message_type type, uint64_t number)
{
    return mailbox_send(from, &(struct message){ .type = (uint16_t)type,
                                                 .to = { .generation = 1, .thread = (uint8_t)to },
                                                 .from = { .generation = who, .thread = (uint8_t)mailbox_thread(from) },
                                                 .payload = payload_copy(&number, sizeof number) });
}

/* Each from somebody else. */
static bool send_number(struct mailbox *from, unsigned to, enum message_type type, uint64_t number)
{
    return send_as(from, 1 + (uint32_t)number, to, type, number);
}

static void assert_seen(struct fixture *fixture, size_t count)
{
    assert_int_equal(fixture->seen_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fixture->seen[i], i);
}

static void messages_arrive_in_order_whatever_the_ring_holds(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 10; number++)
        send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number);
    mailbox_flush(fixture->io);
    assert_int_equal(mailbox_staged(fixture->io), 7);
    assert_true(mailbox_is_congested(fixture->io, SESSION_THREAD));
    assert_false(mailbox_is_congested(fixture->io, OTHER_SESSION));
    while (mailbox_drain(fixture->session, 100, see, fixture) > 0)
        mailbox_flush(fixture->io);
    assert_seen(fixture, 10);
    assert_int_equal(mailbox_staged(fixture->io), 0);
}

static void only_what_throttles_and_had_to_wait_asks_to_throttle(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 4; number++)
        assert_false(send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number));
    mailbox_flush(fixture->io);
    assert_true(send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, 4));
    assert_false(send_number(fixture->io, SESSION_THREAD, CONN_GONE, 5));
}

static void what_differs_in_its_payload_alone_travels_as_one(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t writers[] = { 1, 1, 1, 2, 2, 1, 1, 1, 1 }; /* three runs: a ring of three has room */
    const size_t count = sizeof writers / sizeof writers[0];
    for (uint64_t number = 0; number < count; number++)
        assert_false(send_as(fixture->io, writers[number], SESSION_THREAD, CLIENT_TEXT, number));
    mailbox_flush(fixture->io);
    assert_int_equal(mailbox_staged(fixture->io), 0);
    send_as(fixture->io, 1, SESSION_THREAD, CLIENT_TEXT, count); /* what is published already grows no more */
    mailbox_flush(fixture->io);
    assert_int_equal(mailbox_staged(fixture->io), 1);
    assert_int_equal(mailbox_drain(fixture->session, 100, see, fixture), count);
    assert_int_equal(fixture->deliveries, 3);
    mailbox_flush(fixture->io);
    mailbox_drain(fixture->session, 100, see, fixture);
    assert_seen(fixture, count + 1);
}

/* Two texts as one message. */
static struct message two_texts(const struct mailbox *from, unsigned to, enum message_type type, uint64_t first)
{
    const uint64_t second = first + 1;
    struct message run = { .type = (uint16_t)type,
                           .more = 1,
                           .to = { .generation = 1, .thread = (uint8_t)to },
                           .from = { .generation = 1, .thread = (uint8_t)mailbox_thread(from) },
                           .payload = payload_copy(&first, sizeof first) };
    run.payload->next = payload_copy(&second, sizeof second);
    return run;
}

static void what_is_sent_as_one_arrives_as_one(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t first = 0; first < 6; first += 2) {
        const struct message run = two_texts(fixture->io, SESSION_THREAD, CLIENT_TEXT, first);
        mailbox_send(fixture->io, &run);
    }
    send_as(fixture->io, 1, SESSION_THREAD, CLIENT_TEXT, 6);
    mailbox_flush(fixture->io);
    assert_int_equal(mailbox_drain(fixture->session, 100, see, fixture), 7);
    assert_int_equal(fixture->deliveries, 1);
    const struct message own = two_texts(fixture->session, SESSION_THREAD, PEER_TEXT, 7);
    mailbox_send(fixture->session, &own);
    assert_int_equal(mailbox_drain(fixture->session, 100, see, fixture), 2);
    assert_int_equal(fixture->deliveries, 2);
    assert_seen(fixture, 9);
}

static void a_run_does_not_become_too_long(void **state)
{
    struct message text = { .type = CLIENT_TEXT, .more = RUN_MAX - 3 };
    const struct message two = { .type = CLIENT_TEXT, .more = 1 };
    (void)state;
    assert_true(message_continues(&text, &two));
    text.more++;
    assert_false(message_continues(&text, &two));
}

static void texts_between_nodes_are_a_run_if_their_numbers_are_in_a_row(void **state)
{
    (void)state;
    const struct message text = { .type = PEER_TEXT, .more = 1, .peer_text = { .match = 1, .number = 7 } };
    struct message next = { .type = PEER_TEXT, .peer_text = { .match = 1, .number = 9 } };
    assert_true(message_continues(&text, &next));
    for (next.peer_text.number = 0; next.peer_text.number < 12; next.peer_text.number++)
        assert_true(message_continues(&text, &next) == (next.peer_text.number == 9));
    struct message local = text;
    local.peer_text.number = 0;
    assert_false(message_continues(&local, &next));
    next.peer_text.number = 0;
    assert_true(message_continues(&local, &next));
}

static void another_kind_or_another_writer_ends_a_run(void **state)
{
    (void)state;
    const struct message text = { .type = CLIENT_TEXT, .to = { .generation = 1, .thread = 2 }, .from = { .generation = 1, .thread = 1 } };
    struct message other = text;
    assert_true(message_continues(&text, &other));
    other.client_text.is_binary = true;
    assert_false(message_continues(&text, &other));
    other = text;
    other.to.generation = 2;
    assert_false(message_continues(&text, &other));
    other = text;
    other.type = CONN_GONE;
    assert_false(message_continues(&text, &other));
    assert_false(message_continues(&other, &other)); /* such a one has no payload */

    const struct message event = { .type = EVENT_TEXT, .event = { .writer = { .generation = 1, .thread = 1 } } };
    other = event;
    assert_true(message_continues(&event, &other));
    other.event.is_binary = true;
    assert_false(message_continues(&event, &other));
    other = event;
    other.event.writer.generation = 2;
    assert_false(message_continues(&event, &other));

    const struct message peer = { .type = PEER_TEXT, .peer_text = { .match = 7, .writer = { .generation = 1, .thread = 1 } } };
    other = peer;
    assert_true(message_continues(&peer, &other));
    other.peer_text.match = 8;
    assert_false(message_continues(&peer, &other));
    other = peer;
    other.peer_text.writer.generation = 2;
    assert_false(message_continues(&peer, &other));
}

static void what_is_never_delivered_is_freed_all_the_same(void **state)
{
    struct fixture *fixture = *state; /* LeakSanitizer looks at it when exchange_free() is through */
    for (uint64_t number = 0; number < 6; number++)
        send_as(fixture->io, 1 + (uint32_t)number / 2, SESSION_THREAD, CLIENT_TEXT, number);
    mailbox_flush(fixture->io);
    for (uint64_t number = 0; number < 6; number++)
        send_as(fixture->io, 1 + (uint32_t)number / 2, SESSION_THREAD, CLIENT_TEXT, number);
}

static void the_budget_is_kept_and_the_rest_comes_later(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 3; number++)
        send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number);
    mailbox_flush(fixture->io);
    assert_int_equal(mailbox_drain(fixture->session, 2, see, fixture), 2);
    assert_int_equal(mailbox_drain(fixture->session, 2, see, fixture), 1);
    assert_seen(fixture, 3);
}

static void a_thread_may_write_to_itself(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 20; number++)
        assert_false(send_number(fixture->session, SESSION_THREAD, PEER_TEXT, number));
    assert_false(mailbox_prepare_sleep(fixture->session));
    mailbox_drain(fixture->session, 100, see, fixture);
    assert_seen(fixture, 20);
    assert_true(mailbox_prepare_sleep(fixture->session));
}

static void nobody_sleeps_on_a_message(void **state)
{
    struct fixture *fixture = *state;
    assert_true(mailbox_prepare_sleep(fixture->session));
    mailbox_wake(fixture->session);
    send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, 0);
    assert_false(mailbox_prepare_sleep(fixture->io)); /* it has not handed it over */
    send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, 1); /* the first one is published now, and nobody has been signalled */
    assert_false(mailbox_prepare_sleep(fixture->session));
    mailbox_flush(fixture->io);
    assert_true(mailbox_prepare_sleep(fixture->io));
    mailbox_drain(fixture->session, 100, see, fixture);
    assert_true(mailbox_prepare_sleep(fixture->session));
}

static void what_goes_through_rings_and_who_is_woken_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct metrics metrics = { 0 };
    mailbox_count_into(fixture->io, &metrics);
    for (uint64_t number = 0; number < 2; number++)
        send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number);
    for (uint64_t number = 2; number < 5; number++)
        send_as(fixture->io, 9, SESSION_THREAD, CLIENT_TEXT, number); /* a run */
    mailbox_flush(fixture->io);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_RING_MESSAGES_TOTAL), 3);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_WAKEUPS_TOTAL), 0); /* it is awake */
    mailbox_drain(fixture->session, 100, see, fixture);
    assert_true(mailbox_prepare_sleep(fixture->session));
    for (uint64_t number = 5; number < 7; number++) {
        send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number);
        mailbox_flush(fixture->io);
    }
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_RING_MESSAGES_TOTAL), 5);
    assert_int_equal(metrics_sum(&metrics, 1, METRIC_WAKEUPS_TOTAL), 1); /* once is enough */
}

static void nobody_sleeps_on_room_for_what_waits(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 5; number++)
        send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number);
    mailbox_flush(fixture->io);
    assert_true(mailbox_prepare_sleep(fixture->io)); /* the ring is full: nothing can be done */
    mailbox_wake(fixture->io);
    mailbox_drain(fixture->session, 1, see, fixture);
    assert_false(mailbox_prepare_sleep(fixture->io));
}

/* The receiver has taken a message and not yet told of room, when the sender fills the ring again. */
static void fill_again(void *owner, struct message *message)
{
    struct fixture *fixture = owner;
    mailbox_flush(fixture->io);
    see(owner, message);
}

static void do_nothing(uv_idle_t *idle)
{
    (void)idle;
}

/* From here on a wake-up can be seen at the loop's descriptor. */
static void let_loop_listen(uv_loop_t *loop)
{
    uv_idle_t idle;
    uv_idle_init(loop, &idle);
    uv_idle_start(&idle, do_nothing);
    uv_run(loop, UV_RUN_NOWAIT);
    uv_close((uv_handle_t *)&idle, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

static void room_that_is_told_of_late_is_told_of_again(void **state)
{
    struct fixture *fixture = *state;
    struct pollfd wakeup = { .fd = uv_backend_fd(&fixture->loop), .events = POLLIN };
    for (uint64_t number = 0; number < 6; number++)
        send_number(fixture->io, SESSION_THREAD, CLIENT_TEXT, number);
    mailbox_flush(fixture->io);
    assert_int_equal(mailbox_drain(fixture->session, 1, fill_again, fixture), 1);
    assert_int_equal(mailbox_staged(fixture->io), 2);
    let_loop_listen(&fixture->loop);
    assert_true(mailbox_prepare_sleep(fixture->io));
    assert_int_equal(poll(&wakeup, 1, 0), 0);
    mailbox_drain(fixture->session, 100, see, fixture);
    assert_int_equal(poll(&wakeup, 1, 0), 1); /* the two that are staged have room now */
}

struct parting {
    struct message last;
    unsigned count;
};

static void note(void *owner, struct message *message)
{
    struct parting *parting = owner;
    parting->last = *message;
    parting->count++;
}

/* Whatever thread it names: that is one of the other node. And what comes from there names none of ours as its sender. */
static void what_is_for_another_node_goes_to_the_bus(void **state)
{
    struct fixture *fixture = *state;
    struct mailbox *bus = exchange_mailbox(fixture->exchange, BUS_THREAD);
    struct parting here = { 0 }, there = { 0 };
    const struct message out = { .type = PEER_LEFT,
                                 .to = { .generation = 9, .thread = THREADS_MAX, .slot = 3, .node = ADDRESS_NODE_MAX },
                                 .from = { .generation = 1, .thread = SESSION_THREAD } };
    mailbox_send(fixture->session, &out);
    mailbox_flush(fixture->session);
    assert_int_equal(mailbox_drain(fixture->other, 100, note, &there), 0);
    assert_int_equal(mailbox_drain(bus, 100, note, &there), 1);
    assert_true(address_equals(there.last.to, out.to) && address_equals(there.last.from, out.from));
    const struct message in = { .type = PEER_LEFT, .to = out.from, .from = out.to };
    mailbox_send(bus, &in);
    mailbox_flush(bus);
    assert_int_equal(mailbox_drain(fixture->session, 100, note, &here), 1);
    assert_true(address_equals(here.last.from, out.to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_arrive_in_order_whatever_the_ring_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_throttles_and_had_to_wait_asks_to_throttle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_differs_in_its_payload_alone_travels_as_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_sent_as_one_arrives_as_one, set_up, tear_down),
        cmocka_unit_test(a_run_does_not_become_too_long),
        cmocka_unit_test(texts_between_nodes_are_a_run_if_their_numbers_are_in_a_row),
        cmocka_unit_test(another_kind_or_another_writer_ends_a_run),
        cmocka_unit_test_setup_teardown(what_is_never_delivered_is_freed_all_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_budget_is_kept_and_the_rest_comes_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thread_may_write_to_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_sleeps_on_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_goes_through_rings_and_who_is_woken_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_sleeps_on_room_for_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_for_another_node_goes_to_the_bus, set_up, tear_down),
        cmocka_unit_test_setup_teardown(room_that_is_told_of_late_is_told_of_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Two executors pass a counter to and fro, fall asleep in between, and end when told. */
#include "unit/unit.h"

#include "runtime/executor.h"

enum { ROUNDS = 1000 };

struct player {
    struct executor executor;
    unsigned other;
    uint64_t last;
    unsigned turns;
    bool has_exited;
};

static void send_number(struct player *player, unsigned to, uint64_t number)
{
    executor_send(&player->executor, &(struct message){ .type = PEER_LEFT,
                                                        .to = { .generation = 1, .thread = (uint8_t)to },
                                                        .peer_left = { .match = number } });
}

static void on_start(void *owner)
{
    struct player *player = owner;
    if (player->other == 2)
        send_number(player, 2, 1);
}

static void on_message(void *owner, struct message *message)
{
    struct player *player = owner;
    player->last = message->peer_left.match;
    if (player->last < ROUNDS)
        send_number(player, player->other, player->last + 1);
    else if (player->last == ROUNDS)
        send_number(player, player->other, ROUNDS + 1); /* the other shall end too */
    if (player->last >= ROUNDS)
        executor_exit(&player->executor);
}

static void on_turn_end(void *owner)
{
    struct player *player = owner;
    player->turns++;
}

static void on_exit_loop(void *owner)
{
    struct player *player = owner;
    player->has_exited = true;
}

static const struct executor_handler handler = {
    .on_start = on_start, .on_message = on_message, .on_turn_end = on_turn_end, .on_exit = on_exit_loop
};

static void a_counter_goes_to_and_fro(void **state)
{
    (void)state;
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION, ROLE_SESSION };
    struct exchange *exchange = exchange_new(roles, 3, 2);
    struct player players[2] = { { .other = 2 }, { .other = 1 } };
    struct executor unused;
    assert_int_equal(executor_init(&unused, exchange_mailbox(exchange, 0), &handler, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(executor_init(&players[i].executor, exchange_mailbox(exchange, i + 1), &handler, &players[i]), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(executor_start(&players[i].executor, "player"), 0);
    for (unsigned i = 0; i < 2; i++)
        executor_join(&players[i].executor);
    assert_int_equal(players[0].last + players[1].last, 2 * ROUNDS + 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(players[i].has_exited);
        assert_true(players[i].turns > 0);
        executor_fini(&players[i].executor);
    }
    executor_fini(&unused); /* one that never ran */
    exchange_free(&exchange);
}

/* Host and guest pass the counter to and fro on one thread; the host is told to end first, and waits. */
static void a_guest_has_its_turns_in_the_loop_of_its_host(void **state)
{
    (void)state;
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION, ROLE_SESSION };
    struct exchange *exchange = exchange_new(roles, 3, 2);
    struct player host = { .other = 2 }, guest = { .other = 1 };
    assert_int_equal(executor_init(&host.executor, exchange_mailbox(exchange, 1), &handler, &host), 0);
    assert_int_equal(executor_init_guest(&guest.executor, exchange_mailbox(exchange, 2), &handler, &guest, &host.executor), 0);
    assert_ptr_equal(guest.executor.loop, host.executor.loop);
    assert_int_equal(executor_start(&guest.executor, "guest"), 0); /* it has begun with its host, or will */
    assert_int_equal(executor_start(&host.executor, "host"), 0);
    executor_join(&guest.executor);
    executor_join(&host.executor);
    assert_int_equal(host.last + guest.last, 2 * ROUNDS + 1);
    assert_true(host.has_exited && guest.has_exited);
    executor_fini(&guest.executor);
    executor_fini(&host.executor);
    exchange_free(&exchange);
}

struct server {
    struct player player;
    uv_async_t readable;
    uint64_t heard;
    unsigned turns;
};

/* Like a socket's: in the poll, when the thread is still said to be asleep. */
static void on_readable(uv_async_t *readable)
{
    struct server *server = readable->data;
    server->turns = server->player.turns;
    send_number(&server->player, server->player.other, 1);
    executor_serve_guest(&server->player.executor);
    server->heard = server->player.last;
    server->turns = server->player.turns - server->turns;
    uv_close((uv_handle_t *)readable, NULL);
}

static void on_server_start(void *owner)
{
    struct server *server = owner;
    uv_async_init(server->player.executor.loop, &server->readable, on_readable);
    server->readable.data = server;
    uv_async_send(&server->readable);
}

static void a_guest_is_served_within_a_turn(void **state)
{
    (void)state;
    const struct executor_handler server_handler = { .on_start = on_server_start, .on_message = on_message, .on_turn_end = on_turn_end,
                                                     .on_exit = on_exit_loop };
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION, ROLE_SESSION };
    struct exchange *exchange = exchange_new(roles, 3, 2);
    struct metrics counted[2] = { 0 };
    struct server server = { .player.other = 2 };
    struct player guest = { .other = 1 };
    struct executor *host = &server.player.executor;
    assert_int_equal(executor_init(host, exchange_mailbox(exchange, 1), &server_handler, &server), 0);
    assert_int_equal(executor_init_guest(&guest.executor, exchange_mailbox(exchange, 2), &handler, &guest, host), 0);
    for (unsigned i = 0; i < 2; i++)
        mailbox_count_into(exchange_mailbox(exchange, i + 1), &counted[i]);
    assert_int_equal(executor_start(host, "host"), 0);
    executor_join(host);
    assert_int_equal(server.heard, 2); /* the guest's answer, already */
    assert_int_equal(server.turns, 0);
    assert_int_equal(server.player.last + guest.last, 2 * ROUNDS + 1); /* nothing is lost on the way */
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(metrics_sum(&counted[i], 1, METRIC_WAKEUPS_TOTAL), 0);
    executor_fini(&guest.executor);
    executor_fini(host);
    exchange_free(&exchange);
}

static void who_has_no_guest_serves_nobody(void **state)
{
    (void)state;
    struct executor alone = { .guest = NULL };
    executor_serve_guest(&alone);
}

/* As threads do that end: wait until all that was sent is handed over. Here the receiver makes room at the last moment, between the sender's
 * look and the flush that follows it. */

enum { SENT = 2, TOO_LONG_MS = 2000 }; /* the ring has room for one */

struct waiter {
    struct executor executor;
    struct mailbox *receiver;
    uv_timer_t patience;
    unsigned received;
    bool has_seen_all_go, is_hung;
};

static void on_waited_too_long(uv_timer_t *timer)
{
    struct waiter *waiter = timer->data;
    waiter->is_hung = true;
    executor_exit(&waiter->executor);
}

static void on_waiter_start(void *owner)
{
    struct waiter *waiter = owner;
    uv_timer_init(waiter->executor.loop, &waiter->patience);
    waiter->patience.data = waiter;
    uv_timer_start(&waiter->patience, on_waited_too_long, TOO_LONG_MS, 0);
    for (unsigned i = 0; i < SENT; i++)
        executor_send(&waiter->executor, &(struct message){ .type = PEER_LEFT, .to = { .generation = 1, .thread = 2 } });
    mailbox_flush(waiter->executor.mailbox);
}

static void count(void *owner, struct message *message)
{
    (void)message;
    ((struct waiter *)owner)->received++;
}

static void on_waiter_turn_end(void *owner)
{
    struct waiter *waiter = owner;
    if (mailbox_staged(waiter->executor.mailbox) > 0) {
        mailbox_drain(waiter->receiver, 1, count, waiter);
    } else if (!waiter->has_seen_all_go && !waiter->is_hung) {
        waiter->has_seen_all_go = true;
        executor_exit(&waiter->executor);
    }
}

static void on_waiter_exit(void *owner)
{
    uv_close((uv_handle_t *)&((struct waiter *)owner)->patience, NULL);
}

static void there_is_a_turn_after_the_last_staged_message_has_gone(void **state)
{
    (void)state;
    const struct executor_handler waits = { .on_start = on_waiter_start,
                                            .on_message = on_message,
                                            .on_turn_end = on_waiter_turn_end,
                                            .on_exit = on_waiter_exit };
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION, ROLE_SESSION };
    struct exchange *exchange = exchange_new(roles, 3, 2);
    struct waiter waiter = { .receiver = exchange_mailbox(exchange, 2) };
    struct executor receiver;
    assert_int_equal(executor_init(&receiver, waiter.receiver, &handler, NULL), 0);
    assert_int_equal(executor_init(&waiter.executor, exchange_mailbox(exchange, 1), &waits, &waiter), 0);
    executor_run(&waiter.executor);
    assert_false(waiter.is_hung);
    assert_true(waiter.has_seen_all_go);
    assert_int_equal(waiter.received, 1);
    executor_fini(&waiter.executor);
    executor_fini(&receiver);
    exchange_free(&exchange);
}

/* An owner that has work left gets turns without any message, and sleeps when it has none. */

enum { WORK = 10 };

struct worker {
    struct executor executor;
    uv_timer_t end;
    unsigned turns, work_done;
};

static void on_worked_enough(uv_timer_t *timer)
{
    executor_exit(&((struct worker *)timer->data)->executor);
}

static void on_worker_start(void *owner)
{
    struct worker *worker = owner;
    uv_timer_init(worker->executor.loop, &worker->end);
    worker->end.data = worker;
    uv_timer_start(&worker->end, on_worked_enough, 100, 0);
}

static void on_worker_turn_end(void *owner)
{
    struct worker *worker = owner;
    worker->turns++;
    worker->work_done += worker->work_done < WORK;
}

static bool worker_has_work(void *owner)
{
    return ((struct worker *)owner)->work_done < WORK;
}

static void on_worker_exit(void *owner)
{
    uv_close((uv_handle_t *)&((struct worker *)owner)->end, NULL);
}

static void work_without_messages_is_done_and_then_the_thread_sleeps(void **state)
{
    (void)state;
    const struct executor_handler works = { .on_start = on_worker_start,
                                            .on_message = on_message,
                                            .on_turn_end = on_worker_turn_end,
                                            .has_work = worker_has_work,
                                            .on_exit = on_worker_exit };
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION };
    struct exchange *exchange = exchange_new(roles, 2, 2);
    struct worker worker = { .turns = 0 };
    assert_int_equal(executor_init(&worker.executor, exchange_mailbox(exchange, 1), &works, &worker), 0);
    executor_run(&worker.executor);
    assert_int_equal(worker.work_done, WORK);
    assert_in_range(worker.turns, WORK, WORK + 10); /* of a busy loop there would be thousands */
    executor_fini(&worker.executor);
    exchange_free(&exchange);
}

/* As the matcher thread: once it drains, a turn without messages means that nothing is left in any ring, however much there was. */

enum { MANY = 3000 }; /* more than are delivered in a turn */

struct drainer {
    struct executor executor;
    unsigned received, received_this_turn;
    unsigned received_when_done;
    bool is_done;
};

static void on_drainer_start(void *owner)
{
    (void)owner;
}

static void on_drainer_message(void *owner, struct message *message)
{
    struct drainer *drainer = owner;
    drainer->received_this_turn++;
    if (message->type == DRAIN)
        drainer->executor.is_draining = true;
    else
        drainer->received++;
}

static void on_drainer_turn_end(void *owner)
{
    struct drainer *drainer = owner;
    if (drainer->executor.is_draining && drainer->received_this_turn == 0 && !drainer->is_done) {
        drainer->is_done = true;
        drainer->received_when_done = drainer->received;
        executor_exit(&drainer->executor);
    }
    drainer->received_this_turn = 0;
}

static void a_draining_thread_has_a_turn_without_messages_only_when_none_are_left(void **state)
{
    (void)state;
    const struct executor_handler drains = { .on_start = on_drainer_start,
                                             .on_message = on_drainer_message,
                                             .on_turn_end = on_drainer_turn_end,
                                             .on_exit = on_drainer_start };
    const enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION, ROLE_MATCHER };
    struct exchange *exchange = exchange_new(roles, 3, 4096);
    struct drainer drainer = { .received = 0 };
    assert_int_equal(executor_init(&drainer.executor, exchange_mailbox(exchange, 2), &drains, &drainer), 0);
    for (unsigned i = 0; i < MANY; i++)
        mailbox_send(exchange_mailbox(exchange, 1), &(struct message){ .type = USER_LEFT, .to = address_of_thread(2) });
    mailbox_flush(exchange_mailbox(exchange, 1));
    mailbox_send(exchange_mailbox(exchange, 0), &(struct message){ .type = DRAIN, .to = address_of_thread(2) });
    mailbox_flush(exchange_mailbox(exchange, 0));
    executor_run(&drainer.executor);
    assert_true(drainer.is_done);
    assert_int_equal(drainer.received_when_done, MANY);
    executor_fini(&drainer.executor);
    exchange_free(&exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_goes_to_and_fro),
        cmocka_unit_test(a_guest_has_its_turns_in_the_loop_of_its_host),
        cmocka_unit_test(a_guest_is_served_within_a_turn),
        cmocka_unit_test(who_has_no_guest_serves_nobody),
        cmocka_unit_test(there_is_a_turn_after_the_last_staged_message_has_gone),
        cmocka_unit_test(work_without_messages_is_done_and_then_the_thread_sleeps),
        cmocka_unit_test(a_draining_thread_has_a_turn_without_messages_only_when_none_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

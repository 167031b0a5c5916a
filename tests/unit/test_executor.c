/* Two executors pass a counter to and fro, fall asleep in between, and end when told. */
#include "unit.h"

#include "executor.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_counter_goes_to_and_fro) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

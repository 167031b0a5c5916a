/* race_probe.c: would ThreadSanitizer still see a race beside the rings?
 *
 * A payload goes from one thread to another. With the argument `race` the sender writes into it after it has handed it over, which
 * must be reported; with `clean` it does not, and nothing may be.
 */
#include <string.h>

#include "runtime/check.h"
#include "runtime/executor.h"

enum { ROUNDS = 2000 };

struct end {
    struct executor executor;
    bool does_race;
    bool is_sender;
    unsigned rounds;
    unsigned long sum;
};

static void send_payload(struct end *end)
{
    struct payload *payload = payload_new(64);
    memset(payload->bytes, 1, 64);
    payload->length = 64;
    executor_send(&end->executor, &(struct message){ .type = PEER_TEXT,
                                                     .to = { .generation = 1, .thread = end->is_sender ? 2 : 1 },
                                                     .payload = payload });
    mailbox_flush(end->executor.mailbox);
    if (end->does_race && end->is_sender)
        payload->bytes[0]++;
}

static void on_start(void *owner)
{
    struct end *end = owner;
    if (end->is_sender)
        send_payload(end);
}

static void on_message(void *owner, struct message *message)
{
    struct end *end = owner;
    end->sum += message->payload->bytes[0];
    /* Not freed in a race: the sender still writes, and a report of a use after free would prove less. */
    if (!end->does_race)
        message_discard(message);
    if (++end->rounds <= ROUNDS)
        send_payload(end);
    if (end->rounds >= ROUNDS)
        executor_exit(&end->executor);
}

static void on_exit_loop(void *owner)
{
    (void)owner;
}

static const struct executor_handler handler = {
    .on_start = on_start, .on_message = on_message, .on_exit = on_exit_loop
};

int main(int argc, char **argv)
{
    bool does_race = argc == 2 && strcmp(argv[1], "race") == 0;
    enum thread_role roles[] = { ROLE_MAIN, ROLE_SESSION, ROLE_SESSION };
    struct exchange *exchange = exchange_new(roles, 3, 16);
    struct end ends[2] = { { .does_race = does_race, .is_sender = true }, { .does_race = does_race } };
    struct executor main_executor;
    CHECK(executor_init(&main_executor, exchange_mailbox(exchange, 0), &handler, NULL) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(executor_init(&ends[i].executor, exchange_mailbox(exchange, i + 1), &handler, &ends[i]) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(executor_start(&ends[i].executor, "end") == 0);
    for (unsigned i = 0; i < 2; i++)
        executor_join(&ends[i].executor);
    for (unsigned i = 0; i < 2; i++)
        executor_fini(&ends[i].executor);
    executor_fini(&main_executor);
    exchange_free(&exchange);
    return ends[0].sum > 0 && ends[1].sum > 0 ? 0 : 1;
}

#include "net/address_gate.h"

#include <string.h>

#include "admission/client_address.h"
#include "admission/identity.h"

/* Addresses that one I/O thread remembers: 4 MiB at most. */
enum { CAPACITY = 1 << 16 };

void address_gate_init(struct net *net)
{
    const struct options *options = net->options;
    if (options->address_connections == 0 && options->address_handshakes == 0)
        return;
    net->limits = address_limits_new(&(struct address_limits_config){
        .connections = (uint32_t)options->address_connections,
        .handshakes = (uint32_t)options->address_handshakes,
        .capacity = CAPACITY,
    });
}

void address_gate_fini(struct net *net)
{
    address_limits_free(&net->limits);
}

/* 0: exempt. identity_make() leaves loopback addresses unknown. */
static uint64_t key_of(const struct identity *identity)
{
    uint64_t key;
    memcpy(&key, identity->address, sizeof key);
    return key;
}

static unsigned home_of(const struct net *net, uint64_t key)
{
    return net->first_io_thread + (unsigned)(key % net->io_threads);
}

static bool is_home(const struct net *net, uint64_t key)
{
    return home_of(net, key) == mailbox_thread(net->executor.mailbox);
}

static enum address_verdict take(struct net *net, uint64_t key, enum address_kind kind)
{
    enum address_verdict verdict = address_limits_take(net->limits, key, kind, uv_now(net->executor.loop));
    if (verdict == ADDRESS_UNCOUNTED)
        metrics_add(net->metrics, METRIC_ADDRESSES_UNCOUNTED_TOTAL, 1);
    else if (verdict == ADDRESS_REFUSED)
        metrics_add(net->metrics, METRIC_ADDRESSES_REFUSED_TOTAL, 1);
    return verdict;
}

bool address_gate_arrive(struct connection *connection)
{
    struct net *net = connection->net;
    struct identity identity;
    const uint8_t *address = connection->peer_address;
    if (net->limits == NULL)
        return true;
    if (client_address_is_loopback(address) || networks_contain(net->trusted_proxies, address))
        return true;
    identity_make(&identity, net->identity_key, address, (struct http_text){ 0 });
    connection->address_key = key_of(&identity);
    enum address_verdict verdict = take(net, connection->address_key, ADDRESS_HALF_OPEN);
    connection->is_half_open = verdict == ADDRESS_COUNTED;
    return verdict != ADDRESS_REFUSED;
}

enum gate_answer address_gate_ask(struct connection *connection, const struct identity *client, bool is_back)
{
    struct net *net = connection->net;
    uint64_t key = key_of(client);
    if (net->limits == NULL || key == 0)
        return GATE_OPEN;
    connection->address_key = key; /* the same as before if it is half open: then nothing stands between */
    if (is_home(net, key)) {
        enum address_verdict verdict = take(net, key, is_back ? ADDRESS_RETURNING : ADDRESS_WEBSOCKET);
        connection->is_counted = verdict == ADDRESS_COUNTED;
        return verdict == ADDRESS_REFUSED ? GATE_SHUT : GATE_OPEN;
    }
    connection->awaits_gate = true;
    executor_send(&net->executor, &(struct message){ .type = is_back ? ADDRESS_RETURN : ADDRESS_ASK,
                                                     .to = address_of_thread(home_of(net, key)),
                                                     .from = connection->self,
                                                     .address = { .client = *client } });
    return GATE_ASKED;
}

void address_gate_pass(struct connection *connection)
{
    if (connection->is_half_open)
        address_limits_give_back(connection->net->limits, connection->address_key, ADDRESS_HALF_OPEN);
    connection->is_half_open = false;
}

void address_gate_leave(struct connection *connection)
{
    struct net *net = connection->net;
    uint64_t key = connection->address_key;
    address_gate_pass(connection);
    if (!connection->is_counted)
        return;
    connection->is_counted = false;
    if (is_home(net, key))
        address_limits_give_back(net->limits, key, ADDRESS_WEBSOCKET);
    else
        executor_send(&net->executor, &(struct message){ .type = ADDRESS_GONE,
                                                         .to = address_of_thread(home_of(net, key)),
                                                         .address_gone = { .key = key } });
}

/* A session that waits for its client to come back. */
static void on_away(struct net *net, const struct message *message)
{
    const uint64_t key = message->address_gone.key;
    if (net->limits == NULL)
        return;
    if (message->type == ADDRESS_BACK)
        address_limits_give_back(net->limits, key, ADDRESS_AWAITED);
    else if (take(net, key, ADDRESS_AWAITED) == ADDRESS_REFUSED)
        executor_send(&net->executor, &(struct message){ .type = ADDRESS_DENIED, .to = message->from });
}

void address_gate_on_message(struct net *net, const struct message *message)
{
    static const enum message_type answers[] = { [ADDRESS_COUNTED] = ADDRESS_GRANTED,
                                                 [ADDRESS_UNCOUNTED] = ADDRESS_WAIVED,
                                                 [ADDRESS_REFUSED] = ADDRESS_DENIED };
    if (message->type == ADDRESS_GONE) {
        address_limits_give_back(net->limits, message->address_gone.key, ADDRESS_WEBSOCKET);
        return;
    }
    if (message->type == ADDRESS_AWAY || message->type == ADDRESS_BACK) {
        on_away(net, message);
        return;
    }
    enum address_verdict verdict = take(net, key_of(&message->address.client), message->type == ADDRESS_RETURN ? ADDRESS_RETURNING : ADDRESS_WEBSOCKET);
    executor_send(&net->executor, &(struct message){ .type = (uint16_t)answers[verdict],
                                                     .to = message->from,
                                                     .address = message->address });
}

void address_gate_tick(struct net *net)
{
    if (net->limits == NULL)
        return;
    address_limits_sweep(net->limits, uv_now(net->executor.loop));
    metrics_add(net->metrics, METRIC_ADDRESSES,
                (int64_t)address_limits_used(net->limits) - metrics_sum(net->metrics, 1, METRIC_ADDRESSES));
}

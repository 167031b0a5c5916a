#include "net/opening.h"

#include <stdlib.h>
#include <string.h>

#include "admission/identity.h"
#include "http/handshake.h"
#include "http/reply.h"
#include "http/request.h"
#include "net/address_gate.h"
#include "net/connection.h"
#include "net/ending.h"
#include "runtime/check.h"
#include "ws/writer.h"

enum { MAX_HANDSHAKE_REPLY_BYTES = 512 };

static bool is_full(const struct net *net)
{
    return metrics_sum(net->metrics_sets, net->metrics_count, METRIC_WEBSOCKETS) >= net->max_connections;
}

static void refuse(struct connection *connection, int status, bool is_head)
{
    char text[1024];
    metrics_add(connection->net->metrics, METRIC_HANDSHAKES_REFUSED_TOTAL, 1);
    if (status == 503)
        metrics_add(connection->net->metrics, METRIC_SERVER_FULL_TOTAL, 1);
    writer_put_bytes(connection, text, http_reply_refusal(text, sizeof text, status, is_head));
    connection_linger(connection);
}

static void put_switch(struct connection *connection, const char *accept)
{
    char text[MAX_HANDSHAKE_REPLY_BYTES];
    writer_put_bytes(connection, text, http_reply_switch(text, sizeof text, accept));
    metrics_add(connection->net->metrics, METRIC_HANDSHAKES_TOTAL, 1);
}

/* The request is a good one. What comes before there is an actor is held. A client has nothing to say until it is answered, so reading is
 * stopped only if it does: to stop and start costs system calls. */
static void begin_to_accept(struct connection *connection, const char *accept)
{
    connection->state = CONNECTION_ACCEPTING;
    connection->accept = strdup(accept);
    CHECK_MEMORY(connection->accept);
    connection->is_websocket = true;
    metrics_add(connection->net->metrics, METRIC_WEBSOCKETS, 1);
    if (connection->held != NULL)
        connection_stop_reading(connection);
}

static void switch_protocols(struct connection *connection)
{
    connection->state = CONNECTION_OPEN;
    put_switch(connection, connection->accept);
    free(connection->accept);
    connection->accept = NULL;
}

/* Ask a session thread for an actor, unless the client is to be told at once what is wrong. */
static void open_actor(struct connection *connection, const struct identity *client)
{
    struct net *net = connection->net;
    address_gate_pass(connection);
    if (connection->has_bad_id) {
        switch_protocols(connection);
        connection_close(connection, CLOSE_BAD_ID);
        return;
    }
    connection->awaits_actor = true;
    connection->session_thread = (uint8_t)(net->first_session_thread + net->next_session_thread);
    net->next_session_thread = (net->next_session_thread + 1) % net->session_threads;
    executor_send(&net->executor, &(struct message){ .type = CONN_OPENED,
                                                     .to = address_of_thread(connection->session_thread),
                                                     .from = connection->self,
                                                     .conn_opened = { .identity = *client } });
}

/* Too many come from the client's address, or too fast. */
static void turn_away(struct connection *connection)
{
    connection->is_websocket = false;
    metrics_add(connection->net->metrics, METRIC_WEBSOCKETS, -1);
    refuse(connection, 429, false);
}

void opening_on_gate(struct connection *connection, enum message_type answer, const struct identity *client)
{
    connection->awaits_gate = false;
    connection->is_counted = answer == ADDRESS_GRANTED;
    if (connection->state != CONNECTION_ACCEPTING) { /* it has ended meanwhile */
        address_gate_leave(connection);
        connection_give_slot_back(connection);
    } else if (answer == ADDRESS_DENIED) {
        turn_away(connection);
    } else {
        open_actor(connection, client);
    }
}

static void on_upgrade(struct connection *connection, const struct http_request *request)
{
    struct net *net = connection->net;
    struct handshake handshake;
    struct identity client;
    uint8_t address[ADDRESS_BYTES];
    connection_peer_address(connection, address);
    int status = handshake_check(request, net->options->allowed_origins, &handshake);
    if (status == 101 && is_full(net))
        status = 503;
    if (status == 101 &&
        !client_address_find(address, address, net->trusted_proxies, request->forwarded_for, request->forwarded_fors))
        status = 400;
    if (status != 101) {
        refuse(connection, status, request->is_head);
        return;
    }
    identity_make(&client, net->identity_key, address, handshake.device);
    connection->has_bad_id = handshake.has_bad_id;
    begin_to_accept(connection, handshake.accept);
    switch (address_gate_ask(connection, &client)) {
    case GATE_OPEN:
        open_actor(connection, &client);
        break;
    case GATE_SHUT:
        turn_away(connection);
        break;
    case GATE_ASKED:
        break;
    }
}

static void answer(struct connection *connection, enum http_route route, const struct http_request *request)
{
    const struct net *net = connection->net;
    const struct http_sources sources = { .sets = net->metrics_sets, .count = net->metrics_count, .config = net->config };
    char text[HTTP_REPLY_BYTES];
    struct http_body body = { 0 };
    writer_put_bytes(connection, text, http_reply(text, sizeof text, route, request, &sources, &body));
    writer_put_constant(connection, body.bytes, body.length);
    connection_linger(connection);
}

static void on_request(struct connection *connection, const char *head, size_t length)
{
    struct http_request request;
    int refusal = http_request_parse(&request, head, length);
    if (refusal != 0) {
        refuse(connection, refusal, false);
        return;
    }
    enum http_route route = http_route_find(request.path);
    if (route == ROUTE_WEBSOCKET) {
        on_upgrade(connection, &request);
    } else if (route == ROUTE_NONE) {
        refuse(connection, 404, request.is_head);
    } else if (!request.is_get && !request.is_head) {
        refuse(connection, 405, false);
    } else {
        answer(connection, route, &request);
    }
}

/* A head that is complete, and what follows it: the client's first frames. */
static void on_head(struct connection *connection, const char *head, size_t length, const unsigned char *rest, size_t rest_length)
{
    connection_hold(connection, rest, rest_length);
    on_request(connection, head, length);
}

/* Put the bytes to those that have come before. */
static void collect(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct request_head *head = connection->head;
    if (head == NULL) {
        head = connection->head = malloc(sizeof *head);
        CHECK_MEMORY(head);
        head->length = 0;
    }
    size_t room = sizeof head->bytes - head->length;
    size_t taken = length < room ? length : room;
    memcpy(head->bytes + head->length, bytes, taken);
    uint32_t before = head->length;
    head->length += (uint32_t)taken;
    size_t head_length = http_head_length(head->bytes, head->length, before);
    if (head_length == 0) {
        if (head->length == sizeof head->bytes)
            refuse(connection, 431, false);
        return;
    }
    connection->head = NULL;
    on_head(connection, head->bytes, head_length, bytes + (head_length - before), length - (head_length - before));
    free(head);
}

void opening_on_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
{
    /* Nearly every head comes whole, and is parsed where it was read. */
    size_t head_length = connection->head == NULL ? http_head_length((const char *)bytes, length, 0) : 0;
    if (head_length > 0 && head_length <= HTTP_HEAD_BYTES_MAX)
        on_head(connection, (const char *)bytes, head_length, bytes + head_length, length - head_length);
    else
        collect(connection, bytes, length);
}

void opening_on_accepted(struct connection *connection, struct address actor)
{
    struct net *net = connection->net;
    connection->awaits_actor = false;
    connection->actor = actor;
    connection->has_actor = true;
    if (connection->state != CONNECTION_ACCEPTING) { /* it has ended meanwhile */
        connection_leave_actor(connection, 0);
        connection_give_slot_back(connection);
        return;
    }
    switch_protocols(connection);
    connection->begins = true;
    connection_set_deadline(connection, (uint64_t)net->options->ping_interval_ms);
}

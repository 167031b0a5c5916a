#include "connection.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "net/address_gate.h"
#include "net/handshake.h"
#include "net/http_reply.h"
#include "net/http_request.h"
#include "net/identity.h"
#include "net/reader.h"
#include "net/writer.h"

/* Connections beyond --max-connections that are still let in, so that health checks and refusals get through. */
enum { CONNECTIONS_SPARE = 64 };

/* Of what still comes after our good-bye so much is looked through for the client's, and so much is thrown away. Who sends more has not
 * listened. */
enum { LOOK_THROUGH_BYTES = 256 * 1024, DISCARD_BYTES = 4 * 1024 * 1024 };

/* After our half is shut, the client gets so long to shut its own. */
enum { LINGER_MS = 1000 };

enum { MAX_HANDSHAKE_REPLY_BYTES = 512 };

static void feed(struct connection *connection, const unsigned char *bytes, size_t length);

static void set_deadline(struct connection *connection, uint64_t in_ms)
{
    struct net *net = connection->net;
    wheel_set(&net->wheel, &connection->deadline, uv_now(&net->executor.loop) + in_ms);
}

/* Reading. */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = (struct connection *)handle;
    (void)suggested;
    /* One buffer serves all: what is not used up within the callback is copied. */
    *buffer = uv_buf_init((char *)connection->net->read_buffer, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void start_reading(struct connection *connection)
{
    if (connection->is_reading || connection->state == CONNECTION_DEAD)
        return;
    connection->is_reading = uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read) == 0;
    if (!connection->is_reading)
        connection_kill(connection);
}

static void stop_reading(struct connection *connection)
{
    uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->is_reading = false;
}

static void hold(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct payload *held = length > 0 ? payload_copy(bytes, length) : NULL;
    payload_free(&connection->held);
    connection->held = held;
}

/* Read on, beginning with what is held, if there are credits and room. */
static void resume(struct connection *connection)
{
    if ((connection->state != CONNECTION_OPEN && connection->state != CONNECTION_CLOSING) ||
        !connection_may_feed(connection))
        return;
    struct payload *held = connection->held;
    connection->held = NULL;
    if (held != NULL)
        feed(connection, held->bytes, held->length);
    payload_free(&held);
    if (connection->held == NULL && connection_may_feed(connection) && connection->state != CONNECTION_DEAD)
        start_reading(connection);
}

/* The end of a connection, step by step. */

/* code: 0, or CONN_CLOSE is to come back with it. */
static void leave_actor(struct connection *connection, uint16_t code)
{
    struct net *net = connection->net;
    if (connection->has_actor)
        executor_send(&net->executor, &(struct message){ .type = CONN_GONE,
                                                         .to = connection->actor,
                                                         .from = connection->self,
                                                         .conn_close = { .code = code } });
    connection->has_actor = false;
}

static void give_slot_back(struct connection *connection)
{
    struct net *net = connection->net;
    if (!connection->is_closed || connection->awaits_actor || connection->awaits_gate)
        return;
    if (connection->is_websocket)
        metrics_add(net->metrics, METRIC_WEBSOCKETS, -1);
    slab_give_back(&net->connections, connection->self.slot);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = (struct connection *)handle;
    connection->is_closed = true;
    metrics_add(connection->net->metrics, METRIC_CONNECTIONS, -1);
    give_slot_back(connection);
}

void connection_kill(struct connection *connection)
{
    struct net *net = connection->net;
    if (connection->state == CONNECTION_DEAD)
        return;
    leave_actor(connection, 0);
    connection->state = CONNECTION_DEAD;
    wheel_cancel(&connection->deadline);
    if (connection->is_stalled) {
        struct connection **link = &net->stalled;
        while (*link != connection)
            link = &(*link)->next_stalled;
        *link = connection->next_stalled;
        connection->is_stalled = false;
    }
    writer_abandon(connection);
    reader_drop(connection);
    payload_free(&connection->held);
    free(connection->head);
    connection->head = NULL;
    free(connection->accept);
    connection->accept = NULL;
    address_gate_leave(connection);
    connection->is_reading = false;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    free(request);
}

void connection_on_output_done(struct connection *connection)
{
    connection->shuts_down = false;
    if (connection->state == CONNECTION_DEAD)
        return;
    uv_shutdown_t *request = malloc(sizeof *request);
    CHECK_MEMORY(request);
    if (uv_shutdown(request, (uv_stream_t *)&connection->tcp, on_shut_down) != 0) {
        free(request);
        connection_kill(connection);
        return;
    }
    set_deadline(connection, LINGER_MS);
}

/* What still comes is thrown away. */
static void stop_understanding(struct connection *connection)
{
    reader_drop(connection);
    payload_free(&connection->held);
    start_reading(connection);
}

/* Nothing more is to be said: write what there is, shut our half, and throw away what comes until the client's half is shut.
 * Closing with bytes unread would reset the connection, and the client might never see our last words. */
static void linger(struct connection *connection)
{
    leave_actor(connection, 0);
    connection->state = CONNECTION_LINGERING;
    set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
    stop_understanding(connection);
    if (connection->state == CONNECTION_LINGERING)
        writer_shut_down(connection);
}

void connection_close(struct connection *connection, enum close_code code)
{
    switch ((enum connection_state)connection->state) {
    case CONNECTION_OPEN:
        leave_actor(connection, 0);
        writer_put_close(connection, code);
        connection->state = CONNECTION_CLOSING;
        set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
        resume(connection); /* to see the client's close frame, whatever the credits */
        break;
    case CONNECTION_ENDING:
        writer_put_close(connection, (enum close_code)connection->ends_with);
        linger(connection);
        break;
    case CONNECTION_REQUEST:
    case CONNECTION_ACCEPTING:
        connection_kill(connection);
        break;
    case CONNECTION_CLOSING:
    case CONNECTION_LINGERING:
    case CONNECTION_DEAD:
        break;
    }
}

/* The client says no more that counts. What it said before is answered first: our close frame waits for the actor's last answer. */
static void end(struct connection *connection, enum close_code code)
{
    if (connection->state != CONNECTION_OPEN) { /* our close frame is out already */
        linger(connection);
        return;
    }
    leave_actor(connection, (uint16_t)code);
    connection->state = CONNECTION_ENDING;
    connection->ends_with = (uint16_t)code;
    set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
    stop_understanding(connection);
}

/* The client broke the protocol: say so, and do not try to understand what follows. */
static void fail(struct connection *connection, enum close_code code)
{
    metrics_add(connection->net->metrics, METRIC_PROTOCOL_ERRORS_TOTAL, 1);
    end(connection, code);
}

/* Frames. */

static void feed(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct net *net = connection->net;
    size_t consumed = 0;
    enum close_code code;
    if (connection_may_feed(connection)) {
        switch (reader_feed(connection, bytes, length, &consumed, &code)) {
        case READER_MORE:
            break;
        case READER_CLOSED:
            end(connection, code);
            return;
        case READER_FAILED:
            fail(connection, code);
            return;
        }
    }
    if (consumed < length) {
        hold(connection, bytes + consumed, length - consumed);
        /* Only now: a client that waits for answers itself has its credits back before it writes again, and to stop and start costs two
         * system calls. */
        stop_reading(connection);
    }
    if (reader_is_amid_message(connection) &&
        connection->deadline.tick > (uv_now(&net->executor.loop) + (uint64_t)net->options->message_timeout_ms) / WHEEL_TICK_MS)
        set_deadline(connection, (uint64_t)net->options->message_timeout_ms);
}

static void stall(struct connection *connection)
{
    struct net *net = connection->net;
    if (connection->is_stalled)
        return;
    connection->is_stalled = true;
    connection->next_stalled = net->stalled;
    net->stalled = connection;
}

void connection_unstall(struct connection *connection)
{
    connection->is_stalled = false;
    resume(connection);
}

void connection_on_text(struct connection *connection, struct payload *text, bool is_binary)
{
    struct net *net = connection->net;
    if (connection->state != CONNECTION_OPEN || !connection->has_actor) {
        payload_free(&text);
        return;
    }
    connection->credits--;
    metrics_add(net->metrics, METRIC_TEXTS_IN_TOTAL, 1);
    bool must_throttle = executor_send(&net->executor, &(struct message){ .type = CLIENT_TEXT,
                                                                          .to = connection->actor,
                                                                          .from = connection->self,
                                                                          .payload = text,
                                                                          .client_text = { .is_binary = is_binary } });
    if (must_throttle)
        stall(connection);
}

void connection_on_credit(struct connection *connection, uint32_t texts)
{
    connection->credits = (int16_t)(connection->credits + (int)texts);
    if (!connection->is_reading)
        resume(connection);
}

/* The request. */

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
    linger(connection);
}

static void put_switch(struct connection *connection, const char *accept)
{
    char text[MAX_HANDSHAKE_REPLY_BYTES];
    writer_put_bytes(connection, text, http_reply_switch(text, sizeof text, accept));
    metrics_add(connection->net->metrics, METRIC_HANDSHAKES_TOTAL, 1);
}

void connection_peer_address(const struct connection *connection, uint8_t address[ADDRESS_BYTES])
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    int length = sizeof peer;
    uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&peer, &length);
    client_address_of_socket(address, (const struct sockaddr *)&peer);
}

/* The request is a good one. Nothing is read until there is an actor; what was read already is held. */
static void begin_to_accept(struct connection *connection, const char *accept)
{
    connection->state = CONNECTION_ACCEPTING;
    connection->accept = strdup(accept);
    CHECK_MEMORY(connection->accept);
    connection->is_websocket = true;
    metrics_add(connection->net->metrics, METRIC_WEBSOCKETS, 1);
    stop_reading(connection);
}

/* Ask a session thread for an actor. */
static void open_actor(struct connection *connection, const struct identity *client)
{
    struct net *net = connection->net;
    address_gate_pass(connection);
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

void connection_on_gate(struct connection *connection, enum message_type answer, const struct identity *client)
{
    connection->awaits_gate = false;
    connection->is_counted = answer == ADDRESS_GRANTED;
    if (connection->state != CONNECTION_ACCEPTING) { /* it has ended meanwhile */
        address_gate_leave(connection);
        give_slot_back(connection);
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
    if (handshake.has_bad_id) {
        put_switch(connection, handshake.accept);
        connection->state = CONNECTION_OPEN;
        connection_close(connection, CLOSE_BAD_ID);
        return;
    }
    identity_make(&client, net->identity_key, address, handshake.device);
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
    linger(connection);
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

static void on_request_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
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
    /* What follows the head is the client's first frames. */
    hold(connection, bytes + (head_length - before), length - (head_length - before));
    connection->head = NULL;
    on_request(connection, head->bytes, head_length);
    free(head);
}

void connection_on_accepted(struct connection *connection, struct address actor)
{
    struct net *net = connection->net;
    connection->awaits_actor = false;
    connection->actor = actor;
    connection->has_actor = true;
    if (connection->state != CONNECTION_ACCEPTING) { /* it has ended meanwhile */
        leave_actor(connection, 0);
        give_slot_back(connection);
        return;
    }
    connection->state = CONNECTION_OPEN;
    put_switch(connection, connection->accept);
    free(connection->accept);
    connection->accept = NULL;
    connection->begins = true;
    set_deadline(connection, (uint64_t)net->options->ping_interval_ms);
}

static void discard(struct connection *connection, uint32_t length)
{
    connection->discarded_bytes += length;
    if (connection->discarded_bytes > DISCARD_BYTES)
        connection_kill(connection);
}

static void look_through(struct connection *connection, const unsigned char *bytes, size_t length)
{
    connection->discarded_bytes += (uint32_t)length;
    if (connection->discarded_bytes <= LOOK_THROUGH_BYTES)
        feed(connection, bytes, length);
    else
        linger(connection);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = (struct connection *)stream;
    struct net *net = connection->net;
    if (length == 0)
        return;
    if (length < 0) {
        connection_kill(connection);
        return;
    }
    metrics_add(net->metrics, METRIC_READS_TOTAL, 1);
    metrics_add(net->metrics, METRIC_BYTES_IN_TOTAL, length);
    connection->last_read_ms = net_now_ms(net);
    connection->has_pinged = false;
    const unsigned char *bytes = (const unsigned char *)buffer->base;
    switch ((enum connection_state)connection->state) {
    case CONNECTION_REQUEST:
        on_request_bytes(connection, bytes, (size_t)length);
        break;
    case CONNECTION_OPEN:
        feed(connection, bytes, (size_t)length);
        break;
    case CONNECTION_CLOSING:
        look_through(connection, bytes, (size_t)length);
        break;
    case CONNECTION_ENDING:
    case CONNECTION_LINGERING:
        discard(connection, (uint32_t)length);
        break;
    case CONNECTION_ACCEPTING:
    case CONNECTION_DEAD:
        break;
    }
}

/* Time. */

/* An open connection: is a message late, is the client silent? */
static void check_liveness(struct connection *connection)
{
    struct net *net = connection->net;
    const struct options *options = net->options;
    uint32_t now_ms = net_now_ms(net);
    int64_t next_ms = options->ping_interval_ms;
    const int64_t patience_ms = options->ping_interval_ms + options->ping_timeout_ms;
    if (connection->is_writing && (int64_t)(now_ms - connection->write_since_ms) > patience_ms) {
        /* It has taken nothing for so long. Two of the kind in one chat would otherwise keep each other for ever. */
        metrics_add(net->metrics, METRIC_SLOW_READERS_TOTAL, 1);
        connection_kill(connection);
        return;
    }
    if (!connection->is_reading) {
        /* We keep it waiting ourselves, so its silence says nothing. */
        set_deadline(connection, (uint64_t)next_ms);
        return;
    }
    if (reader_is_amid_message(connection)) {
        int64_t left_ms = options->message_timeout_ms - (int64_t)(now_ms - connection->message_since_ms);
        if (left_ms <= 0) {
            metrics_add(net->metrics, METRIC_MESSAGE_TIMEOUTS_TOTAL, 1);
            fail(connection, CLOSE_POLICY_VIOLATION);
            return;
        }
        next_ms = left_ms;
    }
    int64_t silent_ms = now_ms - connection->last_read_ms;
    int64_t left_ms;
    if (connection->has_pinged) {
        left_ms = options->ping_timeout_ms - (int64_t)(now_ms - connection->pinged_ms);
        if (left_ms <= 0) {
            metrics_add(net->metrics, METRIC_PING_TIMEOUTS_TOTAL, 1);
            connection_kill(connection);
            return;
        }
    } else if (silent_ms >= options->ping_interval_ms) {
        writer_put_frame(connection, WSLAY_PING, NULL, 0);
        connection->has_pinged = true;
        connection->pinged_ms = now_ms;
        left_ms = options->ping_timeout_ms;
    } else {
        left_ms = options->ping_interval_ms - silent_ms;
    }
    set_deadline(connection, (uint64_t)(left_ms < next_ms ? left_ms : next_ms));
}

void connection_on_deadline(struct connection *connection)
{
    switch ((enum connection_state)connection->state) {
    case CONNECTION_REQUEST:
        metrics_add(connection->net->metrics, METRIC_HANDSHAKE_TIMEOUTS_TOTAL, 1);
        connection_kill(connection);
        break;
    case CONNECTION_OPEN:
        check_liveness(connection);
        break;
    case CONNECTION_ACCEPTING: /* our own session thread is late: give it the time */
        set_deadline(connection, (uint64_t)connection->net->options->handshake_timeout_ms);
        break;
    case CONNECTION_ENDING: /* our own session thread is late */
        connection_close(connection, CLOSE_GOING_AWAY);
        break;
    case CONNECTION_CLOSING:
    case CONNECTION_LINGERING:
        connection_kill(connection);
        break;
    case CONNECTION_DEAD:
        break;
    }
}

/* The beginning. */

/* A peer whose network is gone acknowledges nothing; the kernel would go on sending for a quarter of an hour (tcp(7)). */
static void set_user_timeout(struct connection *connection)
{
    const struct options *options = connection->net->options;
    unsigned timeout_ms = (unsigned)(options->ping_interval_ms + options->ping_timeout_ms);
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&connection->tcp, &fd) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

/* Far too many: a word if the socket takes it at once, and the descriptor back. */
static void refuse_and_kill(struct connection *connection, int status)
{
    char text[1024];
    uv_buf_t buffer = uv_buf_init(text, (unsigned)http_reply_refusal(text, sizeof text, status, false));
    if (status == 503)
        metrics_add(connection->net->metrics, METRIC_SERVER_FULL_TOTAL, 1);
    uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
    connection_kill(connection);
}

void connection_accept(struct net *net, uv_stream_t *listener)
{
    uint32_t slot, generation;
    struct connection *connection = slab_take(&net->connections, &slot, &generation);
    CHECK(connection != NULL); /* the slab is larger than the descriptor limit */
    connection->net = net;
    connection->self = (struct address){ .generation = generation,
                                         .slot = slot & 0xFFFFFFu,
                                         .thread = (uint8_t)mailbox_thread(net->executor.mailbox) };
    connection->credits = CREDITS;
    uv_tcp_init(&net->executor.loop, &connection->tcp);
    metrics_add(net->metrics, METRIC_CONNECTIONS, 1);
    int error = uv_accept(listener, (uv_stream_t *)&connection->tcp);
    if (error != 0) {
        metrics_add(net->metrics, METRIC_ACCEPT_ERRORS_TOTAL, 1);
        connection_kill(connection);
        return;
    }
    metrics_add(net->metrics, METRIC_CONNECTIONS_TOTAL, 1);
    set_user_timeout(connection);
    uv_tcp_nodelay(&connection->tcp, 1); /* frames are collected by us; Nagle would only delay them */
    connection->last_read_ms = net_now_ms(net);
    set_deadline(connection, (uint64_t)net->options->handshake_timeout_ms);
    if (metrics_sum(net->metrics_sets, net->metrics_count, METRIC_CONNECTIONS) > net->max_connections + CONNECTIONS_SPARE) {
        refuse_and_kill(connection, 503);
        return;
    }
    if (!address_gate_arrive(connection)) {
        refuse_and_kill(connection, 429);
        return;
    }
    start_reading(connection);
}

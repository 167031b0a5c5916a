#include "net/connection.h"

#include "net/address_gate.h"
#include "net/ending.h"
#include "net/feeding.h"
#include "net/liveness.h"
#include "net/opening.h"
#include "net/receiving.h"
#include "net/sealing.h"
#include "net/sending.h"
#include "net/socket.h"

/* Of what still comes after our good-bye so much is looked through for the client's, or thrown away. Who sends more does not listen: the rest is
 * not even read, since a flood would take the thread's time from everybody else. The client sees our last words all the same, since the socket
 * is not closed before its deadline; and a flood is not back at once with a new one. */
enum { LAST_BYTES_MAX = 256 * 1024 };

/* After our half is shut, the client gets so long to shut its own. */
enum { LINGER_MS = 1000 };

void connection_give_credit(struct net *net, struct writer_credit credit)
{
    if (credit.texts == 0 || address_is_nobody(credit.to))
        return;
    if (credit.to.thread != mailbox_thread(net->executor.mailbox)) {
        executor_send(&net->executor,
                      &(struct message){ .type = TEXT_WRITTEN,
                                         .to = credit.to,
                                         .credit = { .texts = credit.texts, .is_receipt = credit.is_awaited } });
        return;
    }
    struct connection *connection = slab_find(&net->connections, credit.to.slot, credit.to.generation);
    if (connection != NULL)
        connection_on_credit(connection, credit.texts);
}

/* The end. */

void connection_kill(struct connection *connection)
{
    if (connection->state == CONNECTION_DEAD)
        return;
    if (connection->state == CONNECTION_OPEN)
        ending_count(connection, CLOSE_ABNORMAL);
    connection->state = CONNECTION_DEAD;
    connection_give_credit(connection->net, ending_release(connection));
}

static void start_reading(struct connection *connection);

/* What still comes is thrown away. */
static void stop_understanding(struct connection *connection)
{
    reader_drop(&connection->reader);
    payload_free(&connection->held);
    start_reading(connection);
}

void connection_shut_half(struct connection *connection)
{
    connection->shuts_down = false;
    if (connection->state == CONNECTION_DEAD)
        return;
    if (socket_shut_half(&connection->tcp))
        net_set_deadline(connection, LINGER_MS);
    else
        connection_kill(connection);
}

/* Nothing more is to be said: write what there is, shut our half, and throw away what comes until the client's half is shut.
 * Closing with bytes unread would reset the connection, and the client might never see our last words. */
static void linger(struct connection *connection)
{
    ending_leave_actor(connection, 0);
    connection->state = CONNECTION_LINGERING;
    net_set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
    stop_understanding(connection);
    if (connection->state != CONNECTION_LINGERING)
        return;
    connection->shuts_down = true;
    if (sending_has_output(connection))
        sending_mark(connection);
    else if (!connection->is_writing)
        connection_shut_half(connection);
}

/* The client says no more that counts. What it said before is answered first: our close frame waits for the actor's last answer. */
static void end(struct connection *connection, enum close_code code)
{
    if (connection->state != CONNECTION_OPEN) { /* our close frame is out already */
        linger(connection);
        return;
    }
    ending_count(connection, code);
    ending_leave_actor(connection, (uint16_t)code);
    connection->state = CONNECTION_ENDING;
    connection->ends_with = (uint16_t)code;
    net_set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
    stop_understanding(connection);
}

/* The client broke the protocol: say so, likewise, and do not try to understand what follows. */
static void fail(struct connection *connection, enum close_code code)
{
    metrics_add(connection->net->metrics, METRIC_PROTOCOL_ERRORS_TOTAL, 1);
    end(connection, code);
}

static void put_close(struct connection *connection, enum close_code code)
{
    writer_put_close(&connection->net->writers, &connection->writer, code);
    sending_mark(connection);
}

static void resume(struct connection *connection);

void connection_close(struct connection *connection, enum close_code code)
{
    switch ((enum connection_state)connection->state) {
    case CONNECTION_OPEN:
        ending_count(connection, code);
        ending_leave_actor(connection, 0);
        put_close(connection, code);
        connection->state = CONNECTION_CLOSING;
        net_set_deadline(connection, (uint64_t)connection->net->options->close_timeout_ms);
        resume(connection); /* to see the client's close frame, whatever the credits */
        break;
    case CONNECTION_ENDING:
        put_close(connection, (enum close_code)connection->ends_with);
        linger(connection);
        break;
    case CONNECTION_SECURING:
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

/* Reading. */

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void start_reading(struct connection *connection)
{
    if (connection->state != CONNECTION_DEAD && !receiving_start(connection, on_read))
        connection_kill(connection);
}

/* Returns how many of the bytes, the last ones, have to be held, since nobody may take them yet; then reading has been stopped. */
static size_t feed(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct net *net = connection->net;
    const uint64_t patience_ms = (uint64_t)net->options->message_timeout_ms;
    size_t left;
    enum close_code code;
    switch (feeding_take(connection, bytes, length, &left, &code)) {
    case FEEDING_ON:
        break;
    case FEEDING_CLOSED:
        end(connection, code);
        return 0;
    case FEEDING_FAILED:
        fail(connection, code);
        return 0;
    }
    /* Only now: a client that waits for answers itself has its credits back before it writes again, and to stop and start costs two
     * system calls. */
    if (left > 0)
        receiving_stop(connection);
    if (reader_is_amid_message(connection->reader) &&
        connection->deadline.tick > (uv_now(net->executor.loop) + patience_ms) / WHEEL_TICK_MS)
        net_set_deadline(connection, patience_ms);
    return left;
}

/* Read on, beginning with what is held, if there are credits and room. */
static void resume(struct connection *connection)
{
    if ((connection->state != CONNECTION_OPEN && connection->state != CONNECTION_CLOSING) || !feeding_may_take(connection))
        return;
    struct payload *held = connection->held;
    connection->held = NULL;
    if (held != NULL) {
        const size_t left = feed(connection, held->bytes + connection->held_from, held->length - connection->held_from);
        if (left > 0) {
            connection->held = held;
            connection->held_from = held->length - (uint32_t)left;
            return;
        }
    }
    payload_free(&held);
    if (feeding_may_take(connection) && connection->state != CONNECTION_DEAD)
        start_reading(connection);
}

void connection_unstall(struct connection *connection)
{
    connection->is_stalled = false;
    resume(connection);
}

void connection_on_credit(struct connection *connection, uint32_t texts)
{
    connection->credits = (int16_t)(connection->credits + (int)texts);
    if (!connection->is_reading)
        resume(connection);
}

/* The beginning. */

static void on_opening(struct connection *connection, enum opening_result result)
{
    if (writer_has_output(&connection->writer))
        sending_mark(connection);
    switch (result) {
    case OPENING_MORE:
        break;
    case OPENING_WAITS:
        connection->state = CONNECTION_ACCEPTING;
        /* A client has nothing to say until it is answered, so reading is stopped only if it does: to stop and start costs system calls. */
        if (connection->held != NULL)
            receiving_stop(connection);
        break;
    case OPENING_BAD_ID:
        connection->state = CONNECTION_OPEN;
        opening_switch(connection);
        connection_close(connection, CLOSE_BAD_ID);
        break;
    case OPENING_ANSWERED:
        linger(connection);
        break;
    }
}

static void on_request_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
{
    size_t taken;
    enum opening_result result = opening_on_bytes(connection, bytes, length, &taken);
    if (result == OPENING_WAITS || result == OPENING_BAD_ID)
        receiving_hold(connection, bytes + taken, length - taken);
    on_opening(connection, result);
}

void connection_on_gate(struct connection *connection, enum message_type answer, const struct identity *client)
{
    connection->awaits_gate = false;
    connection->is_counted = answer == ADDRESS_GRANTED;
    if (connection->state == CONNECTION_ACCEPTING) {
        on_opening(connection, opening_on_gate(connection, answer, client));
        return;
    }
    address_gate_leave(connection); /* it has ended meanwhile */
    ending_give_slot_back(connection);
}

void connection_on_accepted(struct connection *connection, struct address actor)
{
    connection->awaits_actor = false;
    connection->actor = actor;
    connection->has_actor = true;
    if (connection->state != CONNECTION_ACCEPTING) { /* it has ended meanwhile */
        ending_leave_actor(connection, 0);
        ending_give_slot_back(connection);
        return;
    }
    connection->state = CONNECTION_OPEN;
    connection->begins = true;
    opening_switch(connection);
    sending_mark(connection);
    net_set_deadline(connection, (uint64_t)connection->net->options->ping_interval_ms);
}

void connection_accept(struct net *net, struct door *door)
{
    struct connection *connection;
    if (opening_accept(net, door, &connection))
        start_reading(connection);
    else
        connection_kill(connection);
}

/* Whatever is read. */

static void on_last_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
{
    const bool is_for_close = connection->state == CONNECTION_CLOSING;
    connection->last_bytes += (uint32_t)length;
    if (connection->last_bytes > LAST_BYTES_MAX) {
        if (is_for_close)
            linger(connection);
        else
            receiving_stop(connection);
    } else if (is_for_close) {
        feed(connection, bytes, length);
    }
}

/* Plain ones. */
static void on_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
{
    size_t left;
    switch ((enum connection_state)connection->state) {
    case CONNECTION_REQUEST:
        on_request_bytes(connection, bytes, length);
        break;
    case CONNECTION_OPEN:
        left = feed(connection, bytes, length);
        if (left > 0)
            receiving_hold(connection, bytes + (length - left), left);
        break;
    case CONNECTION_CLOSING:
    case CONNECTION_ENDING:
    case CONNECTION_LINGERING:
        on_last_bytes(connection, bytes, length);
        break;
    case CONNECTION_ACCEPTING: /* nothing is held yet, or reading would have been stopped */
        receiving_hold(connection, bytes, length);
        receiving_stop(connection);
        break;
    case CONNECTION_SECURING:
    case CONNECTION_DEAD:
        break;
    }
}

static void on_sealed_bytes(struct connection *connection, const unsigned char *bytes, size_t length)
{
    struct iovec plain;
    if (connection->state == CONNECTION_ENDING || connection->state == CONNECTION_LINGERING) {
        on_last_bytes(connection, bytes, length); /* nobody wants to know what they say */
        return;
    }
    const enum sealing_result result = sealing_take(connection, bytes, length, &plain);
    switch (result) {
    case SEALING_ON:
    case SEALING_CLOSED:
        break;
    case SEALING_WAITS:
        receiving_hold(connection, bytes, length);
        receiving_stop(connection);
        sealing_wait(connection);
        return;
    case SEALING_NONE:
        on_opening(connection, opening_refuse_plain(connection));
        return;
    case SEALING_FAILED:
        connection_kill(connection);
        return;
    }
    if (connection->state == CONNECTION_SECURING && sealing_is_open(connection))
        connection->state = CONNECTION_REQUEST;
    if (sending_has_output(connection))
        sending_mark(connection);
    if (plain.iov_len > 0)
        on_bytes(connection, plain.iov_base, plain.iov_len);
    if (result == SEALING_CLOSED)
        connection_kill(connection);
}

void connection_shake_hands(struct net *net)
{
    struct connection *connection;
    sealing_next_turn(net);
    while ((connection = sealing_next(net)) != NULL) {
        struct payload *held = connection->held;
        connection->held = NULL;
        on_sealed_bytes(connection, held->bytes, held->length);
        payload_free(&held);
        if (connection->held == NULL) /* else it is accepted only now, and has said more */
            start_reading(connection);
    }
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = (struct connection *)stream;
    if (!receiving_note(connection, length, buffer))
        return;
    if (length < 0) {
        connection_kill(connection);
        return;
    }
    if (sealing_is_due(connection))
        on_sealed_bytes(connection, (const unsigned char *)buffer->base, (size_t)length);
    else
        on_bytes(connection, (const unsigned char *)buffer->base, (size_t)length);
    receiving_done(connection->net);
}

/* Time. */

static void check_liveness(struct connection *connection)
{
    uint64_t next_ms;
    switch (liveness_check(connection, &next_ms)) {
    case LIVENESS_SILENT:
        writer_put_ping(&connection->net->writers, &connection->writer);
        sending_mark(connection);
        net_set_deadline(connection, next_ms);
        break;
    case LIVENESS_FINE:
        net_set_deadline(connection, next_ms);
        break;
    case LIVENESS_LATE:
        fail(connection, CLOSE_POLICY_VIOLATION);
        break;
    case LIVENESS_GONE:
        connection_kill(connection);
        break;
    }
}

void connection_on_deadline(struct connection *connection)
{
    switch ((enum connection_state)connection->state) {
    case CONNECTION_SECURING:
    case CONNECTION_REQUEST:
        metrics_add(connection->net->metrics, METRIC_HANDSHAKE_TIMEOUTS_TOTAL, 1);
        connection_kill(connection);
        break;
    case CONNECTION_OPEN:
        check_liveness(connection);
        break;
    case CONNECTION_ACCEPTING: /* our own session thread is late: give it the time */
        net_set_deadline(connection, (uint64_t)connection->net->options->handshake_timeout_ms);
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

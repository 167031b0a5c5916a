#include "net/sealing.h"

#include <stdlib.h>

#include "net/socket.h"
#include "runtime/check.h"
#include "tls/filter.h"

/* RFC 8446, section 5.1: the first byte of a handshake; no request of HTTP begins with it. */
enum { CONTENT_HANDSHAKE = 22 };

/* A read may complete a record of which the rest, less than 16 KiB and a head, came before. */
enum { SEALING_PLAIN_BYTES = READ_BYTES + 32 * 1024 };

/* Sealed and sent at a time: four records. More would be there twice while a slow client takes it. */
enum { SEALED_AT_ONCE = 64 * 1024 };

struct sealing {
    struct tls_filter *filter;
    struct payload *output; /* sealed, and on its way at the end of the turn */
    bool has_said_good_bye;
};

void sealing_init(struct net *net, const struct tls_context *context)
{
    struct secure_side *secure = &net->secure;
    if (context == NULL)
        return;
    secure->context = tls_context_share(context);
    secure->wire = tls_wire_new();
    secure->plain = malloc(SEALING_PLAIN_BYTES);
    CHECK_MEMORY(secure->plain);
}

void sealing_fini(struct net *net)
{
    struct secure_side *secure = &net->secure;
    tls_context_fini(&secure->context);
    tls_wire_free(&secure->wire);
    free(secure->plain);
    secure->plain = NULL;
}

void sealing_renew(struct net *net, struct ssl_ctx_st *ssl)
{
    tls_context_fini(&net->secure.context); /* connections that have it keep it */
    net->secure.context.ssl = ssl;
}

/* The wire is the thread's: what a step leaves there is this connection's. */
static void collect_output(struct sealing *sealing)
{
    const char *bytes;
    const size_t length = tls_filter_unsent(sealing->filter, &bytes);
    if (length == 0)
        return;
    if (sealing->output == NULL)
        sealing->output = payload_new(length);
    payload_append(&sealing->output, bytes, length);
    tls_filter_sent(sealing->filter, length);
}

static struct sealing *begin(struct connection *connection)
{
    const struct secure_side *secure = &connection->net->secure;
    struct sealing *sealing = calloc(1, sizeof *sealing);
    CHECK_MEMORY(sealing);
    sealing->filter = tls_filter_new_on(&secure->context, secure->wire);
    connection->tcp.data = sealing;
    return sealing;
}

static enum tls_verdict shake_hands(struct connection *connection)
{
    struct net *net = connection->net;
    struct sealing *sealing = sealing_of(connection);
    const enum tls_verdict verdict = tls_filter_shake_hands(sealing->filter);
    collect_output(sealing);
    if (sealing->output != NULL) /* what takes time has something to say */
        net->secure.handshakes++;
    if (tls_filter_is_open(sealing->filter))
        metrics_add(net->metrics, METRIC_TLS_HANDSHAKES_TOTAL, 1);
    return verdict;
}

/* All that has come: nothing of it may stay on the wire. */
static enum tls_verdict unseal(struct sealing *sealing, struct iovec *plain)
{
    size_t length;
    do {
        CHECK(plain->iov_len < SEALING_PLAIN_BYTES);
        const enum tls_verdict verdict =
            tls_filter_read(sealing->filter, (unsigned char *)plain->iov_base + plain->iov_len, SEALING_PLAIN_BYTES - plain->iov_len, &length);
        if (verdict != TLS_GOES_ON)
            return verdict;
        plain->iov_len += length;
    } while (length > 0);
    return TLS_GOES_ON;
}

static enum sealing_result fail(struct connection *connection)
{
    struct net *net = connection->net;
    const struct sealing *sealing = sealing_of(connection);
    uint64_t suppressed;
    if (tls_filter_is_open(sealing->filter))
        metrics_add(net->metrics, METRIC_TLS_BROKEN_TOTAL, 1);
    if (log_limit_pass(&net->tls_limit, uv_now(net->executor.loop), &suppressed))
        log_event(net->log, LOG_DEBUG, "tls_failed", "reason=\"%s\" suppressed=%llu", tls_filter_error(sealing->filter), (unsigned long long)suppressed);
    return SEALING_FAILED;
}

enum sealing_result sealing_take(struct connection *connection, const unsigned char *bytes, size_t length, struct iovec *plain)
{
    struct net *net = connection->net;
    struct sealing *sealing = sealing_of(connection);
    enum tls_verdict verdict = TLS_GOES_ON;
    *plain = (struct iovec){ .iov_base = net->secure.plain };
    if (sealing == NULL && bytes[0] != CONTENT_HANDSHAKE)
        return SEALING_NONE;
    if (!sealing_is_open(connection) && (net->secure.handshakes >= HANDSHAKES_PER_TURN))
        return SEALING_WAITS;
    if (sealing == NULL)
        sealing = begin(connection);
    tls_filter_receive(sealing->filter, bytes, length);
    if (!tls_filter_is_open(sealing->filter))
        verdict = shake_hands(connection);
    if (verdict == TLS_GOES_ON && tls_filter_is_open(sealing->filter))
        verdict = unseal(sealing, plain);
    if (verdict == TLS_CLOSED)
        sealing_say_good_bye(connection);
    collect_output(sealing);
    switch (verdict) {
    case TLS_GOES_ON:
        return SEALING_ON;
    case TLS_CLOSED:
        return SEALING_CLOSED;
    case TLS_FAILED:
        break;
    }
    return fail(connection);
}

bool sealing_is_open(const struct connection *connection)
{
    return sealing_of(connection) != NULL && tls_filter_is_open(sealing_of(connection)->filter);
}

/* Waiting. */

void sealing_wait(struct connection *connection)
{
    struct secure_side *secure = &connection->net->secure;
    connection->awaits_hands = true;
    connection->next_stalled = NULL;
    if (secure->first == NULL)
        secure->first = connection;
    else
        secure->last->next_stalled = connection;
    secure->last = connection;
}

static void wait_no_more(struct connection *connection)
{
    struct secure_side *secure = &connection->net->secure;
    struct connection *before = NULL;
    for (struct connection *other = secure->first; other != connection; other = other->next_stalled)
        before = other;
    if (before == NULL)
        secure->first = connection->next_stalled;
    else
        before->next_stalled = connection->next_stalled;
    if (secure->last == connection)
        secure->last = before;
    connection->awaits_hands = false;
}

void sealing_next_turn(struct net *net)
{
    net->secure.handshakes = 0;
}

struct connection *sealing_next(struct net *net)
{
    struct connection *connection = net->secure.first;
    if (connection == NULL || net->secure.handshakes >= HANDSHAKES_PER_TURN)
        return NULL;
    wait_no_more(connection);
    return connection;
}

/* Sending. */

size_t sealing_seal(struct connection *connection, const struct iovec parts[], unsigned count)
{
    struct sealing *sealing = sealing_of(connection);
    enum tls_verdict verdict = TLS_GOES_ON;
    size_t sealed = 0;
    for (unsigned i = 0; i < count && sealed < SEALED_AT_ONCE && verdict == TLS_GOES_ON; i++) {
        const size_t room = SEALED_AT_ONCE - sealed;
        const size_t length = parts[i].iov_len < room ? parts[i].iov_len : room;
        verdict = tls_filter_write(sealing->filter, parts[i].iov_base, length);
        sealed += length;
    }
    collect_output(sealing);
    return verdict == TLS_GOES_ON ? sealed : 0;
}

void sealing_say_good_bye(struct connection *connection)
{
    struct sealing *sealing = sealing_of(connection);
    sealing->has_said_good_bye = true;
    tls_filter_say_good_bye(sealing->filter);
    collect_output(sealing);
}

bool sealing_has_output(const struct connection *connection)
{
    const struct sealing *sealing = sealing_of(connection);
    return sealing != NULL && (sealing->output != NULL || (connection->shuts_down && !sealing->has_said_good_bye));
}

struct payload *sealing_take_output(struct connection *connection)
{
    struct sealing *sealing = sealing_of(connection);
    struct payload *output = sealing->output;
    sealing->output = NULL;
    return output;
}

void sealing_drop(struct connection *connection)
{
    struct sealing *sealing = sealing_of(connection);
    if (connection->awaits_hands)
        wait_no_more(connection);
    if (sealing == NULL)
        return;
    if (sealing->output != NULL && !connection->is_writing) {
        struct iovec part = { .iov_base = sealing->output->bytes, .iov_len = sealing->output->length };
        (void)socket_send(&connection->tcp, &part, 1);
    }
    if (!tls_filter_is_open(sealing->filter))
        metrics_add(connection->net->metrics, METRIC_TLS_HANDSHAKES_FAILED_TOTAL, 1);
    payload_free(&sealing->output);
    tls_filter_free(&sealing->filter);
    free(sealing);
    connection->tcp.data = NULL;
}

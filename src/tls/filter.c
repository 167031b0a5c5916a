#include "tls/filter.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"

enum { REASON_BYTES = 160, PIECE_BYTES = 16384 };

/* Messages of the protocol itself once hands are shaken: wishes for new keys, or to shake hands again, and what we say to them. An honest client has a handful
 * in a lifetime; who sends them without end costs much time with few bytes. */
enum { LATE_MESSAGES_MAX = 64 };

struct tls_wire {
    BIO *in, *out;
};

struct tls_filter {
    SSL *ssl;
    BIO *in, *out; /* memory; the SSL's, or shared */
    bool is_shared;
    bool is_open;
    unsigned late_messages; /* a server's */
    char error[REASON_BYTES];
};

static struct tls_wire make_wire(void)
{
    struct tls_wire wire = { .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem()) };
    CHECK_MEMORY(wire.in);
    CHECK_MEMORY(wire.out);
    BIO_set_mem_eof_return(wire.in, -1); /* empty: more will come */
    return wire;
}

struct tls_wire *tls_wire_new(void)
{
    struct tls_wire *wire = malloc(sizeof *wire);
    CHECK_MEMORY(wire);
    *wire = make_wire();
    return wire;
}

void tls_wire_free(struct tls_wire **pointer)
{
    struct tls_wire *wire = *pointer;
    if (wire == NULL)
        return;
    BIO_free(wire->in);
    BIO_free(wire->out);
    free(wire);
    *pointer = NULL;
}

static struct tls_filter *make_filter(const struct tls_context *context, struct tls_wire wire)
{
    struct tls_filter *filter = calloc(1, sizeof *filter);
    CHECK_MEMORY(filter);
    filter->ssl = SSL_new(context->ssl);
    CHECK_MEMORY(filter->ssl);
    filter->in = wire.in;
    filter->out = wire.out;
    SSL_set_bio(filter->ssl, wire.in, wire.out);
    return filter;
}

static void count_late_message(int is_written, int version, int kind, const void *bytes, size_t length, SSL *ssl, void *argument)
{
    struct tls_filter *filter = argument;
    (void)is_written, (void)version, (void)bytes, (void)length, (void)ssl;
    if (filter->is_open && (kind == SSL3_RT_HANDSHAKE || kind == SSL3_RT_ALERT))
        filter->late_messages++;
}

static struct tls_filter *make_server(const struct tls_context *context, struct tls_wire wire)
{
    struct tls_filter *filter = make_filter(context, wire);
    SSL_set_accept_state(filter->ssl);
    SSL_set_msg_callback(filter->ssl, count_late_message);
    SSL_set_msg_callback_arg(filter->ssl, filter);
    return filter;
}

struct tls_filter *tls_filter_new_on(const struct tls_context *context, struct tls_wire *wire)
{
    CHECK(BIO_up_ref(wire->in) == 1 && BIO_up_ref(wire->out) == 1);
    struct tls_filter *filter = make_server(context, *wire);
    filter->is_shared = true;
    return filter;
}

/* RFC 6066, section 3: a name is told, a numeric address is not. */
static bool set_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct tls_filter *tls_filter_new(const struct tls_context *context, const char *host)
{
    if (context->role == TLS_SERVER)
        return make_server(context, make_wire());
    struct tls_filter *filter = make_filter(context, make_wire());
    SSL_set_connect_state(filter->ssl);
    if (!set_host(filter->ssl, host))
        tls_filter_free(&filter);
    return filter;
}

void tls_filter_free(struct tls_filter **pointer)
{
    struct tls_filter *filter = *pointer;
    if (filter == NULL)
        return;
    SSL_free(filter->ssl);
    free(filter);
    ERR_clear_error();
    *pointer = NULL;
}

static void explain(struct tls_filter *filter)
{
    const long verdict = SSL_get_verify_result(filter->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verdict != X509_V_OK)
        snprintf(filter->error, sizeof filter->error, "TLS certificate: %s", X509_verify_cert_error_string(verdict));
    else
        snprintf(filter->error, sizeof filter->error, "TLS: %s", reason != NULL ? reason : "the connection was cut off");
}

/* Nothing is read any more; what is left would be taken for another one's. */
static enum tls_verdict end(struct tls_filter *filter, enum tls_verdict verdict)
{
    if (filter->is_shared && BIO_pending(filter->in) > 0)
        (void)BIO_reset(filter->in);
    return verdict;
}

/* Of what a function of libssl has returned that is no success. */
static enum tls_verdict verdict_of(struct tls_filter *filter, int result)
{
    switch (SSL_get_error(filter->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_GOES_ON;
    case SSL_ERROR_ZERO_RETURN:
        return end(filter, TLS_CLOSED);
    default:
        explain(filter);
        ERR_clear_error();
        return end(filter, TLS_FAILED);
    }
}

enum tls_verdict tls_filter_shake_hands(struct tls_filter *filter)
{
    ERR_clear_error(); /* another connection's, of this thread */
    const int result = SSL_do_handshake(filter->ssl);
    if (result != 1)
        return verdict_of(filter, result);
    filter->is_open = true;
    return TLS_GOES_ON;
}

bool tls_filter_is_open(const struct tls_filter *filter)
{
    return filter->is_open;
}

void tls_filter_receive(struct tls_filter *filter, const void *bytes, size_t length)
{
    size_t written = 0;
    CHECK_MEMORY(length == 0 || (BIO_write_ex(filter->in, bytes, length, &written) == 1 && written == length) ? filter : NULL);
}

enum tls_verdict tls_filter_read(struct tls_filter *filter, void *plain, size_t capacity, size_t *length)
{
    *length = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(filter->ssl, plain, capacity, length);
    if (filter->late_messages > LATE_MESSAGES_MAX) {
        snprintf(filter->error, sizeof filter->error, "TLS: too many messages after the handshake");
        *length = 0;
        return end(filter, TLS_FAILED);
    }
    return result == 1 ? TLS_GOES_ON : verdict_of(filter, result);
}

void tls_filter_say_good_bye(struct tls_filter *filter)
{
    ERR_clear_error();
    if ((SSL_get_shutdown(filter->ssl) & SSL_SENT_SHUTDOWN) == 0 && SSL_shutdown(filter->ssl) < 0)
        ERR_clear_error(); /* after a failure it has been said already */
}

enum tls_verdict tls_filter_write(struct tls_filter *filter, const void *plain, size_t length)
{
    const char *rest = plain;
    ERR_clear_error();
    while (length > 0) {
        size_t written = 0;
        const int result = SSL_write_ex(filter->ssl, rest, length, &written);
        if (result != 1) {
            /* Memory takes all there is, so that it cannot have to wait. */
            const enum tls_verdict verdict = verdict_of(filter, result);
            if (verdict == TLS_GOES_ON)
                snprintf(filter->error, sizeof filter->error, "TLS: it cannot be written to now");
            return verdict == TLS_CLOSED ? TLS_CLOSED : TLS_FAILED;
        }
        rest += written;
        length -= written;
    }
    return TLS_GOES_ON;
}

size_t tls_filter_unsent(const struct tls_filter *filter, const char **bytes)
{
    char *start = NULL;
    const long length = BIO_get_mem_data(filter->out, &start);
    *bytes = start;
    return length > 0 ? (size_t)length : 0;
}

void tls_filter_sent(struct tls_filter *filter, size_t length)
{
    char piece[PIECE_BYTES];
    while (length > 0) {
        size_t taken = 0;
        CHECK(BIO_read_ex(filter->out, piece, length < sizeof piece ? length : sizeof piece, &taken) == 1);
        length -= taken;
    }
}

const char *tls_filter_error(const struct tls_filter *filter)
{
    return filter->error;
}

#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <time.h>

#include "runtime/check.h"

static bool fail(struct tls_context *context, const char *path, const char *what, char error[TLS_ERROR_BYTES])
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(error, TLS_ERROR_BYTES, "%.100s: %s: %.60s", path, what, reason != NULL ? reason : "cannot be read");
    ERR_clear_error();
    tls_context_fini(context);
    return false;
}

/* A key with a pass phrase would ask for it on the terminal. */
static int know_no_phrase(char *phrase, int capacity, int is_for_writing, void *unused)
{
    (void)phrase, (void)capacity, (void)is_for_writing, (void)unused;
    return -1;
}

/* RFC 7301, section 3.2: who offers protocols, and not ours, is refused. */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length, const unsigned char *offered, unsigned offered_length,
                           void *unused)
{
    static const unsigned char ours[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };
    unsigned char *common = NULL;
    (void)ssl, (void)unused;
    if (SSL_select_next_proto(&common, chosen_length, ours, sizeof ours, offered, offered_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = common;
    return SSL_TLSEXT_ERR_OK;
}

static void be_server(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 1); /* a browser opens one connection; each costs time */
    SSL_CTX_set_max_early_data(ssl, 0);
}

/* The own certificate is number -1, those that vouch for it follow. NULL: there are no more. */
static const X509 *certificate_at(SSL_CTX *ssl, int number)
{
    STACK_OF(X509) *others = NULL;
    if (number < 0)
        return SSL_CTX_get0_certificate(ssl);
    SSL_CTX_get0_chain_certs(ssl, &others);
    return number < sk_X509_num(others) ? sk_X509_value(others, number) : NULL;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm broken_down = { 0 };
    return ASN1_TIME_to_tm(time, &broken_down) == 1 ? (int64_t)timegm(&broken_down) : 0;
}

static const char *find_wrong_time(SSL_CTX *ssl)
{
    const X509 *certificate;
    const int64_t now = (int64_t)time(NULL);
    for (int number = -1; (certificate = certificate_at(ssl, number)) != NULL; number++) {
        if (seconds_of(X509_get0_notBefore(certificate)) > now)
            return "a certificate that is good by now; this one, or one that vouches for it, begins later";
        if (seconds_of(X509_get0_notAfter(certificate)) <= now)
            return "a certificate that is still good; this one, or one that vouches for it, has ended";
    }
    return NULL;
}

bool tls_context_init(struct tls_context *context, enum tls_role role, const struct tls_files *files, char error[TLS_ERROR_BYTES])
{
    ERR_clear_error();
    *context = (struct tls_context){ .ssl = SSL_CTX_new(role == TLS_CLIENT ? TLS_client_method() : TLS_server_method()), .role = role };
    CHECK_MEMORY(context->ssl);
    CHECK(SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) == 1);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_default_passwd_cb(context->ssl, know_no_phrase);
    if (role == TLS_SERVER)
        be_server(context->ssl);
    if (role == TLS_CLIENT) {
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
        if (files->authorities[0] == '\0')
            SSL_CTX_set_default_verify_paths(context->ssl);
        else if (SSL_CTX_load_verify_locations(context->ssl, files->authorities, NULL) != 1)
            return fail(context, files->authorities, "expected certificates of authorities in PEM", error);
    }
    if (files->certificate[0] == '\0')
        return true;
    if (SSL_CTX_use_certificate_chain_file(context->ssl, files->certificate) != 1)
        return fail(context, files->certificate, "expected a certificate in PEM", error);
    if (SSL_CTX_use_PrivateKey_file(context->ssl, files->key, SSL_FILETYPE_PEM) != 1)
        return fail(context, files->key, "expected the certificate's key in PEM", error);
    const char *expected = role == TLS_SERVER ? find_wrong_time(context->ssl) : NULL;
    if (expected == NULL)
        return true;
    snprintf(error, TLS_ERROR_BYTES, "%.100s: expected %s", files->certificate, expected);
    tls_context_fini(context);
    return false;
}

void tls_context_fini(struct tls_context *context)
{
    SSL_CTX_free(context->ssl);
    context->ssl = NULL;
}

struct tls_context tls_context_share(const struct tls_context *context)
{
    CHECK(SSL_CTX_up_ref(context->ssl) == 1);
    return *context;
}

int64_t tls_context_ends(const struct tls_context *context)
{
    const X509 *certificate;
    int64_t first = INT64_MAX;
    for (int number = -1; (certificate = certificate_at(context->ssl, number)) != NULL; number++) {
        const int64_t ends = seconds_of(X509_get0_notAfter(certificate));
        first = ends < first ? ends : first;
    }
    return first;
}

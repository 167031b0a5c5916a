#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "runtime/check.h"

static bool fail(struct tls_context *context, const char *path, const char *what, char error[TLS_ERROR_BYTES])
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(error, TLS_ERROR_BYTES, "%.100s: %s: %.60s", path, what, reason != NULL ? reason : "cannot be read");
    ERR_clear_error();
    tls_context_fini(context);
    return false;
}

bool tls_context_init(struct tls_context *context, enum tls_role role, const struct tls_files *files, char error[TLS_ERROR_BYTES])
{
    ERR_clear_error();
    *context = (struct tls_context){ .ssl = SSL_CTX_new(role == TLS_CLIENT ? TLS_client_method() : TLS_server_method()), .role = role };
    CHECK_MEMORY(context->ssl);
    CHECK(SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) == 1);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
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
    return true;
}

void tls_context_fini(struct tls_context *context)
{
    SSL_CTX_free(context->ssl);
    context->ssl = NULL;
}

/* context.h: what TLS connections of one kind have in common.
 *
 * TLS 1.2 and later. A client believes a certificate that the authorities vouch for and that names the host it wanted.
 *
 * Threads: made by main before other threads start; read-only after that.
 */
#ifndef CHATTERBOX_TLS_CONTEXT_H
#define CHATTERBOX_TLS_CONTEXT_H

#include <stdbool.h>

struct ssl_ctx_st; /* libssl's */

enum tls_role { TLS_CLIENT, TLS_SERVER };

enum { TLS_ERROR_BYTES = 200 };

struct tls_context {
    struct ssl_ctx_st *ssl;
    enum tls_role role;
};

/* PEM files; "" for none. authorities: who is believed; the system's, if there is none. A server asks its clients for nothing.
 * certificate: a chain, the own one first, and its key: a server needs both. On false error holds one line, and there is nothing to be freed. */
struct tls_files {
    const char *authorities, *certificate, *key;
};
bool tls_context_init(struct tls_context *context, enum tls_role role, const struct tls_files *files, char error[TLS_ERROR_BYTES])
    __attribute__((warn_unused_result));

void tls_context_fini(struct tls_context *context);

#endif

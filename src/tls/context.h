/* context.h: what TLS connections of one kind have in common.
 *
 * TLS 1.2 and later. A client believes a certificate that the authorities vouch for and that names the host it wanted. A server speaks HTTP/1.1 (ALPN),
 * takes no early data (RFC 8446, section 8: it could be played back), and keeps nothing of a session: who comes back shows a ticket.
 *
 * Threads: made by one thread; read-only after that, but for the count of those who share it, which is libssl's and atomic.
 */
#ifndef CHATTERBOX_TLS_CONTEXT_H
#define CHATTERBOX_TLS_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

struct ssl_ctx_st; /* libssl's */

enum tls_role { TLS_CLIENT, TLS_SERVER };

enum { TLS_ERROR_BYTES = 200 };

struct tls_context {
    struct ssl_ctx_st *ssl;
    enum tls_role role;
};

/* PEM files; "" for none. authorities: who is believed; the system's, if there is none. A server asks its clients for nothing.
 * certificate: a chain, the own one first, and its key: a server needs both, and that the chain is good now. On false error holds one line, and there is
 * nothing to be freed. */
struct tls_files {
    const char *authorities, *certificate, *key;
};
bool tls_context_init(struct tls_context *context, enum tls_role role, const struct tls_files *files, char error[TLS_ERROR_BYTES])
    __attribute__((warn_unused_result));

void tls_context_fini(struct tls_context *context);

/* One more reference to the same: for another thread, perhaps, which gives it back by tls_context_fini() of its own. */
struct tls_context tls_context_share(const struct tls_context *context);

/* A server's: Unix time in seconds at which the first certificate of its chain ends. */
int64_t tls_context_ends(const struct tls_context *context);

#endif

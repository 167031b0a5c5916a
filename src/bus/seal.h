/* seal.h: what keeps a batch secret and whole on its way through Redis: AES-256-GCM (NIST SP 800-38D).
 *
 * A key is good for one life of one node: HKDF (RFC 5869) of the secret of --cluster-secret-file, the node's incarnation and its life. The
 * nonce is the batch's number, which a life uses once, so that none repeats under one key.
 *
 * While the secret is being changed a node knows two: it seals with the first and opens with either, so that nodes can be given the new one
 * one after the other.
 *
 * Threads:   a struct seal is its owner's; secrets are read-only once they are loaded.
 * Ownership: secrets and keys are wiped when they are freed.
 */
#ifndef CHATTERBOX_BUS_SEAL_H
#define CHATTERBOX_BUS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAL_SECRETS_MAX = 2, SEAL_SECRET_BYTES = 32, SEAL_TAG_BYTES = 16, SEAL_ERROR_BYTES = 256 };

struct seal_secrets {
    unsigned count;
    uint8_t secret[SEAL_SECRETS_MAX][SEAL_SECRET_BYTES];
};

/* From the value of --cluster-secret-file: PATH, or PATH,FORMER-PATH. Each file has 32 to 4,096 bytes. On false error holds one line, which
 * quotes no secret. */
bool seal_secrets_load(struct seal_secrets *secrets, const char *paths, char error[SEAL_ERROR_BYTES]) __attribute__((warn_unused_result));

void seal_secrets_wipe(struct seal_secrets *secrets);

struct seal; /* a key, ready to be used */

/* Never NULL. */
struct seal *seal_new(const uint8_t secret[SEAL_SECRET_BYTES], uint64_t source, uint64_t life);

/* NULL inside is fine. */
void seal_free(struct seal **seal);

/* Encrypt bytes in place, and authenticate them together with what stays in clear. */
void seal_close(struct seal *seal, uint64_t number, const void *clear, size_t clear_length, uint8_t *bytes, size_t length,
                uint8_t tag[SEAL_TAG_BYTES]);

/* Decrypt in place. Returns false if anything is not as it was sealed: then bytes hold nothing that may be looked at. */
bool seal_open(struct seal *seal, uint64_t number, const void *clear, size_t clear_length, uint8_t *bytes, size_t length,
               const uint8_t tag[SEAL_TAG_BYTES]) __attribute__((warn_unused_result));

#endif

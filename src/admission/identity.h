/* identity.h: whom a connection belongs to, as hashes that only this server can make: what reports and bans go by.
 *
 * Neither the device id nor the address is kept: only the first HASH_BYTES of their HMAC-SHA-256 (RFC 2104) under a key of the server.
 *
 * Threads: the key is made by main before other threads start, and only read after that. identity_make() is pure; any.
 */
#ifndef CHATTERBOX_ADMISSION_IDENTITY_H
#define CHATTERBOX_ADMISSION_IDENTITY_H

#include <stdbool.h>

#include "admission/client_address.h"
#include "http/request.h"
#include "runtime/message.h"

enum { IDENTITY_ERROR_BYTES = 256 };

struct identity_key {
    uint8_t bytes[32];
};

/* From the bytes of a file, or random where path is empty. Returns false with one line that says why. */
bool identity_key_load(struct identity_key *key, const char *path, char error[IDENTITY_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* From a secret that is at hand already. */
void identity_key_derive(struct identity_key *key, const uint8_t *secret, size_t length);

/* address: as in client_address.h. Of an IPv6 address the first 64 bits count, since a
 * household has at least so many. A loopback address is not known: a proxy may stand there, for everybody; nor is one of zeros. device: the
 * value of ?id=, empty if there was none. */
void identity_make(struct identity *identity, const struct identity_key *key, const uint8_t address[ADDRESS_BYTES],
                   struct http_text device);

#endif

#include "admission/identity.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { SECRET_BYTES_MIN = 16, SECRET_BYTES_MAX = 4096, DEVICE_BYTES_MAX = 64, IPV6_PREFIX_BYTES = 8 };

bool identity_key_load(struct identity_key *key, const char *path, char error[IDENTITY_ERROR_BYTES])
{
    if (path[0] == '\0') {
        if (getrandom(key->bytes, sizeof key->bytes, 0) == (ssize_t)sizeof key->bytes)
            return true;
        snprintf(error, IDENTITY_ERROR_BYTES, "no random bytes: %s", strerror(errno));
        return false;
    }
    unsigned char secret[SECRET_BYTES_MAX + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(error, IDENTITY_ERROR_BYTES, "--secret-file %.160s: %s", path, strerror(errno));
        return false;
    }
    size_t length = fread(secret, 1, sizeof secret, file);
    bool has_failed = ferror(file) != 0;
    fclose(file);
    if (has_failed || length < SECRET_BYTES_MIN || length > SECRET_BYTES_MAX) {
        snprintf(error, IDENTITY_ERROR_BYTES, "--secret-file %.160s: expected a file of %d to %d random bytes", path, SECRET_BYTES_MIN,
                 SECRET_BYTES_MAX);
        return false;
    }
    identity_key_derive(key, secret, length);
    return true;
}

void identity_key_derive(struct identity_key *key, const uint8_t *secret, size_t length)
{
    SHA256(secret, length, key->bytes);
}

static void hash(uint8_t into[HASH_BYTES], const struct identity_key *key, const void *bytes, size_t length)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    HMAC(EVP_sha256(), key->bytes, (int)sizeof key->bytes, bytes, length, digest, NULL);
    memcpy(into, digest, HASH_BYTES);
}

void identity_make(struct identity *identity, const struct identity_key *key, const uint8_t address[ADDRESS_BYTES],
                   struct http_text device)
{
    struct in6_addr parsed;
    memcpy(&parsed, address, sizeof parsed);
    *identity = (struct identity){ 0 };
    if (!client_address_is_loopback(address) && !IN6_IS_ADDR_UNSPECIFIED(&parsed))
        hash(identity->address, key, address, IN6_IS_ADDR_V4MAPPED(&parsed) ? ADDRESS_BYTES : IPV6_PREFIX_BYTES);
    if (device.length == 0 || device.length > DEVICE_BYTES_MAX)
        return;
    char lower[DEVICE_BYTES_MAX]; /* the same id, however its digits are written */
    for (size_t i = 0; i < device.length; i++)
        lower[i] = (char)tolower((unsigned char)device.bytes[i]);
    hash(identity->device, key, lower, device.length);
}

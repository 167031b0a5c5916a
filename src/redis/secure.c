#include "redis/secure.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "tls/context.h"

bool redis_secure_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    const struct tls_files files = { .authorities = options->redis_ca, .certificate = options->redis_certificate, .key = options->redis_key };
    if (!address->is_tls)
        return true;
    if ((files.certificate[0] == '\0') != (files.key[0] == '\0')) {
        snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "--redis-certificate: expected it and --redis-key, or neither");
        return false;
    }
    char why[TLS_ERROR_BYTES];
    struct tls_context *context = malloc(sizeof *context);
    CHECK_MEMORY(context);
    if (!tls_context_init(context, TLS_CLIENT, &files, why)) {
        free(context);
        snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "--redis: %.180s", why);
        return false;
    }
    address->tls = context;
    return true;
}

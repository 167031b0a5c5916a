#include "threads/cluster.h"

#include <sys/random.h>

#include "redis/password.h"
#include "redis/secure.h"
#include "runtime/check.h"

_Static_assert((int)CLUSTER_ERROR_BYTES >= (int)SEAL_ERROR_BYTES && (int)CLUSTER_ERROR_BYTES >= (int)REDIS_ADDRESS_ERROR_BYTES &&
                   (int)CLUSTER_ERROR_BYTES >= (int)IDENTITY_ERROR_BYTES,
               "room for any error");

bool cluster_load(struct cluster *cluster, const struct options *options, const struct redis_address *redis, const struct log *log,
                  char error[CLUSTER_ERROR_BYTES])
{
    *cluster = (struct cluster){ .buses = { *redis }, .bus_count = 1 };
    CHECK(getrandom(&cluster->incarnation, sizeof cluster->incarnation, 0) == (ssize_t)sizeof cluster->incarnation);
    if (cluster->incarnation == 0)
        cluster->incarnation = 1;
    if (options->cluster_secret_file[0] == '\0')
        return true;
    if (!seal_secrets_load(&cluster->secrets, options->cluster_secret_file, error) ||
        (options->bus[0] != '\0' && !redis_addresses_parse(cluster->buses, PEERS_WAYS_MAX, &cluster->bus_count, options->bus, error)))
        return false;
    for (unsigned bus = 0; bus < cluster->bus_count; bus++) {
        struct redis_address *address = &cluster->buses[bus];
        if (address->tls == NULL && (!redis_sentinel_password_complete(address, options, error) || !redis_secure_complete(address, options, error)))
            return false;
    }
    if (options->bus_argument != NULL && redis_passwords_wipe(options->bus_argument))
        log_event(log, LOG_WARN, "password_on_command_line", "advice=\"other users can read it; use CHATTERBOX_BUS\"");
    return true;
}

bool cluster_identity_key(const struct cluster *cluster, const char *secret_file, struct identity_key *key,
                          char error[CLUSTER_ERROR_BYTES])
{
    if (secret_file[0] != '\0' || cluster->secrets.count == 0)
        return identity_key_load(key, secret_file, error);
    identity_key_derive(key, cluster->secrets.secret[0], sizeof cluster->secrets.secret[0]);
    return true;
}

void cluster_fini(struct cluster *cluster)
{
    seal_secrets_wipe(&cluster->secrets);
}

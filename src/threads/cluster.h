/* cluster.h: what makes of this process one node of several: its name, the secret that they share, and the Redis servers between them.
 *
 * Threads: loaded by main before other threads start; read-only after that.
 */
#ifndef CHATTERBOX_THREADS_CLUSTER_H
#define CHATTERBOX_THREADS_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "admission/identity.h"
#include "bus/peers.h"
#include "bus/seal.h"
#include "options.h"
#include "redis/address.h"
#include "runtime/log.h"

enum { CLUSTER_ERROR_BYTES = 256 };

struct cluster {
    uint64_t incarnation;        /* random: tells this process from all others that there are or were. Never 0 */
    struct seal_secrets secrets; /* count 0: this node is the only one */
    struct redis_address buses[PEERS_WAYS_MAX];
    unsigned bus_count;
};

/* redis: where matching is, and so the bus, if --bus says nothing else. Passwords in argv are overwritten. On false error holds one line. */
bool cluster_load(struct cluster *cluster, const struct options *options, const struct redis_address *redis, const struct log *log,
                  char error[CLUSTER_ERROR_BYTES]) __attribute__((warn_unused_result));

/* The key of hashes that bans go by: a ban must hold on every node, so without a secret_file it comes from the secret that they share. secret_file: that
 * of --secret-file, or of --data-dir; "" for none. */
bool cluster_identity_key(const struct cluster *cluster, const char *secret_file, struct identity_key *key,
                          char error[CLUSTER_ERROR_BYTES]) __attribute__((warn_unused_result));

/* Wipe the secrets. */
void cluster_fini(struct cluster *cluster);

#endif

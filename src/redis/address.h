/* address.h: the values of --redis and --bus into structs.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_REDIS_ADDRESS_H
#define CHATTERBOX_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum redis_address_kind {
    REDIS_EMBEDDED,
    REDIS_UNIX,
    REDIS_TCP,
    REDIS_SENTINEL, /* whichever Redis the Sentinels name as the master */
    REDIS_CLUSTER,  /* whichever node of a Redis Cluster serves our keys */
};

enum { REDIS_ADDRESS_ERROR_BYTES = 256, REDIS_PASSWORD_BYTES = 256, REDIS_USER_BYTES = 128, REDIS_HOST_BYTES = 256, REDIS_ENDPOINTS_MAX = 16 };

struct tls_context;

struct redis_endpoint {
    char host[REDIS_HOST_BYTES]; /* a name or a numeric address, without brackets */
    uint16_t port;
};

/* user "": the default one. password "": none, or one that redis/password.h adds. */
struct redis_credentials {
    char user[REDIS_USER_BYTES];
    char password[REDIS_PASSWORD_BYTES];
};

struct redis_address {
    enum redis_address_kind kind;
    char path[108]; /* UNIX; for EMBEDDED filled in when the child has one */
    bool has_file;  /* EMBEDDED: of reports and bans (child.h) */
    struct redis_endpoint endpoints[REDIS_ENDPOINTS_MAX]; /* TCP: the Redis; SENTINEL: the Sentinels; CLUSTER: nodes that know the others */
    unsigned endpoint_count;
    char master[128]; /* SENTINEL: the master's name */
    unsigned db;      /* TCP, SENTINEL */
    bool is_tls;      /* TCP, SENTINEL (to both Sentinels and Redis), CLUSTER */
    const struct tls_context *tls; /* if is_tls: redis/secure.h makes it, and it lives as long as the process */
    struct redis_credentials own;      /* for Redis. UNIX: a password only */
    struct redis_credentials sentinel; /* for the Sentinels */
};

/* embedded, unix:PATH, redis://[user[:password]@]host[:port][/db], sentinel://[user[:password]@]host[:port],…/master[/db] or
 * cluster://[user[:password]@]host[:port],…; with TLS: rediss://, rediss+sentinel://, rediss+cluster://. user and password are Redis' and may be percent-encoded. On false error holds one line, which never
 * contains the password. */
bool redis_address_parse(struct redis_address *address, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* Several, for --bus: with commas between them, at most max, none of them embedded. What begins with no scheme is one more host of the address
 * before it. On false likewise. */
bool redis_addresses_parse(struct redis_address addresses[], unsigned max, unsigned *count, const char *list, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* The length of the first address of such a list. */
size_t redis_address_length(const char *list);

/* What is put before every key: prefix, of which a cluster's must have a hash tag, so that all keys are of one slot (redis.io, "Redis cluster
 * specification", hash tags). One that has none becomes one as a whole; {chatterbox}: if it is empty. prefix: at most REDIS_PREFIX_MAX bytes. */
enum { REDIS_PREFIX_MAX = 64, REDIS_PREFIX_BYTES = REDIS_PREFIX_MAX + 3 };
void redis_prefix_print(char text[REDIS_PREFIX_BYTES], const struct redis_address *address, const char *prefix);

/* Where an error of a cluster says that our keys are: "MOVED 866 host:port". here: whose error it is, since a host may be left out. Returns
 * false if it says no such thing. */
bool redis_endpoint_moved(struct redis_endpoint *target, const char *error, const struct redis_endpoint *here) __attribute__((warn_unused_result));

bool redis_endpoint_equals(const struct redis_endpoint *a, const struct redis_endpoint *b);

/* What a log line may say of it: host:port, or the path of a socket. */
enum { REDIS_PLACE_BYTES = REDIS_HOST_BYTES + 16 };
void redis_endpoint_print(char text[REDIS_PLACE_BYTES], const struct redis_endpoint *endpoint);

#endif

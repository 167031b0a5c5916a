/* address.h: the values of --redis and --bus into structs.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_REDIS_ADDRESS_H
#define CHATTERBOX_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum redis_address_kind { REDIS_EMBEDDED, REDIS_UNIX, REDIS_TCP };

enum { REDIS_ADDRESS_ERROR_BYTES = 200, REDIS_PASSWORD_BYTES = 256 };

struct redis_address {
    enum redis_address_kind kind;
    char path[108];     /* UNIX; for EMBEDDED filled in when the child has one */
    char host[256];     /* TCP: a name or a numeric address, without brackets */
    uint16_t port;      /* TCP */
    unsigned db;        /* TCP */
    char user[128];     /* TCP; "" for none */
    char password[REDIS_PASSWORD_BYTES]; /* TCP, UNIX; "" for none, or one that redis/password.h adds */
};

/* embedded, unix:PATH or redis://[user[:password]@]host[:port][/db]; user and password may be percent-encoded. On false error
 * holds one line, which never contains the password. */
bool redis_address_parse(struct redis_address *address, const char *text, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* Several, for --bus: with commas between them, at most max, none of them embedded. On false likewise. */
bool redis_addresses_parse(struct redis_address addresses[], unsigned max, unsigned *count, const char *list, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

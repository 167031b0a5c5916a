/* password.h: the password for Redis, from where other users of the machine cannot read it.
 *
 * Threads: main, before other threads start.
 */
#ifndef CHATTERBOX_REDIS_PASSWORD_H
#define CHATTERBOX_REDIS_PASSWORD_H

#include <stdbool.h>

#include "options.h"
#include "redis/address.h"

/* Complete an address that was parsed, from CHATTERBOX_REDIS_PASSWORD or the file of --redis-password-file (its first line), if one of them is
 * set; and the Sentinels' part of it. Returns false if there is more than one password, one for the embedded Redis, a user without one, or a file
 * that will not do: error holds one line, which contains no part of a password. */
bool redis_password_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* That part: user and password for the Sentinels, from --sentinel-user and from CHATTERBOX_SENTINEL_PASSWORD or --sentinel-password-file, if the
 * address names Sentinels. */
bool redis_sentinel_password_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
    __attribute__((warn_unused_result));

/* Overwrite the password of a URL that was a command-line argument, where ps shows it. Returns whether there was one. */
bool redis_password_wipe(char *argument);

/* The same for several with commas between them. */
bool redis_passwords_wipe(char *list);

#endif

#include "redis/choice.h"

#include <stddef.h>

#include "redis/password.h"
#include "redis/secure.h"

static enum redis_choice open_data(struct redis_address *address, struct data_dir *data, const char *path, enum redis_purpose purpose,
                                   char error[REDIS_ADDRESS_ERROR_BYTES])
{
    switch (purpose == REDIS_TO_USE ? data_dir_open(data, path, error) : data_dir_look(data, path, error)) {
    case DATA_DIR_OPEN:
        address->has_file = true;
        return REDIS_CHOSEN;
    case DATA_DIR_BAD:
        return REDIS_CHOICE_BAD;
    case DATA_DIR_IN_USE:
        return REDIS_CHOICE_IN_USE;
    }
    return REDIS_CHOICE_BAD;
}

enum redis_choice redis_choose(struct redis_address *address, struct data_dir *data, const struct options *options, enum redis_purpose purpose,
                               const struct log *log, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    if (!redis_address_parse(address, options->redis, error) || !redis_password_complete(address, options, error) ||
        !redis_secure_complete(address, options, error))
        return REDIS_CHOICE_BAD;
    if (options->redis_argument != NULL && redis_password_wipe(options->redis_argument))
        log_event(log, LOG_WARN, "password_on_command_line",
                  "advice=\"other users can read it; use CHATTERBOX_REDIS, CHATTERBOX_REDIS_PASSWORD or --redis-password-file\"");
    return options->data_dir[0] != '\0' ? open_data(address, data, options->data_dir, purpose, error) : REDIS_CHOSEN;
}

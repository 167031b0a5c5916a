#include "redis/password.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static bool fail(char error[REDIS_ADDRESS_ERROR_BYTES], const char *source, const char *why)
{
    snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "%s: %s", source, why);
    return false;
}

/* The first line, into a password of the size that an address has room for. */
static bool read_file(char password[REDIS_PASSWORD_BYTES], const char *flag, const char *path, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    char line[REDIS_PASSWORD_BYTES + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "%s %.100s: %s", flag, path, strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it in a buffer */
    size_t length = 0;
    bool has_nul = false;
    int c;
    while (length < sizeof line && (c = getc(file)) != EOF && c != '\n') {
        has_nul |= c == '\0';
        line[length++] = (char)c;
    }
    bool has_failed = ferror(file) != 0;
    fclose(file);
    if (length > 0 && line[length - 1] == '\r')
        length--;
    bool is_good = !has_failed && !has_nul && length > 0 && length < REDIS_PASSWORD_BYTES;
    if (is_good) {
        memcpy(password, line, length);
        password[length] = '\0';
    } else {
        snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "%s %.100s: expected a password of 1 to %d bytes in its first line", flag, path,
                 REDIS_PASSWORD_BYTES - 1);
    }
    OPENSSL_cleanse(line, sizeof line);
    return is_good;
}

/* From the one of two sources that is set. */
static bool take_password(char password[REDIS_PASSWORD_BYTES], const char *variable, const char *variable_name, const char *path, const char *flag,
                          char error[REDIS_ADDRESS_ERROR_BYTES])
{
    char why[REDIS_ADDRESS_ERROR_BYTES / 2];
    if (variable[0] != '\0' && path[0] != '\0') {
        snprintf(why, sizeof why, "%s is set as well; expected one of them", variable_name);
        return fail(error, flag, why);
    }
    if (path[0] != '\0')
        return read_file(password, flag, path, error);
    if (strlen(variable) >= REDIS_PASSWORD_BYTES)
        return fail(error, variable_name, "expected at most 255 bytes");
    memcpy(password, variable, strlen(variable) + 1);
    return true;
}

bool redis_password_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    static const char file_flag[] = "--redis-password-file";
    if (!redis_sentinel_password_complete(address, options, error))
        return false;
    const char *variable = options->redis_password, *path = options->redis_password_file;
    const char *source = path[0] != '\0' ? file_flag : "CHATTERBOX_REDIS_PASSWORD";
    if (variable[0] == '\0' && path[0] == '\0') {
        if (address->own.user[0] != '\0' && address->own.password[0] == '\0')
            return fail(error, "--redis", "a user without a password; set CHATTERBOX_REDIS_PASSWORD or --redis-password-file");
        return true;
    }
    if (address->own.password[0] != '\0')
        return fail(error, source, variable[0] != '\0' && path[0] != '\0'
                                       ? "CHATTERBOX_REDIS_PASSWORD is set as well; expected one of them"
                                       : "the URL of --redis has a password as well; expected one of them");
    if (address->kind == REDIS_EMBEDDED)
        return fail(error, source, "the embedded Redis has no password; expected --redis unix:PATH or redis://host:port");
    return take_password(address->own.password, variable, "CHATTERBOX_REDIS_PASSWORD", path, file_flag, error);
}

bool redis_sentinel_password_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    static const char variable_name[] = "CHATTERBOX_SENTINEL_PASSWORD", file_flag[] = "--sentinel-password-file";
    const char *variable = options->sentinel_password, *path = options->sentinel_password_file, *user = options->sentinel_user;
    if (address->kind != REDIS_SENTINEL)
        return true; /* it may be for one of --bus */
    if (strlen(user) >= sizeof address->sentinel.user)
        return fail(error, "--sentinel-user", "expected at most 127 bytes");
    memcpy(address->sentinel.user, user, strlen(user) + 1);
    if (variable[0] != '\0' || path[0] != '\0')
        return take_password(address->sentinel.password, variable, variable_name, path, file_flag, error);
    return user[0] == '\0' || fail(error, "--sentinel-user", "a user without a password; set CHATTERBOX_SENTINEL_PASSWORD or --sentinel-password-file");
}

bool redis_password_wipe(char *argument)
{
    char *begin = strstr(argument, "://");
    if (begin == NULL)
        return false;
    begin += 3;
    /* As the parser sees it: up to the last '@' before the path. */
    char *end = begin + strcspn(begin, "/?#");
    while (end > begin && *end != '@')
        end--;
    char *colon = memchr(begin, ':', (size_t)(end - begin));
    if (colon == NULL)
        return false;
    memset(colon + 1, '*', (size_t)(end - colon - 1));
    return true;
}

bool redis_passwords_wipe(char *list)
{
    bool has_wiped = false;
    for (;;) {
        char *end = list + redis_address_length(list);
        const char stop = *end;
        *end = '\0';
        has_wiped |= redis_password_wipe(list);
        *end = stop;
        if (stop == '\0')
            return has_wiped;
        list = end + 1;
    }
}

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
static bool read_file(char password[REDIS_PASSWORD_BYTES], const char *path, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    char line[REDIS_PASSWORD_BYTES + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "--redis-password-file %.100s: %s", path, strerror(errno));
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
        snprintf(error, REDIS_ADDRESS_ERROR_BYTES, "--redis-password-file %.100s: expected a password of 1 to %d bytes in its first line", path,
                 REDIS_PASSWORD_BYTES - 1);
    }
    OPENSSL_cleanse(line, sizeof line);
    return is_good;
}

bool redis_password_complete(struct redis_address *address, const struct options *options, char error[REDIS_ADDRESS_ERROR_BYTES])
{
    const char *variable = options->redis_password, *path = options->redis_password_file;
    const char *source = path[0] != '\0' ? "--redis-password-file" : "CHATTERBOX_REDIS_PASSWORD";
    if (variable[0] == '\0' && path[0] == '\0') {
        if (address->user[0] != '\0' && address->password[0] == '\0')
            return fail(error, "--redis", "a user without a password; set CHATTERBOX_REDIS_PASSWORD or --redis-password-file");
        return true;
    }
    if (variable[0] != '\0' && path[0] != '\0')
        return fail(error, source, "CHATTERBOX_REDIS_PASSWORD is set as well; expected one of them");
    if (address->password[0] != '\0')
        return fail(error, source, "the URL of --redis has a password as well; expected one of them");
    if (address->kind == REDIS_EMBEDDED)
        return fail(error, source, "the embedded Redis has no password; expected --redis unix:PATH or redis://host:port");
    if (path[0] != '\0')
        return read_file(address->password, path, error);
    if (strlen(variable) >= REDIS_PASSWORD_BYTES)
        return fail(error, source, "expected at most 255 bytes");
    memcpy(address->password, variable, strlen(variable) + 1);
    return true;
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
        char *end = list + strcspn(list, ",");
        const char stop = *end;
        *end = '\0';
        has_wiped |= redis_password_wipe(list);
        *end = stop;
        if (stop == '\0')
            return has_wiped;
        list = end + 1;
    }
}

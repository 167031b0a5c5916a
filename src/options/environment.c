#include "options/environment.h"

#include <stdio.h>
#include <string.h>

#include "options/catalogue.h"
#include "runtime/log.h"

static const char redis_password[] = "CHATTERBOX_REDIS_PASSWORD", sentinel_password[] = "CHATTERBOX_SENTINEL_PASSWORD";

/* The value, if the variable has this name. */
static const char *value_of(const char *variable, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=' ? variable + length + 1 : NULL;
}

/* For each Service called chatterbox Kubernetes sets CHATTERBOX_PORT=tcp://10.0.0.1:8000, as Docker does for links: it tells where others are. */
static bool is_of_an_orchestrator(const struct option *option, const char *value)
{
    const size_t length = strlen(option->flag), ending = strlen("port");
    return option->kind == KIND_NUMBER && length >= ending && strcmp(option->flag + length - ending, "port") == 0 && strstr(value, "://") != NULL;
}

bool environment_parse(struct options *options, char *const environ[], bool given[OPTIONS_COUNT], char error[OPTIONS_ERROR_BYTES])
{
    const char *value;
    for (char *const *variable = environ; *variable != NULL; variable++) {
        if ((value = value_of(*variable, redis_password)) != NULL)
            options->redis_password = value;
        if ((value = value_of(*variable, sentinel_password)) != NULL)
            options->sentinel_password = value;
    }
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        char name[OPTION_NAME_BYTES];
        option_variable(&option_catalogue[i], name);
        for (char *const *variable = environ; *variable != NULL && !given[i]; variable++) {
            if ((value = value_of(*variable, name)) == NULL || is_of_an_orchestrator(&option_catalogue[i], value))
                continue;
            if (!option_set(options, &option_catalogue[i], value, name, error))
                return false;
            given[i] = true;
        }
    }
    return true;
}

static bool is_option_name(const char *name, size_t length)
{
    char known[OPTION_NAME_BYTES];
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        option_variable(&option_catalogue[i], known);
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return true;
    }
    return false;
}

/* What orchestrators write about Services and links: NAME_PORT, NAME_PORT_8000_TCP, NAME_SERVICE_HOST, NAME_NAME, NAME_ENV_PATH. */
static bool is_orchestrators_name(const char name[OPTION_NAME_BYTES])
{
    const size_t length = strlen(name), ending = strlen("_PORT");
    return strstr(name, "_PORT_") != NULL || strstr(name, "_SERVICE_") != NULL || strstr(name, "_ENV_") != NULL ||
           strcmp(name, "CHATTERBOX_NAME") == 0 || (length > ending && strcmp(name + length - ending, "_PORT") == 0);
}

bool options_next_unknown(char *const environ[], size_t *cursor, struct options_unknown *unknown)
{
    static const char prefix[] = "CHATTERBOX_";
    while (environ[*cursor] != NULL) {
        const char *variable = environ[(*cursor)++];
        const size_t length = strspn(variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        if (strncmp(variable, prefix, sizeof prefix - 1) != 0 || variable[length] != '=' || length >= sizeof unknown->name ||
            is_option_name(variable, length) || value_of(variable, redis_password) != NULL || value_of(variable, sentinel_password) != NULL)
            continue;
        memcpy(unknown->name, variable, length);
        unknown->name[length] = '\0';
        if (is_orchestrators_name(unknown->name))
            continue;
        option_variable(option_nearest(variable + sizeof prefix - 1, length - (sizeof prefix - 1), &unknown->is_near), unknown->nearest);
        return true;
    }
    return false;
}

void options_warn(char *const environ[], const struct log *log)
{
    struct options_unknown unknown;
    for (size_t cursor = 0; options_next_unknown(environ, &cursor, &unknown);)
        log_event(log, unknown.is_near ? LOG_WARN : LOG_INFO, "environment_unknown", "name=%s nearest=%s", unknown.name, unknown.nearest);
}

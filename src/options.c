#include "options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/log.h"

enum option_kind { KIND_NUMBER, KIND_DURATION, KIND_TEXT };

struct option {
    const char *flag;
    enum option_kind kind;
    size_t offset; /* of the member in struct options */
    int64_t min, max;
    int64_t default_number;
    const char *default_text;
    const char *value; /* what stands for the value in an error */
};

static const struct option catalogue[] = {
#define GROUP(title)
#define NUMBER(member, flag, default_value, min, max, unit, help) \
    { flag, KIND_NUMBER, offsetof(struct options, member), min, max, default_value, NULL, unit },
#define DURATION(member, flag, default_value, min_ms, max_ms, help) \
    { flag, KIND_DURATION, offsetof(struct options, member), min_ms, max_ms, 0, default_value, "time" },
#define TEXT(member, flag, default_value, value, help) \
    { flag, KIND_TEXT, offsetof(struct options, member), 0, 0, 0, default_value, value },
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
};

/* A partner may have 16 texts on their way to a socket (net.h's CREDITS), each twice as long as it came (session_thread.c's EVENT_GROWTH_MAX).
 * With less room the reader would be closed for what somebody else wrote. */
enum { WRITE_QUEUE_MESSAGES = 32 };

/* No flag is longer. */
enum { NAME_BYTES = 64 };

enum { OPTIONS = sizeof catalogue / sizeof catalogue[0] };

static bool parse_number(const char *text, int64_t *number)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 15)
        return false;
    *number = strtoll(text, &end, 10);
    return *end == '\0';
}

static bool parse_duration(const char *text, int64_t *milliseconds)
{
    static const struct {
        const char *unit;
        int64_t milliseconds;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
    char *end;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 12)
        return false;
    int64_t number = strtoll(text, &end, 10);
    if (number == 0 && *end == '\0') { /* in any unit */
        *milliseconds = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *milliseconds = number * units[i].milliseconds;
            return true;
        }
    }
    return false;
}

static void print_duration(char *text, size_t capacity, int64_t milliseconds)
{
    if (milliseconds % 1000 == 0)
        snprintf(text, capacity, "%" PRId64 "s", milliseconds / 1000);
    else
        snprintf(text, capacity, "%" PRId64 "ms", milliseconds);
}

/* Store a value. source: the flag or the variable that it came from, for the error. */
static bool set(struct options *options, const struct option *option, const char *value, const char *source,
                char error[OPTIONS_ERROR_BYTES])
{
    void *member = (char *)options + option->offset;
    int64_t number = 0;
    char low[32], high[32];
    switch (option->kind) {
    case KIND_NUMBER:
        if (parse_number(value, &number) && number >= option->min && number <= option->max) {
            *(int64_t *)member = number;
            return true;
        }
        snprintf(error, OPTIONS_ERROR_BYTES, "%s %.40s: expected a whole number from %" PRId64 " to %" PRId64, source,
                 value, option->min, option->max);
        return false;
    case KIND_DURATION:
        if (parse_duration(value, &number) && number >= option->min && number <= option->max) {
            *(int64_t *)member = number;
            return true;
        }
        print_duration(low, sizeof low, option->min);
        print_duration(high, sizeof high, option->max);
        snprintf(error, OPTIONS_ERROR_BYTES,
                 "%s %.40s: expected a time from %s to %s, such as 500ms, 10s or 2m", source, value, low, high);
        return false;
    case KIND_TEXT:
        *(const char **)member = value;
        return true;
    }
    return false;
}

static void set_defaults(struct options *options)
{
    options->redis_password = options->sentinel_password = "";
    options->redis_argument = options->bus_argument = NULL;
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &catalogue[i];
        void *member = (char *)options + option->offset;
        switch (option->kind) {
        case KIND_NUMBER:
            *(int64_t *)member = option->default_number;
            break;
        case KIND_DURATION:
            parse_duration(option->default_text, member);
            break;
        case KIND_TEXT:
            *(const char **)member = option->default_text;
            break;
        }
    }
}

static const struct option *find_option(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strlen(catalogue[i].flag) == length && memcmp(catalogue[i].flag, name, length) == 0)
            return &catalogue[i];
    }
    return NULL;
}

/* The letters of a name, without what separates its words: RATECHAT, rate-chat and rate_chat are one. */
static size_t letters_of(const char *name, size_t length, char letters[NAME_BYTES])
{
    size_t count = 0;
    for (size_t i = 0; i < length && count < NAME_BYTES; i++) {
        if (name[i] != '-' && name[i] != '_')
            letters[count++] = (char)tolower((unsigned char)name[i]);
    }
    return count;
}

static size_t least(size_t a, size_t b, size_t c)
{
    const size_t less = a < b ? a : b;
    return less < c ? less : c;
}

/* How many letters have to be put in, taken out or replaced to make one of the other (Levenshtein's distance). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[NAME_BYTES + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

/* The flag that is most like what was written. *is_near: it is what was meant, most likely. */
static const struct option *nearest_option(const char *name, size_t length, bool *is_near)
{
    char written[NAME_BYTES], flag[NAME_BYTES];
    const size_t written_length = letters_of(name, length, written);
    const struct option *nearest = NULL;
    size_t least_distance = SIZE_MAX;
    for (size_t i = 0; i < OPTIONS; i++) {
        const size_t flag_length = letters_of(catalogue[i].flag, strlen(catalogue[i].flag), flag);
        const size_t apart = distance(written, written_length, flag, flag_length);
        if (apart < least_distance) {
            least_distance = apart;
            nearest = &catalogue[i];
        }
    }
    *is_near = least_distance <= (written_length < 6 ? 2 : written_length / 3);
    return nearest;
}

/* CHATTERBOX_ and the flag in upper case with underscores. */
static void variable_name(const struct option *option, char name[64])
{
    size_t length = (size_t)snprintf(name, 64, "CHATTERBOX_%s", option->flag);
    for (size_t i = 0; i < length; i++)
        name[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
}

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

/* given: what flags say; a variable does not matter there, not even if it makes no sense. */
static bool parse_environment(struct options *options, char *const environ[], const bool given[OPTIONS], char error[OPTIONS_ERROR_BYTES])
{
    const char *value;
    for (char *const *variable = environ; *variable != NULL; variable++) {
        if ((value = value_of(*variable, redis_password)) != NULL)
            options->redis_password = value;
        if ((value = value_of(*variable, sentinel_password)) != NULL)
            options->sentinel_password = value;
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        char name[64];
        variable_name(&catalogue[i], name);
        for (char *const *variable = environ; *variable != NULL && !given[i]; variable++) {
            if ((value = value_of(*variable, name)) != NULL && !is_of_an_orchestrator(&catalogue[i], value) &&
                !set(options, &catalogue[i], value, name, error))
                return false;
        }
    }
    return true;
}

static bool is_option_name(const char *name, size_t length)
{
    char known[64];
    for (size_t i = 0; i < OPTIONS; i++) {
        variable_name(&catalogue[i], known);
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return true;
    }
    return false;
}

/* What orchestrators write about Services and links: NAME_PORT, NAME_PORT_8000_TCP, NAME_SERVICE_HOST, NAME_NAME, NAME_ENV_PATH. */
static bool is_orchestrators_name(const char name[NAME_BYTES])
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
        variable_name(nearest_option(variable + sizeof prefix - 1, length - (sizeof prefix - 1), &unknown->is_near), unknown->nearest);
        return true;
    }
    return false;
}

/* given: becomes true for each option that is named. */
static enum options_result parse_arguments(struct options *options, int argc, char *const argv[], bool given[OPTIONS],
                                           char error[OPTIONS_ERROR_BYTES])
{
    for (int i = 1; i < argc; i++) {
        char *argument = argv[i];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
            return OPTIONS_HELP;
        if (strcmp(argument, "--version") == 0)
            return OPTIONS_VERSION;
        if (strncmp(argument, "--", 2) != 0) {
            snprintf(error, OPTIONS_ERROR_BYTES, "%.80s: not a flag; flags look like --port 8000 (see --help)", argument);
            return OPTIONS_BAD;
        }
        char *name = argument + 2;
        size_t length = strcspn(name, "=");
        const struct option *option = find_option(name, length);
        if (option == NULL) {
            bool is_near;
            snprintf(error, OPTIONS_ERROR_BYTES, "--%.*s: unknown flag; did you mean --%s? (see --help)",
                     (int)(length < 80 ? length : 80), name, nearest_option(name, length, &is_near)->flag);
            return OPTIONS_BAD;
        }
        char *value = name + length + 1;
        if (name[length] == '\0') {
            if (i + 1 == argc) {
                snprintf(error, OPTIONS_ERROR_BYTES, "--%s: expected a value: --%s <%s>", option->flag, option->flag,
                         option->value);
                return OPTIONS_BAD;
            }
            value = argv[++i];
        }
        char source[64];
        snprintf(source, sizeof source, "--%s", option->flag);
        if (!set(options, option, value, source, error))
            return OPTIONS_BAD;
        given[option - catalogue] = true;
        if (option->offset == offsetof(struct options, redis))
            options->redis_argument = value;
        if (option->offset == offsetof(struct options, bus))
            options->bus_argument = value;
    }
    return OPTIONS_RUN;
}

/* What one row of options.def cannot say. */
static bool check(const struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    enum log_level level;
    if (!log_level_parse(options->log_level, &level)) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--log-level %.40s: expected error, warn, info or debug", options->log_level);
        return false;
    }
    struct log_form form;
    if (!log_format_parse(options->log_format, &form)) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--log-format %.40s: expected logfmt or json", options->log_format);
        return false;
    }
    struct in6_addr address; /* room for either kind */
    if (options->bind[0] != '\0' && inet_pton(AF_INET, options->bind, &address) != 1 && inet_pton(AF_INET6, options->bind, &address) != 1) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--bind %.60s: expected an IPv4 or IPv6 address, such as 0.0.0.0 or ::",
                 options->bind);
        return false;
    }
    if (options->write_queue < WRITE_QUEUE_MESSAGES * options->max_message) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--write-queue %" PRId64 ": expected at least %d times --max-message, which is %" PRId64,
                 options->write_queue, WRITE_QUEUE_MESSAGES, options->max_message);
        return false;
    }
    if ((options->ring_capacity & (options->ring_capacity - 1)) != 0) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--ring-capacity %" PRId64 ": expected a power of two, such as 4096",
                 options->ring_capacity);
        return false;
    }
    if (options->data_dir[0] != '\0' && strcmp(options->redis, "embedded") != 0) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--data-dir: expected --redis embedded; another Redis keeps its own data, as its configuration says");
        return false;
    }
    if (options->cluster_secret_file[0] != '\0' && strcmp(options->redis, "embedded") == 0) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--cluster-secret-file: expected a --redis that all nodes share; the embedded one is this server's own");
        return false;
    }
    if (options->cluster_secret_file[0] != '\0' && options->max_message > OPTIONS_CLUSTER_MESSAGE_MAX) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--max-message %" PRId64 ": with --cluster-secret-file expected at most %d", options->max_message,
                 OPTIONS_CLUSTER_MESSAGE_MAX);
        return false;
    }
    if (options->cluster_secret_file[0] == '\0' && options->bus[0] != '\0') {
        snprintf(error, OPTIONS_ERROR_BYTES, "--bus: expected --cluster-secret-file as well; without it there are no other nodes");
        return false;
    }
    if ((options->tls_certificate[0] == '\0') != (options->tls_key[0] == '\0')) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--tls-certificate: expected it and --tls-key, or neither");
        return false;
    }
    if (options->redirect_port >= 0 && options->tls_certificate[0] == '\0') {
        snprintf(error, OPTIONS_ERROR_BYTES, "--redirect-port: expected --tls-certificate as well; without it there is no https to send anybody to");
        return false;
    }
    if (strlen(options->redis_prefix) > 64) { /* address.h's REDIS_PREFIX_MAX */
        snprintf(error, OPTIONS_ERROR_BYTES, "--redis-prefix: expected at most 64 bytes");
        return false;
    }
    return true;
}

enum options_result options_parse(struct options *options, int argc, char *const argv[], char *const environ[],
                                  char error[OPTIONS_ERROR_BYTES])
{
    bool given[OPTIONS] = { false };
    set_defaults(options);
    /* --help must answer whatever the environment says. */
    enum options_result result = parse_arguments(options, argc, argv, given, error);
    if (result == OPTIONS_RUN && !parse_environment(options, environ, given, error))
        return OPTIONS_BAD;
    if (result == OPTIONS_RUN && !check(options, error))
        return OPTIONS_BAD;
    return result;
}

void options_warn(char *const environ[], const struct log *log)
{
    struct options_unknown unknown;
    for (size_t cursor = 0; options_next_unknown(environ, &cursor, &unknown);)
        log_event(log, unknown.is_near ? LOG_WARN : LOG_INFO, "environment_unknown", "name=%s nearest=%s", unknown.name, unknown.nearest);
}

#include "options.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options/catalogue.h"
#include "options/environment.h"
#include "options/file.h"
#include "runtime/log.h"

/* A partner may have 16 texts on their way to a socket (net.h's CREDITS), each twice as long as it came (session_thread.c's EVENT_GROWTH_MAX).
 * With less room the reader would be closed for what somebody else wrote. */
enum { WRITE_QUEUE_MESSAGES = 32 };

static void set_defaults(struct options *options)
{
    *options = (struct options){ .redis_password = "", .sentinel_password = "" };
    for (size_t i = 0; i < OPTIONS_COUNT; i++)
        option_set_default(options, &option_catalogue[i]);
}

static bool add_listen(struct options *options, const char *value, char error[OPTIONS_ERROR_BYTES])
{
    if (options->listens == OPTIONS_LISTEN_MAX) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--listen %.60s: expected at most %d places", value, OPTIONS_LISTEN_MAX);
        return false;
    }
    options->listen_at[options->listens++] = value;
    return true;
}

/* Flags that are no settings: none of them has a value, nor a variable, nor a line of a file. */
static const struct {
    const char *flag;
    enum options_result asks_for;
} questions[] = { { "help", OPTIONS_HELP }, { "version", OPTIONS_VERSION }, { "check", OPTIONS_CHECK } };

enum { QUESTIONS = sizeof questions / sizeof questions[0] };

/* RUN: it is none of them. */
static enum options_result question(const char *name, size_t length)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (strlen(questions[i].flag) == length && memcmp(questions[i].flag, name, length) == 0)
            return questions[i].asks_for;
    }
    return OPTIONS_RUN;
}

static void tell_unknown(const char *name, size_t length, char error[OPTIONS_ERROR_BYTES])
{
    bool is_near;
    const char *nearest = option_nearest(name, length, &is_near)->flag;
    size_t least = option_distance(name, length, nearest);
    for (size_t i = 0; i < QUESTIONS; i++) {
        const size_t apart = option_distance(name, length, questions[i].flag);
        if (apart < least) {
            least = apart;
            nearest = questions[i].flag;
        }
    }
    snprintf(error, OPTIONS_ERROR_BYTES, "--%.*s: unknown flag; did you mean --%s? (see --help)", (int)(length < 80 ? length : 80), name, nearest);
}

/* given: becomes true for each option that is named. RUN, or what is asked for instead. */
static enum options_result parse_arguments(struct options *options, int argc, char *const argv[], bool given[OPTIONS_COUNT],
                                           char error[OPTIONS_ERROR_BYTES])
{
    enum options_result result = OPTIONS_RUN;
    for (int i = 1; i < argc; i++) {
        char *argument = argv[i];
        if (strcmp(argument, "-h") == 0)
            return OPTIONS_HELP;
        if (strncmp(argument, "--", 2) != 0) {
            snprintf(error, OPTIONS_ERROR_BYTES, "%.80s: not a flag; flags look like --port 8000 (see --help)", argument);
            return OPTIONS_BAD;
        }
        char *name = argument + 2;
        size_t length = strcspn(name, "=");
        const struct option *option = option_find(name, length);
        const enum options_result asked = question(name, length);
        if (asked != OPTIONS_RUN && name[length] == '=') {
            snprintf(error, OPTIONS_ERROR_BYTES, "--%.*s: expected it without a value", (int)length, name);
            return OPTIONS_BAD;
        }
        if (asked == OPTIONS_HELP || asked == OPTIONS_VERSION)
            return asked;
        if (asked == OPTIONS_CHECK) { /* of all the others, so on with them */
            result = asked;
            continue;
        }
        if (option == NULL) {
            tell_unknown(name, length, error);
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
        if (!option_set(options, option, value, source, error))
            return OPTIONS_BAD;
        given[option - option_catalogue] = true;
        if (option->offset == offsetof(struct options, redis))
            options->redis_argument = value;
        if (option->offset == offsetof(struct options, bus))
            options->bus_argument = value;
        if (option->offset == offsetof(struct options, listen) && !add_listen(options, value, error))
            return OPTIONS_BAD;
    }
    return result;
}

static bool check_listen(const struct options *options, bool has_port, char error[OPTIONS_ERROR_BYTES])
{
    if (options->listens == 0 || (!has_port && options->bind[0] == '\0'))
        return true;
    snprintf(error, OPTIONS_ERROR_BYTES, "--%s: expected it or --listen, not both", has_port ? "port" : "bind");
    return false;
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

/* is_flag: --config is; else it is a variable. */
static bool parse_file(struct options *options, bool is_flag, const bool given[OPTIONS_COUNT], options_read_fn *read_file, char error[OPTIONS_ERROR_BYTES])
{
    size_t length = 0;
    const char *why = "";
    if (options->config[0] == '\0')
        return true;
    options->file = read_file(options->config, &length, &why);
    if (options->file == NULL) {
        snprintf(error, OPTIONS_ERROR_BYTES, "%s %.160s: %s; expected a file of lines name = value", is_flag ? "--config" : "CHATTERBOX_CONFIG", options->config, why);
        return false;
    }
    return file_parse(options, given, length, error);
}

enum options_result options_parse(struct options *options, int argc, char *const argv[], char *const environ[], options_read_fn *read_file,
                                  char error[OPTIONS_ERROR_BYTES])
{
    bool given[OPTIONS_COUNT] = { false };
    set_defaults(options);
    /* --help must answer whatever the environment says. */
    const enum options_result result = parse_arguments(options, argc, argv, given, error);
    const bool is_flag = given[option_find("config", strlen("config")) - option_catalogue];
    if (result != OPTIONS_RUN && result != OPTIONS_CHECK)
        return result;
    if (!environment_parse(options, environ, given, error) || !parse_file(options, is_flag, given, read_file, error))
        return OPTIONS_BAD;
    if (options->listens == 0 && options->listen[0] != '\0')
        options->listen_at[options->listens++] = options->listen; /* of a variable, or the file */
    const size_t port = (size_t)(option_find("port", strlen("port")) - option_catalogue);
    if (!check_listen(options, given[port] || options->line[port] > 0, error) || !check(options, error)) {
        options_locate(options, error);
        return OPTIONS_BAD;
    }
    return result;
}

void options_fini(struct options *options)
{
    free(options->file);
    options->file = NULL;
}

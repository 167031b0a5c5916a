/* Flags, environment, defaults: which wins, and what nonsense is told. */
#include "unit/unit.h"

#include "options.h"

static char error[OPTIONS_ERROR_BYTES];
static struct options options;

static enum options_result parse(char *const environment[], char *const arguments[])
{
    int count = 0;
    while (arguments[count] != NULL)
        count++;
    error[0] = '\0';
    return options_parse(&options, count, arguments, environment, options_read_file, error);
}

static void defaults(void **state)
{
    (void)state;
    char *none[] = { NULL }, *name_only[] = { "chatterbox", NULL };
    assert_int_equal(parse(none, name_only), OPTIONS_RUN);
    assert_int_equal(options.port, 8000);
    assert_string_equal(options.bind, "");
    assert_string_equal(options.redis, "embedded");
    assert_int_equal(options.ping_interval_ms, 25000);
    assert_int_equal(options.io_threads, -1);
}

static void flags_win_over_the_environment(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=1", "CHATTERBOX_BIND=::1", "CHATTERBOXPORT=7", NULL };
    char *arguments[] = { "chatterbox", "--port=2", "--ping-interval", "1500ms", "--ping-timeout", "2m", NULL };
    assert_int_equal(parse(environment, arguments), OPTIONS_RUN);
    assert_int_equal(options.port, 2);
    assert_string_equal(options.bind, "::1");
    assert_int_equal(options.ping_interval_ms, 1500);
    assert_int_equal(options.ping_timeout_ms, 120000);
}

static void a_variable_does_not_matter_where_a_flag_is_given(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=nonsense", "CHATTERBOX_PING_INTERVAL=soon", NULL };
    char *arguments[] = { "chatterbox", "--port", "2", "--ping-interval=3s", NULL };
    assert_int_equal(parse(environment, arguments), OPTIONS_RUN);
    assert_int_equal(options.port, 2);
    assert_int_equal(options.ping_interval_ms, 3000);
}

static void what_orchestrators_set_is_none_of_ours(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=tcp://10.0.0.1:8000", "CHATTERBOX_PORT_8000_TCP=tcp://10.0.0.1:8000", "CHATTERBOX_SERVICE_HOST=10.0.0.1",
                            "CHATTERBOX_SERVICE_PORT=8000", "CHATTERBOX_REDIS_PORT=tcp://10.0.0.2:6379", "CHATTERBOX_NAME=/web/chatterbox",
                            "CHATTERBOX_ENV_PATH=/bin", "CHATTERBOX_REDIS_PASSWORD=secret", "CHATTERBOX_BIND=::1", NULL };
    char *name_only[] = { "chatterbox", NULL };
    assert_int_equal(parse(environment, name_only), OPTIONS_RUN);
    assert_int_equal(options.port, 8000);
    struct options_unknown unknown;
    size_t cursor = 0;
    assert_false(options_next_unknown(environment, &cursor, &unknown));
}

static void it_may_listen_at_several_places(void **state)
{
    (void)state;
    char *variable[] = { "CHATTERBOX_LISTEN=unix:/x,[::1]:1", NULL }, *nothing[] = { "CHATTERBOX_LISTEN=", "CHATTERBOX_BIND=", NULL };
    char *both[] = { "CHATTERBOX_LISTEN=unix:/x", "CHATTERBOX_BIND=::1", NULL };
    char *name_only[] = { "chatterbox", NULL }, *port[] = { "chatterbox", "--port", "1", NULL };
    char *arguments[] = { "chatterbox", "--listen", "127.0.0.1:1", "--listen=unix:/y", NULL };
    assert_int_equal(parse(variable, name_only), OPTIONS_RUN);
    assert_int_equal(options.listens, 1);
    assert_string_equal(options.listen_at[0], "unix:/x,[::1]:1");
    assert_int_equal(parse(variable, arguments), OPTIONS_RUN); /* the flags win, all of them */
    assert_int_equal(options.listens, 2);
    assert_string_equal(options.listen_at[0], "127.0.0.1:1");
    assert_string_equal(options.listen_at[1], "unix:/y");
    assert_int_equal(parse(variable, port), OPTIONS_BAD);
    assert_string_equal(error, "--port: expected it or --listen, not both");
    assert_int_equal(parse(both, name_only), OPTIONS_BAD);
    assert_string_equal(error, "--bind: expected it or --listen, not both");
    char *of_an_orchestrator[] = { "CHATTERBOX_PORT=tcp://10.0.0.1:8000", NULL };
    assert_int_equal(parse(of_an_orchestrator, arguments), OPTIONS_RUN);
    assert_int_equal(parse(nothing, name_only), OPTIONS_RUN);
    assert_int_equal(options.listens, 0);
    char *many[2 * OPTIONS_LISTEN_MAX + 4] = { "chatterbox" };
    for (unsigned i = 0; i <= OPTIONS_LISTEN_MAX; i++) {
        many[1 + 2 * i] = "--listen";
        many[2 + 2 * i] = "127.0.0.1:1";
    }
    assert_int_equal(parse(nothing, many), OPTIONS_BAD);
    assert_string_equal(error, "--listen 127.0.0.1:1: expected at most 16 places");
}

static void a_mistyped_variable_is_told_with_the_nearest(void **state)
{
    (void)state;
    char *environment[] = { "PATH=/bin", "CHATTERBOX_ALLOWED_ORIGIN=https://a", "CHATTERBOX_IO_THREADS=1", "CHATTERBOX_RATECHAT=5", "CHATTERBOX_SLOWNESS=5",
                            "CHATTERBOX_", NULL };
    struct options_unknown unknown;
    size_t cursor = 0;
    assert_true(options_next_unknown(environment, &cursor, &unknown));
    assert_string_equal(unknown.name, "CHATTERBOX_ALLOWED_ORIGIN");
    assert_string_equal(unknown.nearest, "CHATTERBOX_ALLOWED_ORIGINS");
    assert_true(unknown.is_near);
    assert_true(options_next_unknown(environment, &cursor, &unknown));
    assert_string_equal(unknown.name, "CHATTERBOX_RATECHAT");
    assert_string_equal(unknown.nearest, "CHATTERBOX_RATE_CHAT");
    assert_true(unknown.is_near);
    assert_true(options_next_unknown(environment, &cursor, &unknown));
    assert_string_equal(unknown.name, "CHATTERBOX_SLOWNESS");
    assert_false(unknown.is_near);
    assert_false(options_next_unknown(environment, &cursor, &unknown));
}

static void nonsense_is_told_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *says;
    } examples[] = {
        { "--port", "99999", "--port 99999: expected a whole number from 0 to 65535" },
        { "--port", "", "--port : expected a whole number from 0 to 65535" },
        { "--port", "8000x", "--port 8000x: expected" },
        { "--port", "99999999999999999999", "--port 99999999999999999999: expected" },
        { "--port", NULL, "--port: expected a value: --port <port>" },
        { "--ping-interval", "10", "--ping-interval 10: expected a time from 100ms to 3600s" },
        { "--ping-interval", "0s", "--ping-interval 0s: expected a time" },
        { "--write-queue", "2097151", "--write-queue 2097151: expected at least 32 times --max-message, which is 65536" },
        { "--ring-capacity", "3", "--ring-capacity 3: expected a power of two" },
        { "--cluster-secret-file", "/x", "--cluster-secret-file: expected a --redis that all nodes share" },
        { "--tls-key", "/x", "--tls-certificate: expected it and --tls-key, or neither" },
        { "--tls-certificate", "/x", "--tls-certificate: expected it and --tls-key, or neither" },
        { "--redirect-port", "80", "--redirect-port: expected --tls-certificate as well" },
        { "--data-dir=/x", "--redis=redis://h", "--data-dir: expected --redis embedded" },
        { "--bus", "redis://h", "--bus: expected --cluster-secret-file as well" },
        { "--bus-patience", "999ms", "--bus-patience 999ms: expected a time from 1s to 300s" },
        { "--bus-queue", "1", "--bus-queue 1: expected a whole number from 2097152" },
        { "--log-level", "all", "--log-level all: expected error, warn, info or debug" },
        { "--log-format", "xml", "--log-format xml: expected logfmt or json" },
        { "--io-treads", "1", "--io-treads: unknown flag; did you mean --io-threads?" },
        { "--chek", NULL, "--chek: unknown flag; did you mean --check?" },
        { "--versoin", NULL, "--versoin: unknown flag; did you mean --version?" },
        { "--hlep", NULL, "--hlep: unknown flag; did you mean --help?" },
        { "--Check", NULL, "--Check: unknown flag; did you mean --check?" },
        { "--check=yes", NULL, "--check: expected it without a value" },
        { "--help=", NULL, "--help: expected it without a value" },
        { "--bind", "localhost", "--bind localhost: expected an IPv4 or IPv6 address" },
        { "serve", NULL, "serve: not a flag" },
    };
    char *none[] = { NULL };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char *arguments[] = { "chatterbox", (char *)(uintptr_t)examples[i].first,
                              (char *)(uintptr_t)examples[i].second, NULL };
        assert_int_equal(parse(none, arguments), OPTIONS_BAD);
        assert_memory_equal(error, examples[i].says, strlen(examples[i].says));
        assert_null(strchr(error, '\n'));
    }
    char *environment[] = { "CHATTERBOX_IO_THREADS=0", NULL }, *name_only[] = { "chatterbox", NULL };
    assert_int_equal(parse(environment, name_only), OPTIONS_BAD);
    assert_string_equal(error, "CHATTERBOX_IO_THREADS 0: expected a whole number from 1 to 64");
}

static void help_answers_whatever_else_is_wrong(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=x", NULL }, *arguments[] = { "chatterbox", "--help", NULL };
    assert_int_equal(parse(environment, arguments), OPTIONS_HELP);
    static char help[16384];
    size_t length = options_help(help, sizeof help);
    assert_int_equal(length, strlen(help));
    assert_non_null(strstr(help, "--port <port>"));
    assert_non_null(strstr(help, "(default: 8000)"));
    assert_non_null(strstr(help, "(default: 25s)"));
    assert_non_null(strstr(help, "\nNetwork\n"));
    assert_true(strstr(help, "\nSeveral nodes\n") < strstr(help, "--bus <"));
    for (size_t room = 1; room < length + 2; room++) { /* whatever there is room for is a beginning of it */
        static char part[sizeof help];
        size_t printed = options_help(part, room);
        assert_int_equal(printed, strlen(part));
        assert_int_equal(printed, room > length ? length : room - 1);
        assert_memory_equal(part, help, printed);
    }
}

static void a_check_is_asked_for_anywhere(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=3", "CHATTERBOX_CHECK=1", NULL };
    char *first[] = { "chatterbox", "--check", "--io-threads", "2", NULL }, *last[] = { "chatterbox", "--io-threads", "2", "--check", NULL };
    assert_int_equal(parse(environment, first), OPTIONS_CHECK);
    assert_int_equal(options.port, 3);
    assert_int_equal(options.io_threads, 2);
    assert_int_equal(parse(environment, last), OPTIONS_CHECK);
    char *help[] = { "chatterbox", "--check", "--help", NULL }, *bad[] = { "chatterbox", "--check", "--port", "x", NULL };
    char *together[] = { "chatterbox", "--check", "--redirect-port", "80", NULL }, *value[] = { "chatterbox", "--check=1", NULL };
    assert_int_equal(parse(environment, help), OPTIONS_HELP);
    assert_int_equal(parse(environment, bad), OPTIONS_BAD);
    assert_int_equal(parse(environment, together), OPTIONS_BAD);
    assert_int_equal(parse(environment, value), OPTIONS_BAD);
    char *variable[] = { "CHATTERBOX_CHECK=1", NULL }, *name_only[] = { "chatterbox", NULL };
    assert_int_equal(parse(variable, name_only), OPTIONS_RUN); /* others may start it with a variable that nobody sees */
}

static void no_line_of_help_is_wider_than_a_terminal(void **state)
{
    (void)state;
    static char help[16384];
    const size_t length = options_help(help, sizeof help);
    assert_true(length < sizeof help - 1); /* nothing was cut */
    size_t lines = 0;
    for (const char *line = help; *line != '\0'; line += strcspn(line, "\n") + 1, lines++) {
        const size_t width = strcspn(line, "\n");
        assert_true(width <= 80);
        assert_true(width == 0 || line[width - 1] != ' ');
    }
    assert_true(lines > 90); /* a flag has two or more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(flags_win_over_the_environment),
        cmocka_unit_test(a_variable_does_not_matter_where_a_flag_is_given),
        cmocka_unit_test(what_orchestrators_set_is_none_of_ours),
        cmocka_unit_test(it_may_listen_at_several_places),
        cmocka_unit_test(a_mistyped_variable_is_told_with_the_nearest),
        cmocka_unit_test(nonsense_is_told_in_one_line),
        cmocka_unit_test(help_answers_whatever_else_is_wrong),
        cmocka_unit_test(a_check_is_asked_for_anywhere),
        cmocka_unit_test(no_line_of_help_is_wider_than_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The file of --config: what a line is, who wins, and what nonsense is told, with its place. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "options.h"

static char error[OPTIONS_ERROR_BYTES];
static struct options options;
static char *no_variables[] = { NULL };

/* What read() finds. length 0: as long as it says. */
static const char *content;
static size_t content_length;

static char *read_content(const char *path, size_t *length, const char **why)
{
    if (strcmp(path, "conf") != 0) {
        *why = "No such file";
        return NULL;
    }
    *length = content_length > 0 ? content_length : strlen(content);
    char *text = malloc(*length + 1);
    assert_non_null(text);
    memcpy(text, content, *length);
    text[*length] = '\0';
    return text;
}

static enum options_result parse_with(const char *file, char *const environment[], char *const arguments[])
{
    int count = 0;
    while (arguments[count] != NULL)
        count++;
    error[0] = '\0';
    content = file;
    options_fini(&options);
    return options_parse(&options, count, arguments, environment, read_content, error);
}

static enum options_result parse(const char *file)
{
    char *arguments[] = { "chatterbox", "--config=conf", NULL };
    return parse_with(file, no_variables, arguments);
}

static void what_a_line_is(void **state)
{
    (void)state;
    assert_int_equal(parse("# of ours\n"
                           "\n"
                           "port = 1\r\n"
                           "\t bind=::1 \t\n"
                           "   # ping-interval = 1s\n"
                           "ping-timeout   =   2m\n"
                           "redis = redis://:a#b\"=c d@h # 1\n"
                           "log-format=\n"
                           "allowed-origins = \n"
                           "log-level = warn"), OPTIONS_BAD);
    assert_string_equal(error, "conf:8: log-format : expected logfmt or json"); /* set, to nothing */
    assert_int_equal(options.port, 1);
    assert_string_equal(options.bind, "::1");
    assert_int_equal(options.ping_interval_ms, 25000);
    assert_int_equal(options.ping_timeout_ms, 120000);
    assert_string_equal(options.redis, "redis://:a#b\"=c d@h # 1");
    assert_string_equal(options.allowed_origins, "");
    assert_string_equal(options.log_level, "warn");
    assert_int_equal(parse(""), OPTIONS_RUN);
    assert_int_equal(parse("\n"), OPTIONS_RUN);
    assert_int_equal(options.port, 8000);
}

static void flag_then_variable_then_file(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=2", "CHATTERBOX_BIND=::2", "CHATTERBOX_CONFIG=conf", NULL };
    char *arguments[] = { "chatterbox", "--port", "1", NULL };
    assert_int_equal(parse_with("port = 3\nbind = ::3\nio-threads = 3\n", environment, arguments), OPTIONS_RUN);
    assert_int_equal(options.port, 1);
    assert_string_equal(options.bind, "::2");
    assert_int_equal(options.io_threads, 3);
    assert_int_equal(options.session_threads, -1);
}

static void a_line_does_not_matter_where_something_else_is_said(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_IO_THREADS=2", NULL };
    char *arguments[] = { "chatterbox", "--config", "conf", "--port", "1", NULL };
    assert_int_equal(parse_with("port = http\nio-threads = many\n", environment, arguments), OPTIONS_RUN);
    assert_int_equal(parse_with("port = http\nport = 1\n", environment, arguments), OPTIONS_BAD);
    assert_int_equal(parse_with("pord = 1\n", environment, arguments), OPTIONS_BAD);
}

static void what_orchestrators_set_hides_no_line(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_PORT=tcp://10.0.0.1:8000", NULL };
    char *arguments[] = { "chatterbox", "--config", "conf", NULL };
    assert_int_equal(parse_with("port = 3\n", environment, arguments), OPTIONS_RUN);
    assert_int_equal(options.port, 3);
}

static void no_file_where_none_is_named(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_CONFIG=elsewhere", NULL }, *arguments[] = { "chatterbox", "--config", "", NULL };
    assert_int_equal(parse_with("pord = 1\n", environment, arguments), OPTIONS_RUN);
    assert_null(options.file);
    char *help[] = { "chatterbox", "--config=elsewhere", "--help", NULL };
    assert_int_equal(parse_with("pord = 1\n", no_variables, help), OPTIONS_HELP);
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    char *environment[] = { "CHATTERBOX_CONFIG=there", NULL };
    char *name_only[] = { "chatterbox", NULL }, *arguments[] = { "chatterbox", "--config", "elsewhere", NULL };
    assert_int_equal(parse_with("", environment, name_only), OPTIONS_BAD);
    assert_string_equal(error, "CHATTERBOX_CONFIG there: No such file; expected a file of lines name = value");
    assert_int_equal(parse_with("", environment, arguments), OPTIONS_BAD);
    assert_string_equal(error, "--config elsewhere: No such file; expected a file of lines name = value");
}

static void nonsense_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *file, *says;
    } examples[] = {
        { "\n#\nport = 99999\n", "conf:3: port 99999: expected a whole number from 0 to 65535" },
        { "port =", "conf:1: port : expected a whole number" },
        { "ping-interval = 10", "conf:1: ping-interval 10: expected a time from 100ms to 3600s" },
        { "io-treads = 2", "conf:1: io-treads: unknown name; did you mean io-threads? (see --help)" },
        { "io_threads = 2", "conf:1: io_threads: unknown name; did you mean io-threads?" },
        { "--io-threads = 2", "conf:1: --io-threads: unknown name; did you mean io-threads?" },
        { "CHATTERBOX_IO_THREADS=2", "conf:1: CHATTERBOX_IO_THREADS: unknown name; did you mean io-threads?" },
        { "redis-password = secret", "conf:1: redis-password: unknown name; did you mean redis-password-file?" },
        { "help = 1", "conf:1: help: unknown name" },
        { "check = 1", "conf:1: check: unknown name; did you mean config?" }, /* none of them is a line */
        { "config = conf", "conf:1: config: a file names no other one" },
        { "port = 1\nbind = ::1\nport = 1", "conf:3: port: is in line 1 as well; expected it once" },
        { "port 8000", "conf:1: expected name = value, such as port = 8000, or # and a comment" },
        { "port", "conf:1: expected name = value" },
        { "= 8000", "conf:1: expected name = value" },
        { "[network]", "conf:1: expected name = value" },
        { "export port=1", "conf:1: expected name = value" },
        { "p\303\266rt=1", "conf:1: expected name = value" },
        /* What a line cannot know by itself. */
        { "\nbind = localhost", "conf:2: bind localhost: expected an IPv4 or IPv6 address" },
        { "tls-key = /x", "conf:1: --tls-certificate: expected it and --tls-key, or neither" },
        { "port = 1\nmax-message = 1000000", "conf:2: --write-queue 4194304: expected at least 32 times --max-message, which is 1000000" },
        { "data-dir = /x\nredis = redis://h", "conf:1: data-dir: expected --redis embedded" },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        assert_int_equal(parse(examples[i].file), OPTIONS_BAD);
        if (strncmp(error, examples[i].says, strlen(examples[i].says)) != 0)
            fail_msg("%s: %s", examples[i].file, error);
        assert_null(strchr(error, '\n'));
        assert_null(strstr(error, "secret"));
    }
    content_length = 8;
    assert_int_equal(parse("port=1\0\n"), OPTIONS_BAD);
    content_length = 0;
    assert_string_equal(error, "conf:1: has a byte that is 0; expected text");
}

static void what_is_said_later_gets_its_place_too(void **state)
{
    (void)state;
    static const struct {
        const char *said, *located;
    } examples[] = {
        { "--redis: not understood", "conf:2: redis: not understood" },
        { "CHATTERBOX_REDIS_PASSWORD: the URL of --redis has a password as well", "conf:2: CHATTERBOX_REDIS_PASSWORD: the URL of --redis has a password as well" },
        { "--tls-certificate: nothing of --tls-key", "conf:4: tls-certificate: nothing of --tls-key" }, /* the first that is in the file */
        { "--port: with --tls-key", "conf:3: --port: with --tls-key" },
        { "--port 8000: in use", "--port 8000: in use" },
        { "--redis-prefix", "--redis-prefix" },
        { "--", "--" },
        { "----redis", "----redis" },
        { "--redi", "--redi" },
        { "", "" },
    };
    char *arguments[] = { "chatterbox", "--port", "8000", "--config", "conf", NULL };
    assert_int_equal(parse_with("port = 1\nredis = here\ntls-key = k\ntls-certificate =c", no_variables, arguments), OPTIONS_RUN);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        snprintf(error, sizeof error, "%s", examples[i].said);
        options_locate(&options, error);
        assert_string_equal(error, examples[i].located);
    }
    assert_int_equal(parse("\nlisten = 127.0.0.1:0, nonsense"), OPTIONS_RUN);
    snprintf(error, sizeof error, "--listen nonsense: expected address:port");
    options_locate(&options, error);
    assert_string_equal(error, "conf:2: listen nonsense: expected address:port");
    assert_int_equal(parse("redis = here"), OPTIONS_RUN);
    memset(error, 'x', sizeof error - 1);
    memcpy(error, "--redis ", strlen("--redis "));
    error[sizeof error - 1] = '\0';
    options_locate(&options, error); /* cut, not overrun */
    assert_int_equal(strlen(error), sizeof error - 1);
}

static void what_is_on_the_disk(void **state)
{
    (void)state;
    char path[] = "/tmp/chatterbox-test-XXXXXX";
    const int fd = mkstemp(path);
    static char bytes[OPTIONS_FILE_BYTES_MAX + 1];
    size_t length;
    const char *why = NULL;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "port=1\n", 7), 7);
    char *text = options_read_file(path, &length, &why);
    assert_non_null(text);
    assert_int_equal(length, 7);
    assert_string_equal(text, "port=1\n");
    free(text);
    assert_int_equal(write(fd, bytes, OPTIONS_FILE_BYTES_MAX - 7), OPTIONS_FILE_BYTES_MAX - 7);
    text = options_read_file(path, &length, &why);
    assert_non_null(text);
    assert_int_equal(length, OPTIONS_FILE_BYTES_MAX);
    free(text);
    assert_int_equal(write(fd, bytes, 1), 1);
    assert_null(options_read_file(path, &length, &why));
    assert_string_equal(why, "File too large");
    close(fd);
    unlink(path);
    assert_null(options_read_file(path, &length, &why));
    assert_string_equal(why, "No such file or directory");
    assert_null(options_read_file("/tmp", &length, &why));
    assert_string_equal(why, "Is a directory");
}

static int clean(void **state)
{
    (void)state;
    options_fini(&options);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_line_is),
        cmocka_unit_test(flag_then_variable_then_file),
        cmocka_unit_test(a_line_does_not_matter_where_something_else_is_said),
        cmocka_unit_test(what_orchestrators_set_hides_no_line),
        cmocka_unit_test(no_file_where_none_is_named),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(nonsense_is_told_with_its_place),
        cmocka_unit_test(what_is_said_later_gets_its_place_too),
        cmocka_unit_test(what_is_on_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}

/* Where the server listens, by what is written in flags. */
#include "unit/unit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/entrances.h"
#include "runtime/passed.h"

static struct entrances entrances;
static char error[ENTRANCES_ERROR_BYTES];

/* texts ends with NULL. */
static bool plan(const char *const texts[], unsigned passed)
{
    struct options options = { .listen = "", .bind = "", .port = 8000, .redirect_port = -1 };
    while (texts[options.listens] != NULL) {
        options.listen_at[options.listens] = texts[options.listens];
        options.listens++;
    }
    error[0] = '\0';
    return entrances_plan(&entrances, &options, passed, error);
}

#define PLACES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_entrance(unsigned i, enum entrance_kind kind, const char *address, uint16_t port)
{
    const struct entrance *entrance = &entrances.of[i];
    assert_int_equal(entrance->kind, kind);
    assert_string_equal(entrance->address, address);
    assert_int_equal(entrance->port, port);
    assert_int_equal(entrance->is_local, kind == ENTRANCE_UNIX);
    assert_false(entrance->redirects);
}

static void places_one_by_one_and_with_commas(void **state)
{
    (void)state;
    assert_true(plan(PLACES("unix:/run/x/socket", "127.0.0.1:8000, [::1]:8001 ,0.0.0.0:0"), 0));
    assert_int_equal(entrances.count, 4);
    assert_entrance(0, ENTRANCE_UNIX, "/run/x/socket", 0);
    assert_entrance(1, ENTRANCE_TCP, "127.0.0.1", 8000);
    assert_entrance(2, ENTRANCE_TCP, "::1", 8001);
    assert_entrance(3, ENTRANCE_TCP, "0.0.0.0", 0);
    assert_int_equal(entrances_port(&entrances), 8000); /* the first that has one */
    assert_false(entrances_has_passed(&entrances));

    assert_true(plan(PLACES("unix:relative"), 0));
    assert_int_equal(entrances_port(&entrances), 0);
}

static void what_is_no_place(void **state)
{
    (void)state;
    static const char *const nonsense[] = { "", " ", "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:000080", "127.0.0.1:-1",
                                            "127.0.0.1:80 80", "localhost:80", "::1", "::1:80", "[::1]", "[::1]80", "[::1:80", "::1]:80", "[]:80", "[127.0.0.1]:80",
                                            "Systemd", "systemd:3", "127.0.0.1:1,", ",127.0.0.1:1", "127.0.0.1:1,,127.0.0.1:2" };
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        if (plan(PLACES(nonsense[i]), 0))
            fail_msg("%s", nonsense[i]);
        assert_memory_equal(error, "--listen ", 9);
        assert_non_null(strstr(error, ": expected address:port, [IPv6 address]:port, unix:PATH or systemd"));
    }
}

static void paths_that_will_not_do(void **state)
{
    (void)state;
    char longest[5 + SOCKET_FILE_PATH_BYTES + 1] = "unix:";
    memset(longest + 5, 'x', SOCKET_FILE_PATH_BYTES);
    assert_false(plan(PLACES(longest), 0));
    assert_non_null(strstr(error, "expected a path of 1 to 107 bytes"));
    longest[5 + SOCKET_FILE_PATH_BYTES - 1] = '\0';
    assert_true(plan(PLACES(longest), 0));
    assert_false(plan(PLACES("unix:"), 0));
    assert_string_equal(error, "--listen unix:: expected a path of 1 to 107 bytes, such as unix:/run/chatterbox/socket");
    assert_false(plan(PLACES("unix:@abstract"), 0));
    assert_false(plan(PLACES("unix:/a", "unix:/b,unix:/a"), 0));
    assert_string_equal(error, "--listen unix:/a: expected once");
}

static void there_is_an_end(void **state)
{
    (void)state;
    const char *four = "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4";
    assert_true(plan(PLACES(four, four, four, four), 0));
    assert_int_equal(entrances.count, ENTRANCES_MAX);
    assert_false(plan(PLACES(four, four, four, four, "127.0.0.1:5"), 0));
    assert_string_equal(error, "--listen: expected at most 16 places");
}

static void without_places_it_is_bind_and_port(void **state)
{
    (void)state;
    struct options options = { .listen = "", .bind = "::1", .port = 81, .redirect_port = 80 };
    assert_true(entrances_plan(&entrances, &options, 0, error));
    assert_int_equal(entrances.count, 2);
    assert_entrance(0, ENTRANCE_TCP, "::1", 81);
    assert_true(entrances.of[1].redirects);
    assert_string_equal(entrances.of[1].address, "::1");
    assert_int_equal(entrances.of[1].port, 80);
    assert_int_equal(entrances_port(&entrances), 81);
    /* Nothing else can be redirected to. */
    options.bind = "";
    options.listens = 1;
    options.listen_at[0] = "unix:/x";
    assert_false(entrances_plan(&entrances, &options, 0, error));
    assert_memory_equal(error, "--redirect-port: expected a TCP address", 39);
    options.listen_at[0] = "unix:/x,127.0.0.1:0";
    assert_true(entrances_plan(&entrances, &options, 0, error));
}

static void passed_is_what_listens(void **state)
{
    (void)state;
    const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    assert_false(plan(PLACES("systemd"), 0));
    assert_string_equal(error, "--listen systemd: expected sockets that were passed (LISTEN_FDS); a .socket unit does it");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && dup2(fd, PASSED_FIRST) == PASSED_FIRST && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    assert_false(plan(PLACES("systemd"), 1));
    assert_string_equal(error, "--listen systemd: descriptor 3: expected a stream socket that listens (ListenStream=, Accept=no), at an address, a port or a path");
    assert_int_equal(listen(fd, 1), 0);
    assert_true(plan(PLACES("127.0.0.1:0", "systemd"), 1));
    assert_int_equal(entrances.count, 2);
    assert_int_equal(entrances.of[1].kind, ENTRANCE_PASSED);
    assert_string_equal(entrances.of[1].address, "127.0.0.1");
    assert_true(entrances.of[1].port > 0 && !entrances.of[1].is_local);
    assert_int_equal(entrances.of[1].fds[0], PASSED_FIRST);
    assert_true(entrances_has_passed(&entrances));
    assert_false(plan(PLACES("systemd,systemd"), 1));
    assert_string_equal(error, "--listen systemd: expected once, for all sockets that were passed");
    assert_false(plan(PLACES("systemd", "systemd"), ENTRANCES_NOT_KNOWN));
    assert_false(plan(PLACES("systemd"), ENTRANCES_MAX + 1));
    assert_string_equal(error, "--listen systemd: 17 sockets were passed; expected at most 16 in all");
    if (fd != PASSED_FIRST)
        close(fd);
    close(PASSED_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_one_by_one_and_with_commas), cmocka_unit_test(what_is_no_place),
        cmocka_unit_test(paths_that_will_not_do),            cmocka_unit_test(there_is_an_end),
        cmocka_unit_test(without_places_it_is_bind_and_port), cmocka_unit_test(passed_is_what_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

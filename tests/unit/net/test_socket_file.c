/* A socket in the file system: whom it replaces, whom it leaves alone, and what is left. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/socket_file.h"

static char directory[64], path[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/cbt-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/socket", directory);
    return 0;
}

/* Fails if anything is left there. */
static int tear_down(void **state)
{
    (void)state;
    return rmdir(directory);
}

static bool is_there(void)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int try_connect(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const int error = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static void owner_and_group_may_connect_and_nothing_is_left(void **state)
{
    (void)state;
    struct socket_file file;
    struct stat status;
    int fd;
    assert_int_equal(socket_file_listen(&file, path, &fd), 0);
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(try_connect(), 0);
    close(fd);
    socket_file_remove(&file);
    assert_false(is_there());
    socket_file_remove(&file); /* once more does nothing */
}

static void one_that_is_listened_at_is_left_alone(void **state)
{
    (void)state;
    struct socket_file file, second = { .pin = -1 };
    int fd, second_fd = -1;
    assert_int_equal(socket_file_listen(&file, path, &fd), 0);
    assert_int_equal(socket_file_listen(&second, path, &second_fd), EADDRINUSE);
    assert_int_equal(second_fd, -1);
    assert_int_equal(second.pin, -1);
    assert_int_equal(try_connect(), 0);
    close(fd);
    socket_file_remove(&file);
}

static void what_a_killed_one_has_left_is_replaced(void **state)
{
    (void)state;
    struct socket_file dead, file;
    int fd;
    assert_int_equal(socket_file_listen(&dead, path, &fd), 0);
    close(fd);
    assert_int_equal(try_connect(), ECONNREFUSED);
    assert_int_equal(socket_file_listen(&file, path, &fd), 0);
    assert_int_equal(try_connect(), 0);
    /* The first one, which was only slow to end, does not take the second one's away. */
    socket_file_remove(&dead);
    assert_int_equal(try_connect(), 0);
    close(fd);
    socket_file_remove(&file);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct socket_file file;
    int fd;
    const int made = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(made >= 0);
    close(made);
    assert_int_equal(socket_file_listen(&file, path, &fd), EEXIST);
    assert_true(is_there());
    unlink(path);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(socket_file_listen(&file, path, &fd), EEXIST);
    assert_true(is_there());
    unlink(path);
}

static void a_directory_that_is_not_there(void **state)
{
    (void)state;
    struct socket_file file;
    int fd;
    assert_int_equal(socket_file_listen(&file, "/nowhere/at/all", &fd), ENOENT);
}

enum { OTHERS = 4 };

/* Try to have it, say whether, and keep it until all have tried. */
static void try_in_child(int begin, int tried, int end)
{
    char byte;
    struct socket_file file;
    int fd;
    (void)!read(begin, &byte, 1);
    const int error = socket_file_listen(&file, path, &fd);
    byte = error == 0 ? '+' : error == EADDRINUSE ? '-' : '?';
    (void)!write(tried, &byte, 1);
    (void)!read(end, &byte, 1);
    _exit(0);
}

/* A socket that is left over, and several that find it at the same time: one has it. */
static void of_several_at_the_same_time_one_has_it(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct socket_file left;
        int fd, begin[2], tried[2], end[2];
        assert_int_equal(socket_file_listen(&left, path, &fd), 0);
        close(fd);
        close(left.pin);
        assert_true(pipe(begin) == 0 && pipe(tried) == 0 && pipe(end) == 0);
        pid_t pids[OTHERS];
        for (unsigned i = 0; i < OTHERS; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0) {
                close(begin[1]);
                close(end[1]);
                try_in_child(begin[0], tried[1], end[0]);
            }
        }
        close(begin[1]);
        unsigned winners = 0;
        for (unsigned i = 0; i < OTHERS; i++) {
            char byte;
            assert_int_equal(read(tried[0], &byte, 1), 1);
            assert_int_not_equal(byte, '?');
            winners += byte == '+';
        }
        assert_int_equal(winners, 1);
        close(end[1]);
        for (unsigned i = 0; i < OTHERS; i++)
            assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
        close(begin[0]);
        close(tried[0]);
        close(tried[1]);
        close(end[0]);
        unlink(path);
    }
}

static void it_waits_for_the_lock_but_not_for_ever(void **state)
{
    (void)state;
    struct socket_file file;
    int fd;
    const int lock = open(directory, O_RDONLY | O_DIRECTORY);
    assert_true(lock >= 0 && flock(lock, LOCK_EX) == 0);
    assert_int_equal(socket_file_listen(&file, path, &fd), EWOULDBLOCK);
    close(lock);
    assert_false(is_there());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(owner_and_group_may_connect_and_nothing_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_listened_at_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_killed_one_has_left_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_socket_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_several_at_the_same_time_one_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_waits_for_the_lock_but_not_for_ever, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

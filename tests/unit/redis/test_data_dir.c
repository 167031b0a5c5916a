/* --data-dir as --check looks at it: what it says is what data_dir_open() would say, and nothing is made. */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redis/data_dir.h"

enum { SOMEBODY = 12345 };

static char root[64], path[128];

/* A place below the test's directory. */
static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void make_file(const char *name)
{
    const int fd = open(at(name), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/chatterbox-test-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void one_that_could_be_made_is_not_made(void **state)
{
    (void)state;
    struct data_dir dir;
    char error[DATA_DIR_ERROR_BYTES];
    struct stat status;
    static const char *const names[] = { "new", "new/", "./new//" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(data_dir_look(&dir, at(names[i]), error), DATA_DIR_OPEN);
        assert_string_equal(dir.secret, "");
        assert_int_not_equal(stat(at("new"), &status), 0);
    }
    assert_int_equal(mkdir(at("empty"), 0700), 0);
    assert_int_equal(data_dir_look(&dir, at("empty"), error), DATA_DIR_OPEN);
    assert_string_equal(dir.secret, "");
    assert_int_equal(rmdir(at("empty")), 0); /* it still is */
}

static void one_in_use_will_do_and_its_secret_is_named(void **state)
{
    (void)state;
    struct data_dir used, dir;
    char error[DATA_DIR_ERROR_BYTES];
    assert_int_equal(data_dir_open(&used, at("used"), error), DATA_DIR_OPEN);
    assert_int_equal(data_dir_look(&dir, at("used"), error), DATA_DIR_OPEN);
    assert_string_equal(dir.secret, used.secret);
    assert_int_equal(dir.lock_fd, -1);
    close(used.lock_fd);
}

/* Both say so, in the same words. */
static void assert_refused(const char *name, const char *why)
{
    struct data_dir dir;
    char looked[DATA_DIR_ERROR_BYTES] = "", opened[DATA_DIR_ERROR_BYTES] = "", expected[DATA_DIR_ERROR_BYTES];
    assert_int_equal(data_dir_look(&dir, at(name), looked), DATA_DIR_BAD);
    snprintf(expected, sizeof expected, "--data-dir %s: %s", path, why);
    assert_string_equal(looked, expected);
    assert_int_equal(data_dir_open(&dir, path, opened), DATA_DIR_BAD);
    assert_string_equal(opened, expected);
}

static void those_that_will_not_do(void **state)
{
    (void)state;
    char longest[700] = "";
    make_file("file");
    assert_refused("file", "Not a directory");
    assert_refused("file/below", "Not a directory");
    assert_refused("missing/below", "No such file or directory");
    assert_int_equal(symlink("nowhere", at("link")), 0);
    assert_refused("link", "No such file or directory");
    struct data_dir dir;
    char error[DATA_DIR_ERROR_BYTES];
    memset(longest, '/', sizeof longest - 1);
    for (size_t i = 1; i < sizeof longest - 1; i += 2)
        longest[i] = '.';
    memcpy(longest, "/tmp", 4); /* /tmp/./././… is /tmp, however long */
    assert_int_equal(data_dir_look(&dir, longest, error), DATA_DIR_OPEN);
}

static void those_of_somebody_else(void **state)
{
    (void)state;
    const bool is_root = geteuid() == 0;
    assert_int_equal(mkdir(at("closed"), 0700), 0);
    assert_int_equal(mkdir(at("half"), 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    make_file("half/lock");
    if (is_root) {
        assert_int_equal(chmod(root, 0755), 0);
        assert_int_equal(seteuid(SOMEBODY), 0); /* root may do anything */
    } else {
        assert_int_equal(chmod(at("half/lock"), 0), 0);
        assert_int_equal(chmod(at("closed"), 0500), 0);
    }
    assert_refused("closed", "Permission denied");
    assert_refused("closed/new", "Permission denied");
    assert_refused("half", "Permission denied");
    if (is_root)
        assert_int_equal(seteuid(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_could_be_made_is_not_made, make_root, remove_root),
        cmocka_unit_test_setup_teardown(one_in_use_will_do_and_its_secret_is_named, make_root, remove_root),
        cmocka_unit_test_setup_teardown(those_that_will_not_do, make_root, remove_root),
        cmocka_unit_test_setup_teardown(those_of_somebody_else, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

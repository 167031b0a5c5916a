/* The quota of a container, from files as the kernel has them. */
#include "unit/unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/cores.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/cores-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

/* A file below the root, with all folders above it. */
static void put(const char *path, const char *text)
{
    char name[256];
    snprintf(name, sizeof name, "%s%s", root, path);
    for (char *slash = strchr(name + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(name, 0700);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void without_files_there_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(cores_quota(root), UINT_MAX);
    assert_int_equal(cores_available(root), uv_available_parallelism());
}

static void half_a_core_is_one(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_int_equal(cores_quota(root), 1);
    assert_int_equal(cores_available(root), 1);
    put("/sys/fs/cgroup/cpu.max", "250000 100000\n");
    assert_int_equal(cores_quota(root), 3);
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_int_equal(cores_quota(root), UINT_MAX);
    put("/sys/fs/cgroup/cpu.max", "nonsense");
    assert_int_equal(cores_quota(root), UINT_MAX);
}

static void the_least_of_all_that_it_is_in_counts(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/system.slice/chatterbox.service\n");
    put("/sys/fs/cgroup/system.slice/chatterbox.service/cpu.max", "800000 100000\n");
    put("/sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n");
    assert_int_equal(cores_quota(root), 2);
    /* As a container sees it: the path is the machine's, and the group is the root. */
    put("/proc/self/cgroup", "0::/docker/0123\n");
    put("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    assert_int_equal(cores_quota(root), 1);
}

static void the_first_version_has_other_files(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "12:cpuset:/a\n4:cpuacct,cpu:/a/b\n1:name=systemd:/a\n");
    put("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cores_quota(root), UINT_MAX);
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "150000\n");
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cores_quota(root), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_files_there_is_no_quota),
        TEST(half_a_core_is_one),
        TEST(the_least_of_all_that_it_is_in_counts),
        TEST(the_first_version_has_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

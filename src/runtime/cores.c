#include "runtime/cores.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { PATH_BYTES = 4096 };

/* The first line of a file, without its end. Returns false if there is none. */
static bool read_line(const char *path, char *line, int capacity)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const bool has_line = fgets(line, capacity, file) != NULL;
    fclose(file);
    if (has_line)
        line[strcspn(line, "\n")] = '\0';
    return has_line;
}

static unsigned cores_of(int64_t quota_us, int64_t period_us)
{
    if (quota_us <= 0 || period_us <= 0)
        return UINT_MAX;
    const int64_t cores = (quota_us + period_us - 1) / period_us;
    return cores < UINT_MAX ? (unsigned)cores : UINT_MAX;
}

/* Of one group; UINT_MAX: it says nothing. */
static unsigned quota_of(const char *group, bool is_v2)
{
    char path[PATH_BYTES + 32], line[64];
    int64_t quota, period;
    snprintf(path, sizeof path, "%s/%s", group, is_v2 ? "cpu.max" : "cpu.cfs_quota_us");
    if (!read_line(path, line, sizeof line))
        return UINT_MAX;
    if (is_v2)
        return sscanf(line, "%" SCNd64 " %" SCNd64, &quota, &period) == 2 ? cores_of(quota, period) : UINT_MAX; /* "max 100000" is no number */
    if (sscanf(line, "%" SCNd64, &quota) != 1) /* -1: none */
        return UINT_MAX;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", group);
    return read_line(path, line, sizeof line) && sscanf(line, "%" SCNd64, &period) == 1 ? cores_of(quota, period) : UINT_MAX;
}

/* The least of a group and of all that it is in. A container may see its own group as the root of all: then the path leads nowhere, and the root
 * is what counts. */
static unsigned least_quota(const char *mount, const char *path, bool is_v2)
{
    char group[PATH_BYTES];
    const int printed = snprintf(group, sizeof group, "%s%s", mount, path);
    const size_t top = strlen(mount);
    unsigned least = UINT_MAX;
    if (printed < 0 || (size_t)printed >= sizeof group)
        return UINT_MAX;
    for (;;) {
        const unsigned quota = quota_of(group, is_v2);
        least = quota < least ? quota : least;
        char *slash = strrchr(group, '/');
        if (slash == NULL || (size_t)(slash - group) < top)
            return least;
        *slash = '\0';
    }
}

static bool names_cpu(const char *controllers)
{
    char list[64];
    snprintf(list, sizeof list, ",%s,", controllers);
    return strstr(list, ",cpu,") != NULL;
}

unsigned cores_quota(const char *root)
{
    char name[PATH_BYTES], mount[PATH_BYTES], controllers[48], path[2048], line[2176];
    unsigned least = UINT_MAX;
    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    FILE *groups = fopen(name, "re");
    if (groups == NULL)
        return UINT_MAX;
    while (fgets(line, sizeof line, groups) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const bool is_v2 = sscanf(line, "0::%2047[^\n]", path) == 1;
        if (!is_v2 && (sscanf(line, "%*d:%47[^:]:%2047[^\n]", controllers, path) != 2 || !names_cpu(controllers)))
            continue;
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", root, is_v2 ? "" : "/cpu");
        const unsigned quota = least_quota(mount, path, is_v2);
        least = quota < least ? quota : least;
    }
    fclose(groups);
    return least;
}

unsigned cores_available(const char *root)
{
    const unsigned seen = uv_available_parallelism(), quota = cores_quota(root);
    return quota < seen ? quota : seen;
}

/* cores.h: how many cores the process may use: what it sees, or less where a container's quota says so.
 *
 * A container with half a core on a machine of 64 sees 64, and would start threads for all of them, which then wait for each other's share.
 *
 * Threads: main. Source: cgroups(7); the kernel's Documentation/admin-guide/cgroup-v2.rst, cpu.max, and cgroup-v1's cpu.cfs_quota_us.
 */
#ifndef CHATTERBOX_RUNTIME_CORES_H
#define CHATTERBOX_RUNTIME_CORES_H

/* At least 1; a part of a core counts as one. root: put before /proc and /sys, "" but for tests. */
unsigned cores_available(const char *root);

/* What the quotas alone say, UINT_MAX if there is none. */
unsigned cores_quota(const char *root);

#endif

/* process.h: what the server and the load generator themselves have cost so far.
 *
 * Errors:    what cannot be read has cost nothing.
 * Source:    proc(5), /proc/[pid]/stat and /proc/[pid]/smaps_rollup.
 */
#ifndef CHATTERBOX_TOOLS_LOAD_PROCESS_H
#define CHATTERBOX_TOOLS_LOAD_PROCESS_H

enum { PROCESSES_MAX = 16 };

/* What is measured: a server; or several, and their Redis. */
struct processes {
    unsigned count;
    int pid[PROCESSES_MAX];
};

/* User and system time of all, each in steps of the kernel's clock tick (10 ms). */
double processes_cpu_seconds(const struct processes *processes);

/* The load generator's, exactly. */
double process_own_cpu_seconds(void);

/* Proportional set size of all: what is shared with other processes counts by its share. */
long processes_pss_kib(const struct processes *processes);

#endif

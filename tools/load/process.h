/* process.h: what the server and the load generator themselves have cost so far.
 *
 * Errors:    what cannot be read, and the process 0, which stands for an unknown one, has cost nothing.
 * Source:    proc(5), /proc/[pid]/stat and /proc/[pid]/smaps_rollup.
 */
#ifndef CHATTERBOX_TOOLS_LOAD_PROCESS_H
#define CHATTERBOX_TOOLS_LOAD_PROCESS_H

/* User and system time, in steps of the kernel's clock tick (10 ms). */
double process_cpu_seconds(int pid);

/* The load generator's, exactly. */
double process_own_cpu_seconds(void);

/* Proportional set size: what is shared with other processes counts by its share. */
long process_pss_kib(int pid);

#endif

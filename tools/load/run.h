/* run.h: the course of a run, and what a mode adds to it.
 *
 * The mode begins, a stretch of time is measured, the figures are printed. Most modes set up first: users connect, not too many of
 * them at a time, and when the mode says that all are where it wants them, it goes on.
 *
 * Threads:   the one of the loop.
 * Ownership: the run is main.c's. Users and loop last as long as the process.
 */
#ifndef CHATTERBOX_TOOLS_LOAD_RUN_H
#define CHATTERBOX_TOOLS_LOAD_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "load/load.h"

struct run;

/* Each has a header of its own; main.c lists them. */
struct mode {
    const char *name; /* on the command line and in the report */
    void (*on_event)(struct user *user, enum event_kind kind, const char *text, size_t length);
    void (*begin)(struct run *run);           /* run_set_up(), or the mode's own, which has no need of the next two */
    bool (*is_set_up)(const struct run *run); /* asked every 20 ms */
    void (*on_set_up)(struct run *run);
    void (*print)(const struct run *run, double seconds); /* its members of the report, each after a comma */
    bool is_rate; /* its figure may be this generator's limit instead of the server's */
};

struct run {
    struct load load;
    struct options options;
    uv_timer_t phase, progress, pace;
    uv_check_t check;
    uint64_t begin_ns, end_ns;
    double server_cpu, own_cpu; /* seconds, at begin; then spent */
    long pss_before, pss_after; /* KiB */
    uint64_t reported;
    uint64_t paced; /* messages that should have been sent */
};

/* From the first connection to the end of what is measured. The run is all zero but for its options. */
void run_go(struct run *run);

/* The rest is for modes. */

/* Connect everybody, then call on_set_up() as soon as is_set_up(). */
void run_set_up(struct run *run);

/* Connect the next of the users. There must be one. */
void run_connect_next(struct run *run);

/* Measure from now on, for as long as the options say. */
void run_begin_measuring(struct run *run);

/* The same, when traffic has flowed for half a second. */
void run_warm_up(struct run *run);

#endif

/* report.h: the one JSON line on stdout. */
#ifndef CHATTERBOX_TOOLS_LOAD_REPORT_H
#define CHATTERBOX_TOOLS_LOAD_REPORT_H

#include "load/run.h"

/* Print it. Returns the exit status: 1 if a message was lost, doubled or misdelivered, if there was an error or a
 * connection was closed; else 0. */
int report(const struct run *run);

/* A member "<name>_us" of quantiles, after a comma. */
void report_histogram(const char *name, const struct histogram *histogram);

#endif

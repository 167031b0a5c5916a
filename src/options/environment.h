/* environment.h: the variables CHATTERBOX_… into struct options.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_OPTIONS_ENVIRONMENT_H
#define CHATTERBOX_OPTIONS_ENVIRONMENT_H

#include <stdbool.h>

#include "options.h"

/* given: what flags say; a variable does not matter there, not even if it makes no sense. It becomes true for each option that a variable
 * names, too. On false error holds one line. */
bool environment_parse(struct options *options, char *const environ[], bool given[OPTIONS_COUNT], char error[OPTIONS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

/* file.h: the file of --config: `name = value` a line, names as of flags without their dashes. Blank lines, and such that begin with a #, say nothing. What
 * surrounds name and value is blanks; whatever is between belongs to the value, a # or a quotation mark, too.
 *
 * Threads: pure, but for options_read_file() (options.h); any.
 */
#ifndef CHATTERBOX_OPTIONS_FILE_H
#define CHATTERBOX_OPTIONS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

/* The length bytes of options->file, with a NUL behind them, into *options, whose texts will point into them. given: what flags and variables say; a line
 * does not matter there, as long as it is one, and names something once. On false error holds one line, which begins with file and line. */
bool file_parse(struct options *options, const bool given[OPTIONS_COUNT], size_t length, char error[OPTIONS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

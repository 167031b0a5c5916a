/* catalogue.h: the rows of options.def as data: to be found by name, to be set from text, to be named as variables.
 *
 * Threads: read-only; any.
 */
#ifndef CHATTERBOX_OPTIONS_CATALOGUE_H
#define CHATTERBOX_OPTIONS_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum option_kind { KIND_NUMBER, KIND_DURATION, KIND_TEXT };

/* No flag and no variable is longer, nor what is compared with them. */
enum { OPTION_NAME_BYTES = 64 };

struct option {
    const char *flag;
    enum option_kind kind;
    size_t offset; /* of the member in struct options */
    int64_t min, max;
    int64_t default_number;
    const char *default_text;
    const char *value; /* what stands for the value in an error */
};

extern const struct option option_catalogue[OPTIONS_COUNT];

/* NULL: none has this name, which is a flag without its dashes. */
const struct option *option_find(const char *name, size_t length);

/* The one that is most like what was written. *is_near: it is what was meant, most likely. */
const struct option *option_nearest(const char *name, size_t length, bool *is_near);

/* How many letters of one name have to be put in, taken out or replaced to make the other: its case and what separates its words do not count. */
size_t option_distance(const char *name, size_t length, const char *known);

/* CHATTERBOX_ and the flag in upper case with underscores. */
void option_variable(const struct option *option, char name[OPTION_NAME_BYTES]);

void option_set_default(struct options *options, const struct option *option);

/* Store a value; a text is not copied. source: what it came from, for the error, which is one line. */
bool option_set(struct options *options, const struct option *option, const char *value, const char *source, char error[OPTIONS_ERROR_BYTES])
    __attribute__((warn_unused_result));

#endif

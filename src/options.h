/* options.h: flags, environment and the file of --config into one struct.
 *
 * Threads: parsed by main before any other thread starts; read-only afterwards.
 */
#ifndef CHATTERBOX_OPTIONS_H
#define CHATTERBOX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/log.h"

/* How many there are. */
enum {
    OPTIONS_COUNT = 0
#define GROUP(title)
#define NUMBER(member, flag, default_value, min, max, unit, help) + 1
#define DURATION(member, flag, default_value, min_ms, max_ms, help) + 1
#define TEXT(member, flag, default_value, value, help) + 1
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
};

enum { OPTIONS_LISTEN_MAX = 16 };

struct options {
#define GROUP(title)
#define NUMBER(member, flag, default_value, min, max, unit, help) int64_t member;
#define DURATION(member, flag, default_value, min_ms, max_ms, help) int64_t member;
#define TEXT(member, flag, default_value, value, help) const char *member; /* argv's, environ's, the file's or a literal */
#include "options.def"
#undef GROUP
#undef NUMBER
#undef DURATION
#undef TEXT
    const char *redis_password; /* CHATTERBOX_REDIS_PASSWORD; "" if not set. Not a flag: others could read it */
    const char *sentinel_password; /* CHATTERBOX_SENTINEL_PASSWORD, likewise */
    const char *listen_at[OPTIONS_LISTEN_MAX]; /* the values of --listen, or the variable's: each one place, or several with commas */
    unsigned listens;
    char *redis_argument;       /* argv's value of --redis; NULL if it is not there */
    char *bus_argument;         /* likewise of --bus */
    char *file;                 /* what was in that of --config; NULL: there is none. Texts point into it */
    unsigned line[OPTIONS_COUNT]; /* by the order of options.def: the line of the file that it is from; 0: it is from elsewhere */
};

enum options_result { OPTIONS_RUN, OPTIONS_CHECK, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

enum { OPTIONS_ERROR_BYTES = 384, OPTIONS_FILE_BYTES_MAX = 65536 };

/* The longest --max-message with --cluster-secret-file: what becomes of one must fit into a batch (bus/batch.h). */
enum { OPTIONS_CLUSTER_MESSAGE_MAX = 500000 };

/* How the file of --config is read. Returns its bytes with a NUL behind them, to be freed; or NULL, and *why says why. */
typedef char *options_read_fn(const char *path, size_t *length, const char **why);

/* As it is on the disk, at most OPTIONS_FILE_BYTES_MAX. In options/file.c. */
char *options_read_file(const char *path, size_t *length, const char **why) __attribute__((warn_unused_result));

/* Fill *options from argv, then the environment, then the file that either names, then the defaults: the first that names an option wins. Flags are
 * `--name value` or `--name=value`, lines of the file `name = value` (options/file.h). A variable that an orchestrator has set for its own ends
 * (CHATTERBOX_PORT=tcp://…) is none. On OPTIONS_BAD error holds one line that says what is wrong and what would be right. options_fini() in any case. */
enum options_result options_parse(struct options *options, int argc, char *const argv[], char *const environ[], options_read_fn *read_file,
                                  char error[OPTIONS_ERROR_BYTES]) __attribute__((warn_unused_result));

void options_fini(struct options *options);

/* Complete what somebody else says of a --flag, if its value comes from the file: with the file and the line in front. */
void options_locate(const struct options *options, char error[OPTIONS_ERROR_BYTES]);

/* A variable CHATTERBOX_… that means nothing to us, and is none that orchestrators set. */
struct options_unknown {
    char name[64], nearest[64]; /* the one that is most like it */
    bool is_near;               /* which is what was meant, most likely */
};

/* Step through them: *cursor starts at 0. Longer names are passed over. */
bool options_next_unknown(char *const environ[], size_t *cursor, struct options_unknown *unknown) __attribute__((warn_unused_result));

/* Say in the log which of them there are, since a mistyped variable would do nothing, unnoticed. Never its value: it may be a password. */
void options_warn(char *const environ[], const struct log *log);

/* The text of --help, in lines of at most 80 columns: at most capacity bytes with its NUL. Returns its length. In options/help.c. */
size_t options_help(char *text, size_t capacity);

#endif

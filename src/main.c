/* main.c: flags in, exit status out. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "runtime/inherited.h"
#include "runtime/log.h"
#include "server.h"

enum { EXIT_FAILED = 1, EXIT_BAD_USAGE = 2, HELP_BYTES = 16384 };

int main(int argc, char **argv)
{
    static struct options options; /* threads that a failed start leaves behind look at it until the process ends */
    struct log log;
    char error[OPTIONS_ERROR_BYTES];
    static char help[HELP_BYTES];
    if (!inherited_mend())
        return EXIT_FAILED; /* with nowhere to say why */
    switch (options_parse(&options, argc, argv, environ, options_read_file, error)) {
    case OPTIONS_RUN:
        return server_run(&options);
    case OPTIONS_CHECK:
        return server_check(&options);
    case OPTIONS_HELP:
        options_help(help, sizeof help);
        fputs(help, stdout);
        return 0;
    case OPTIONS_VERSION:
        puts("chatterbox " CHATTERBOX_VERSION);
        return 0;
    case OPTIONS_BAD:
        break;
    }
    log_init(&log, STDERR_FILENO, "error", "logfmt"); /* what the flags say is not to be relied on */
    log_plain(&log, error, strlen(error));
    return EXIT_BAD_USAGE;
}

#include "runtime/passed.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* More than anybody passes; what is above is nonsense. */
enum { PASSED_MAX = 1024 };

static long number(const char *text)
{
    char *end;
    if (text == NULL || !isdigit((unsigned char)text[0]))
        return 0;
    errno = 0;
    const long value = strtol(text, &end, 10);
    return *end == '\0' && errno == 0 ? value : 0;
}

unsigned passed_take(void)
{
    const long count = number(getenv("LISTEN_PID")) == (long)getpid() ? number(getenv("LISTEN_FDS")) : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (count > PASSED_MAX)
        return 0;
    for (long i = 0; i < count; i++)
        fcntl(PASSED_FIRST + (int)i, F_SETFD, FD_CLOEXEC);
    return (unsigned)count;
}

#include "load/fail.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void load_fail(const char *why)
{
    fprintf(stderr, "load: %s\n", why);
    exit(2);
}

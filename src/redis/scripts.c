#include "redis/scripts.h"

#include <stdio.h>

#include "runtime/check.h"

static const char *const names[SCRIPTS] = {
#define SCRIPT(name, file, keys, arguments, more_keys, more_arguments) [SCRIPT_##name] = file,
#include "redis/scripts.def"
#undef SCRIPT
};

const char *script_name(enum script script)
{
    return names[script];
}

const struct embedded_file *script_file(enum script script)
{
    char name[64];
    snprintf(name, sizeof name, "lua/%s.lua", names[script]);
    const struct embedded_file *file = embedded_find(name);
    CHECK(file != NULL);
    return file;
}

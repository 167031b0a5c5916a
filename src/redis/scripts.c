#include "redis/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

char *script_text_for_file(enum script script, size_t *length)
{
    static const char leaves_no_trace[] = "redis.set_repl(redis.REPL_NONE)\n";
    const struct embedded_file *file = script_file(script);
    const size_t head = script == SCRIPT_REPORT ? 0 : sizeof leaves_no_trace - 1;
    char *text = malloc(head + file->length);
    CHECK_MEMORY(text);
    memcpy(text, leaves_no_trace, head);
    memcpy(text + head, file->bytes, file->length);
    *length = head + file->length;
    return text;
}

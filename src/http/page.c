#include "http/page.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 128 };

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".webmanifest", "application/manifest+json" },
};

/* NULL: not a file of the page. */
static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].ending, ending) == 0)
            return types[i].type;
    }
    return NULL;
}

bool page_find(struct http_text path, struct page *page)
{
    char name[NAME_BYTES];
    if (http_text_is(path, "/"))
        path = (struct http_text){ "/index.html", 11 };
    int length = snprintf(name, sizeof name, "src/web%.*s", (int)path.length, path.bytes);
    if (length < 0 || (size_t)length + sizeof ".gz" > sizeof name)
        return false;
    const char *type = type_of(name);
    const struct embedded_file *plain = embedded_find(name);
    memcpy(name + length, ".gz", sizeof ".gz");
    const struct embedded_file *gzip = embedded_find(name);
    if (type == NULL || plain == NULL || gzip == NULL)
        return false;
    *page = (struct page){ .type = type, .plain = plain, .gzip = gzip };
    return true;
}

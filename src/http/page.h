/* page.h: the files of src/web, which the binary carries, as they are asked for.
 *
 * Threads: constant data; any.
 */
#ifndef CHATTERBOX_HTTP_PAGE_H
#define CHATTERBOX_HTTP_PAGE_H

#include <stdbool.h>

#include "http/request.h"
#include "runtime/embedded.h"

struct page {
    const char *type; /* Content-Type */
    const struct embedded_file *plain, *gzip;
};

/* "/" is index.html; every other file has its own name. Returns false if there is no such file. */
bool page_find(struct http_text path, struct page *page);

#endif

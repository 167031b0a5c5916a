/* page.h: the files of src/web, which the binary carries, as they are asked for.
 *
 * Threads: constant data; any.
 */
#ifndef CHATTERBOX_NET_PAGE_H
#define CHATTERBOX_NET_PAGE_H

#include <stdbool.h>

#include "embedded.h"
#include "net/http_request.h"

struct page {
    const char *type; /* Content-Type */
    const struct embedded_file *plain, *gzip;
};

/* "/" is index.html; every other file has its own name. Returns false if there is no such file. */
bool page_find(struct http_text path, struct page *page);

#endif

/* refusal.h: why a request is refused, in words for the client and for the operator: refusal.def.
 *
 * Threads: pure; any.
 */
#ifndef CHATTERBOX_HTTP_REFUSAL_H
#define CHATTERBOX_HTTP_REFUSAL_H

#include "runtime/log.h"

/* Zero is none. */
enum refusal {
    REFUSAL_NONE,
#define REFUSAL(name, of, status, reason, text, level, advice) REFUSAL_##name,
#include "http/refusal.def"
#undef REFUSAL
    REFUSALS
};

struct refusal_row {
    int status;
    const char *reason; /* a word */
    const char *text;   /* why, for the client */
    enum log_level level;
    const char *advice; /* for the operator; "": no refusal that one would want to hear of */
};

/* Of any but REFUSAL_NONE. */
const struct refusal_row *refusal_row(enum refusal refusal);

#endif

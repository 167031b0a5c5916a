/* trouble.h: why Redis cannot be used, in words that help: one of a few kinds for each reason that a connection is given up for.
 *
 * Threads: classification is pure. A struct troubles is of one thread.
 */
#ifndef CHATTERBOX_REDIS_TROUBLE_H
#define CHATTERBOX_REDIS_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/log.h"

enum trouble {
#define TROUBLE(name, text, remedy) TROUBLE_##name,
#include "redis/trouble.def"
#undef TROUBLE
    TROUBLES
};

/* What may be said of an error that Redis has answered: its code, the letters in upper case that it begins with, or "ERR". The rest can quote a
 * command, and with it somebody's interests; but for some that quote none. */
enum { REDIS_CODE_BYTES = 64 };
void redis_error_code(char code[REDIS_CODE_BYTES], const char *error);

/* reason: as redis_client_handler's on_lost has it. Never NONE. */
enum trouble trouble_of(const char *reason);

/* What a user of /readyz reads. number: of an enum trouble, from elsewhere; "" for NONE and for what is none. */
const char *trouble_text(int64_t number);

/* What has been said of one Redis. Zeroed at first, and again whenever it can be used. */
struct troubles {
    uint64_t said_ms[TROUBLES]; /* 0: not yet */
    struct log_limit rest;
};

/* Log a loss: as a warning if its kind is new or was said a minute ago, or is_news says that it is one anyway (a way up that leads to another node of
 * a cluster is none by itself); else at debug level, once a second at most. place: which Redis, as redis_client_place() has it. */
void troubles_tell(struct troubles *troubles, const struct log *log, const char *event, const char *place, const char *reason, bool is_news,
                   uint64_t now_ms);

#endif

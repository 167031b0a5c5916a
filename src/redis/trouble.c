#include "redis/trouble.h"

#include <inttypes.h>
#include <string.h>

enum { AGAIN_MS = 60000 };

static const struct {
    const char *text, *remedy;
} catalogue[] = {
#define TROUBLE(name, text, remedy) { text, remedy },
#include "redis/trouble.def"
#undef TROUBLE
};

/* Errors whose code says too little. They quote nothing. */
static const struct {
    const char *begin, *code;
} plain_errors[] = {
    { "ERR max number of clients", "max number of clients reached" },
    { "ERR The user executing the script", "NOPERM" },
    { "ERR This instance has cluster support disabled", "cluster support disabled" },
    { "ERR Script attempted to access a non local key", "non local key" },
    { "ERR DB index is out of range", "no such database" },
};

/* What a reason begins with: libuv's and hiredis' words, codes of Redis, and our own. */
static const struct {
    const char *begin;
    enum trouble trouble;
} reasons[] = {
    { "unknown node or service", TROUBLE_HOST },
    { "temporary failure", TROUBLE_HOST },
    { "permanent failure", TROUBLE_HOST },
    { "no address", TROUBLE_HOST },
    { "invalid argument", TROUBLE_HOST }, /* a name that can be none */
    { "connection refused", TROUBLE_REFUSED },
    { "Connection refused", TROUBLE_SOCKET }, /* hiredis', of a socket */
    { "No such file or directory", TROUBLE_SOCKET },
    { "Permission denied", TROUBLE_SOCKET },
    { "Not a directory", TROUBLE_SOCKET },
    { "host is unreachable", TROUBLE_UNREACHABLE },
    { "network is unreachable", TROUBLE_UNREACHABLE },
    { "connection timed out", TROUBLE_UNREACHABLE },
    { "connecting takes too long", TROUBLE_UNREACHABLE },
    { "looking the host up takes too long", TROUBLE_HOST },
    { "a reply takes too long", TROUBLE_SILENT },
    { "DENIED", TROUBLE_PROTECTED },
    { "NOAUTH", TROUBLE_NO_PASSWORD },
    { "Redis wants a password", TROUBLE_NO_PASSWORD },
    { "WRONGPASS", TROUBLE_PASSWORD },
    { "Redis refuses the user or the password", TROUBLE_PASSWORD },
    { "NOPERM", TROUBLE_PERMISSION },
    { "MOVED", TROUBLE_CLUSTER },
    { "CROSSSLOT", TROUBLE_CLUSTER },
    { "ASK", TROUBLE_CLUSTER_DOWN },
    { "TRYAGAIN", TROUBLE_CLUSTER_DOWN },
    { "CLUSTERDOWN", TROUBLE_CLUSTER_DOWN },
    { "non local key", TROUBLE_CLUSTER_DOWN },
    { "READONLY", TROUBLE_READ_ONLY },
    { "MASTERDOWN", TROUBLE_READ_ONLY },
    { "LOADING", TROUBLE_LOADING },
    { "this Redis evicts keys", TROUBLE_EVICTS },
    { "OOM", TROUBLE_MEMORY },
    { "MISCONF", TROUBLE_DISK },
    { "max number of clients", TROUBLE_CLIENTS },
    { "NOREPLICAS", TROUBLE_REPLICAS },
    { "BUSY", TROUBLE_BUSY },
    { "Protocol error", TROUBLE_NO_REDIS },
    { "Redis has no database", TROUBLE_DATABASE },
    { "no such database", TROUBLE_DATABASE },
    { "not a master", TROUBLE_NO_MASTER },
    { "another node serves our keys", TROUBLE_MOVED },
    { "TLS certificate", TROUBLE_CERTIFICATE },
    { "TLS", TROUBLE_TLS },
    { "held by an earlier version", TROUBLE_HELD },
};

/* As sentinel.c puts it. */
static const char of_sentinel[] = ", of the Sentinel ";

void redis_error_code(char code[REDIS_CODE_BYTES], const char *error)
{
    for (size_t i = 0; i < sizeof plain_errors / sizeof plain_errors[0]; i++) {
        if (strncmp(error, plain_errors[i].begin, strlen(plain_errors[i].begin)) == 0) {
            memcpy(code, plain_errors[i].code, strlen(plain_errors[i].code) + 1);
            return;
        }
    }
    size_t length = 0;
    while (length < REDIS_CODE_BYTES - 1 && error[length] >= 'A' && error[length] <= 'Z') {
        code[length] = error[length];
        length++;
    }
    code[length] = '\0';
    if (length == 0)
        memcpy(code, "ERR", 4);
}

static enum trouble trouble_of_sentinel(const char *reason)
{
    if (strncmp(reason, "no master of this name", 22) == 0)
        return TROUBLE_MASTER_NAME;
    if (strncmp(reason, "NOAUTH", 6) == 0 || strncmp(reason, "WRONGPASS", 9) == 0 || strncmp(reason, "NOPERM", 6) == 0)
        return TROUBLE_SENTINEL_PASSWORD;
    if (strncmp(reason, "TLS certificate", 15) == 0)
        return TROUBLE_CERTIFICATE;
    if (strncmp(reason, "TLS", 3) == 0)
        return TROUBLE_TLS;
    return TROUBLE_SENTINEL;
}

enum trouble trouble_of(const char *reason)
{
    if (strstr(reason, of_sentinel) != NULL)
        return trouble_of_sentinel(reason);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strncmp(reason, reasons[i].begin, strlen(reasons[i].begin)) == 0)
            return reasons[i].trouble;
    }
    return TROUBLE_OTHER;
}

const char *trouble_text(int64_t number)
{
    return number > 0 && number < TROUBLES ? catalogue[number].text : "";
}

void troubles_tell(struct troubles *troubles, const struct log *log, const char *event, const char *place, const char *reason, bool is_news,
                   uint64_t now_ms)
{
    const enum trouble trouble = trouble_of(reason);
    const uint64_t said_ms = troubles->said_ms[trouble];
    uint64_t suppressed = 0;
    const bool is_usual = trouble == TROUBLE_MOVED; /* on the way up */
    if (is_news || (!is_usual && (said_ms == 0 || now_ms - said_ms >= AGAIN_MS))) {
        troubles->said_ms[trouble] = now_ms > 0 ? now_ms : 1;
        log_event(log, LOG_WARN, event, "reason=\"%s\" redis=\"%s\" what=\"%s\" remedy=\"%s\"", reason, place, catalogue[trouble].text,
                  catalogue[trouble].remedy);
    } else if (log_limit_pass(&troubles->rest, now_ms, &suppressed)) {
        log_event(log, LOG_DEBUG, event, "reason=\"%s\" redis=\"%s\" suppressed=%" PRIu64, reason, place, suppressed);
    }
}

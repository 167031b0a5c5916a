#include "net/complaint.h"

#include <inttypes.h>

enum { SHOWN_BYTES = 120 };

/* What stands in a header, fit to stand in quotes. */
static void show(char shown[SHOWN_BYTES], struct http_text text)
{
    size_t length = 0;
    for (; length < text.length && length < SHOWN_BYTES - 1; length++) {
        const char c = text.bytes[length];
        shown[length] = c > ' ' && c < 0x7F && c != '"' && c != '\\' ? c : '?';
    }
    shown[length] = '\0';
}

static bool passes(struct net *net, struct log_limit *limit, uint64_t *suppressed)
{
    return log_limit_pass_rarely(limit, uv_now(net->executor.loop), suppressed);
}

void complaint_refused(struct net *net, enum refusal refusal, const struct http_request *request, bool is_private)
{
    const struct refusal_row *row = refusal_row(refusal);
    uint64_t suppressed;
    if (row->advice[0] == '\0' || !passes(net, &net->refusal_limits[refusal], &suppressed))
        return;
    const char *address = is_private ? "private" : "public";
    if (refusal == REFUSAL_ORIGIN && request != NULL) {
        char origin[SHOWN_BYTES], host[SHOWN_BYTES];
        show(origin, request->origin);
        show(host, request->host);
        log_event(net->log, row->level, "handshake_refused",
                  "status=%d reason=%s origin=\"%s\" host=\"%s\" address=%s suppressed=%" PRIu64 " advice=\"%s\"", row->status, row->reason, origin, host,
                  address, suppressed, row->advice);
        return;
    }
    log_event(net->log, row->level, "handshake_refused", "status=%d reason=%s address=%s suppressed=%" PRIu64 " advice=\"%s\"", row->status, row->reason,
              address, suppressed, row->advice);
}

void complaint_slow_reader(struct net *net)
{
    uint64_t suppressed;
    if (passes(net, &net->slow_reader_limit, &suppressed))
        log_event(net->log, LOG_WARN, "slow_reader_closed", "suppressed=%" PRIu64 " advice=\"a client took nothing for long; --write-queue is the limit\"",
                  suppressed);
}

void complaint_ping_timeout(struct net *net)
{
    uint64_t suppressed;
    if (passes(net, &net->ping_timeout_limit, &suppressed))
        log_event(net->log, LOG_WARN, "ping_not_answered",
                  "suppressed=%" PRIu64 " advice=\"networks of clients go; if there are many, --ping-timeout is the limit\"", suppressed);
}

void complaint_unnamed(struct net *net)
{
    uint64_t suppressed;
    if (passes(net, &net->unnamed_limit, &suppressed))
        log_event(net->log, LOG_WARN, "client_unnamed",
                  "suppressed=%" PRIu64 " advice=\"a trusted proxy writes no address into X-Forwarded-For, so limits for addresses do not hold for its clients\"",
                  suppressed);
}

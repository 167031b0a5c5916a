#include "actors/limits.h"

#include "actors/leaving.h"
#include "actors/tell.h"
#include "ws/close_code.h"

/* So many refusals by a rate limit are borne at once, and one a second after that; then the connection is closed. Each further SHORT_BYTES of what was
 * refused count as one more: to read them has taken long. */
enum { STRIKES_BURST = 50, STRIKES_PER_SECOND = 1 };

/* What is no longer than the first counts as one request, each further piece of the second as one more. */
enum { SHORT_BYTES = 4096, BYTES_PER_TOKEN = 1024 };

/* A chat that one ends oneself in so short a time is a skip. Who skips again and again, to say the same to everybody, may do so five times at once, and
 * then each five seconds. Slower would gain nothing: who stays so long does not skip. */
enum { SKIP_MS = 5000, SKIP_TOKENS = 5, SKIPS_AT_ONCE = 5, SKIP_TOKENS_PER_SECOND = 1 };

/* Refuse a request that came too soon after others, and the client that does not heed it. */
static void refuse_as_too_soon(struct session *session, struct session_host *host, const struct request *request, uint32_t strikes)
{
    metrics_add(host->metrics, METRIC_RATE_LIMITED_TOTAL, 1);
    tell_error(session, host, ERROR_RATE_LIMITED, request->type_name);
    if (!rate_take_many(&session->strike_bucket, strikes, STRIKES_PER_SECOND, STRIKES_BURST, host->now_ms))
        leaving_close(session, host, CLOSE_POLICY_VIOLATION);
}

/* To parse what is long takes long, and others wait meanwhile: it is paid for by its length, and before. */
bool limits_may_be_so_long(struct session *session, struct session_host *host, uint32_t length)
{
    if (length <= SHORT_BYTES)
        return true;
    const uint32_t tokens = (length - SHORT_BYTES + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    if (rate_take_many(&session->chat_bucket, tokens, host->rate_chat, host->rate_chat * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, &(struct request){ .type_name = NULL }, length / SHORT_BYTES);
    return false;
}

bool limits_may_say(struct session *session, struct session_host *host, const struct request *request)
{
    if (rate_take(&session->chat_bucket, host->rate_chat, host->rate_chat * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, request, 1);
    return false;
}

void limits_answer_error(struct session *session, struct session_host *host, const struct request *request, enum error_code error)
{
    if (limits_may_say(session, host, request))
        tell_error(session, host, error, request->type_name);
}

bool limits_may_search(struct session *session, struct session_host *host, const struct request *request)
{
    if (rate_take(&session->search_bucket, host->rate_search, host->rate_search * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, request, 1);
    return false;
}

void limits_note_end(struct session *session, const struct session_host *host)
{
    session->has_skipped = (uint32_t)host->now_ms - session->began_ms < SKIP_MS;
}

bool limits_may_begin_search(struct session *session, struct session_host *host, const struct request *request)
{
    if (!limits_may_search(session, host, request))
        return false;
    if (session->has_skipped && host->rate_search > 0 &&
        !rate_take_many(&session->skip_bucket, SKIP_TOKENS, SKIP_TOKENS_PER_SECOND, SKIPS_AT_ONCE * SKIP_TOKENS, host->now_ms)) {
        refuse_as_too_soon(session, host, request, 1);
        return false;
    }
    session->has_skipped = false;
    return true;
}

bool limits_may_acknowledge(struct session *session, struct session_host *host, const struct request *request)
{
    enum { RATE_MAX = 1000000 }; /* what a bucket can hold three times */
    const uint32_t rate = host->rate_chat < RATE_MAX / 2 ? 2 * host->rate_chat : RATE_MAX;
    if (rate_take(&session->resume->ack_bucket, rate, rate * BURST_SECONDS, host->now_ms))
        return true;
    refuse_as_too_soon(session, host, request, 1);
    return false;
}

#include "actors/reading.h"

#include "actors/away.h"
#include "actors/leaving.h"
#include "actors/requests.h"
#include "actors/tell.h"
#include "wire/chat_text.h"

/* jansson takes 10 ns for a byte, or 80 of the most malicious. A request of more than the first is not for it to parse at once, and no request is
 * once it has parsed the second in one batch. To see whether a request is for jansson at all takes a look at every byte, so that is asked last, and
 * of none that is longer than 2,000 code points take when each is written as an escape. */
enum { QUICK_BYTES = 2048, QUICK_BATCH_BYTES = 16384, CHAT_BYTES_MAX = 12288 };

static bool awaits_matcher(const struct session *session)
{
    return session->is_starting || session->is_cancelling;
}

static bool is_quick(const struct session_host *host, const struct payload *text)
{
    struct chat_text found;
    return (text->length <= QUICK_BYTES && host->parsed_bytes < QUICK_BATCH_BYTES) ||
           (text->length <= CHAT_BYTES_MAX && chat_text_find(&found, text->bytes, text->length) != CHAT_TEXT_NONE);
}

static void await_turn(struct session *session, struct session_host *host)
{
    session->awaits_turn = true;
    host->await_turn(host->self, session->self);
}

static void leave(struct session *session, struct session_host *host)
{
    if (away_may_go(session, host)) {
        away_go(session, host);
        return;
    }
    if (session->state != SESSION_CLOSING)
        leaving_server(session, host);
    tell_set_state(session, host, SESSION_OVER);
    metrics_add(host->metrics, METRIC_USERS, -1);
    if (session->code_to_answer != 0)
        tell_connection(session, host, &(struct message){ .type = CONN_CLOSE, .conn_close = { .code = session->code_to_answer } });
}

/* The oldest text that waits; NULL: none does. */
static struct payload *take_waiting(struct session *session)
{
    struct message run;
    if (!backlog_take(&session->waiting_requests, &run))
        return NULL;
    struct payload *text = message_take_payload(&run);
    if (run.payload != NULL)
        backlog_put_back(&session->waiting_requests, &run);
    return text;
}

void reading_go_on(struct session *session, struct session_host *host)
{
    const struct message *next;
    if (session->awaits_turn)
        return;
    while (!awaits_matcher(session) && session->state < SESSION_CLOSING &&
           (next = backlog_first(&session->waiting_requests)) != NULL) {
        if (!is_quick(host, next->payload)) {
            await_turn(session, host);
            return;
        }
        requests_on_client_text(session, host, take_waiting(session));
    }
    /* Who may come back has what it has asked for: its answers are kept. */
    if (session->is_gone && !(session->is_resumable && session->state < SESSION_CLOSING && awaits_matcher(session)))
        leave(session, host);
}

void reading_settle(struct session *session, struct session_host *host)
{
    if (session->state == SESSION_CLOSING && session->is_gone)
        reading_go_on(session, host);
}

void reading_take(struct session *session, struct session_host *host, struct message *run)
{
    while (run->payload != NULL) {
        if (session->state == SESSION_CLOSING) {
            message_discard(run);
        } else if (awaits_matcher(session) || session->awaits_turn) {
            backlog_put(&session->waiting_requests, run);
            return;
        } else if (!is_quick(host, run->payload)) {
            backlog_put(&session->waiting_requests, run);
            await_turn(session, host);
            return;
        } else {
            requests_on_client_text(session, host, message_take_payload(run));
        }
    }
}

void reading_on_turn(struct session *session, struct session_host *host)
{
    session->awaits_turn = false;
    struct payload *text = session->state < SESSION_CLOSING ? take_waiting(session) : NULL;
    if (text != NULL)
        requests_on_client_text(session, host, text);
    reading_go_on(session, host);
}

void reading_end(struct session *session, struct session_host *host, uint16_t code)
{
    session->is_gone = true;
    session->code_to_answer = code;
    if (session->state == SESSION_CHATTING && !session->is_resumable)
        session->is_cancelling = false; /* it came too late, so much is known without the matcher */
    reading_go_on(session, host);
}

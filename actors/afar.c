#include "actors/afar.h"

#include "actors/line.h"
#include "runtime/check.h"

static struct line *own_line(const struct session *session, const struct session_host *host)
{
    return line_find(host, session->self, session->connection);
}

bool afar_has_room(const struct session *session, const struct session_host *host)
{
    const bool has_place = session_is_away(session) || session_is_afar(session);
    return host->away + host->afar < host->away_max + has_place;
}

/* Saying. */

static void begin(struct session *session, struct session_host *host)
{
    line_say(host, line_new(host, session->self, session->connection), LINE_ACCEPTED, 0, NULL);
    host->afar++;
    metrics_add(host->metrics, METRIC_AFAR, 1);
}

static void owe(struct session *session, struct line *line, const struct message *event)
{
    backlog_put(&line->owed, &(struct message){ .type = TEXT_WRITTEN,
                                                .to = event->event.writer,
                                                .from = session->self,
                                                .credit = { .texts = message_texts(event), .is_receipt = event->event.is_awaited } });
}

static void say_events(struct session *session, struct session_host *host, struct line *line, struct message *events)
{
    enum line_kind kind = LINE_TEXT;
    if (address_is_nobody(events->event.writer))
        kind = LINE_NEWS;
    else if (address_equals(events->event.writer, session->connection))
        kind = LINE_ANSWER;
    else
        owe(session, line, events);
    for (struct payload *event; (event = message_take_payload(events)) != NULL;)
        line_say(host, line, kind, kind == LINE_TEXT && events->event.is_awaited, event);
}

void afar_say(struct session *session, struct session_host *host, struct message *message)
{
    struct line *line = message->type != CONN_ACCEPTED ? own_line(session, host) : NULL;
    switch ((enum message_type)message->type) {
    case CONN_ACCEPTED:
        begin(session, host);
        break;
    case EVENT_TEXT:
        say_events(session, host, line, message);
        break;
    case TEXT_DONE:
        line_say(host, line, LINE_CREDITS, message->credit.texts, NULL);
        break;
    default:
        CHECK(message->type == CONN_CLOSE);
        line_say(host, line, LINE_CLOSE, message->conn_close.code, NULL);
        break;
    }
}

/* Hearing. */

/* The client's socket has taken so many of what was owed for first. More than all is nonsense. */
static void give_back(struct session_host *host, struct line *line, uint32_t texts)
{
    struct message owed;
    while (texts > 0 && backlog_take(&line->owed, &owed)) {
        struct message written = owed;
        if (written.credit.texts > texts) {
            written.credit.texts = texts;
            owed.credit.texts -= texts;
            backlog_put_back(&line->owed, &owed);
        }
        texts -= written.credit.texts;
        host->send(host->self, &written);
    }
}

bool afar_hears(struct session *session, struct session_host *host, struct message *message)
{
    const struct message item = *message;
    struct line *line = line_hears(host, message);
    if (line == NULL)
        return false;
    message->from = session->connection;
    message->more = 0;
    switch ((enum line_kind)item.line_item.kind) {
    case LINE_CLIENT_TEXT:
        message->type = CLIENT_TEXT;
        message->client_text.is_binary = false;
        if (message->payload == NULL)
            message->payload = payload_copy("", 0);
        return true;
    case LINE_GONE:
        message_discard(message);
        message->type = CONN_GONE;
        message->conn_close.code = (uint16_t)item.line_item.value;
        return true;
    case LINE_WRITTEN:
        give_back(host, line, item.line_item.value);
        break;
    case LINE_ACCEPTED:
    case LINE_NEWS:
    case LINE_ANSWER:
    case LINE_TEXT:
    case LINE_CREDITS:
    case LINE_CLOSE:
    case LINE_KINDS:
        break; /* nonsense from there */
    }
    message_discard(message);
    return false;
}

bool afar_is_cut_off(struct session *session, struct session_host *host, struct address other)
{
    struct line *line = line_find(host, session->self, other);
    if (line == NULL)
        return false;
    if (!address_equals(other, session->connection)) {
        line_drop(host, line);
        return false;
    }
    line_kill(line);
    return true;
}

void afar_part(struct session *session, struct session_host *host)
{
    if (!session_is_afar(session))
        return;
    struct line *line = own_line(session, host);
    give_back(host, line, UINT32_MAX);
    line_end(host, line);
    session->connection = (struct address){ 0 };
    host->afar--;
    metrics_add(host->metrics, METRIC_AFAR, -1);
}

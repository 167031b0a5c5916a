#include "actors/stand_in.h"

#include <string.h>

#include "actors/line.h"
#include "actors/tell.h"
#include "ws/close_code.h"

static struct line *own_line(const struct session *session, const struct session_host *host)
{
    return line_find(host, session->self, session->partner);
}

void stand_in_init(struct session *session, struct session_host *host, struct address self, struct address connection,
                   const struct identity *identity, const uint8_t user_id[USER_ID_BYTES], const struct resume_ask *ask, struct address actor)
{
    *session = (struct session){ .self = self, .connection = connection, .partner = actor, .identity = *identity, .is_stand_in = true };
    memcpy(session->user_id, user_id, USER_ID_BYTES);
    line_ask(host, line_new(host, self, actor), ask->token.secret, ask->seq);
}

/* No metric counts it. */
static void be_over(struct session *session)
{
    session->state = SESSION_OVER;
}

static void close_connection(struct session *session, struct session_host *host, uint16_t code)
{
    tell(session, host, &(struct message){ .type = CONN_CLOSE, .to = session->connection, .conn_close = { .code = code } });
}

static void accept_connection(struct session *session, struct session_host *host)
{
    tell(session, host, &(struct message){ .type = CONN_ACCEPTED, .to = session->connection });
}

/* From the connection. */

static void on_client_text(struct session_host *host, struct line *line, struct message *run)
{
    for (struct payload *text; line != NULL && (text = message_take_payload(run)) != NULL;)
        line_say(host, line, LINE_CLIENT_TEXT, 0, text);
    message_discard(run);
}

/* code: what the connection waits for CONN_CLOSE with, after the actor's last answer; 0: nothing. */
static void on_gone(struct session *session, struct session_host *host, struct line *line, uint16_t code)
{
    if (line != NULL)
        line_say(host, line, LINE_GONE, code, NULL);
    if (line != NULL && code != 0) {
        session->is_gone = true;
        return;
    }
    if (line != NULL)
        line_end(host, line);
    be_over(session);
}

/* From the actor. */

static void say_event(struct session *session, struct session_host *host, const struct message *item, struct address writer)
{
    struct payload *event = item->payload;
    if (event != NULL)
        tell(session, host,
             &(struct message){ .type = EVENT_TEXT,
                                .to = session->connection,
                                .payload = event,
                                .event = { .writer = writer, .is_awaited = item->line_item.kind == LINE_TEXT && item->line_item.value != 0 } });
}

static void on_item(struct session *session, struct session_host *host, struct message *message)
{
    const struct message item = *message;
    struct line *line = line_hears(host, message);
    if (line == NULL)
        return;
    switch ((enum line_kind)item.line_item.kind) {
    case LINE_NEWS:
        say_event(session, host, &item, (struct address){ 0 });
        return;
    case LINE_ANSWER:
        say_event(session, host, &item, session->connection);
        return;
    case LINE_TEXT:
        say_event(session, host, &item, session->self);
        return;
    case LINE_ACCEPTED:
        accept_connection(session, host);
        break;
    case LINE_CREDITS:
        tell_credit(host, session->self, session->connection, item.line_item.value);
        break;
    case LINE_CLOSE:
        close_connection(session, host, (uint16_t)item.line_item.value);
        if (session->is_gone) { /* that was its last word */
            line_end(host, line);
            be_over(session);
        }
        break;
    case LINE_CLIENT_TEXT:
    case LINE_WRITTEN:
    case LINE_GONE:
    case LINE_KINDS:
        break; /* nonsense from there */
    }
    message_discard(message);
}

/* The line is dead. */
static enum stand_in_result cut_off(struct session *session, struct session_host *host, struct line *line, bool may_come_again)
{
    const bool was_opening = line->secret != NULL;
    line_drop(host, line);
    if (was_opening && !may_come_again)
        return STAND_IN_REFUSED;
    if (session->is_gone) {
        close_connection(session, host, CLOSE_RESTART); /* and it says what it was going to say */
        be_over(session);
        return STAND_IN_GOES_ON;
    }
    close_connection(session, host, CLOSE_RESTART); /* of one that has not been accepted yet its handshake fails, … */
    if (was_opening)
        accept_connection(session, host); /* … and it may forget us then. Either way CONN_GONE follows */
    return STAND_IN_GOES_ON;
}

enum stand_in_result stand_in_on_message(struct session *session, struct session_host *host, struct message *message)
{
    struct line *line = own_line(session, host);
    switch ((enum message_type)message->type) {
    case CLIENT_TEXT:
        on_client_text(host, line, message);
        break;
    case TEXT_WRITTEN:
        if (line != NULL)
            line_say(host, line, LINE_WRITTEN, message->credit.texts, NULL);
        break;
    case CONN_GONE:
        on_gone(session, host, line, message->conn_close.code);
        break;
    case LINE_ITEM:
        on_item(session, host, message);
        break;
    case LINE_DEAD:
        if (line != NULL && (address_equals(message->from, session->partner) || address_equals(message->from, session->self)))
            return cut_off(session, host, line, address_equals(message->from, session->self));
        break;
    case LINE_TAKEN:
        line_on_message(host, message);
        break;
    default:
        return STAND_IN_NOT_FOR_IT;
    }
    return STAND_IN_GOES_ON;
}

enum stand_in_result stand_in_on_node_died(struct session *session, struct session_host *host, unsigned node)
{
    struct line *line = own_line(session, host);
    return line != NULL && session->partner.node == node ? cut_off(session, host, line, false) : STAND_IN_GOES_ON;
}

void stand_in_let_go(struct session *session, struct session_host *host)
{
    struct line *line = own_line(session, host);
    if (session->is_gone)
        return; /* it is about to be over */
    const bool was_opening = line != NULL && line->secret != NULL;
    if (was_opening)
        line_drop(host, line);
    close_connection(session, host, CONN_CLOSE_CUT);
    if (was_opening)
        accept_connection(session, host); /* as in cut_off() */
}

void stand_in_end(struct session *session, struct session_host *host)
{
    struct line *line = own_line(session, host);
    if (line != NULL && !session->is_gone)
        line_say(host, line, LINE_GONE, 0, NULL);
    if (line != NULL)
        line_end(host, line);
    be_over(session);
}

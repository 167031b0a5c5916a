#include "actors/leaving.h"

#include "actors/relay.h"
#include "actors/tell.h"

void leaving_drop_early(struct session *session, struct session_host *host, uint64_t match)
{
    struct message message;
    struct backlog early = session->early;
    session->early = (struct backlog){ 0 };
    while (backlog_take(&early, &message)) {
        if (message.peer_left.match > match) { /* both kinds begin with it */
            backlog_put(&session->early, &message);
            continue;
        }
        if (message.type == PEER_TEXT)
            tell_lost(host, session->self, message.peer_text.writer, message_texts(&message));
        message_discard(&message);
    }
}

void leaving_chat(struct session *session, struct session_host *host)
{
    relay_leave(session, host);
    tell_matcher(session, host, CHAT_ENDED, session->match, NULL);
    tell_set_state(session, host, SESSION_IDLE);
}

void leaving_server(struct session *session, struct session_host *host)
{
    if (session->state == SESSION_CHATTING)
        relay_leave(session, host);
    if (session->interests != NULL)
        tell_matcher(session, host, USER_LEFT, 0, NULL);
    leaving_drop_early(session, host, UINT64_MAX);
}

void leaving_close(struct session *session, struct session_host *host, uint16_t code)
{
    leaving_server(session, host);
    tell_set_state(session, host, SESSION_CLOSING);
    tell_connection(session, host, &(struct message){ .type = CONN_CLOSE, .conn_close = { .code = code } });
}

#include "actors/tell.h"

#include <string.h>

#include "actors/afar.h"

/* A chat that is shorter than this nobody is reported for. */
enum { REPORTABLE_MS = 10 * 1000 };

void tell_set_state(struct session *session, struct session_host *host, enum session_state state)
{
    metrics_add(host->metrics, METRIC_SEARCHING, (state == SESSION_SEARCHING) - (session->state == SESSION_SEARCHING));
    metrics_add(host->metrics, METRIC_CHATTING, (state == SESSION_CHATTING) - (session->state == SESSION_CHATTING));
    if (session->state == SESSION_CHATTING && state != SESSION_CHATTING) {
        const uint32_t chat_ms = (uint32_t)host->now_ms - session->began_ms;
        metrics_observe(host->metrics, METRIC_CHAT_DURATION_SECONDS_ALL, MICROSECONDS_PER_MS * (int64_t)chat_ms);
        session->has_lasted = chat_ms >= REPORTABLE_MS;
        session->parted_ms = (uint32_t)host->now_ms;
        if (session->is_resumable)
            resume_end_chat(session->resume);
    }
    if (session->state == SESSION_SEARCHING && state != SESSION_SEARCHING)
        host->forget(host->self, session_reminder(session));
    session->state = (uint8_t)state;
}

void tell(struct session *session, struct session_host *host, struct message *message)
{
    tell_hand_over(host);
    message->from = session->self;
    host->send(host->self, message);
}

void tell_connection(struct session *session, struct session_host *host, struct message *message)
{
    message->to = session->connection;
    if (!session_is_afar(session)) {
        tell(session, host, message);
        return;
    }
    tell_hand_over(host);
    afar_say(session, host, message);
}

static void tell_client(struct session *session, struct session_host *host, struct payload *event, struct address writer)
{
    if (session->is_resumable)
        resume_keep(session->resume, &event);
    if (session_is_away(session)) {
        payload_free(&event);
        return;
    }
    tell_connection(session, host, &(struct message){ .type = EVENT_TEXT, .payload = event, .event = { .writer = writer } });
}

void tell_relayed(struct session *session, struct session_host *host, struct message *texts)
{
    if (session->is_resumable) {
        for (struct payload **event = &texts->payload; *event != NULL; event = &(*event)->next)
            resume_keep(session->resume, event);
    }
    if (session_is_away(session)) {
        message_discard(texts);
        return;
    }
    tell_connection(session, host,
                    &(struct message){ .type = EVENT_TEXT,
                                       .more = texts->more,
                                       .payload = texts->payload,
                                       .event = { .writer = texts->peer_text.writer,
                                                  .is_awaited = address_equals(texts->peer_text.writer, texts->from) } });
}

void tell_news(struct session *session, struct session_host *host, struct payload *event)
{
    tell_client(session, host, event, (struct address){ 0 });
}

void tell_answer(struct session *session, struct session_host *host, struct payload *event)
{
    tell_client(session, host, event, session->connection);
}

void tell_count_error(struct session_host *host, enum error_code code)
{
    static const enum metric counted_as[ERROR_CODES] = {
#define ERROR(name, wire, description) [ERROR_##name] = METRIC_REQUEST_ERRORS_TOTAL_##name,
#include "wire/errors.def"
#undef ERROR
    };
    metrics_add(host->metrics, counted_as[code], 1);
}

void tell_error(struct session *session, struct session_host *host, enum error_code code, const char *request)
{
    tell_count_error(host, code);
    tell_answer(session, host, event_error(&host->time, code, request));
}

void tell_done(struct session *session, struct session_host *host, uint32_t texts)
{
    struct message done = { .type = TEXT_DONE, .to = session->connection, .from = session->self, .credit = { .texts = texts } };
    if (session_is_afar(session))
        afar_say(session, host, &done);
    else if (!session_is_away(session))
        host->send(host->self, &done); /* it need not come after what is being relayed, which may go on as one */
}

void tell_credit(struct session_host *host, struct address from, struct address writer, uint32_t texts)
{
    if (address_is_nobody(writer))
        return;
    struct message done = { .type = TEXT_DONE, .to = writer, .from = from, .credit = { .texts = texts } };
    host->send(host->self, &done);
}

void tell_lost(struct session_host *host, struct address from, struct address writer, uint32_t texts)
{
    struct message done = { .type = TEXT_DONE, .to = writer, .from = from, .credit = { .texts = texts, .is_lost = true } };
    if (!address_is_nobody(writer))
        host->send(host->self, &done);
}

void tell_matcher(struct session *session, struct session_host *host, enum message_type type, uint64_t match, struct payload *payload)
{
    struct message message = { .type = (uint16_t)type,
                               .to = address_of_thread(host->matcher_thread),
                               .payload = payload,
                               .user = { .match = match, .is_restating = host->is_restating } };
    memcpy(message.user.id, session->user_id, USER_ID_BYTES);
    tell(session, host, &message);
}

/* What the matcher must know of somebody who seeks: SEEKER in payload.h. */
static struct payload *seeker(const struct session *session)
{
    struct payload *payload = payload_new(sizeof session->identity + session->interests->length);
    payload_append(&payload, &session->identity, sizeof session->identity);
    payload_append(&payload, session->interests->bytes, session->interests->length);
    return payload;
}

static void tell_of_search(struct session *session, struct session_host *host, enum message_type type, bool is_known,
                           struct payload *payload)
{
    struct message message = { .type = (uint16_t)type,
                               .to = address_of_thread(host->matcher_thread),
                               .payload = payload,
                               .search = { .ended_match = session->match,
                                           .search = session->search,
                                           .is_known = is_known,
                                           .accepts_anyone = session->accepts_anyone,
                                           .is_restating = host->is_restating } };
    memcpy(message.search.id, session->user_id, USER_ID_BYTES);
    tell(session, host, &message);
}

void tell_search(struct session *session, struct session_host *host, bool is_known)
{
    session->search_epoch = host->epoch;
    tell_of_search(session, host, SEARCH_START, is_known, seeker(session));
}

void tell_cancel(struct session *session, struct session_host *host)
{
    tell_of_search(session, host, SEARCH_CANCEL, true, NULL);
}

void tell_interests(struct session *session, struct session_host *host)
{
    tell_matcher(session, host, USER_STORE, session->state == SESSION_CHATTING ? session->match : 0, seeker(session));
}

void tell_partner(struct session *session, struct session_host *host, struct payload *event, uint32_t number)
{
    struct message *run = &host->relayed;
    if (run->payload != NULL && run->more < RUN_MAX - 1) {
        host->last_relayed->next = event;
        run->more++;
    } else {
        tell_hand_over(host);
        *run = (struct message){ .type = PEER_TEXT,
                                 .to = session->partner,
                                 .from = session->self,
                                 .payload = event,
                                 .peer_text = { .match = session->match, .number = number } };
        if (number == 0) /* else its credit comes back by number */
            run->peer_text.writer = session_writer(session);
    }
    host->last_relayed = event;
}

void tell_hand_over(struct session_host *host)
{
    if (host->relayed.payload == NULL)
        return;
    host->send(host->self, &host->relayed);
    host->relayed.payload = NULL;
}

void tell_partner_left(struct session *session, struct session_host *host)
{
    tell(session, host,
         &(struct message){ .type = PEER_LEFT, .to = session->partner, .peer_left = { .match = session->match } });
}

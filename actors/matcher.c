#include "actors/matcher.h"

#include <string.h>

#include "actors/restate.h"

void matcher_init(struct matcher *matcher, struct matcher_host host, struct store store, size_t calls_limit)
{
    *matcher = (struct matcher){
        .host = host,
        .store = store,
        .next_match = host.first_match > 0 ? host.first_match : 1,
        .calls_limit = calls_limit,
    };
}

static void send_to(struct matcher *matcher, const struct message *message)
{
    matcher->host.send(matcher->host.self, message);
}

static void answer_search(struct matcher *matcher, struct address actor, enum message_type type, uint32_t search)
{
    send_to(matcher,
            &(struct message){ .type = (uint16_t)type, .to = actor, .search_reply = { .search = search } });
}

/* Whether a message speaks to the store as it is now. */
static bool may_call(const struct matcher *matcher, struct address from)
{
    return matcher->is_store_up && matcher->synced_epoch[from.thread] == matcher->epoch;
}

static void call_store(struct matcher *matcher, const struct store_call *call)
{
    matcher->calls_in_flight++;
    matcher->restating_in_flight += call->is_restating;
    metrics_add(matcher->host.metrics, METRIC_REDIS_CALLS_TOTAL, 1);
    matcher->store.call(matcher->store.self, call);
}

static void call_for_user(struct matcher *matcher, enum store_operation operation, struct message *message)
{
    struct store_call call = { .operation = operation,
                               .actor = message->from,
                               .match = message->user.match,
                               .is_restating = message->user.is_restating,
                               .payload = message->payload };
    memcpy(call.user_id, message->user.id, USER_ID_BYTES);
    call_store(matcher, &call);
}

/* Another node's clock is ahead. From now on this one's ids are above all that it has been told of. */
static void jump_ahead(struct matcher *matcher, uint64_t match)
{
    if (matcher->next_match <= match)
        matcher->next_match = match + 1;
}

static void call_for_search(struct matcher *matcher, enum store_operation operation, struct message *message)
{
    struct store_call call = { .operation = operation,
                               .actor = message->from,
                               .search = message->search.search,
                               .ended_match = message->search.ended_match,
                               .accepts_anyone = message->search.accepts_anyone,
                               .is_restating = message->search.is_restating,
                               .payload = message->payload };
    memcpy(call.user_id, message->search.id, USER_ID_BYTES);
    if (operation == STORE_START_MATCHING) {
        jump_ahead(matcher, call.ended_match); /* the store may have lost its memory since, and not say so */
        call.match = matcher->next_match++;
        memcpy(&call.identity, message->payload->bytes, sizeof call.identity);
    }
    call_store(matcher, &call);
}

/* The culprit's actor is the call's, since it is the one to be told. */
static void call_for_report(struct matcher *matcher, struct message *message)
{
    call_store(matcher, &(struct store_call){ .operation = STORE_REPORT,
                                              .actor = message->user_reported.partner,
                                              .payload = message->payload });
}

/* One of a pair had gone or given up before it heard of the match: the other is free again. */
static void release_partner(struct matcher *matcher, const struct message *message)
{
    send_to(matcher, &(struct message){ .type = PEER_LEFT,
                                        .to = message->match_refused.partner,
                                        .peer_left = { .match = message->match_refused.match } });
    if (!may_call(matcher, message->from))
        return;
    struct store_call call = { .operation = STORE_END_CHAT,
                               .actor = message->match_refused.partner,
                               .match = message->match_refused.match };
    memcpy(call.user_id, message->match_refused.partner_id, USER_ID_BYTES);
    call_store(matcher, &call);
}

/* What only tidies up need not be kept while the store is down: it forgets all of this node before it comes up again. */
static void tidy(struct matcher *matcher, enum store_operation operation, struct message *message)
{
    if (may_call(matcher, message->from))
        call_for_user(matcher, operation, message);
    else
        message_discard(message);
}

_Static_assert((int)MATCHER_RESTATING_MAX >= (int)RESTATE_CALLS_MAX, "there is room for any actor, or none would ever have a turn");

/* Give the next turn, if there is room for any actor, whoever it is. */
static void give_turn(struct matcher *matcher)
{
    const size_t room = MATCHER_RESTATING_MAX - matcher->restating_in_flight;
    if (!matcher->is_store_up || matcher->has_turn || matcher->threads_restated == matcher->host.session_threads ||
        room < RESTATE_CALLS_MAX)
        return;
    matcher->has_turn = true;
    send_to(matcher, &(struct message){ .type = RESTATE,
                                        .to = address_of_thread(matcher->host.first_session_thread + matcher->threads_restated),
                                        .restate = { .epoch = matcher->epoch, .calls = (uint32_t)room } });
}

/* All calls of the turn have been made. */
static void on_restated(struct matcher *matcher, const struct message *message)
{
    if (message->restate.epoch != matcher->epoch)
        return;
    matcher->has_turn = false;
    matcher->threads_restated += message->restate.is_done;
    give_turn(matcher);
}

void matcher_on_message(struct matcher *matcher, struct message *message)
{
    switch ((enum message_type)message->type) {
    case SEARCH_START:
        if (!may_call(matcher, message->from)) {
            answer_search(matcher, message->from, SEARCH_UNAVAILABLE, message->search.search);
            message_discard(message);
        } else if (matcher->calls_in_flight >= matcher->calls_limit && !message->search.is_known) {
            answer_search(matcher, message->from, SEARCH_BUSY, message->search.search);
            message_discard(message);
        } else {
            call_for_search(matcher, STORE_START_MATCHING, message);
        }
        break;
    case SEARCH_CANCEL:
        if (may_call(matcher, message->from))
            call_for_search(matcher, STORE_END_MATCHING, message);
        else
            answer_search(matcher, message->from, SEARCH_CANCELLED, message->search.search);
        break;
    case USER_STORE:
        tidy(matcher, STORE_SUBMIT_INTERESTS, message);
        break;
    case CHAT_ENDED:
        tidy(matcher, STORE_END_CHAT, message);
        break;
    case CHAT_STORE:
        tidy(matcher, STORE_RESTORE_CHAT, message);
        break;
    case USER_LEFT:
        tidy(matcher, STORE_LEAVE, message);
        break;
    case USER_BLOCKED:
        tidy(matcher, STORE_BLOCK, message);
        break;
    case USER_REPORTED:
        if (may_call(matcher, message->from))
            call_for_report(matcher, message);
        else
            message_discard(message);
        break;
    case RESYNCED:
        matcher->synced_epoch[message->from.thread] = message->resync.epoch;
        break;
    case RESTATED:
        on_restated(matcher, message);
        break;
    case MATCH_REFUSED:
        release_partner(matcher, message);
        break;
    default: /* message.def has no other type for the matcher; its host handles those for the thread */
        message_discard(message);
        break;
    }
}

void matcher_on_store_up(struct matcher *matcher)
{
    matcher->is_store_up = true;
    matcher->epoch++;
    metrics_add(matcher->host.metrics, METRIC_REDIS_UP, 1);
    for (unsigned i = 0; i < matcher->host.session_threads; i++)
        send_to(matcher,
                &(struct message){ .type = RESYNC,
                                   .to = address_of_thread(matcher->host.first_session_thread + i),
                                   .resync = { .epoch = matcher->epoch } });
    matcher->threads_restated = 0;
    matcher->has_turn = false;
    give_turn(matcher);
}

void matcher_on_store_down(struct matcher *matcher)
{
    if (matcher->is_store_up)
        metrics_add(matcher->host.metrics, METRIC_REDIS_UP, -1);
    matcher->is_store_up = false;
}

static void tell_of_match(struct matcher *matcher, struct address to, uint32_t search, enum match_role role,
                          uint64_t match, struct address partner, uint32_t partner_search, const struct peer *peer,
                          const struct store_reply *reply)
{
    struct payload *payload = payload_new(sizeof *peer + reply->common_length);
    payload_append(&payload, peer, sizeof *peer);
    payload_append(&payload, reply->common, reply->common_length);
    send_to(matcher,
            &(struct message){
                .type = MATCH_FOUND,
                .to = to,
                .payload = payload,
                .match_found = { .match = match,
                                 .partner = partner,
                                 .search = search,
                                 .partner_search = partner_search,
                                 .role = (uint8_t)role } });
}

static void search_again(struct matcher *matcher, const struct store_call *former, uint64_t ended_match)
{
    struct store_call call = *former;
    call.ended_match = ended_match;
    call.match = matcher->next_match++;
    call_store(matcher, &call);
}

static void on_start_matching_reply(struct matcher *matcher, const struct store_call *call,
                                    const struct store_reply *reply)
{
    struct peer caller = { .identity = call->identity };
    memcpy(caller.id, call->user_id, USER_ID_BYTES);
    switch (reply->outcome) {
    case STORE_MATCHED:
        metrics_add(matcher->host.metrics, METRIC_MATCHES_TOTAL, 1);
        tell_of_match(matcher, reply->partner, reply->partner_search, MATCH_CALLEE, call->match, call->actor, call->search, &caller,
                      reply);
        tell_of_match(matcher, call->actor, call->search, MATCH_CALLER, call->match, reply->partner, reply->partner_search,
                      &reply->peer, reply);
        break;
    case STORE_WAITING:
        answer_search(matcher, call->actor, SEARCH_WAITING, call->search);
        break;
    case STORE_TOO_LATE:
        answer_search(matcher, call->actor, SEARCH_TOO_LATE, call->search);
        break;
    case STORE_BEHIND:
        jump_ahead(matcher, reply->match);
        search_again(matcher, call, call->ended_match);
        break;
    case STORE_UNREACHABLE:
        search_again(matcher, call, call->match);
        break;
    case STORE_LOST:
    case STORE_DONE:
        answer_search(matcher, call->actor, SEARCH_UNAVAILABLE, call->search);
        break;
    case STORE_BANNED:
        break; /* matcher_on_store_reply() has told */
    }
}

void matcher_on_store_reply(struct matcher *matcher, const struct store_call *call, const struct store_reply *reply)
{
    matcher->calls_in_flight--;
    matcher->restating_in_flight -= call->is_restating;
    if (reply->outcome == STORE_LOST)
        metrics_add(matcher->host.metrics, METRIC_REDIS_LOST_TOTAL, 1);
    if (reply->outcome == STORE_BANNED)
        send_to(matcher, &(struct message){ .type = USER_BANNED, .to = call->actor });
    switch (call->operation) {
    case STORE_START_MATCHING:
        on_start_matching_reply(matcher, call, reply);
        break;
    case STORE_END_MATCHING:
        answer_search(matcher, call->actor, reply->outcome == STORE_TOO_LATE ? SEARCH_TOO_LATE : SEARCH_CANCELLED,
                      call->search);
        break;
    case STORE_SUBMIT_INTERESTS:
    case STORE_END_CHAT:
    case STORE_RESTORE_CHAT:
    case STORE_LEAVE:
    case STORE_BLOCK:
    case STORE_REPORT:
    case STORE_OPERATIONS:
        break;
    }
    give_turn(matcher);
}

/* The session actor, in every state: each line is something that happens to it. A line that begins with `!` is a message of the matcher,
 * the partner, the host or the clock (happen() below); any other one is a text of the client.
 *
 * Every text is answered once, every text of a partner gives its credit back, events are JSON, and nobody is left in the gauges. If the first line is
 * `!R`, the client may go away and come back: its events are numbered without a gap, and nothing is said to a connection that is no more.
 */
#include <jansson.h>

#include "actors/away.h"
#include "actors/restate.h"
#include "actors/session.h"
#include "fuzz/fuzz.h"

enum { IO_THREAD = 1, SESSION_THREAD = 2, MATCHER_THREAD = 3 };

static const struct address self = { .generation = 1, .slot = 5, .thread = SESSION_THREAD };
static struct address client = { .generation = 1, .slot = 9, .thread = IO_THREAD };
static const struct address partner = { .generation = 4, .slot = 6, .thread = SESSION_THREAD };
static const struct address partners_client = { .generation = 2, .slot = 8, .thread = IO_THREAD };

static struct metrics metrics;
static struct session session;
static unsigned texts, answers, peer_texts, peer_credits;
static unsigned on_their_way, paid_for; /* of a client that may come back: all of its texts; those of this connection */
static json_int_t last_seq;
static struct token token;
static uint64_t matches;

/* The host. */

/* is_own: for the client of the actor. */
static void check_event(const struct payload *event, bool is_own)
{
    json_t *root = json_loadb((const char *)event->bytes, event->length, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(root, "type"));
    CHECK(type != NULL && json_is_string(json_object_get(root, "timestamp")));
    const json_t *seq = json_object_get(root, "seq"), *data = json_object_get(root, "data");
    CHECK((seq != NULL) == (is_own && session.is_resumable));
    if (seq != NULL && strcmp(type, "resumed") == 0) {
        const char *text = json_string_value(json_object_get(data, "token"));
        CHECK(token_read(&token, text, strlen(text)));
        last_seq = json_integer_value(seq);
    } else if (seq != NULL) {
        CHECK(json_integer_value(seq) == ++last_seq);
        const char *text = json_string_value(json_object_get(json_object_get(data, "resume"), "token"));
        CHECK(text == NULL || token_read(&token, text, strlen(text)));
    }
    json_decref(root);
}

static void check_events(const struct message *events, bool is_own)
{
    unsigned count = 0;
    for (const struct payload *event = events->payload; event != NULL; event = event->next, count++)
        check_event(event, is_own);
    CHECK(count == message_texts(events));
}

static void count_credits(struct address writer, unsigned count)
{
    answers += address_equals(writer, client) ? count : 0;
    on_their_way += address_equals(writer, self) ? count : 0;
    paid_for += address_equals(writer, self) ? count : 0;
    peer_credits += address_equals(writer, partners_client) ? count : 0;
}

static void on_send(void *owner, const struct message *message)
{
    (void)owner;
    const unsigned to = message->to.thread;
    CHECK(message_may_travel(message->type, ROLE_SESSION, to == IO_THREAD ? ROLE_IO : to == MATCHER_THREAD ? ROLE_MATCHER : ROLE_SESSION));
    switch ((enum message_type)message->type) {
    case EVENT_TEXT:
        CHECK(address_equals(message->to, client) && !session_is_away(&session));
        check_events(message, true);
        count_credits(message->event.writer, message_texts(message));
        break;
    case PEER_TEXT:
        CHECK(address_equals(message->to, partner) && message->peer_text.match == matches);
        check_events(message, false);
        count_credits(message->peer_text.writer, message_texts(message));
        break;
    case TEXT_DONE:
        count_credits(message->to, message->credit.texts);
        break;
    default:
        break;
    }
    struct message sent = *message;
    message_discard(&sent);
}

static struct reminder {
    int unused;
} the_reminder;

static void on_remind(void *owner, struct reminder **reminder, struct address actor, uint32_t in_ms)
{
    (void)owner;
    (void)in_ms;
    CHECK(address_equals(actor, self));
    *reminder = &the_reminder;
}

static bool has_turn;

static void on_await_turn(void *owner, struct address actor)
{
    (void)owner;
    CHECK(address_equals(actor, self) && !has_turn);
    has_turn = true;
}

static void on_forget(void *owner, struct reminder **reminder)
{
    (void)owner;
    *reminder = NULL;
}

/* What happens. */

static void receive(struct session_host *host, struct message message)
{
    message.to = self;
    session_on_message(&session, host, &message);
}

static void search_answered(struct session_host *host, enum message_type type)
{
    receive(host, (struct message){ .type = (uint16_t)type, .search_reply = { .search = session.search } });
}

static void match_found(struct session_host *host, uint32_t search, uint8_t partner_id)
{
    uint8_t payload[sizeof(struct peer) + sizeof "go"] = { partner_id };
    memcpy(payload + sizeof(struct peer), "go", sizeof "go");
    bool is_taken = session.state == SESSION_SEARCHING && search == session.search;
    matches += is_taken ? 1 : 0;
    receive(host, (struct message){ .type = MATCH_FOUND,
                                    .payload = payload_copy(payload, sizeof payload),
                                    .match_found = { .match = matches, .partner = partner, .search = search } });
}

static void peer_says(struct session_host *host, uint64_t match)
{
    peer_texts++;
    receive(host, (struct message){ .type = PEER_TEXT,
                                    .from = partner,
                                    .payload = payload_copy("{\"type\":\"t\",\"timestamp\":\"\"}", 27),
                                    .peer_text = { .match = match, .writer = partners_client } });
}

static void on_fill_random(void *owner, void *bytes, size_t length)
{
    static uint8_t next;
    (void)owner;
    memset(bytes, ++next, length);
}

/* Its texts are in the partner's socket. */
static void texts_are_written(struct session_host *host)
{
    if (on_their_way == 0)
        return;
    const unsigned count = on_their_way;
    on_their_way = paid_for = 0; /* counted as answers, as TEXT_DONE comes for them */
    receive(host, (struct message){ .type = TEXT_WRITTEN, .credit = { .texts = count, .is_receipt = true } });
}

/* The client has another connection. missed: so many events did not come. */
static void come_back(struct session_host *host, json_int_t missed)
{
    if (!session.is_resumable || session.state >= SESSION_CLOSING)
        return;
    /* Who has a token has had the first event, which brought it. */
    const struct resume_ask ask = { .token = token, .seq = (uint32_t)(last_seq <= missed ? 1 : last_seq - missed), .is_back = true };
    const bool can_follow = resume_can_follow(session.resume, ask.seq);
    struct address connection = client;
    connection.generation++;
    if (can_follow) { /* else the one that there is, if any, is closed */
        client = connection;
        texts = answers = paid_for = 0;
    }
    CHECK(session_come_back(&session, host, connection, &ask) == can_follow);
}

static void take_turn(struct session_host *host)
{
    if (has_turn) {
        has_turn = false;
        session_on_turn(&session, host);
    }
}

static void happen(struct session_host *host, char what)
{
    switch (what) {
    case 'w': search_answered(host, SEARCH_WAITING); break;
    case 'u': search_answered(host, SEARCH_UNAVAILABLE); break;
    case 'b': search_answered(host, SEARCH_BUSY); break;
    case 'c': search_answered(host, SEARCH_CANCELLED); break;
    case 't': search_answered(host, SEARCH_TOO_LATE); break;
    case 'm': match_found(host, session.search, 9); break;
    case 'M': match_found(host, session.search, 10); break; /* another partner */
    case 'o': match_found(host, session.search - 1, 9); break; /* for an earlier search */
    case 'p': peer_says(host, matches); break;
    case 'P': peer_says(host, matches + 1); break; /* it has heard of the match first */
    case 'O': peer_says(host, matches - 1); break;
    case 'l': receive(host, (struct message){ .type = PEER_LEFT, .peer_left = { .match = matches } }); break;
    case 'L': receive(host, (struct message){ .type = PEER_LEFT, .peer_left = { .match = matches + 1 } }); break;
    case 'x': receive(host, (struct message){ .type = USER_BANNED }); break;
    case 'r': restate(&session, host); break;
    case 'i': on_forget(NULL, session_reminder(&session)); session_on_reminder(&session, host); break;
    case 's': host->now_ms += 3000; break;
    case 'T': take_turn(host); break;
    case 'a': receive(host, (struct message){ .type = CONN_GONE, .from = client }); break;
    case 'A': receive(host, (struct message){ .type = CONN_GONE, .from = client, .conn_close = { .code = 1000 } }); break;
    case 'k': come_back(host, 0); break;
    case 'K': come_back(host, 3); break;
    case 'W': texts_are_written(host); break;
    case 'n': receive(host, (struct message){ .type = PEER_LEFT, .from = partner, .peer_left = { .match = matches, .is_no_show = true } }); break;
    case 'y': receive(host, (struct message){ .type = PEER_AWAY, .from = partner, .peer_left = { .match = matches } }); break;
    case 'Y': receive(host, (struct message){ .type = PEER_BACK, .from = partner, .peer_left = { .match = matches } }); break;
    case 'd': receive(host, (struct message){ .type = ADDRESS_DENIED }); break;
    case 'h': host->now_ms += 3600000; break;
    case 'f': session_on_farewell(&session, host, FAREWELL_LAST_CALL); host->is_last_call = true; break;
    case 'F': if (host->is_last_call) session_on_farewell(&session, host, FAREWELL_TURN); break;
    case 'z': if (host->is_last_call) session_on_farewell(&session, host, FAREWELL_CLOSING_TIME); break;
    case 'q': host->rate_chat = host->rate_search = 1; break;
    default: break;
    }
}

static void check_credits(void)
{
    CHECK(answers <= texts && peer_credits <= peer_texts);
    bool waits = session.is_starting || session.is_cancelling || has_turn;
    if (session.state < SESSION_CLOSING && !waits && !session_is_away(&session))
        CHECK(answers + paid_for == texts);
    if (session.state != SESSION_SEARCHING)
        CHECK(peer_credits == peer_texts);
}

/* What the client has written, and the actor has not got yet. */
static struct message run;
static struct payload *last_of_run;

static void hand_over(struct session_host *host)
{
    if (run.payload == NULL)
        return;
    texts += message_texts(&run);
    receive(host, run);
    run.payload = NULL;
}

static void add_text(struct session_host *host, const char *text, size_t length)
{
    struct payload *payload = payload_copy(text, length);
    if (run.payload != NULL && run.more == RUN_MAX - 1)
        hand_over(host);
    if (run.payload == NULL) {
        run = (struct message){ .type = CLIENT_TEXT, .from = client, .payload = payload };
    } else {
        last_of_run->next = payload;
        run.more++;
    }
    last_of_run = payload;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_host host = { .send = on_send, .metrics = &metrics, .matcher_thread = MATCHER_THREAD, .now_ms = 1000,
                                 .event_bytes_max = 4000, .remind = on_remind, .forget = on_forget,
                                 .await_turn = on_await_turn, .fill_random = on_fill_random, .resume_ms = 30000, .show_ms = 5000,
                                 .away_max = 1 };
    const uint8_t id[USER_ID_BYTES] = { 7 };
    memset(&metrics, 0, sizeof metrics);
    texts = answers = peer_texts = peer_credits = 0;
    matches = 1;
    has_turn = false;
    event_time_set(&host.time, 0);
    on_their_way = paid_for = 0;
    last_seq = 0;
    const bool may_come_back = size >= 2 && memcmp(data, "!R", 2) == 0;
    session_init(&session, &host, self, client, &(struct identity){ 0 }, id, may_come_back ? &(struct resume_ask){ .is_back = false } : NULL);
    size_t length;
    char *line;
    while (session.state != SESSION_OVER && (line = take_line(&data, &size, &length)) != NULL) {
        const bool is_of_run = line[0] == '+'; /* one message with the line before it */
        const char *text = is_of_run ? line + 1 : line;
        length -= is_of_run;
        json_t *is_utf8 = json_stringn(text, length); /* reader.c lets nothing else through */
        if (!is_of_run)
            hand_over(&host);
        if (line[0] == '!')
            happen(&host, length > 1 ? line[1] : ' ');
        else if (is_utf8 != NULL)
            add_text(&host, text, length);
        json_decref(is_utf8);
        free(line);
        check_credits();
    }
    if (session.state != SESSION_OVER)
        hand_over(&host);
    message_discard(&run);
    host.is_draining = true;
    if (session_is_away(&session))
        away_end(&session, &host);
    if (session.state != SESSION_OVER)
        receive(&host, (struct message){ .type = CONN_GONE, .from = client });
    /* It waits for turns and for the matcher, since its answers would have been kept; what it then reads may have it wait again. */
    for (unsigned i = 0; i < 1000 && session.state != SESSION_OVER; i++) {
        while (session.state != SESSION_OVER && has_turn)
            take_turn(&host);
        if (session.state != SESSION_OVER)
            search_answered(&host, SEARCH_WAITING);
        if (session.state != SESSION_OVER)
            search_answered(&host, SEARCH_CANCELLED);
    }
    CHECK(session.state == SESSION_OVER);
    session_fini(&session, &host);
    CHECK(metrics_sum(&metrics, 1, METRIC_USERS) == 0 && metrics_sum(&metrics, 1, METRIC_SEARCHING) == 0 &&
          metrics_sum(&metrics, 1, METRIC_CHATTING) == 0);
    return 0;
}

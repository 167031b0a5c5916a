#include "unit/actors/session_fixture.h"

#include <jansson.h>

enum { SENT_MAX = 64 };

const struct address self = { .generation = 1, .slot = 5, .thread = SESSION_THREAD };
const struct address connection = { .generation = 1, .slot = 9, .thread = IO_THREAD };
const struct address partner = { .generation = 4, .slot = 6, .thread = SESSION_THREAD };
const struct address partner_connection = { .generation = 2, .slot = 8, .thread = IO_THREAD };

struct session session;
struct session_host host;
struct metrics metrics;
size_t sent_count;
struct reminder the_reminder;
unsigned turns_awaited;

static struct message sent[SENT_MAX]; /* oldest first */

static void keep(void *owner, const struct message *message)
{
    (void)owner;
    assert_true(sent_count < SENT_MAX);
    sent[sent_count++] = *message;
}

static void remind(void *owner, struct reminder **reminder, struct address actor, uint32_t in_ms)
{
    (void)owner;
    assert_true(address_equals(actor, self));
    the_reminder.in_ms = in_ms;
    *reminder = &the_reminder;
}

static void forget(void *owner, struct reminder **reminder)
{
    (void)owner;
    *reminder = NULL;
}

static void await_turn(void *owner, struct address actor)
{
    (void)owner;
    assert_true(address_equals(actor, self));
    turns_awaited++;
}

/* 1, 1, 1, …, then 2, 2, 2, …: each token has its own. */
static uint8_t randoms;

static void fill_random(void *owner, void *bytes, size_t length)
{
    (void)owner;
    memset(bytes, ++randoms, length);
}

void give_turn(void)
{
    assert_int_equal(turns_awaited, 1);
    turns_awaited = 0;
    session_on_turn(&session, &host);
}

void forget_sent(void)
{
    for (size_t i = 0; i < sent_count; i++)
        message_discard(&sent[i]);
    sent_count = 0;
}

static int begin(const struct resume_ask *ask)
{
    memset(&metrics, 0, sizeof metrics);
    host = (struct session_host){ .send = keep,
                                  .metrics = &metrics,
                                  .matcher_thread = MATCHER_THREAD,
                                  .now_ms = 1000,
                                  .event_bytes_max = 131072,
                                  .remind = remind,
                                  .forget = forget,
                                  .await_turn = await_turn,
                                  .fill_random = fill_random,
                                  .resume_ms = 30000,
                                  .show_ms = 5000,
                                  .away_max = 1,
                                  .has_address_limits = true,
                                  .first_io_thread = IO_THREAD,
                                  .io_threads = 1 };
    randoms = 0;
    turns_awaited = 0;
    event_time_set(&host.time, 0);
    const uint8_t id[USER_ID_BYTES] = { 7 };
    session_init(&session, &host, self, connection, &(struct identity){ 0 }, id, ask);
    assert_int_equal(sent[0].type, CONN_ACCEPTED);
    assert_int_equal(sent[1].type, EVENT_TEXT);
    forget_sent();
    return 0;
}

int set_up(void **state)
{
    (void)state;
    return begin(NULL);
}

int set_up_returning(void **state)
{
    (void)state;
    return begin(&(struct resume_ask){ .is_back = false });
}

int tear_down(void **state)
{
    (void)state;
    forget_sent();
    session_fini(&session, &host);
    return 0;
}

void receive(struct message message)
{
    message.to = self;
    session_on_message(&session, &host, &message);
}

void client_writes_run(size_t count, const char *const texts[])
{
    struct message run = { .type = CLIENT_TEXT, .more = (uint16_t)(count - 1), .from = connection };
    for (struct payload **end = &run.payload; count > 0; count--, end = &(*end)->next, texts++)
        *end = payload_copy(*texts, strlen(*texts));
    receive(run);
}

void client_writes(const char *json)
{
    client_writes_run(1, &json);
}

void client_writes_long(const char *json)
{
    char spaces[2100];
    memset(spaces, ' ', sizeof spaces);
    struct payload *text = payload_copy(json, strlen(json));
    payload_append(&text, spaces, sizeof spaces);
    receive((struct message){ .type = CLIENT_TEXT, .from = connection, .payload = text });
}

void client_goes(uint16_t code)
{
    receive((struct message){ .type = CONN_GONE, .from = connection, .conn_close = { .code = code } });
}

void matched(uint64_t match, uint32_t search)
{
    uint8_t payload[sizeof(struct peer) + 3] = { 9 };
    memcpy(payload + sizeof(struct peer), "go", 3);
    receive((struct message){ .type = MATCH_FOUND,
                              .payload = payload_copy(payload, sizeof payload),
                              .match_found = { .match = match, .partner = partner, .search = search } });
}

void peer_texts(uint64_t match, uint16_t count)
{
    struct message run = { .type = PEER_TEXT,
                           .more = (uint16_t)(count - 1),
                           .from = partner,
                           .peer_text = { .match = match, .writer = partner_connection } };
    for (struct payload **end = &run.payload; count > 0; count--, end = &(*end)->next)
        *end = payload_copy("{}", 2);
    receive(run);
}

void peer_text(uint64_t match)
{
    peer_texts(match, 1);
}

void search_answered(enum message_type type, uint32_t search)
{
    receive((struct message){ .type = (uint16_t)type, .search_reply = { .search = search } });
}

struct message expect(enum message_type type)
{
    assert_true(sent_count > 0);
    struct message first = sent[0];
    assert_string_equal(message_name(first.type), message_name(type));
    message_discard(&sent[0]);
    memmove(sent, sent + 1, --sent_count * sizeof sent[0]);
    return first;
}

void expect_event(const char *type, const char *code)
{
    assert_true(sent_count > 0 && sent[0].type == EVENT_TEXT);
    json_t *root = json_loadb((const char *)sent[0].payload->bytes, sent[0].payload->length, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "type")), type);
    if (code != NULL)
        assert_string_equal(json_string_value(json_object_get(json_object_get(root, "data"), "code")), code);
    json_decref(root);
    expect(EVENT_TEXT);
}

void start_search(void)
{
    client_writes("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}");
    expect(USER_STORE);
    expect_event("success", NULL);
    client_writes("{\"type\":\"start_matching\"}");
    expect(SEARCH_START);
    expect(TEXT_DONE);
}

void chat(uint64_t match)
{
    start_search();
    matched(match, 1);
    expect_event("success_matched", NULL);
    assert_int_equal(session.state, SESSION_CHATTING);
}

/* session_fixture.h: one session actor, new for each test, to which the test is client, partner, matcher and host.
 *
 * Ownership: messages given to the actor are its own. What it sends is the fixture's, and freed when it has been expected.
 * Errors:    whatever is not as expected fails the test.
 */
#ifndef CHATTERBOX_TESTS_UNIT_ACTORS_SESSION_FIXTURE_H
#define CHATTERBOX_TESTS_UNIT_ACTORS_SESSION_FIXTURE_H

#include "unit/unit.h"

#include "actors/restate.h"
#include "actors/session.h"

enum { IO_THREAD = 1, SESSION_THREAD = 2, MATCHER_THREAD = 3 };

extern const struct address self, connection, partner, partner_connection;

extern struct session session;
extern struct session_host host;
extern struct metrics metrics;
extern size_t sent_count; /* messages that it has sent and nobody has expected yet */
extern unsigned turns_awaited;

/* The actor's in_ms, in the place of what a host would remember. */
extern struct reminder {
    uint32_t in_ms;
} the_reminder;

/* Afterwards the actor is NEW, and has said what it says to whoever connects. */
int set_up(void **state);
int tear_down(void **state);

/* The same, and its client may come back. */
int set_up_returning(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* What the actor gets. */

#define CHAT_MESSAGE "{\"type\":\"chat_message\",\"data\":{\"message\":\"x\"}}"
#define CHAT_FOR_JANSSON "{\"type\":\"chat_message\",\"data\":{\"message\":\"hello\",\"list\":[]}}" /* no flat object */

void receive(struct message message);
void client_writes(const char *json);

/* The same, but with so much white space that it takes long. */
void client_writes_long(const char *json);

/* Several in one message, as a client that writes fast has them come. */
void client_writes_run(size_t count, const char *const texts[]);

/* code: CONN_GONE's. */
void client_goes(uint16_t code);

void matched(uint64_t match, uint32_t search);
void peer_text(uint64_t match);
void peer_texts(uint64_t match, uint16_t count);
void search_answered(enum message_type type, uint32_t search);

/* The turn that it awaits. It must. */
void give_turn(void);

/* Interests and a search, which the matcher has not answered yet. */
void start_search(void);

/* A chat, by a first search. */
void chat(uint64_t match);

/* What it has sent. */

/* The oldest message sent has this type. Returns it; its payload is freed. */
struct message expect(enum message_type type);

/* The same for an event to the client. code: of an error; NULL for any other event. */
void expect_event(const char *type, const char *code);

void forget_sent(void);

#endif

/* What scripts answer: every element looked at, nothing believed. */
#include "unit/unit.h"

#include <stdio.h>

#include "redis/replies.h"

static const char node[] = "00112233445566aa";
static const char user[] = "000102030405060708090a0b0c0d0e0f";

enum { FIRST_SESSION = 2, SESSIONS = 2, OTHER_INDEX = 77 };

static const struct reachable others = { .count = 2, .nodes = { { "ffffffffffffffff", 3 }, { "00112233445566ab", OTHER_INDEX } } };
static const struct places places = { node, FIRST_SESSION, SESSIONS, &others };

/* A reply as hiredis reads it from the wire. */
static struct script_reply decode(enum script script, const char *wire)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(reader, wire, strlen(wire));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    struct script_reply decoded;
    script_reply_decode(&decoded, script, reply, &places);
    decoded.text = ""; /* the reply's, which is gone now */
    freeReplyObject(reply);
    redisReaderFree(reader);
    return decoded;
}

static void words_mean_what_they_mean_for_their_script(void **state)
{
    (void)state;
    static const struct {
        enum script script;
        const char *wire;
        enum reply_kind kind;
    } examples[] = {
        { SCRIPT_LEAVE, "*1\r\n$2\r\nOK\r\n", REPLY_OK },
        { SCRIPT_LEAVE, "*1\r\n$5\r\nSTALE\r\n", REPLY_STALE },
        { SCRIPT_LEAVE, "*1\r\n$4\r\nWAIT\r\n", REPLY_MALFORMED },
        { SCRIPT_START_MATCHING, "*1\r\n$4\r\nWAIT\r\n", REPLY_WAIT },
        { SCRIPT_START_MATCHING, "*1\r\n$7\r\nALREADY\r\n", REPLY_ALREADY },
        { SCRIPT_START_MATCHING, "*1\r\n$2\r\nOK\r\n", REPLY_MALFORMED },
        { SCRIPT_END_MATCHING, "*1\r\n$7\r\nMATCHED\r\n", REPLY_ALREADY },
        { SCRIPT_FENCE, "*1\r\n$4\r\nHELD\r\n", REPLY_HELD },
        { SCRIPT_HEARTBEAT, "*1\r\n$4\r\nHELD\r\n", REPLY_MALFORMED },
        { SCRIPT_REAP, "*2\r\n$2\r\nOK\r\n$2\r\n12\r\n", REPLY_OK },
        { SCRIPT_REAP, "*1\r\n$2\r\nOK\r\n", REPLY_MALFORMED },
        { SCRIPT_REAP, "*2\r\n$2\r\nOK\r\n$2\r\n-1\r\n", REPLY_MALFORMED },
        { SCRIPT_REAP, "*2\r\n$2\r\nOK\r\n$2\r\n1x\r\n", REPLY_MALFORMED },
        { SCRIPT_REAP, "*1\r\n$5\r\nALIVE\r\n", REPLY_ALIVE },
        { SCRIPT_LEAVE, "*1\r\n$5\r\nALIVE\r\n", REPLY_MALFORMED },
        { SCRIPT_START_MATCHING, "*2\r\n$6\r\nBEHIND\r\n$2\r\n99\r\n", REPLY_BEHIND },
        { SCRIPT_START_MATCHING, "*2\r\n$6\r\nBEHIND\r\n$0\r\n\r\n", REPLY_MALFORMED },
        { SCRIPT_START_MATCHING, "*1\r\n$6\r\nBEHIND\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, "*2\r\n$6\r\nBEHIND\r\n$2\r\n99\r\n", REPLY_MALFORMED },
        { SCRIPT_FENCE, "*1\r\n$5\r\nSTALE\r\n", REPLY_MALFORMED },
        { SCRIPT_SUBMIT_INTERESTS, "*1\r\n$6\r\nBANNED\r\n", REPLY_BANNED },
        { SCRIPT_REPORT, "*1\r\n$6\r\nBANNED\r\n", REPLY_BANNED },
        { SCRIPT_LEAVE, "*1\r\n$6\r\nBANNED\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, "-NOSCRIPT No matching script.\r\n", REPLY_ERROR },
        { SCRIPT_LEAVE, "$-1\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, ":1\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, "*0\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, "*-1\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, "*1\r\n:5\r\n", REPLY_MALFORMED },
        { SCRIPT_LEAVE, "*1\r\n*1\r\n$2\r\nOK\r\n", REPLY_MALFORMED },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_int_equal(decode(examples[i].script, examples[i].wire).kind, examples[i].kind);
}

static struct script_reply decode_match_with(const char *identity, const char *id, const char *channel, const char *search,
                                             const char *topic)
{
    char wire[1024];
    snprintf(wire, sizeof wire, "*6\r\n$5\r\nMATCH\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
             strlen(id), id, strlen(channel), channel, strlen(search), search, strlen(identity), identity, strlen(topic), topic);
    return decode(SCRIPT_START_MATCHING, wire);
}

static struct script_reply decode_match(const char *id, const char *channel, const char *search, const char *topic)
{
    return decode_match_with("", id, channel, search, topic);
}

static void an_identity_is_whole_or_unknown(void **state)
{
    (void)state;
    static const char both[] = "00112233445566778899aabbccddeeff" "f0e1d2c3b4a5968778695a4b3c2d1e0f";
    static const char channel[] = "00112233445566aa:3.77.5";
    struct script_reply match = decode_match_with(both, user, channel, "1", "x");
    assert_int_equal(match.kind, REPLY_MATCH);
    assert_int_equal(match.peer.identity.device[1], 0x11);
    assert_int_equal(match.peer.identity.address[0], 0xf0);
    match = decode_match_with("", user, channel, "1", "x");
    assert_int_equal(match.kind, REPLY_MATCH);
    assert_int_equal(match.peer.identity.address[0], 0);
    assert_int_equal(decode_match_with(user, user, channel, "1", "x").kind, REPLY_MALFORMED);
    assert_int_equal(decode_match_with("00", user, channel, "1", "x").kind, REPLY_MALFORMED);
}

static void a_match_is_taken_apart(void **state)
{
    (void)state;
    struct script_reply match = decode_match(user, "00112233445566aa:3.77.16777215", "12", "chess");
    assert_int_equal(match.kind, REPLY_MATCH);
    assert_int_equal(match.peer.id[15], 15);
    assert_int_equal(match.partner.thread, 3);
    assert_int_equal(match.partner.slot, 77);
    assert_int_equal(match.partner.generation, ADDRESS_GENERATION_MAX);
    assert_int_equal(match.partner_search, 12);
    assert_int_equal(match.common.count, 1);
    assert_string_equal(match.common.bytes, "chess");
}

static void a_match_that_cannot_be_is_malformed(void **state)
{
    (void)state;
    static const char *const channels[] = {
        "", "00112233445566aa", "00112233445566aa:", "00112233445566aa:3.77", "00112233445566aa:3.77.", "00112233445566aa:3.77.0",
        "00112233445566aa:3.77.5x", "00112233445566aa:3.-7.5", "00112233445566aa:3.1048576.5", "00112233445566aa:3.77.16777216",
        "00112233445566ab:0.77.5", "00112233445566ab:256.77.5", "00112233445566ab:3.1048576.5", "00112233445566ab:3.77.0", "00112233445566ab:3",
        "00112233445566ab", "00112233445566AB:3.77.5", "0112233445566ab:3.77.5", "000112233445566ab:3.77.5",
        "00112233445566aa:1.77.5", "00112233445566aa:4.77.5", "00112233445566aa:300.77.5", /* no session thread */
    };
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        assert_int_equal(decode_match(user, channels[i], "1", "x").kind, REPLY_MALFORMED);
    assert_int_equal(decode_match("abc", "00112233445566aa:3.7.5", "1", "x").kind, REPLY_MALFORMED);
    assert_int_equal(decode_match(user, "00112233445566aa:3.7.5", "x", "x").kind, REPLY_MALFORMED);
    assert_int_equal(decode_match(user, "00112233445566aa:3.7.5", "1", "\xff").kind, REPLY_MALFORMED);
}

/* Who has other numbers of threads. */
static void a_partner_is_on_a_node_that_can_be_reached_or_was(void **state)
{
    (void)state;
    struct script_reply match = decode_match(user, "00112233445566ab:255.1048575.16777215", "12", "chess");
    assert_int_equal(match.kind, REPLY_MATCH);
    assert_int_equal(match.partner.node, OTHER_INDEX);
    assert_int_equal(match.partner.thread, 255);
    assert_int_equal(match.partner.slot, ADDRESS_SLOTS - 1);
    assert_int_equal(match.partner.generation, ADDRESS_GENERATION_MAX);
    match = decode_match(user, "00112233445566ac:3.77.5", "12", "chess");
    assert_int_equal(match.kind, REPLY_MATCH);
    assert_true(address_is_nobody(match.partner));
}

static void a_number_that_is_answered_is_whole(void **state)
{
    (void)state;
    assert_true(decode(SCRIPT_START_MATCHING, "*2\r\n$6\r\nBEHIND\r\n$20\r\n18446744073709551615\r\n").match == UINT64_MAX);
    assert_int_equal(decode(SCRIPT_REAP, "*2\r\n$2\r\nOK\r\n$3\r\n640\r\n").left, 640);
}

static void a_heartbeat_names_nodes_to_be_reaped(void **state)
{
    (void)state;
    assert_int_equal(decode(SCRIPT_HEARTBEAT, "*1\r\n$2\r\nOK\r\n").expired_count, 0);
    struct script_reply beat = decode(SCRIPT_HEARTBEAT, "*5\r\n$2\r\nOK\r\n$16\r\n0011223344556677\r\n$16\r\n001122334455667g\r\n"
                                                        "$3\r\nabc\r\n$16\r\nffffffffffffffff\r\n");
    assert_int_equal(beat.kind, REPLY_OK);
    assert_int_equal(beat.expired_count, 2);
    assert_string_equal(beat.expired[0], "0011223344556677");
    assert_string_equal(beat.expired[1], "ffffffffffffffff");
    char wire[1024] = "*21\r\n$2\r\nOK\r\n";
    for (int i = 0; i < 20; i++)
        strcat(wire, "$16\r\n0011223344556677\r\n");
    assert_int_equal(decode(SCRIPT_HEARTBEAT, wire).expired_count, EXPIRED_MAX);
}

static void a_channel_id_goes_there_and_back(void **state)
{
    (void)state;
    const struct address actor = { .generation = 5, .slot = ADDRESS_SLOTS - 1, .thread = 254 };
    struct address parsed;
    char text[CHANNEL_ID_BYTES];
    channel_id_print(text, node, actor);
    assert_true(channel_id_parse(text, node, &parsed));
    assert_true(address_equals(parsed, actor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_mean_what_they_mean_for_their_script),
        cmocka_unit_test(a_match_is_taken_apart),
        cmocka_unit_test(an_identity_is_whole_or_unknown),
        cmocka_unit_test(a_match_that_cannot_be_is_malformed),
        cmocka_unit_test(a_partner_is_on_a_node_that_can_be_reached_or_was),
        cmocka_unit_test(a_number_that_is_answered_is_whole),
        cmocka_unit_test(a_heartbeat_names_nodes_to_be_reaped),
        cmocka_unit_test(a_channel_id_goes_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

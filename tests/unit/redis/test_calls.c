/* Calls of the store as commands: KEYS and ARGV in the order of the header of each script in lua/. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "redis/calls.h"

/* A script's row in scripts.def. */
enum { FIXED, VARIADIC };
static const struct {
    unsigned keys, arguments;
    int more_keys, more_arguments;
} table[SCRIPTS] = {
#define SCRIPT(name, file, keys, arguments, more_keys, more_arguments) [SCRIPT_##name] = { keys, arguments, more_keys, more_arguments },
#include "redis/scripts.def"
#undef SCRIPT
};

#define USER "000102030405060708090a0b0c0d0e0f"
#define PARTNER "101112131415161718191a1b1c1d1e1f"
#define DEVICE "202122232425262728292a2b2c2d2e2f"
#define ADDRESS "303132333435363738393a3b3c3d3e3f"
#define NOTHING "00000000000000000000000000000000"
#define NODE "00112233445566aa"
#define OTHER_NODE "ffeeddccbbaa0099"
#define CHANNEL NODE ":2.77.5"

static const char topics[] = "chess\0tea time";

static struct calls calls;
static struct script_call made;
static struct store_call *const call = &made.call;
static struct identity identity;

static void count_up(uint8_t bytes[16], uint8_t first)
{
    for (uint8_t i = 0; i < 16; i++)
        bytes[i] = first + i;
}

static int begin(void **state)
{
    (void)state;
    calls = (struct calls){ .prefix = "p:", .report_limit = 3, .report_time_ms = 1000, .ban_time_ms = 2000,
                            .first_session_thread = 2, .session_threads = 1, .node = NODE };
    for (int script = 0; script < SCRIPTS; script++)
        snprintf(calls.shas[script], sizeof calls.shas[script], "%040d", script);
    calls_init(&calls);
    calls_set_connection(&calls, 7);
    made = (struct script_call){ .call = { .actor = { .generation = 5, .slot = 77, .thread = 2 } } };
    count_up(call->user_id, 0x00);
    count_up(identity.device, 0x20);
    count_up(identity.address, 0x30);
    return 0;
}

static int end(void **state)
{
    (void)state;
    payload_free(&call->payload);
    return 0;
}

static void carry(const void *first, size_t first_length, const void *second, size_t second_length)
{
    call->payload = payload_new(first_length + second_length);
    payload_append(&call->payload, first, first_length);
    payload_append(&call->payload, second, second_length);
}

/* Its keys and arguments with commas between, "keys | arguments"; that it is the script's and as its row says is checked here. Each call
 * overwrites what the one before returned. */
static const char *show(const struct command *command, enum script script)
{
    static char text[4096];
    const int first = 3; /* EVALSHA, sha, count of keys */
    size_t length = 0;
    assert_true(command->argc > first);
    assert_string_equal(command->argv[0], "EVALSHA");
    assert_int_equal(command->lengths[1], 40);
    assert_memory_equal(command->argv[1], calls.shas[script], 40);
    const unsigned keys = (unsigned)strtoul(command->argv[2], NULL, 10);
    const unsigned arguments = (unsigned)(command->argc - first) - keys;
    if (table[script].more_keys == FIXED)
        assert_int_equal(keys, table[script].keys);
    if (table[script].more_arguments == FIXED)
        assert_int_equal(arguments, table[script].arguments);
    assert_in_range(keys, table[script].keys, COMMAND_ARGUMENTS);
    assert_in_range(arguments, table[script].arguments, COMMAND_ARGUMENTS);
    for (int i = first; i < command->argc; i++) {
        const char *before = i == first ? "" : i == first + (int)keys ? " | " : ", ";
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s", before, (int)command->lengths[i], command->argv[i]);
    }
    return text;
}

static const char *show_call(enum store_operation operation)
{
    struct command command;
    char user_id[USER_ID_TEXT];
    made.script = calls_script(operation);
    assert_true(calls_is_of_user(made.script) == (operation != STORE_REPORT));
    calls_put(&calls, &command, &made, user_id);
    return show(&command, made.script);
}

static void submit_interests(void **state)
{
    (void)state;
    carry(&identity, sizeof identity, topics, sizeof topics);
    assert_string_equal(show_call(STORE_SUBMIT_INTERESTS),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:ban:" DEVICE ", p:ban:" ADDRESS ", p:users:" NODE " | "
                        NODE ":7, " USER ", " CHANNEL ", chess, tea time");
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The time in it is replaced by what it must be between. */
static const char *show_start(void)
{
    struct command command;
    char user_id[USER_ID_TEXT];
    made.script = SCRIPT_START_MATCHING;
    const uint64_t earliest = wall_ms();
    calls_put(&calls, &command, &made, user_id);
    const unsigned now_at = 3 + (unsigned)strtoul(command.argv[2], NULL, 10) + 7; /* ARGV 8 */
    assert_in_range(strtoull(command.argv[now_at], NULL, 10), earliest, wall_ms());
    command.argv[now_at] = "NOW";
    command.lengths[now_at] = 3;
    return show(&command, SCRIPT_START_MATCHING);
}

static void start_matching(void **state)
{
    (void)state;
    call->search = 4;
    call->match = UINT64_MAX;
    call->ended_match = 9;
    call->accepts_anyone = true;
    call->identity = identity;
    carry(&identity, sizeof identity, topics, sizeof topics);
    assert_string_equal(show_start(),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:active_matches, p:waiting, p:anyone, p:blocked:" USER ", p:ban:" DEVICE
                        ", p:ban:" ADDRESS ", p:users:" NODE ", p:interest:chess, p:interest:tea time | "
                        NODE ":7, p:, " USER ", " CHANNEL ", 4, 18446744073709551615, 9, NOW, 1, " DEVICE ADDRESS
                        ",  " NODE " , chess, tea time");
}

/* Its keys must be there, and nobody ever sets them. */
static void who_is_not_known_is_nothing(void **state)
{
    (void)state;
    carry(&call->identity, sizeof call->identity, "x", 2);
    assert_string_equal(show_start(),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:active_matches, p:waiting, p:anyone, p:blocked:" USER ", p:ban:" NOTHING
                        ", p:ban:" NOTHING ", p:users:" NODE ", p:interest:x | "
                        NODE ":7, p:, " USER ", " CHANNEL ", 0, 0, 0, NOW, 0, ,  " NODE " , x");
}

static void end_matching(void **state)
{
    (void)state;
    assert_string_equal(show_call(STORE_END_MATCHING),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:active_matches, p:waiting | " NODE ":7, p:, " USER);
}

static void end_chat(void **state)
{
    (void)state;
    call->match = 12;
    assert_string_equal(show_call(STORE_END_CHAT), "p:lease:" NODE ", p:user_meta:" USER ", p:active_matches | " NODE ":7, p:, " USER ", 12");
}

static void restore_chat(void **state)
{
    (void)state;
    struct peer peer = { .identity = identity };
    count_up(peer.id, 0x10);
    call->match = 12;
    carry(&peer, sizeof peer, topics, sizeof topics);
    assert_string_equal(show_call(STORE_RESTORE_CHAT),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:active_matches, p:waiting, p:users:" NODE " | "
                        NODE ":7, p:, " USER ", " CHANNEL ", 12, " PARTNER ", chess, tea time");
}

static void leave(void **state)
{
    (void)state;
    assert_string_equal(show_call(STORE_LEAVE),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:active_matches, p:waiting, p:blocked:" USER ", p:users:" NODE " | " NODE
                        ":7, p:, " USER);
}

static void block(void **state)
{
    (void)state;
    uint8_t partner[USER_ID_BYTES];
    count_up(partner, 0x10);
    carry(partner, sizeof partner, identity.device, sizeof identity.device);
    assert_string_equal(show_call(STORE_BLOCK),
                        "p:lease:" NODE ", p:user_meta:" USER ", p:blocked:" USER " | " NODE ":7, " PARTNER ", " DEVICE);
}

static void report(void **state)
{
    (void)state;
    uint8_t reporter[HASH_BYTES];
    count_up(reporter, 0x10);
    carry(reporter, sizeof reporter, &identity, sizeof identity);
    assert_string_equal(show_call(STORE_REPORT),
                        "p:lease:" NODE ", p:reports:" DEVICE ", p:ban:" DEVICE ", p:reports:" ADDRESS ", p:ban:" ADDRESS " | "
                        NODE ":7, " PARTNER ", 3, 1000, 2000");
}

static const char *show_script(enum script which)
{
    struct command command;
    char user_id[USER_ID_TEXT];
    made.script = which;
    assert_false(calls_is_of_user(which));
    calls_put(&calls, &command, &made, user_id);
    return show(&command, which);
}

static void the_lease(void **state)
{
    (void)state;
    assert_string_equal(show_script(SCRIPT_FENCE),
                        "p:lease:" NODE ", p:nodes, p:node:" NODE ", p:epoch | " NODE ":7, " NODE ", 5000, " CHATTERBOX_VERSION);
    assert_string_equal(show_script(SCRIPT_HEARTBEAT), "p:lease:" NODE ", p:nodes, p:epoch | " NODE ":7, " NODE ", 5000");
    calls_set_connection(&calls, 8);
    assert_string_equal(show_script(SCRIPT_RELEASE),
                        "p:lease:" NODE ", p:users:" NODE ", p:nodes, p:node:" NODE ", p:epoch | " NODE ":8, " NODE);
    memcpy(made.node, OTHER_NODE, NODE_BYTES);
    assert_string_equal(show_script(SCRIPT_REAP),
                        "p:lease:" NODE ", p:lease:" OTHER_NODE ", p:users:" OTHER_NODE ", p:active_matches, p:waiting, p:nodes, p:node:" OTHER_NODE
                        " | " NODE ":8, p:, " OTHER_NODE ", 64");
}

static void who_is_reachable_has_blanks_around(void **state)
{
    (void)state;
    struct reachable others = { 0 };
    assert_true(reachable_add(&others, 0xffeeddccbbaa9988u, 5));
    assert_true(reachable_add(&others, 1, 6));
    calls_set_reachable(&calls, &others);
    assert_string_equal(calls.reachable, " " NODE " ffeeddccbbaa9988 0000000000000001 ");
    reachable_remove(&others, 5);
    reachable_remove(&others, 5);
    calls_set_reachable(&calls, &others);
    assert_string_equal(calls.reachable, " " NODE " 0000000000000001 ");
    assert_int_equal(reachable_find(&others, "0000000000000001", 16), 6);
    assert_int_equal(reachable_find(&others, "000000000000000", 15), 0);
    assert_int_equal(reachable_find(&others, "ffeeddccbbaa9988", 16), 0);
    for (unsigned i = 1; i < REACHABLE_MAX - 1; i++)
        assert_true(reachable_add(&others, i + 1, 100 + i));
    assert_false(reachable_add(&others, 1000, 1000));
    calls_set_reachable(&calls, &others);
    assert_int_equal(strlen(calls.reachable), REACHABLE_MAX * NODE_BYTES + 1);
}

/* What the longest of everything takes has room in a command. */
static void the_longest_fits(void **state)
{
    (void)state;
    char prefix[REDIS_PREFIX_BYTES], topic[TOPIC_BYTES_MAX + 1];
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    calls.prefix = prefix;
    calls_init(&calls);
    calls_set_connection(&calls, UINT64_MAX);
    call->search = UINT32_MAX;
    call->match = call->ended_match = UINT64_MAX;
    call->identity = identity;
    call->actor = (struct address){ .generation = ADDRESS_GENERATION_MAX, .slot = ADDRESS_SLOTS - 1, .thread = 254 };
    carry(&identity, sizeof identity, "", 0);
    for (int i = 0; i < INTERESTS_MAX; i++) {
        memset(topic, 'a' + i, sizeof topic - 1);
        topic[sizeof topic - 1] = '\0';
        payload_append(&call->payload, topic, sizeof topic);
    }
    const char *text = show_start();
    assert_memory_equal(text + strlen(text) - TOPIC_BYTES_MAX, topic, TOPIC_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(submit_interests, begin, end),
        cmocka_unit_test_setup_teardown(start_matching, begin, end),
        cmocka_unit_test_setup_teardown(who_is_not_known_is_nothing, begin, end),
        cmocka_unit_test_setup_teardown(end_matching, begin, end),
        cmocka_unit_test_setup_teardown(end_chat, begin, end),
        cmocka_unit_test_setup_teardown(restore_chat, begin, end),
        cmocka_unit_test_setup_teardown(leave, begin, end),
        cmocka_unit_test_setup_teardown(block, begin, end),
        cmocka_unit_test_setup_teardown(report, begin, end),
        cmocka_unit_test_setup_teardown(the_lease, begin, end),
        cmocka_unit_test_setup_teardown(who_is_reachable_has_blanks_around, begin, end),
        cmocka_unit_test_setup_teardown(the_longest_fits, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

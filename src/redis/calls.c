#include "redis/calls.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/check.h"

enum { HASH_TEXT = 2 * HASH_BYTES + 1 };

static const char *const keys_of_all[] = { "active_matches", "waiting", "anyone" };
enum { ACTIVE_MATCHES, WAITING, ANYONE };

void calls_init(struct calls *calls)
{
    snprintf(calls->lease_key, sizeof calls->lease_key, "%slease:%s", calls->prefix, calls->node);
    calls_set_reachable(calls, &(struct reachable){ 0 });
}

void calls_set_reachable(struct calls *calls, const struct reachable *others)
{
    calls->others = *others;
    int length = snprintf(calls->reachable, sizeof calls->reachable, " %s ", calls->node);
    for (unsigned i = 0; i < others->count; i++)
        length += snprintf(calls->reachable + length, sizeof calls->reachable - (size_t)length, "%s ", others->nodes[i].id);
}

void calls_set_connection(struct calls *calls, unsigned long long connection)
{
    snprintf(calls->lease_value, sizeof calls->lease_value, "%s:%llu", calls->node, connection);
}

enum script calls_script(enum store_operation operation)
{
    switch (operation) {
    case STORE_SUBMIT_INTERESTS:
        return SCRIPT_SUBMIT_INTERESTS;
    case STORE_START_MATCHING:
        return SCRIPT_START_MATCHING;
    case STORE_END_MATCHING:
        return SCRIPT_END_MATCHING;
    case STORE_END_CHAT:
        return SCRIPT_END_CHAT;
    case STORE_RESTORE_CHAT:
        return SCRIPT_RESTORE_CHAT;
    case STORE_LEAVE:
        return SCRIPT_LEAVE;
    case STORE_BLOCK:
        return SCRIPT_BLOCK;
    case STORE_REPORT:
        return SCRIPT_REPORT;
    case STORE_OPERATIONS:
        break;
    }
    CHECK(!"an operation without a script");
    return SCRIPTS;
}

bool calls_is_of_user(enum script script)
{
    return script != SCRIPT_FENCE && script != SCRIPT_HEARTBEAT && script != SCRIPT_REAP && script != SCRIPT_RELEASE &&
           script != SCRIPT_REPORT;
}

/* EVALSHA of a script with its first key, the lease, and so many keys in all. */
static void begin(const struct calls *calls, struct command *command, enum script script, unsigned keys)
{
    command_init(command);
    command_add(command, "EVALSHA");
    command_add_bytes(command, calls->shas[script], 40);
    command_print(command, "%u", keys);
    command_add(command, calls->lease_key);
}

/* Keys. */

static void add_key(const struct calls *calls, struct command *command, const char *name, const char *of)
{
    command_join(command, calls->prefix, name, of);
}

static void add_shared_key(const struct calls *calls, struct command *command, int which)
{
    add_key(calls, command, keys_of_all[which], "");
}

/* user_meta, active_matches and waiting: what most scripts begin with. */
static void add_user_keys(const struct calls *calls, struct command *command, const char *user_id)
{
    add_key(calls, command, "user_meta:", user_id);
    add_shared_key(calls, command, ACTIVE_MATCHES);
    add_shared_key(calls, command, WAITING);
}

/* Of this node: its users' ids. */
static void add_users_key(const struct calls *calls, struct command *command)
{
    add_key(calls, command, "users:", calls->node);
}

static void hash_print(char text[HASH_TEXT], const uint8_t hash[HASH_BYTES])
{
    _Static_assert(HASH_BYTES == USER_ID_BYTES && (int)HASH_TEXT == (int)USER_ID_TEXT, "printed alike");
    user_id_print(text, hash);
}

static void add_hash_key(const struct calls *calls, struct command *command, const char *name, const uint8_t hash[HASH_BYTES])
{
    char text[HASH_TEXT];
    hash_print(text, hash);
    add_key(calls, command, name, text);
}

/* A device and an address of which nothing is known have keys that nobody ever sets. */
static void add_ban_keys(const struct calls *calls, struct command *command, const struct identity *identity)
{
    add_hash_key(calls, command, "ban:", identity->device);
    add_hash_key(calls, command, "ban:", identity->address);
}

static unsigned count_topics(const uint8_t *topics, size_t length)
{
    size_t cursor = 0;
    unsigned count = 0;
    while (interests_next(topics, length, &cursor) != NULL)
        count++;
    return count;
}

static void add_topic_keys(const struct calls *calls, struct command *command, const uint8_t *topics, size_t length)
{
    size_t cursor = 0;
    const char *topic;
    while ((topic = interests_next(topics, length, &cursor)) != NULL)
        add_key(calls, command, "interest:", topic);
}

/* Arguments. */

static void add_number(struct command *command, uint64_t number)
{
    command_print(command, "%" PRIu64, number);
}

/* lease_value, prefix and user_id: what most scripts begin with. */
static void add_user_arguments(const struct calls *calls, struct command *command, const char *user_id)
{
    command_add(command, calls->lease_value);
    command_add(command, calls->prefix);
    command_add(command, user_id);
}

static void add_channel_id(const struct calls *calls, struct command *command, struct address actor)
{
    char channel_id[CHANNEL_ID_BYTES];
    channel_id_print(channel_id, calls->node, actor);
    command_join(command, channel_id, "", "");
}

static void add_identity(struct command *command, const struct identity *identity)
{
    static const struct identity unknown;
    char device[HASH_TEXT], address[HASH_TEXT];
    if (memcmp(identity, &unknown, sizeof unknown) == 0) {
        command_add(command, ""); /* the common case, in the short form */
        return;
    }
    hash_print(device, identity->device);
    hash_print(address, identity->address);
    command_join(command, device, address, "");
}

static void add_topics(struct command *command, const uint8_t *topics, size_t length)
{
    size_t cursor = 0;
    const char *topic;
    while ((topic = interests_next(topics, length, &cursor)) != NULL)
        command_add(command, topic);
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Calls. */

static void put_submit_interests(const struct calls *calls, struct command *command, const struct store_call *call,
                                 const char *user_id)
{
    struct identity identity;
    CHECK(call->payload->length >= sizeof identity);
    memcpy(&identity, call->payload->bytes, sizeof identity);
    begin(calls, command, SCRIPT_SUBMIT_INTERESTS, 5);
    add_key(calls, command, "user_meta:", user_id);
    add_ban_keys(calls, command, &identity);
    add_users_key(calls, command);
    command_add(command, calls->lease_value);
    command_add(command, user_id);
    add_channel_id(calls, command, call->actor);
    add_topics(command, call->payload->bytes + sizeof identity, call->payload->length - sizeof identity);
}

static void put_start_matching(const struct calls *calls, struct command *command, const struct store_call *call,
                               const char *user_id)
{
    CHECK(call->payload->length >= sizeof call->identity);
    const uint8_t *topics = call->payload->bytes + sizeof call->identity;
    const size_t length = call->payload->length - sizeof call->identity;
    begin(calls, command, SCRIPT_START_MATCHING, 9 + count_topics(topics, length));
    add_user_keys(calls, command, user_id);
    add_shared_key(calls, command, ANYONE);
    add_key(calls, command, "blocked:", user_id);
    add_ban_keys(calls, command, &call->identity);
    add_users_key(calls, command);
    add_topic_keys(calls, command, topics, length);
    add_user_arguments(calls, command, user_id);
    add_channel_id(calls, command, call->actor);
    add_number(command, call->search);
    add_number(command, call->match);
    add_number(command, call->ended_match);
    add_number(command, wall_ms());
    command_add(command, call->accepts_anyone ? "1" : "0");
    add_identity(command, &call->identity);
    command_add(command, calls->reachable);
    add_topics(command, topics, length);
}

static void put_end_chat(const struct calls *calls, struct command *command, const struct store_call *call, const char *user_id)
{
    begin(calls, command, SCRIPT_END_CHAT, 3);
    add_key(calls, command, "user_meta:", user_id);
    add_shared_key(calls, command, ACTIVE_MATCHES);
    add_user_arguments(calls, command, user_id);
    add_number(command, call->match);
}

static void put_restore_chat(const struct calls *calls, struct command *command, const struct store_call *call,
                             const char *user_id)
{
    char partner_id[USER_ID_TEXT];
    struct peer peer;
    CHECK(call->payload->length >= sizeof peer);
    memcpy(&peer, call->payload->bytes, sizeof peer);
    user_id_print(partner_id, peer.id);
    begin(calls, command, SCRIPT_RESTORE_CHAT, 5);
    add_user_keys(calls, command, user_id);
    add_users_key(calls, command);
    add_user_arguments(calls, command, user_id);
    add_channel_id(calls, command, call->actor);
    add_number(command, call->match);
    command_join(command, partner_id, "", "");
    add_topics(command, call->payload->bytes + sizeof peer, call->payload->length - sizeof peer);
}

static void put_leave(const struct calls *calls, struct command *command, const char *user_id)
{
    begin(calls, command, SCRIPT_LEAVE, 6);
    add_user_keys(calls, command, user_id);
    add_key(calls, command, "blocked:", user_id);
    add_users_key(calls, command);
    add_user_arguments(calls, command, user_id);
}

static void put_block(const struct calls *calls, struct command *command, const struct store_call *call, const char *user_id)
{
    begin(calls, command, SCRIPT_BLOCK, 3);
    add_key(calls, command, "user_meta:", user_id);
    add_key(calls, command, "blocked:", user_id);
    command_add(command, calls->lease_value);
    for (size_t at = 0; at + USER_ID_BYTES <= call->payload->length; at += USER_ID_BYTES) {
        char partner_id[USER_ID_TEXT];
        user_id_print(partner_id, call->payload->bytes + at);
        command_join(command, partner_id, "", "");
    }
}

static void put_report(const struct calls *calls, struct command *command, const struct store_call *call)
{
    char reporter[HASH_TEXT];
    struct identity reported;
    CHECK(call->payload->length == HASH_BYTES + sizeof reported);
    hash_print(reporter, call->payload->bytes);
    memcpy(&reported, call->payload->bytes + HASH_BYTES, sizeof reported);
    begin(calls, command, SCRIPT_REPORT, 5);
    add_hash_key(calls, command, "reports:", reported.device);
    add_hash_key(calls, command, "ban:", reported.device);
    add_hash_key(calls, command, "reports:", reported.address);
    add_hash_key(calls, command, "ban:", reported.address);
    command_add(command, calls->lease_value);
    command_join(command, reporter, "", "");
    add_number(command, calls->report_limit);
    add_number(command, calls->report_time_ms);
    add_number(command, calls->ban_time_ms);
}

/* The lease. */

/* nodes, and this node's own. */
static void add_node_keys(const struct calls *calls, struct command *command)
{
    add_key(calls, command, "nodes", "");
    add_key(calls, command, "node:", calls->node);
}

static void put_fence(const struct calls *calls, struct command *command)
{
    begin(calls, command, SCRIPT_FENCE, 4);
    add_node_keys(calls, command);
    add_key(calls, command, "epoch", "");
    command_add(command, calls->lease_value);
    command_add(command, calls->node);
    command_print(command, "%d", REDIS_LEASE_MS);
    command_add(command, CHATTERBOX_VERSION);
}

static void put_heartbeat(const struct calls *calls, struct command *command)
{
    begin(calls, command, SCRIPT_HEARTBEAT, 3);
    add_key(calls, command, "nodes", "");
    add_key(calls, command, "epoch", "");
    command_add(command, calls->lease_value);
    command_add(command, calls->node);
    command_print(command, "%d", REDIS_LEASE_MS);
}

static void put_release(const struct calls *calls, struct command *command)
{
    begin(calls, command, SCRIPT_RELEASE, 5);
    add_users_key(calls, command);
    add_node_keys(calls, command);
    add_key(calls, command, "epoch", "");
    command_add(command, calls->lease_value);
    command_add(command, calls->node);
}

static void put_reap(const struct calls *calls, struct command *command, const char *node)
{
    begin(calls, command, SCRIPT_REAP, 7);
    add_key(calls, command, "lease:", node);
    add_key(calls, command, "users:", node);
    add_shared_key(calls, command, ACTIVE_MATCHES);
    add_shared_key(calls, command, WAITING);
    add_key(calls, command, "nodes", "");
    add_key(calls, command, "node:", node);
    command_add(command, calls->lease_value);
    command_add(command, calls->prefix);
    command_add(command, node);
    command_print(command, "%d", REDIS_REAPED_AT_ONCE);
}

void calls_put(const struct calls *calls, struct command *command, const struct script_call *script, char user_id[USER_ID_TEXT])
{
    const struct store_call *call = &script->call;
    user_id_print(user_id, call->user_id);
    switch (script->script) {
    case SCRIPT_FENCE:
        put_fence(calls, command);
        break;
    case SCRIPT_HEARTBEAT:
        put_heartbeat(calls, command);
        break;
    case SCRIPT_REAP:
        put_reap(calls, command, script->node);
        break;
    case SCRIPT_RELEASE:
        put_release(calls, command);
        break;
    case SCRIPT_SUBMIT_INTERESTS:
        put_submit_interests(calls, command, call, user_id);
        break;
    case SCRIPT_START_MATCHING:
        put_start_matching(calls, command, call, user_id);
        break;
    case SCRIPT_END_MATCHING:
        begin(calls, command, SCRIPT_END_MATCHING, 4);
        add_user_keys(calls, command, user_id);
        add_user_arguments(calls, command, user_id);
        break;
    case SCRIPT_END_CHAT:
        put_end_chat(calls, command, call, user_id);
        break;
    case SCRIPT_RESTORE_CHAT:
        put_restore_chat(calls, command, call, user_id);
        break;
    case SCRIPT_LEAVE:
        put_leave(calls, command, user_id);
        break;
    case SCRIPT_BLOCK:
        put_block(calls, command, call, user_id);
        break;
    case SCRIPT_REPORT:
        put_report(calls, command, call);
        break;
    case SCRIPTS:
        break;
    }
}

void calls_decode(const struct calls *calls, struct script_reply *decoded, enum script script, const redisReply *reply)
{
    const struct places places = { calls->node, calls->first_session_thread, calls->session_threads, &calls->others };
    script_reply_decode(decoded, script, reply, &places);
}

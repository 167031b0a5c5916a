#include "redis/calls.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "runtime/check.h"

enum { HASH_TEXT = 2 * HASH_BYTES + 1 };

static const char *const keys_of_all[] = { "active_matches", "waiting", "anyone" };
enum { ACTIVE_MATCHES, WAITING, ANYONE };

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

void calls_begin(const struct redis_store *store, struct command *command, enum script script, unsigned keys)
{
    command_init(command);
    command_add(command, "EVALSHA");
    command_add_bytes(command, store->shas[script], 40);
    command_print(command, "%u", keys);
    command_add(command, store->epoch_key);
}

/* Keys. */

static void add_key(const struct redis_store *store, struct command *command, const char *name, const char *of)
{
    command_join(command, store->config.prefix, name, of);
}

static void add_shared_key(const struct redis_store *store, struct command *command, int which)
{
    add_key(store, command, keys_of_all[which], "");
}

/* user_meta, active_matches and waiting: what most scripts begin with. */
static void add_user_keys(const struct redis_store *store, struct command *command, const char *user_id)
{
    add_key(store, command, "user_meta:", user_id);
    add_shared_key(store, command, ACTIVE_MATCHES);
    add_shared_key(store, command, WAITING);
}

static void hash_print(char text[HASH_TEXT], const uint8_t hash[HASH_BYTES])
{
    _Static_assert(HASH_BYTES == USER_ID_BYTES && (int)HASH_TEXT == (int)USER_ID_TEXT, "printed alike");
    user_id_print(text, hash);
}

static void add_hash_key(const struct redis_store *store, struct command *command, const char *name, const uint8_t hash[HASH_BYTES])
{
    char text[HASH_TEXT];
    hash_print(text, hash);
    add_key(store, command, name, text);
}

/* A device and an address of which nothing is known have keys that nobody ever sets. */
static void add_ban_keys(const struct redis_store *store, struct command *command, const struct identity *identity)
{
    add_hash_key(store, command, "ban:", identity->device);
    add_hash_key(store, command, "ban:", identity->address);
}

static unsigned count_topics(const uint8_t *topics, size_t length)
{
    size_t cursor = 0;
    unsigned count = 0;
    while (interests_next(topics, length, &cursor) != NULL)
        count++;
    return count;
}

static void add_topic_keys(const struct redis_store *store, struct command *command, const uint8_t *topics, size_t length)
{
    size_t cursor = 0;
    const char *topic;
    while ((topic = interests_next(topics, length, &cursor)) != NULL)
        add_key(store, command, "interest:", topic);
}

/* Arguments. */

static void add_number(struct command *command, uint64_t number)
{
    command_print(command, "%" PRIu64, number);
}

/* epoch_value, prefix and user_id: what most scripts begin with. */
static void add_user_arguments(const struct redis_store *store, struct command *command, const char *user_id)
{
    command_add(command, store->epoch_value);
    command_add(command, store->config.prefix);
    command_add(command, user_id);
}

static void add_channel_id(const struct redis_store *store, struct command *command, struct address actor)
{
    char channel_id[CHANNEL_ID_BYTES];
    channel_id_print(channel_id, store->node, actor);
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

static void put_submit_interests(const struct redis_store *store, struct command *command, const struct store_call *call,
                                 const char *user_id)
{
    struct identity identity;
    CHECK(call->payload->length >= sizeof identity);
    memcpy(&identity, call->payload->bytes, sizeof identity);
    calls_begin(store, command, SCRIPT_SUBMIT_INTERESTS, 4);
    add_key(store, command, "user_meta:", user_id);
    add_ban_keys(store, command, &identity);
    command_add(command, store->epoch_value);
    add_channel_id(store, command, call->actor);
    add_topics(command, call->payload->bytes + sizeof identity, call->payload->length - sizeof identity);
}

static void put_start_matching(const struct redis_store *store, struct command *command, const struct store_call *call,
                               const char *user_id)
{
    CHECK(call->payload->length >= sizeof call->identity);
    const uint8_t *topics = call->payload->bytes + sizeof call->identity;
    const size_t length = call->payload->length - sizeof call->identity;
    calls_begin(store, command, SCRIPT_START_MATCHING, 8 + count_topics(topics, length));
    add_user_keys(store, command, user_id);
    add_shared_key(store, command, ANYONE);
    add_key(store, command, "blocked:", user_id);
    add_ban_keys(store, command, &call->identity);
    add_topic_keys(store, command, topics, length);
    add_user_arguments(store, command, user_id);
    add_channel_id(store, command, call->actor);
    add_number(command, call->search);
    add_number(command, call->match);
    add_number(command, call->ended_match);
    add_number(command, wall_ms());
    command_add(command, call->accepts_anyone ? "1" : "0");
    add_identity(command, &call->identity);
    add_topics(command, topics, length);
}

static void put_end_chat(const struct redis_store *store, struct command *command, const struct store_call *call, const char *user_id)
{
    calls_begin(store, command, SCRIPT_END_CHAT, 3);
    add_key(store, command, "user_meta:", user_id);
    add_shared_key(store, command, ACTIVE_MATCHES);
    add_user_arguments(store, command, user_id);
    add_number(command, call->match);
}

static void put_restore_chat(const struct redis_store *store, struct command *command, const struct store_call *call,
                             const char *user_id)
{
    char partner_id[USER_ID_TEXT];
    struct peer peer;
    CHECK(call->payload->length >= sizeof peer);
    memcpy(&peer, call->payload->bytes, sizeof peer);
    user_id_print(partner_id, peer.id);
    calls_begin(store, command, SCRIPT_RESTORE_CHAT, 4);
    add_user_keys(store, command, user_id);
    add_user_arguments(store, command, user_id);
    add_channel_id(store, command, call->actor);
    add_number(command, call->match);
    command_join(command, partner_id, "", "");
    add_topics(command, call->payload->bytes + sizeof peer, call->payload->length - sizeof peer);
}

void calls_put_leave(const struct redis_store *store, struct command *command, const char *user_id)
{
    calls_begin(store, command, SCRIPT_LEAVE, 5);
    add_user_keys(store, command, user_id);
    add_key(store, command, "blocked:", user_id);
    add_user_arguments(store, command, user_id);
}

static void put_block(const struct redis_store *store, struct command *command, const struct store_call *call, const char *user_id)
{
    calls_begin(store, command, SCRIPT_BLOCK, 3);
    add_key(store, command, "user_meta:", user_id);
    add_key(store, command, "blocked:", user_id);
    command_add(command, store->epoch_value);
    for (size_t at = 0; at + USER_ID_BYTES <= call->payload->length; at += USER_ID_BYTES) {
        char partner_id[USER_ID_TEXT];
        user_id_print(partner_id, call->payload->bytes + at);
        command_join(command, partner_id, "", "");
    }
}

static void put_report(const struct redis_store *store, struct command *command, const struct store_call *call)
{
    char reporter[HASH_TEXT];
    struct identity reported;
    CHECK(call->payload->length == HASH_BYTES + sizeof reported);
    hash_print(reporter, call->payload->bytes);
    memcpy(&reported, call->payload->bytes + HASH_BYTES, sizeof reported);
    calls_begin(store, command, SCRIPT_REPORT, 5);
    add_hash_key(store, command, "reports:", reported.device);
    add_hash_key(store, command, "ban:", reported.device);
    add_hash_key(store, command, "reports:", reported.address);
    add_hash_key(store, command, "ban:", reported.address);
    command_add(command, store->epoch_value);
    command_join(command, reporter, "", "");
    add_number(command, store->config.report_limit);
    add_number(command, store->config.report_time_ms);
    add_number(command, store->config.ban_time_ms);
}

void calls_put(const struct redis_store *store, struct command *command, const struct store_call *call, char user_id[USER_ID_TEXT])
{
    user_id_print(user_id, call->user_id);
    switch (call->operation) {
    case STORE_SUBMIT_INTERESTS:
        put_submit_interests(store, command, call, user_id);
        break;
    case STORE_START_MATCHING:
        put_start_matching(store, command, call, user_id);
        break;
    case STORE_END_MATCHING:
        calls_begin(store, command, SCRIPT_END_MATCHING, 4);
        add_user_keys(store, command, user_id);
        add_user_arguments(store, command, user_id);
        break;
    case STORE_END_CHAT:
        put_end_chat(store, command, call, user_id);
        break;
    case STORE_RESTORE_CHAT:
        put_restore_chat(store, command, call, user_id);
        break;
    case STORE_LEAVE:
        calls_put_leave(store, command, user_id);
        break;
    case STORE_BLOCK:
        put_block(store, command, call, user_id);
        break;
    case STORE_REPORT:
        put_report(store, command, call);
        break;
    case STORE_OPERATIONS:
        break;
    }
}

#include "redis/replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hex.h"

void channel_id_print(char text[CHANNEL_ID_BYTES], const char *node, struct address actor)
{
    snprintf(text, CHANNEL_ID_BYTES, "%s:%u.%u.%u", node, (unsigned)actor.thread, (unsigned)actor.slot,
             (unsigned)actor.generation);
}

/* A decimal number up to max, followed by `end`. Returns what follows it, or NULL. */
static const char *parse_number(const char *text, char end, unsigned long max, unsigned long *number)
{
    char *stop;
    if (text[0] < '0' || text[0] > '9')
        return NULL;
    *number = strtoul(text, &stop, 10);
    return *stop == end && *number <= max ? stop + 1 : NULL;
}

bool channel_id_parse(const char *text, const char *node, struct address *actor)
{
    size_t length = strlen(node);
    unsigned long thread, slot, generation;
    if (strncmp(text, node, length) != 0 || text[length] != ':')
        return false;
    const char *at = parse_number(text + length + 1, '.', THREADS_MAX, &thread);
    at = at != NULL ? parse_number(at, '.', ADDRESS_SLOTS - 1, &slot) : NULL;
    at = at != NULL ? parse_number(at, '\0', ADDRESS_GENERATION_MAX, &generation) : NULL;
    if (at == NULL || generation == 0)
        return false;
    *actor = (struct address){ .generation = (uint32_t)generation & ADDRESS_GENERATION_MAX,
                               .slot = (uint32_t)slot & (ADDRESS_SLOTS - 1),
                               .thread = (uint8_t)thread };
    return true;
}

bool user_id_parse(const char *text, size_t length, uint8_t id[USER_ID_BYTES])
{
    return length == 2 * USER_ID_BYTES && hex_read(id, USER_ID_BYTES, text);
}

/* Device and address, or nothing where neither is known. */
static bool identity_parse(const redisReply *text, struct identity *identity)
{
    *identity = (struct identity){ 0 };
    return text->len == 0 || ((size_t)text->len == 2 * sizeof *identity && hex_read((uint8_t *)identity, sizeof *identity, text->str));
}

static const redisReply *string_at(const redisReply *reply, size_t index)
{
    if (index >= reply->elements || reply->element[index]->type != REDIS_REPLY_STRING)
        return NULL;
    return reply->element[index];
}

/* On this node, on one that can be reached, or on one that could when the call was made. How many threads others have is not known here; what no
 * actor of theirs has is dropped there. */
static bool decode_partner(struct address *partner, const char *channel, const struct places *places)
{
    if (channel_id_parse(channel, places->node, partner))
        return partner->thread >= places->first_session_thread &&
               partner->thread < places->first_session_thread + places->session_threads;
    char id[NODE_BYTES];
    if (strspn(channel, "0123456789abcdef") != NODE_BYTES - 1 || strncmp(channel, places->node, NODE_BYTES - 1) == 0)
        return false;
    memcpy(id, channel, NODE_BYTES - 1);
    id[NODE_BYTES - 1] = '\0';
    if (!channel_id_parse(channel, id, partner) || partner->thread == THREAD_MAIN)
        return false;
    partner->node = reachable_find(places->others, id, NODE_BYTES - 1) & ADDRESS_NODE_MAX;
    if (partner->node == 0)
        *partner = (struct address){ 0 };
    return true;
}

static bool decode_match(struct script_reply *decoded, const redisReply *reply, const struct places *places)
{
    const redisReply *id = string_at(reply, 1), *channel = string_at(reply, 2), *search = string_at(reply, 3),
                     *identity = string_at(reply, 4);
    unsigned long number;
    if (id == NULL || channel == NULL || search == NULL || identity == NULL || reply->elements > 5 + INTERESTS_MAX ||
        !user_id_parse(id->str, (size_t)id->len, decoded->peer.id) || !identity_parse(identity, &decoded->peer.identity) ||
        !decode_partner(&decoded->partner, channel->str, places) ||
        parse_number(search->str, '\0', UINT32_MAX, &number) == NULL)
        return false;
    decoded->partner_search = (uint32_t)number;
    interests_init(&decoded->common);
    for (size_t i = 5; i < reply->elements; i++) {
        const redisReply *topic = string_at(reply, i);
        if (topic == NULL || interests_add(&decoded->common, topic->str, (size_t)topic->len) != INTERESTS_OK)
            return false;
    }
    return true;
}

static bool decode_number(const redisReply *reply, uint64_t *number)
{
    const redisReply *text = string_at(reply, 1);
    unsigned long long parsed;
    char *stop;
    if (text == NULL || text->str[0] < '0' || text->str[0] > '9')
        return false;
    parsed = strtoull(text->str, &stop, 10);
    if (*stop != '\0')
        return false;
    *number = parsed;
    return true;
}

static bool is_node(const redisReply *text)
{
    return text != NULL && text->len == NODE_BYTES - 1 && strspn(text->str, "0123456789abcdef") == NODE_BYTES - 1;
}

/* What is no node's id was not written by one, and cannot be reaped. */
static void decode_expired(struct script_reply *decoded, const redisReply *reply)
{
    for (size_t i = 1; i < reply->elements && decoded->expired_count < EXPIRED_MAX; i++) {
        const redisReply *node = string_at(reply, i);
        if (is_node(node))
            memcpy(decoded->expired[decoded->expired_count++], node->str, NODE_BYTES);
    }
}

void script_reply_decode(struct script_reply *decoded, enum script script, const redisReply *reply, const struct places *places)
{
    decoded->kind = REPLY_MALFORMED;
    decoded->text = "";
    decoded->expired_count = 0;
    if (reply->type == REDIS_REPLY_ERROR) {
        decoded->kind = REPLY_ERROR;
        decoded->text = reply->str;
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY)
        return;
    const redisReply *word = string_at(reply, 0);
    if (word == NULL)
        return;
    const bool is_start = script == SCRIPT_START_MATCHING;
    if (strcmp(word->str, "STALE") == 0 && script != SCRIPT_FENCE)
        decoded->kind = REPLY_STALE;
    else if (strcmp(word->str, "OK") == 0 && !is_start && (script != SCRIPT_REAP || decode_number(reply, &decoded->left)))
        decoded->kind = REPLY_OK;
    else if (strcmp(word->str, "ALIVE") == 0 && script == SCRIPT_REAP)
        decoded->kind = REPLY_ALIVE;
    else if (strcmp(word->str, "BEHIND") == 0 && is_start && decode_number(reply, &decoded->match))
        decoded->kind = REPLY_BEHIND;
    else if (strcmp(word->str, "BANNED") == 0 && (is_start || script == SCRIPT_SUBMIT_INTERESTS || script == SCRIPT_REPORT))
        decoded->kind = REPLY_BANNED;
    else if (strcmp(word->str, "MATCHED") == 0 && script == SCRIPT_END_MATCHING)
        decoded->kind = REPLY_ALREADY;
    else if (strcmp(word->str, "WAIT") == 0 && is_start)
        decoded->kind = REPLY_WAIT;
    else if (strcmp(word->str, "ALREADY") == 0 && is_start)
        decoded->kind = REPLY_ALREADY;
    else if (strcmp(word->str, "HELD") == 0 && script == SCRIPT_FENCE)
        decoded->kind = REPLY_HELD;
    else if (strcmp(word->str, "MATCH") == 0 && is_start &&
             decode_match(decoded, reply, places))
        decoded->kind = REPLY_MATCH;
    if (script == SCRIPT_HEARTBEAT && decoded->kind == REPLY_OK)
        decode_expired(decoded, reply);
}

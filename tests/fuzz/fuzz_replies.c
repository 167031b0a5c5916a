/* What a script answers. The first line names the script, each further one is an element of the array:
 * $text, :number, -error, _ (nil) or *n, an array of the n elements that follow. Only what the script may answer is understood.
 */
#include "fuzz/fuzz.h"
#include "redis/replies.h"

enum { FIRST_SESSION = 2, SESSIONS = 2, DEPTH_MAX = 7 };

static const char node[] = "00112233445566aa";
static const struct reachable others = { .count = 1, .nodes = { { "00112233445566ab", 9 } } };
static const struct places places = { node, FIRST_SESSION, SESSIONS, &others };

static enum script find_script(const char *name)
{
    static const char *const names[] = {
#define SCRIPT(name, file, keys, arguments, more_keys, more_arguments) file,
#include "redis/scripts.def"
#undef SCRIPT
    };
    for (size_t i = 0; i < SCRIPTS; i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum script)i;
    }
    return SCRIPT_FENCE;
}

static redisReply *make(const uint8_t **data, size_t *size, int depth)
{
    size_t length;
    char *line = take_line(data, size, &length);
    if (line == NULL)
        return NULL;
    redisReply *reply = calloc(1, sizeof *reply);
    CHECK_MEMORY(reply);
    if (line[0] == '*' && depth < DEPTH_MAX) {
        size_t wanted = strtoul(line + 1, NULL, 10) % 50;
        reply->type = REDIS_REPLY_ARRAY;
        reply->element = calloc(wanted + 1, sizeof(redisReply *));
        CHECK_MEMORY(reply->element);
        while (reply->elements < wanted && (reply->element[reply->elements] = make(data, size, depth + 1)) != NULL)
            reply->elements++;
    } else if (line[0] == ':') {
        reply->type = REDIS_REPLY_INTEGER;
        reply->integer = strtoll(line + 1, NULL, 10);
    } else if (line[0] == '_') {
        reply->type = REDIS_REPLY_NIL;
    } else {
        reply->type = line[0] == '-' ? REDIS_REPLY_ERROR : REDIS_REPLY_STRING;
        reply->len = length > 0 ? length - 1 : 0;
        reply->str = malloc(reply->len + 1);
        CHECK_MEMORY(reply->str);
        memcpy(reply->str, length > 0 ? line + 1 : line, reply->len + 1);
    }
    free(line);
    return reply;
}

static void check_match(const struct script_reply *decoded)
{
    if (address_is_nobody(decoded->partner))
        return; /* of a node that was reachable once */
    CHECK(decoded->partner.node == 0 || decoded->partner.node == 9);
    CHECK(decoded->partner.thread >= FIRST_SESSION || decoded->partner.node != 0);
    CHECK(decoded->partner.thread < FIRST_SESSION + SESSIONS || decoded->partner.node != 0);
    CHECK(decoded->partner.generation > 0 && decoded->common.count <= INTERESTS_MAX);
    char channel[CHANNEL_ID_BYTES];
    struct address again;
    const char *const where = decoded->partner.node == 0 ? node : others.nodes[0].id;
    channel_id_print(channel, where, decoded->partner);
    CHECK(channel_id_parse(channel, where, &again));
    again.node = decoded->partner.node;
    CHECK(address_equals(again, decoded->partner));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    char *first = take_line(&data, &size, &length);
    enum script script = find_script(first != NULL ? first : "");
    free(first);
    redisReply *reply = make(&data, &size, 0);
    if (reply == NULL)
        return 0;
    struct script_reply decoded;
    script_reply_decode(&decoded, script, reply, &places);
    CHECK(decoded.text != NULL && (decoded.kind != REPLY_ERROR || reply->type == REDIS_REPLY_ERROR));
    CHECK(decoded.kind != REPLY_HELD || script == SCRIPT_FENCE);
    if (decoded.kind == REPLY_MATCH)
        check_match(&decoded);
    freeReplyObject(reply);
    return 0;
}

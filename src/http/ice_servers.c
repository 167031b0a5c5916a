#include "http/ice_servers.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/percent.h"
#include "http/url.h"
#include "runtime/check.h"

enum { SERVER_BYTES = 512, PART_BYTES = 256 };

static const struct {
    const char *scheme;
    bool is_turn;
} kinds[] = { { "stun:", false }, { "stuns:", false }, { "turn:", true }, { "turns:", true } };

/* host[:port], as a URL has it. */
static bool is_host_and_port(const char *text)
{
    char url_text[SERVER_BYTES];
    struct url url;
    const int length = snprintf(url_text, sizeof url_text, "turn://%s", text);
    return length < (int)sizeof url_text && url_parse(&url, (struct http_text){ url_text, (size_t)length }) && !url.has_user_info && !url.has_more;
}

/* user:password, both encoded. */
static bool decode_login(const char *login, char user[PART_BYTES], char password[PART_BYTES])
{
    const char *colon = strchr(login, ':');
    return colon != NULL && percent_decode(login, (size_t)(colon - login), user, PART_BYTES) &&
           percent_decode(colon + 1, strlen(colon + 1), password, PART_BYTES) && user[0] != '\0' && password[0] != '\0';
}

/* One server into an RTCIceServer. Returns what is wrong with it, or NULL. The text is changed. */
static const char *parse_server(char *text, json_t **server)
{
    size_t kind = 0;
    while (kind < 4 && strncmp(text, kinds[kind].scheme, strlen(kinds[kind].scheme)) != 0)
        kind++;
    if (kind == 4)
        return "expected stun:host[:port] or turn:user:password@host[:port]";
    const char *scheme = kinds[kind].scheme;
    char *host = text + strlen(scheme);
    char *at = strrchr(host, '@');
    char user[PART_BYTES] = "", password[PART_BYTES] = "";
    if ((at != NULL) != kinds[kind].is_turn)
        return at != NULL ? "a stun server takes no password" : "a turn server wants user:password@ before its host";
    if (at != NULL) {
        *at = '\0';
        if (!decode_login(host, user, password))
            return "user:password is not there, too long or not percent-encoded well";
        host = at + 1;
    }
    const char *transport = "";
    char *query = strchr(host, '?');
    if (query != NULL) {
        transport = strcmp(query, "?transport=udp") == 0 ? "?transport=udp" : strcmp(query, "?transport=tcp") == 0 ? "?transport=tcp" : "";
        if (!kinds[kind].is_turn || transport[0] == '\0')
            return "only ?transport=udp or ?transport=tcp may follow, for turn servers";
        *query = '\0';
    }
    if (!is_host_and_port(host))
        return "the host or the port is not one";
    char urls[SERVER_BYTES + 32];
    snprintf(urls, sizeof urls, "%s%s%s", scheme, host, transport);
    *server = at == NULL ? json_pack("{s:s}", "urls", urls)
                         : json_pack("{s:s, s:s, s:s}", "urls", urls, "username", user, "credential", password);
    return *server == NULL ? "it is not UTF-8" : NULL;
}

static char *dump(const json_t *json)
{
    size_t length = json_dumpb(json, NULL, 0, 0);
    char *text = malloc(length + 1);
    CHECK_MEMORY(text);
    json_dumpb(json, text, length, 0);
    text[length] = '\0';
    return text;
}

/* One entry of the list. Returns what is wrong with it, or NULL. */
static const char *parse_entry(const char *entry, size_t length, json_t **server)
{
    char text[SERVER_BYTES];
    while (length > 0 && (*entry == ' ' || *entry == '\t')) {
        entry++;
        length--;
    }
    while (length > 0 && (entry[length - 1] == ' ' || entry[length - 1] == '\t'))
        length--;
    if (length == 0)
        return "it is empty";
    if (length >= sizeof text)
        return "it is too long";
    memcpy(text, entry, length);
    text[length] = '\0';
    return parse_server(text, server);
}

char *ice_servers_to_json(const char *list, char error[ICE_SERVERS_ERROR_BYTES])
{
    json_t *servers = json_array();
    CHECK_MEMORY(servers);
    char *text = NULL;
    unsigned number = 1;
    for (const char *entry = *list != '\0' ? list : NULL; entry != NULL; number++) {
        size_t length = strcspn(entry, ",");
        json_t *server;
        const char *why = parse_entry(entry, length, &server);
        if (why != NULL) {
            snprintf(error, ICE_SERVERS_ERROR_BYTES, "--ice-servers: server %u of the list: %s", number, why);
            goto done;
        }
        json_array_append_new(servers, server);
        entry = entry[length] == ',' ? entry + length + 1 : NULL;
    }
    json_t *config = json_pack("{s:O}", "ice_servers", servers);
    CHECK_MEMORY(config);
    text = dump(config);
    json_decref(config);
done:
    json_decref(servers);
    return text;
}

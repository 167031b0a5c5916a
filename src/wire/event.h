/* event.h: what the server says to a client, as the bytes of one WebSocket text message.
 *
 * Every function returns a payload that holds the whole JSON object; the caller owns it.
 *
 * Threads: any; a struct event_time belongs to one.
 */
#ifndef CHATTERBOX_WIRE_EVENT_H
#define CHATTERBOX_WIRE_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/message.h"
#include "runtime/payload.h"
#include "wire/request.h"

/* The current time as text: UTC, ISO 8601, milliseconds. Kept, since most events share their second with the last. */
struct event_time {
    uint64_t second;
    char text[sizeof "2025-10-01T12:00:00.000Z"];
};

/* wall_ms: milliseconds since the epoch. */
void event_time_set(struct event_time *time, uint64_t wall_ms);

/* A user or match id as it is shown: lower-case hexadecimal digits and a NUL. */
enum { USER_ID_TEXT = 2 * USER_ID_BYTES + 1, MATCH_ID_TEXT = 17 };
void user_id_print(char text[USER_ID_TEXT], const uint8_t id[USER_ID_BYTES]);
void match_id_print(char text[MATCH_ID_TEXT], uint64_t match);

struct payload *event_connection_established(const struct event_time *time, const uint8_t user_id[USER_ID_BYTES]);

/* What a client that can come back is told besides. token: what token_print() makes of one; NULL: it cannot. for_ms: so long it is waited for. is_refused: it
 * wanted to come back, and this is a new session. */
struct payload *event_connection_established_anew(const struct event_time *time, const uint8_t user_id[USER_ID_BYTES], const char *token,
                                                  uint32_t for_ms, bool is_refused);

/* state: as the protocol calls it. match: 0 where there is none. n: of the last text that was taken. */
struct payload *event_resumed(const struct event_time *time, const char *state, uint64_t match, uint32_t n, const char *token);

/* Texts up to n are where they should be. */
struct payload *event_ack(const struct event_time *time, uint32_t n);

struct payload *event_success(const struct event_time *time, const char *description);
struct payload *event_no_match(const struct event_time *time);

/* topics: a flat run as in interests.h. */
struct payload *event_success_matched(const struct event_time *time, enum match_role role, uint64_t match,
                                      const uint8_t *topics, size_t topics_length);

/* message: a JSON string. */
struct payload *event_chat_message(const struct event_time *time, const json_t *message);

/* The same with a message as it stands in a request. */
struct payload *event_chat_text(const struct event_time *time, const struct chat_text *message);

/* data: any JSON object. Returns NULL if the event would be longer than bytes_max, without having written it to its end: jansson may make five
 * bytes of one (0.1 becomes 0.10000000000000001), and takes its time. */
struct payload *event_webrtc_signal(const struct event_time *time, const json_t *data, size_t bytes_max);

struct payload *event_typing(const struct event_time *time, bool is_active);
struct payload *event_partner_left_chat(const struct event_time *time, uint64_t match);

/* The same of one who never came; the search goes on. */
struct payload *event_partner_no_show(const struct event_time *time, uint64_t match);

struct payload *event_partner_away(const struct event_time *time, uint64_t match);
struct payload *event_partner_back(const struct event_time *time, uint64_t match);

/* Give any of these events the member "seq". The payload may move; its place in a list does not change. */
void event_number(struct payload **event, uint32_t seq);

/* request: the offending type as the client wrote it, or NULL where it is not known. */
struct payload *event_error(const struct event_time *time, enum error_code code, const char *request);

#endif

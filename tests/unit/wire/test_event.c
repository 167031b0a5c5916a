/* Events: valid JSON of the agreed shape, whatever people write. */
#include "unit/unit.h"

#include <jansson.h>

#include "wire/event.h"

static struct event_time now;

static json_t *parse(struct payload *event)
{
    json_t *root = json_loadb((const char *)event->bytes, event->length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_true(json_is_string(json_object_get(root, "description")));
    assert_string_equal(json_string_value(json_object_get(root, "timestamp")), "2025-10-01T12:00:00.007Z");
    payload_free(&event);
    return root;
}

static const char *text_at(const json_t *root, const char *member)
{
    return json_string_value(json_object_get(json_object_get(root, "data"), member));
}

static void time_is_utc_with_milliseconds(void **state)
{
    (void)state;
    struct event_time time = { 0 };
    event_time_set(&time, 0);
    assert_string_equal(time.text, "1970-01-01T00:00:00.000Z");
    event_time_set(&time, 999);
    assert_string_equal(time.text, "1970-01-01T00:00:00.999Z");
    event_time_set(&time, 1759320000120);
    assert_string_equal(time.text, "2025-10-01T12:00:00.120Z");
    event_time_set(&time, 1759320000007);
    assert_string_equal(time.text, "2025-10-01T12:00:00.007Z");
    now = time;
}

static void each_event_has_the_members_of_its_type(void **state)
{
    (void)state;
    const uint8_t id[USER_ID_BYTES] = { 0x0a, 0xff };
    json_t *root = parse(event_connection_established(&now, id));
    assert_string_equal(text_at(root, "user_id"), "0aff0000000000000000000000000000");
    json_decref(root);

    root = parse(event_success(&now, "Done."));
    assert_string_equal(json_string_value(json_object_get(root, "type")), "success");
    assert_null(json_object_get(root, "data"));
    json_decref(root);

    const uint8_t topics[] = "go\0say \"hi\"\\";
    root = parse(event_success_matched(&now, MATCH_CALLEE, 0x1f, topics, sizeof topics));
    assert_string_equal(text_at(root, "role"), "callee");
    assert_string_equal(text_at(root, "match_id"), "000000000000001f");
    const json_t *common = json_object_get(json_object_get(root, "data"), "common_interests");
    assert_int_equal(json_array_size(common), 2);
    assert_string_equal(json_string_value(json_array_get(common, 1)), "say \"hi\"\\");
    json_decref(root);

    root = parse(event_partner_left_chat(&now, 0x1f));
    assert_string_equal(text_at(root, "match_id"), "000000000000001f");
    json_decref(root);

    root = parse(event_error(&now, ERROR_UNKNOWN_TYPE, "da\"nce"));
    assert_string_equal(text_at(root, "code"), "unknown_type");
    assert_string_equal(text_at(root, "request"), "da\"nce");
    json_decref(root);
    root = parse(event_error(&now, ERROR_INVALID_JSON, NULL));
    assert_null(json_object_get(json_object_get(root, "data"), "request"));
    json_decref(root);
}

static void what_people_write_survives(void **state)
{
    (void)state;
    char all[1200];
    size_t length = 0;
    for (int round = 0; round < 9; round++) {
        for (int c = 1; c < 128; c++)
            all[length++] = (char)c;
    }
    all[length] = '\0';
    json_t *message = json_string(all);
    json_t *root = parse(event_chat_message(&now, message));
    assert_string_equal(text_at(root, "message"), all);
    json_decref(root);
    json_decref(message);

    json_t *data = json_pack("{s:[f,i,n,b], s:{s:s}}", "list", 0.1, 7, 1, "deep", "k", all);
    struct payload *signal = event_webrtc_signal(&now, data, 100000);
    length = signal->length;
    root = parse(signal);
    assert_true(json_equal(json_object_get(root, "data"), data));
    signal = event_webrtc_signal(&now, data, length);
    assert_int_equal(signal->length, length);
    payload_free(&signal);
    assert_null(event_webrtc_signal(&now, data, length - 1));
    json_decref(root);
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_utc_with_milliseconds),
        cmocka_unit_test(each_event_has_the_members_of_its_type),
        cmocka_unit_test(what_people_write_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

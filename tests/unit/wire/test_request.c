/* Which bytes are which request, and which are none. */
#include "unit/unit.h"

#include "wire/request.h"

static enum error_code error_of(const char *json)
{
    struct request request;
    enum error_code error = request_parse(&request, json, strlen(json));
    request_fini(&request);
    return error;
}

static void every_request_is_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum request_type type;
    } examples[] = {
        { "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\"]}}", REQUEST_SUBMIT_INTERESTS },
        { "{\"type\":\"start_matching\"}", REQUEST_START_MATCHING },
        { "{\"type\":\"start_matching\",\"data\":{\"more\":[1]},\"description\":5,\"timestamp\":{}}",
          REQUEST_START_MATCHING },
        { "{\"type\":\"end_matching\",\"data\":null}", REQUEST_END_MATCHING },
        { "{\"type\":\"chat_message\",\"data\":{\"message\":\"hi\"}}", REQUEST_CHAT_MESSAGE },
        { "{\"type\":\"webrtc_signal\",\"data\":{}}", REQUEST_WEBRTC_SIGNAL },
        { "{\"type\":\"end_chat\"}", REQUEST_END_CHAT },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct request request;
        assert_int_equal(request_parse(&request, examples[i].json, strlen(examples[i].json)), ERROR_NONE);
        assert_int_equal(request.type, examples[i].type);
        request_fini(&request);
    }
}

static void what_is_not_json_is_invalid_json(void **state)
{
    (void)state;
    assert_int_equal(error_of(""), ERROR_INVALID_JSON);
    assert_int_equal(error_of("hello"), ERROR_INVALID_JSON);
    assert_int_equal(error_of("{\"type\":\"end_chat\""), ERROR_INVALID_JSON);
    assert_int_equal(error_of("{\"type\":\"end_chat\"} {}"), ERROR_INVALID_JSON);
    assert_int_equal(error_of("{\"type\":\"end_chat\",\"type\":\"end_chat\"}"), ERROR_INVALID_JSON);
    assert_int_equal(error_of("{\"type\":\"chat_message\",\"data\":{\"message\":\"\\u0000\"}}"), ERROR_INVALID_JSON);
    assert_int_equal(error_of("{\"type\":\"chat_message\",\"data\":{\"message\":\"\\ud800\"}}"), ERROR_INVALID_JSON);
}

static void what_is_not_an_envelope_is_invalid_request(void **state)
{
    (void)state;
    assert_int_equal(error_of("5"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("null"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("[]"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":7}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"end_chat\",\"data\":[]}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"chat_message\"}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"chat_message\",\"data\":{}}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"chat_message\",\"data\":{\"message\":5}}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"webrtc_signal\"}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"webrtc_signal\",\"data\":\"sdp\"}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"submit_interests\"}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"submit_interests\",\"data\":{\"interests\":\"go\"}}"), ERROR_INVALID_REQUEST);
    assert_int_equal(error_of("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\"go\",5]}}"),
                     ERROR_INVALID_REQUEST);
}

static void an_unknown_type_is_named(void **state)
{
    (void)state;
    const char *json = "{\"type\":\"dance\"}";
    struct request request;
    assert_int_equal(request_parse(&request, json, strlen(json)), ERROR_UNKNOWN_TYPE);
    assert_string_equal(request.type_name, "dance");
    request_fini(&request);
}

static void interests_are_one_to_ten(void **state)
{
    (void)state;
    assert_int_equal(error_of("{\"type\":\"submit_interests\",\"data\":{\"interests\":[]}}"), ERROR_INVALID_INTERESTS);
    assert_int_equal(error_of("{\"type\":\"submit_interests\",\"data\":{\"interests\":[\" \",\"\"]}}"),
                     ERROR_INVALID_INTERESTS);
    assert_int_equal(error_of("{\"type\":\"submit_interests\",\"data\":{\"interests\":"
                              "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}}"),
                     ERROR_INVALID_INTERESTS);
    const char *json = "{\"type\":\"submit_interests\",\"data\":{\"interests\":[\" Go\",\"go\",\"Chess\"]}}";
    struct request request;
    assert_int_equal(request_parse(&request, json, strlen(json)), ERROR_NONE);
    assert_int_equal(request.interests.count, 2);
    assert_memory_equal(request.interests.bytes, "go\0chess", 9);
    request_fini(&request);
}

static void a_message_is_measured_in_code_points(void **state)
{
    (void)state;
    const char *json = "{\"type\":\"chat_message\",\"data\":{\"message\":\"a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\\ud83d\\ude00\"}}";
    struct request request;
    assert_int_equal(request_parse(&request, json, strlen(json)), ERROR_NONE);
    assert_int_equal(request.codepoints, 5);
    request_fini(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_recognised),
        cmocka_unit_test(what_is_not_json_is_invalid_json),
        cmocka_unit_test(what_is_not_an_envelope_is_invalid_request),
        cmocka_unit_test(an_unknown_type_is_named),
        cmocka_unit_test(interests_are_one_to_ten),
        cmocka_unit_test(a_message_is_measured_in_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

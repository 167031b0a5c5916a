"""RFC 6455, section 4.2: the opening handshake on the server's side."""
import base64
import os

import pytest

from wire import ECHO, HEADERS, KEY, PATH, TEXT, Wire, accept_of, frame, running

OTHERS = [(name, value) for name, value in HEADERS.items()]


def without(*names):
    return [(name, value) for name, value in OTHERS if name not in names]


def ask(server, **request):
    with Wire(server) as wire:
        return wire.request(**request)


# 4.2.1: what the server must find in the request

@pytest.mark.parametrize("changes", [
    {}, {"Upgrade": "WebSocket"}, {"Upgrade": "WEBSOCKET"}, {"Upgrade": "h2c, websocket"}, {"Connection": "upgrade"},
    {"Connection": "keep-alive, Upgrade"}, {"Connection": "Upgrade , close"}, {"Host": "127.0.0.1:8000"}, {"Host": "[::1]"},
    {"Sec_WebSocket_Protocol": "chat, superchat"}, {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
    {"Origin": "http://example.com"}, {"Cookie": "a=b; c=d"}, {"X_Unknown": "whatever"}, {"Content_Length": "0"},
], ids=str)
def test_4_2_1_valid(server, changes):
    status, fields = ask(server, **changes)
    assert status == 101 and fields["sec-websocket-accept"] == [accept_of(KEY)]


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_4_2_1_names_of_fields_have_no_case(server, case):
    assert ask(server, headers=[(case(name), value) for name, value in OTHERS])[0] == 101


def test_4_2_1_order_of_fields_does_not_matter(server):
    assert ask(server, headers=reversed(OTHERS))[0] == 101


def test_4_2_1_connection_in_two_lines(server):
    assert ask(server, headers=without("Connection") + [("Connection", "keep-alive"), ("Connection", "Upgrade")])[0] == 101


@pytest.mark.parametrize("target", [PATH, PATH[:-1], PATH + "?id=" + "0" * 64, PATH + "?room=1&x"])
def test_4_2_1_resource(server, target):
    assert ask(server, path=target)[0] == 101


@pytest.mark.parametrize("status, method, version", [
    (405, "POST", "HTTP/1.1"), (405, "PUT", "HTTP/1.1"), (405, "HEAD", "HTTP/1.1"), (405, "OPTIONS", "HTTP/1.1"),
    (400, "get", "HTTP/1.1"), (400, "GET", "HTTP/1.0"), (400, "GET", "HTTP/0.9"), (400, "GET", "HTTP/1"), (400, "GET", "ICY/1.1")])
def test_4_2_1_1_get_and_http_1_1(server, status, method, version):
    got, fields = ask(server, method=method, version=version)
    assert got == status
    assert status != 405 or fields["allow"] == ["GET"]


@pytest.mark.parametrize("headers", [
    without("Host"), without("Host") + [("Host", "")], OTHERS + [("Host", "other.example.com")], [("Host", "")] + OTHERS,
], ids=["none", "empty", "two", "two, one of them empty"])
def test_4_2_1_2_host(server, headers):
    assert ask(server, headers=headers)[0] == 400


@pytest.mark.parametrize("value", [None, "", "h2c", "websockets", "web socket", "xwebsocket"])
def test_4_2_1_3_upgrade(server, value):
    status, fields = ask(server, Upgrade=value)
    assert status == 426 and fields["upgrade"] == ["websocket"]


@pytest.mark.parametrize("value", [None, "", "close", "keep-alive", "Upgrades", "not-upgrade"])
def test_4_2_1_4_connection(server, value):
    assert ask(server, Connection=value)[0] == 400


KEYS_THAT_ARE_NONE = [
    None, "", "short", KEY[:-1], KEY[:-2], KEY + "=", "=" * 24, "!" * 22 + "==", KEY[:-2] + "A=", KEY[:-2] + "AA",
    base64.b64encode(bytes(15)).decode(), base64.b64encode(bytes(17)).decode(), base64.b64encode(bytes(32)).decode(),
    KEY[:10] + " " + KEY[11:], KEY[:10] + "-" + KEY[11:]]


@pytest.mark.parametrize("key", KEYS_THAT_ARE_NONE)
def test_4_2_1_5_key(server, key):
    assert ask(server, Sec_WebSocket_Key=key)[0] == 400


def test_4_2_1_5_two_keys(server):
    assert ask(server, headers=OTHERS + [("Sec-WebSocket-Key", KEY)])[0] == 400


@pytest.mark.parametrize("version", ["0", "8", "12", "14", "25", "255", "013", "13.0", "13, 8", "thirteen"])
def test_4_2_1_6_and_4_4_another_version(server, version):
    """4.2.2, item 4: the versions that are understood must be named."""
    status, fields = ask(server, Sec_WebSocket_Version=version)
    assert status == 426 and fields["sec-websocket-version"] == ["13"]


def test_4_2_1_6_no_version(server):
    assert ask(server, Sec_WebSocket_Version=None)[0] in (400, 426)


def test_4_2_1_6_two_versions(server):
    assert ask(server, headers=OTHERS + [("Sec-WebSocket-Version", "13")])[0] == 400


@pytest.mark.parametrize("origin", ["nonsense", "http://", "http://a/b", "http://a b"])
def test_4_2_2_4_origin_is_refused(server, origin):
    assert ask(server, Origin=origin)[0] == 403


@pytest.mark.parametrize("status, allowed, origin", [(403, "", "http://example.com"), (101, "", f"http://{HEADERS['Host']}"),
                                                     (101, "http://example.com", "http://example.com"), (101, "*", "http://example.com")])
def test_4_2_2_4_origin_that_is_not_expected(status, allowed, origin):
    with running("--allowed-origins", allowed, binary=ECHO) as server:
        assert ask(server, Origin=origin)[0] == status


@pytest.mark.parametrize("target", ["/", "/other", "/ws", "/ws/textchat/x", "/WS/TEXTCHAT/", "//ws/textchat/"])
def test_4_2_2_resource_that_is_not_there(server, target):
    assert ask(server, path=target)[0] in (200, 404)


# 4.2.2: what the server must answer

def test_4_2_2_5_answer(server):
    for _ in range(20):
        key = base64.b64encode(os.urandom(16)).decode()
        status, fields = ask(server, Sec_WebSocket_Key=key)
        assert status == 101
        assert fields["upgrade"][0].lower() == "websocket" and len(fields["upgrade"]) == 1
        assert fields["connection"][0].lower() == "upgrade" and len(fields["connection"]) == 1
        assert fields["sec-websocket-accept"] == [accept_of(key)]


def test_1_3_example(server):
    assert ask(server)[1]["sec-websocket-accept"] == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]


def test_4_2_2_5_and_9_1_nothing_is_agreed_to_that_was_not_offered_or_is_not_there(server):
    for offers in ({}, {"Sec_WebSocket_Protocol": "chat", "Sec_WebSocket_Extensions": "permessage-deflate, x-other; a=1"}):
        fields = ask(server, **offers)[1]
        assert "sec-websocket-protocol" not in fields and "sec-websocket-extensions" not in fields


def test_4_1_frames_may_come_in_one_segment_with_the_request(server):
    lines = [f"GET {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in OTHERS), "", ""]
    with Wire(server) as wire:
        wire.send("\r\n".join(lines).encode(), frame(TEXT, "first"), frame(TEXT, "second")[:5])
        assert wire.head()[0] == 101
        wire.expect(TEXT, "first")
        wire.send(frame(TEXT, "second")[5:])
        wire.expect(TEXT, "second")


@pytest.mark.parametrize("step", [1, 7])
def test_4_1_a_request_in_pieces(server, step):
    lines = [f"GET {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in OTHERS), "", ""]
    with Wire(server) as wire:
        wire.drip("\r\n".join(lines).encode(), step)
        assert wire.head()[0] == 101
        wire.echoes("hello")

"""Who is refused is told why, and the operator what would help; what proxies, balancers and environments write is understood."""
import asyncio
import re
import socket

import pytest
import websockets

from harness import TIMEOUT, Client, close_all, in_thread, pair, running, wait_for

GOOD = {"Host": "chat.example", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def ask(server, line="GET /ws/textchat/ HTTP/1.1", **changes):
    """The answer to a handshake in which these headers are others (None: not there)."""
    headers = {**GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as connection:
        connection.sendall(f"{line}\r\n{text}\r\n".encode())
        answer = b""
        while not answer.startswith(b"HTTP/1.1 101") and (got := connection.recv(4096)):
            answer += got
    return answer.decode("latin-1")


def told(server, reason):
    return [line for line in server.log_lines("handshake_refused") if f" reason={reason} " in line]


@pytest.fixture(scope="module")
def server():
    with running("--allowed-origins", "chrome-extension://abcdefghijklmnop,https://*.friend.example") as started:
        yield started.wait_ready()


@pytest.mark.parametrize("changes, status, says, reason, helps", [
    ({"Origin": "https://chat.example:8443"}, 403, "Origin", "origin", "--allowed-origins"),
    ({"Connection": "close"}, 400, "Connection", "connection", "proxy_set_header Connection"),
    ({"Upgrade": None, "Connection": "close"}, 426, "Upgrade: websocket", "no_upgrade", "proxy_set_header Upgrade"),
    ({"line": "GET /ws/textchat/ HTTP/1.0"}, 400, "HTTP/1.1", "old_http", "proxy_http_version"),
    ({"Sec_WebSocket_Key": "SGVsbG8sIHdvcmxkIQ=="}, 400, "16 bytes", "key", "Sec-WebSocket-Key"),  # the 13 bytes that everybody copies
    ({"line": "\x16\x03\x01"}, 400, "no HTTP", "malformed", "another protocol"),
    ({"Host": None}, 400, "Host", None, None),
    ({"Sec_WebSocket_Version": "8"}, 426, "13", None, None),
    ({"line": "POST /ws/textchat/ HTTP/1.1"}, 405, "GET", None, None),
    ({"line": "OPTIONS /ws/textchat/ HTTP/1.1"}, 405, "GET", None, None),
    ({"line": "OPTIONS /nothing HTTP/1.1"}, 404, "nothing", None, None),
    ({"line": "GET /nothing HTTP/1.1"}, 404, "nothing", None, None),
])
def test_a_refusal_says_why_and_the_log_what_helps(server, changes, status, says, reason, helps):
    for _ in range(2):
        answer = ask(server, **changes)
        assert answer.startswith(f"HTTP/1.1 {status} "), answer
        assert says in answer.partition("\r\n\r\n")[2], answer
    if reason is None:
        assert not server.log_lines("nothing")
    else:
        wait_for(lambda: told(server, reason), "a line of the log")
        assert len(told(server, reason)) <= 2 and helps in told(server, reason)[0]  # once for each network thread


def test_a_refused_origin_is_named_with_its_host(server):
    ask(server, Origin='https://wrong.example/"x', Host="chat.example")
    wait_for(lambda: told(server, "origin"), "a line of the log")
    line = told(server, "origin")[-1]
    assert re.search(r' origin="[^"]+" host="chat.example" ', line), line


def test_a_full_server_says_so_in_its_log():
    async def run():
        with running("--max-connections", 2, "--io-threads", 1) as server:
            server.wait_ready()
            clients = [await Client.connect(server) for _ in range(2)]
            for _ in range(3):
                with pytest.raises(websockets.InvalidStatusCode) as answer:
                    await Client.connect(server)
                assert answer.value.status_code == 503
            await in_thread(wait_for, lambda: told(server, "full"), "a line of the log")
            assert len(told(server, "full")) == 1 and "--max-connections" in told(server, "full")[0] and "level=warn" in told(server, "full")[0]
            assert server.metric("server_full_total") == 3
            await close_all(*clients)
    asyncio.run(run())


def proxied(server, forwarded):
    return Client.connect(server, extra_headers=[("X-Forwarded-For", forwarded)])


def test_a_private_address_that_many_share_gets_a_hint():
    async def run():
        with running("--trusted-proxies", "127.0.0.0/8", "--address-connections", 2, "--address-handshakes", 0, "--io-threads", 1) as server:
            server.wait_ready()
            clients = [await proxied(server, "172.17.0.1") for _ in range(2)]
            with pytest.raises(websockets.InvalidStatusCode):
                await proxied(server, "172.17.0.1")
            await in_thread(wait_for, lambda: told(server, "address"), "a line of the log")
            assert " address=private " in told(server, "address")[0] and "--trusted-proxies" in told(server, "address")[0]
            assert "172.17" not in "\n".join(server.log)
            await close_all(*clients)
    asyncio.run(run())


def test_x_forwarded_for_of_any_form():
    async def run():
        with running("--trusted-proxies", "127.0.0.0/8", "--address-connections", 1, "--address-handshakes", 0) as server:
            server.wait_ready()
            for first, same in (("203.0.113.1:4711", "203.0.113.1"), ('"[2001:db8::1]:4711"', "2001:db8::1"), ("[2001:db8:0:1::1]", "[2001:db8:0:1::2]:80"),
                                ("203.0.113.9, unix:", "203.0.113.9")):
                client = await proxied(server, first)
                with pytest.raises(websockets.InvalidStatusCode) as answer:
                    await proxied(server, same)
                assert answer.value.status_code == 429
                await client.close()
            # Whom a proxy does not name is nobody: neither refused, nor held to what others do.
            clients = [await proxied(server, forwarded) for forwarded in ("unknown", "_hidden", "203.0.113.1, unknown", "client.example", '"_x"', "-")]
            await in_thread(wait_for, lambda: server.log_lines("client_unnamed"), "a line of the log")
            await close_all(*clients)
    asyncio.run(run())


@pytest.mark.parametrize("line", ["OPTIONS / HTTP/1.0", "OPTIONS * HTTP/1.1", "OPTIONS /readyz HTTP/1.1"])
def test_options_are_answered(server, line):
    answer = ask(server, line, Upgrade=None, Connection=None)
    assert answer.startswith("HTTP/1.1 204 ") and "\r\nAllow: GET, HEAD, OPTIONS\r\n" in answer and answer.endswith("\r\n\r\n")


@pytest.mark.parametrize("origin, is_allowed", [
    ("chrome-extension://abcdefghijklmnop", True), ("https://a.friend.example", True), ("chrome-extension://qqqq", False),
    ("https://friend.example", False), ("https://b.a.friend.example", False)])
def test_origins_of_any_scheme_and_with_a_wildcard(server, origin, is_allowed):
    assert ask(server, Origin=origin).startswith("HTTP/1.1 101 " if is_allowed else "HTTP/1.1 403 ")


def test_what_others_write_into_the_environment_changes_nothing():
    kubernetes = {"CHATTERBOX_PORT": "tcp://10.0.0.1:8000", "CHATTERBOX_PORT_8000_TCP_ADDR": "10.0.0.1", "CHATTERBOX_SERVICE_HOST": "10.0.0.1",
                  "CHATTERBOX_SERVICE_PORT": "8000", "CHATTERBOX_REDIS_SERVICE_PORT": "6379", "CHATTERBOX_IO_THREADS": "many"}
    mistyped = {"CHATTERBOX_ALLOWED_ORIGIN": "https://secret.example", "CHATTERBOX_RATECHAT": "5"}
    with running("--io-threads", 1, env={**kubernetes, **mistyped}) as server:
        server.wait_ready()
        lines = [line for line in server.log_lines("environment_unknown") if " level=warn " in line]
        assert len(lines) == 2 and "secret" not in "\n".join(server.log)
        assert any(line.endswith(" name=CHATTERBOX_ALLOWED_ORIGIN nearest=CHATTERBOX_ALLOWED_ORIGINS") for line in lines)
        assert any(line.endswith(" name=CHATTERBOX_RATECHAT nearest=CHATTERBOX_RATE_CHAT") for line in lines)


def test_interests_as_people_spell_them_meet(server):
    async def run():
        for one, other, common in (("rock  music", "#Rock\u00a0Music", "rock music"), ("ＡＢＣ", "abc", "abc"), ("\u2764\ufe0f", "\u2764", "\u2764"),
                                   ("music\u200b", "# music", "music"), ("Straße", "STRASSE", "strasse")):
            a, b = await (await Client.connect(server)).like(one), await (await Client.connect(server)).like(other)
            await a.search()
            await b.send("start_matching")
            await a.expect("success_matched", common_interests=[common])
            await b.expect("success_matched", common_interests=[common])
            await close_all(a, b)
        lonely = await Client.connect(server)
        for nothing in ("#", "\u200b", "\u2800", " \u3164 "):
            await lonely.send("submit_interests", interests=[nothing])
            await lonely.expect_error("invalid_interests", "submit_interests")
        await lonely.close()
    asyncio.run(run())


def test_a_message_in_which_there_is_nothing_to_be_seen_is_empty(server):
    async def run():
        a, b = await pair(server)
        for nothing in ("", " ", "\n\t", "\u200b\u2060", "\u3164", "\u2800\u00a0", "\U000e0002", "\ufff9", "\u00ad"):
            await a.send("chat_message", message=nothing) # json.dumps() escapes it all
            await a.expect_error("message_empty", "chat_message")
            await a.socket.send('{"type":"chat_message","data":{"message":"%s"}}' % nothing.replace("\n", "\\n").replace("\t", "\\t"))
            await a.expect_error("message_empty", "chat_message")
        for something in (".", "\u200b.", "\U0001f600", "\u0301"):
            await a.send("chat_message", message=something)
            await b.expect("chat_message", message=something)
        await close_all(a, b)
    asyncio.run(run())


def test_two_windows_of_one_device_meet_only_if_nobody_else_is_there(server):
    async def run():
        async def waits(device, *interests):
            return await (await (await Client.connect(server, f"?id={device * 32}")).like(*interests)).search()

        async def finds(device, *interests):
            client = await (await Client.connect(server, f"?id={device * 32}")).like(*interests)
            await client.send("start_matching")
            await client.expect("success_matched")
            return client
        window = await waits("ab", "windows")
        stranger = await waits("cd", "doors")
        second = await finds("ab", "windows", "doors") # its other window has waited longer
        await stranger.expect("success_matched")
        await window.silence()
        third = await finds("ab", "windows") # who tries it alone
        await window.expect("success_matched")
        await close_all(window, stranger, second, third)
    asyncio.run(run())

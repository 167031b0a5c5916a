"""What /metrics says of what happened: labels, and what they add up to."""
import asyncio
import http.client
import re
import signal

import pytest
import websockets

from harness import SLOWNESS, Client, close_all, in_thread, pair, redis_server, running, wait_for


@pytest.fixture(scope="module")
def server():
    with running("--rate-chat", "0") as started:
        yield started.wait_ready()


def labelled(server, name):
    """Of a family: labels to numbers."""
    return {labels: float(value) for labels, value in re.findall(rf"^chatterbox_{name}{{(.*)}} (\S+)$", server.get("/metrics"), re.M)}


def test_every_family_is_told_once_and_every_number_is_of_one(server):
    told, kinds = set(), {}
    for line in server.get("/metrics").splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in kinds
            kinds[family] = kind
        elif not line.startswith("#"):
            number = line.rsplit(" ", 1)[0]
            names = [family + suffix for suffix in ("_bucket", "_sum", "_count")] if kind == "histogram" else [family]
            assert number not in told and number.split("{")[0] in names
            told.add(number)
    assert len(kinds) > 40 and len(told) > len(kinds)


def test_refused_handshakes_have_a_reason_and_other_requests_are_counted_apart(server):
    before, errors = labelled(server, "handshakes_refused_total"), server.metric("http_errors_total")

    def ask(path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status

    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert ask("/ws/textchat/") == 426
    assert ask("/ws/textchat/", **upgrade, Origin="https://elsewhere.example") == 403
    assert [ask(path) for path in ("/.env", "/wp-login.php", "/cgi-bin/")] == [404] * 3
    after = labelled(server, "handshakes_refused_total")
    assert {labels: after[labels] - before[labels] for labels in after if after[labels] != before[labels]} == {
        'status="426",reason="no_upgrade"': 1, 'status="403",reason="origin"': 1}
    assert not any("not_found" in labels or "malformed" in labels for labels in after)
    assert server.metric("http_errors_total") == errors + 3


def test_each_websocket_that_ends_is_counted_once_by_its_code(server):
    def frame(opcode, body=b""):
        return bytes([0x80 | opcode, 0x80 | len(body)]) + b"\0\0\0\0" + body

    async def ends(code, path="", saying=None, closing=None):
        before = labelled(server, "closes_total")
        client = await Client.connect(server, path) if not path else Client(await websockets.connect(server.url + path, compression=None))
        if saying:
            client.socket.transport.write(saying)
        elif closing:
            await client.socket.close(closing)
        elif not path:
            client.socket.transport.abort()
        await in_thread(wait_for, lambda: sum(labelled(server, "closes_total").values()) > sum(before.values()), f"a close with {code}")
        await client.socket.wait_closed()
        after = labelled(server, "closes_total")
        assert {label: after[label] - before[label] for label in after if after[label] != before[label]} == {f'code="{code}"': 1}

    async def scenario():
        for code in 1000, 1001, 1003:
            await ends(code, closing=code)
        await ends("other", closing=3999)
        await ends(1005, saying=frame(8))
        await ends(1002, saying=frame(3))
        await ends(1007, saying=frame(1, b"\xff"))
        await ends(1008, saying=b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 80)
        await ends(1006)
        await ends(4001, path="?id=nonsense")
        await in_thread(wait_for, lambda: server.metric("websockets") == 0, "all to be gone")
        assert sum(labelled(server, "closes_total").values()) == server.metric("handshakes_total")

    asyncio.run(scenario())


def test_reports_by_their_reasons_and_errors_by_their_codes(server):
    async def scenario():
        before, errors = labelled(server, "reports_total"), labelled(server, "request_errors_total")
        for reason in "spam", "underage", "spam":
            a, b = await pair(server, reason)
            await a.ask("report", reason=reason)
            await a.send("report", reason="boredom")
            await a.expect_error("invalid_request", "report")
            await close_all(a, b)
        after, errors_after = labelled(server, "reports_total"), labelled(server, "request_errors_total")
        assert {label: after[label] - before[label] for label in after} == {
            'reason="abuse"': 0, 'reason="spam"': 2, 'reason="underage"': 1, 'reason="other"': 0}
        assert {label: errors_after[label] - errors[label] for label in errors if errors_after[label] != errors[label]} == {'code="invalid_request"': 3}
        assert len(errors) == 12 and len(labelled(server, "closes_total")) == 14

    asyncio.run(scenario())


def of_histogram(server, name, labels=""):
    """How many there are, and their sum in seconds."""
    text = server.get("/metrics")
    in_braces = f"{{{labels}}}" if labels else ""
    count, total = (float(re.search(rf"^chatterbox_{name}_{what}{re.escape(in_braces)} (\S+)$", text, re.M)[1]) for what in ("count", "sum"))
    buckets = [int(value) for value in re.findall(rf'^chatterbox_{name}_bucket{{{re.escape(labels)}{"," if labels else ""}le="[^"]+"}} (\d+)$', text, re.M)]
    assert len(buckets) == 13 and buckets == sorted(buckets) and buckets[-1] == count
    return count, total


def test_how_long_people_search_and_chat(server):
    shared, anyone = 'kind="interest"', 'kind="anyone"'

    async def scenario():
        before = {kind: of_histogram(server, "match_wait_seconds", kind) for kind in (shared, anyone)}
        chats = of_histogram(server, "chat_duration_seconds")
        a = await (await Client.connect(server)).like("patience")
        await a.search()
        await asyncio.sleep(1)
        b = await (await Client.connect(server)).like("patience")
        await b.send("start_matching")
        for client in a, b:
            await client.expect("success_matched")
        count, total = of_histogram(server, "match_wait_seconds", shared)
        assert count == before[shared][0] + 2 and 0.9 <= total - before[shared][1] < 1 + 2 * SLOWNESS
        assert of_histogram(server, "match_wait_seconds", anyone) == before[anyone]
        await asyncio.sleep(1)
        assert of_histogram(server, "chat_duration_seconds") == chats
        await a.ask("end_chat")
        await b.expect("partner_left_chat")
        count, total = of_histogram(server, "chat_duration_seconds")
        assert count == chats[0] + 2 and 1.8 <= total - chats[1] < 2 + 4 * SLOWNESS  # each of the two
        await b.like("something else")
        await a.send("start_matching", fallback_after_ms=0)
        await a.expect("no_match")
        await b.send("start_matching", fallback_after_ms=0)
        for client in a, b:
            await client.expect("success_matched")
        count, total = of_histogram(server, "match_wait_seconds", anyone)
        assert count == before[anyone][0] + 2 and total - before[anyone][1] < 2 * SLOWNESS  # from this search on, not from the first
        await close_all(a, b)

    asyncio.run(scenario())


def test_how_long_redis_takes_by_script():
    with redis_server() as (path, process), running("--redis", f"unix:{path}", "--redis-timeout", "10s") as server:
        server.wait_ready()

        async def scenario():
            client = await Client.connect(server)
            count, total = of_histogram(server, "redis_call_seconds", 'script="submit_interests"')
            assert count == 0 and of_histogram(server, "redis_call_seconds", 'script="fence"')[0] == 1
            process.send_signal(signal.SIGSTOP)
            await client.send("submit_interests", interests=["slow"])
            await asyncio.sleep(0.5)
            process.send_signal(signal.SIGCONT)
            await client.expect("success")
            await in_thread(wait_for, lambda: of_histogram(server, "redis_call_seconds", 'script="submit_interests"')[0] == 1, "the answer")
            assert 0.4 < of_histogram(server, "redis_call_seconds", 'script="submit_interests"')[1] < 0.5 + SLOWNESS
            await client.close()
            await in_thread(wait_for, lambda: of_histogram(server, "redis_call_seconds", 'script="leave"')[0] == 1, "the leaving")

        asyncio.run(scenario())


async def one_session(server):
    a, b = await pair(server, "turns")
    await close_all(a, b)


def test_how_long_turns_take():
    with running("--io-threads", "1", "--session-threads", "1") as server:
        server.wait_ready()
        before = {thread: of_histogram(server, "loop_turn_seconds", f'thread="{thread}"') for thread in ("io", "session", "matcher", "bus")}
        asyncio.run(one_session(server))
        after = {thread: of_histogram(server, "loop_turn_seconds", f'thread="{thread}"') for thread in before}
        for thread in "io", "session", "matcher":
            assert after[thread][0] > before[thread][0]
            assert after[thread][1] - before[thread][1] < 5 * SLOWNESS
        assert after["bus"] == (0, 0)  # there is none

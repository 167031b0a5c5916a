"""Who meets whom, and what reaches whom."""
import asyncio
import json
import signal
import subprocess
import sys
import time

import pytest

from harness import SLOWNESS, Client, close_all, pair, running, settled


@pytest.mark.parametrize("one, other, topic", [
    ("Coding", " CODING ", "coding"),
    ("caf\u00e9", "CAFE\u0301", "caf\u00e9"),
    ("Stra\u00dfe", "STRASSE", "strasse"),
    ("\u00a0\u3000chess\t", "Chess", "chess"),
])
def test_interests_meet_however_they_are_written(server, one, other, topic):
    async def run():
        a = await (await Client.connect(server)).like("only mine", one)
        b = await (await Client.connect(server)).like(other, "only yours")
        await a.search()
        await b.send("start_matching")
        first = await a.expect("success_matched", common_interests=[topic])
        second = await b.expect("success_matched", common_interests=[topic])
        assert first["match_id"] == second["match_id"] and isinstance(first["match_id"], str)
        assert {first["role"], second["role"]} == {"caller", "callee"}
        await close_all(a, b)
    asyncio.run(run())


def test_most_common_interests_first_then_longest_waiting(server):
    async def run():
        waiters = [await (await Client.connect(server)).like(*topics)
                   for topics in (["m1"], ["m1", "m2"], ["m1", "m2"], ["m3"])]
        for waiter in waiters[:1] + waiters[3:]:
            await waiter.search()
        # These two would meet each other, so one waits under other topics first and is moved.
        d = await (await Client.connect(server)).like("m1", "m2")
        await d.send("start_matching")
        assert (await d.expect("success_matched"))["common_interests"] == ["m1"]
        await waiters[0].expect("success_matched")
        await close_all(*waiters, d)
    asyncio.run(run())


def test_nobody_meets_himself_or_somebody_else_s_topic(server):
    async def run():
        a = await (await Client.connect(server)).like("alone")
        b = await (await Client.connect(server)).like("elsewhere")
        await a.search()
        await b.search()
        await a.send("start_matching")
        await a.expect("no_match")
        await a.silence()
        # Searching on under new interests.
        await a.ask("submit_interests", interests=["elsewhere"])
        await a.expect("success_matched", common_interests=["elsewhere"])
        await b.expect("success_matched")
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_interests_of_a_chat_are_for_the_next_search(server):
    async def run():
        a, b = await pair(server, "this chat")
        await a.like("next chat")
        await a.send("chat_message", message="still here")
        await b.expect("chat_message")
        await a.ask("end_chat")
        await b.expect("partner_left_chat")
        c = await (await Client.connect(server)).like("next chat")
        await c.search()
        await a.send("start_matching")
        await a.expect("success_matched", common_interests=["next chat"])
        await close_all(a, b, c)
    asyncio.run(run())


def test_what_is_relayed_arrives_as_it_was_written(server):
    async def run():
        a, b = await pair(server)
        texts = ["plain", "\u202eright to left", 'quotes " and \\ and /', "line\nbreak\ttab", "\U0001F468\u200D\U0001F469",
                 "<img src=x onerror=alert(1)>", "\u0001\u001f\u007f", "]}"]
        for text in texts:
            await a.send("chat_message", message=text)
            await b.expect("chat_message", message=text)
        signals = [{"sdp": {"type": "offer", "sdp": "v=0\r\n"}}, {}, {"candidate": None, "n": [1, 2.5, -3e10, True]},
                   {"deep": [[[[{"a": {"b": "c"}}]]]]}, {"large": "x" * 60000}]
        for data in signals:
            await b.socket.send(json.dumps({"type": "webrtc_signal", "data": data}))
            assert await a.expect("webrtc_signal") == data
        await close_all(a, b)
    asyncio.run(run())


def test_order_is_kept_both_ways(server):
    async def run():
        a, b = await pair(server)
        count = 500

        async def write(client):
            for i in range(count):
                await client.send("chat_message", message=str(i))

        async def read(client):
            for i in range(count):
                await client.expect("chat_message", message=str(i))
        await asyncio.gather(write(a), write(b), read(a), read(b))
        await close_all(a, b)
    asyncio.run(run())


def test_cancel_and_match_cross(server):
    """Whoever was first, both are told the same story."""
    async def run():
        for _ in range(100):
            a = await (await Client.connect(server)).like("crossing")
            b = await (await Client.connect(server)).like("crossing")
            await a.search()
            await asyncio.gather(a.send("end_matching"), b.send("start_matching"))
            event = await a.event()
            if event["type"] == "success":
                await b.expect("no_match")
                await a.silence(0.01)
            else:
                assert event["type"] == "success_matched"
                await a.expect_error("already_chatting", "end_matching")
                await b.expect("success_matched", match_id=event["data"]["match_id"])
                await a.send("chat_message", message="so be it")
                await b.expect("chat_message", message="so be it")
            await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_requests_sent_without_waiting_are_carried_out_in_order(server):
    async def run():
        a = await Client.connect(server)
        for request in ({"type": "submit_interests", "data": {"interests": ["rush"]}}, {"type": "start_matching"},
                        {"type": "end_matching"}, {"type": "start_matching"}, {"type": "end_matching"},
                        {"type": "end_chat"}):
            await a.socket.send(json.dumps(request))
        for kind in ("success", "no_match", "success", "no_match", "success"):
            await a.expect(kind)
        await a.expect_error("not_in_chat", "end_chat")
        await a.close()
    asyncio.run(run())


def test_nothing_of_a_chat_shows_up_in_the_next(server):
    """The partner leaves in the middle of a flood and meets somebody else."""
    async def run():
        for _ in range(20):
            a, b = await pair(server, "flood")
            for i in range(50):
                await a.send("chat_message", message=f"old {i}")
            await b.send("end_chat")
            c = await (await Client.connect(server)).like("flood")
            await c.search()
            await b.send("start_matching")
            expected = 0
            while (event := await b.event())["type"] == "chat_message":
                assert event["data"]["message"] == f"old {expected}"
                expected += 1
            assert event["type"] == "success"
            await b.expect("success_matched")
            await c.expect("success_matched")
            await c.send("chat_message", message="new")
            await b.expect("chat_message", message="new")
            while (event := await a.event())["type"] != "partner_left_chat":
                assert event["data"] == {"code": "not_in_chat", "request": "chat_message"}, event
            await close_all(a, b, c)
    asyncio.run(run())


def test_a_client_that_is_killed_is_missed(server):
    code = ("import sys, time, json, asyncio, websockets\n"
            "async def run():\n"
            "    w = await websockets.connect(sys.argv[1]); await w.recv()\n"
            "    await w.send(json.dumps({'type': 'submit_interests', 'data': {'interests': ['killed']}})); await w.recv()\n"
            "    await w.send(json.dumps({'type': 'start_matching'})); await w.recv(); print('in', flush=True)\n"
            "    await asyncio.sleep(60)\n"
            "asyncio.run(run())\n")

    async def run():
        a = await (await Client.connect(server)).like("killed")
        await a.search()
        victim = subprocess.Popen([sys.executable, "-c", code, server.url], stdout=subprocess.PIPE)
        try:
            match = (await a.expect("success_matched", timeout=10 * SLOWNESS))["match_id"]
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        await a.expect("partner_left_chat", match_id=match)
        await a.close()
    asyncio.run(run())


def test_sixty_at_once_are_thirty_chats_within_a_second(server):
    async def run():
        clients = await asyncio.gather(*(Client.connect(server) for _ in range(60)))
        begin = time.monotonic()

        async def meet(client):
            await client.send("submit_interests", interests=["crowd"])
            await client.send("start_matching")
            while (event := await client.event())["type"] != "success_matched":
                pass
            return event["data"]["match_id"]
        matches = await asyncio.gather(*map(meet, clients))
        assert time.monotonic() - begin < 1 * SLOWNESS
        assert len(set(matches)) == 30 and all(matches.count(match) == 2 for match in matches)
        await close_all(*clients)
    asyncio.run(run())


def test_what_is_long_counts_for_more():
    """A session thread parses a megabyte in some milliseconds: without this, thirty users could keep it busy."""
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            await a.send("webrtc_signal", x="y" * 60000)
            await b.expect("webrtc_signal")
            for _ in range(3):
                await a.send("webrtc_signal", x="y" * 60000)
                await a.expect_error("rate_limited")
            await a.send("webrtc_signal", x="y" * 4000)
            await b.expect("webrtc_signal")
            await close_all(a, b)
    asyncio.run(run())


def test_what_was_written_before_leaving_arrives_first(server):
    """Long requests wait for their turn, and neither what follows them nor the end of the connection overtakes them."""
    async def run():
        for close in (lambda client: client.close(), lambda client: asyncio.sleep(0)):
            a, b = await pair(server)
            texts = ["short", "x" * 1000, "y", "z" * 900, "w"]
            for text in texts:
                await a.send("chat_message", message=text)
            await a.send("webrtc_signal", x="y" * 50000)
            await a.send("chat_message", message="bye")
            await close(a)
            a.socket.transport.close()
            for text in texts:
                await b.expect("chat_message", message=text)
            assert await b.expect("webrtc_signal") == {"x": "y" * 50000}
            await b.expect("chat_message", message="bye")
            await b.expect("partner_left_chat")
            await b.close()
    asyncio.run(run())


def test_a_slow_reader_slows_only_its_partner():
    """Its partner's socket is not read any more; memory stays bounded; when it reads again nothing is missing."""
    async def run():
        with running("--rate-chat", 0) as server:
            server.wait_ready()
            slow, fast = await pair(server)
            text = "x" * 2000
            slow.socket.transport.pause_reading()
            sent = 0

            async def flood():
                nonlocal sent
                while sent < 20000:
                    await fast.send("chat_message", message=f"{sent} {text}"[:2000])
                    sent += 1
            task = asyncio.create_task(flood())
            previous = -1
            while sent != previous:
                previous = sent
                await asyncio.sleep(0.3)
            assert sent < 20000, "nothing held the writer back"
            c, d = await pair(server, "others")
            await c.send("chat_message", message="not bothered")
            await d.expect("chat_message", message="not bothered", timeout=1 * SLOWNESS)
            slow.socket.transport.resume_reading()
            heard = 0
            while heard < previous:
                data = await slow.expect("chat_message")
                assert data["message"].split(" ")[0] == str(heard)
                heard += 1
            task.cancel()
            assert server.metric("slow_readers_total") == 0
            await close_all(slow, fast, c, d)
    asyncio.run(run())

"""Who comes back to its session: tokens, what is kept, what is acknowledged, and what a partner sees of it."""
import asyncio
import json

import pytest
from harness import Client, close_all, in_thread, running, settled, wait_for
from returning import Returning, returning_pair


@pytest.fixture
def server():
    """One for each test, so that nobody is away when it begins."""
    with running("--rate-chat", 0, "--rate-search", 0) as server:
        yield server.wait_ready()


def test_comes_back(server):
    async def run():
        a, b = await returning_pair(server)
        assert a.for_ms == 30000 and a.resumed is None
        await a.cut()
        await b.expect("partner_away", match_id=b.match)
        for number in range(5):
            await b.write(f"while you were away {number}")
        data = await a.come_back(server)
        assert data == {"state": "chatting", "match_id": a.match, "n": 0, "token": a.token}
        await a.write("I am back")
        for number in range(5):
            await a.expect("chat_message", message=f"while you were away {number}")
        await b.expect("ack")
        while b.acked_n < 5:
            await b.expect("ack")
        await b.expect("partner_back", match_id=b.match)
        await b.expect("chat_message", message="I am back")
        await a.expect("ack", n=1)
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_a_token_serves_once(server):
    async def run():
        a, b = await returning_pair(server)
        used = a.token
        await a.cut()
        assert await a.come_back(server)
        await b.expect("partner_away")
        await b.expect("partner_back")
        stranger = await Returning.connect(server, f"resume={used}&seq=0")
        assert stranger.resumed is False and stranger.user_id != a.user_id
        await a.write("undisturbed")
        await b.expect("chat_message", message="undisturbed")
        # Heard from, the connection is known to have brought the new one: the old one is spent for good.
        await a.expect("ack")
        await a.cut()
        await b.expect("partner_away")
        assert (await Returning.connect(server, f"resume={used}&seq=0")).resumed is False
        assert await a.come_back(server)
        await close_all(a, b, stranger)
        await in_thread(wait_for, lambda: server.metric("chatting") == 0, "the chat to end")
    asyncio.run(run())


def test_a_token_is_early_until_the_end_of_the_connection_that_it_has_brought_is_known(server):
    """Word of that comes from another I/O thread, maybe later than the next connection. Here it comes late because it is late."""
    async def run():
        a, b = await returning_pair(server)
        used = a.token
        b.silent = {"partner_away", "partner_back"}
        await a.cut()
        assert await a.come_back(server, token=used)
        unheard, new = a.socket, a.token
        again = asyncio.ensure_future(a.come_back(server, token=used))
        await asyncio.sleep(0.1)
        assert not again.done()
        unheard.transport.abort()
        assert await again and a.token == new, "nobody has shown the new one yet"
        await a.write("here I am")
        await b.expect("chat_message", message="here I am")
        await a.expect("ack")
        # One that was heard while another waited has spent the token.
        await a.cut()
        used = a.token
        assert await a.come_back(server)
        stranger = asyncio.ensure_future(Returning.connect(server, f"resume={used}&seq=0"))
        await asyncio.sleep(0.1)
        assert not stranger.done()
        await a.write("undisturbed")
        await b.expect("chat_message", message="undisturbed")
        stranger = await stranger
        assert stranger.resumed is False
        await close_all(a, b, stranger)
    asyncio.run(run())


def test_a_connection_that_breaks_before_it_is_heard_loses_nothing(server):
    async def run():
        a, b = await returning_pair(server)
        await a.cut()
        token, seq = a.token, a.seq
        for _ in range(3):
            assert await a.come_back(server, token, seq)
            await a.cut()
            await in_thread(wait_for, lambda: server.metric("away") == 1, "it to be away")
        assert await a.come_back(server, token, seq)
        await a.write("still the same")
        b.silent = {"partner_away", "partner_back"}
        await b.expect("chat_message", message="still the same")
        await close_all(a, b)
    asyncio.run(run())


@pytest.mark.parametrize("query", ["resume=&seq=0", "resume=x&seq=0", f"resume={'A' * 43}&seq=0", f"resume={'-' * 43}&seq=0", f"resume={'A' * 44}&seq=0",
                                   "resume=TOKEN&seq=x", "resume=TOKEN&seq=-1", "resume=TOKEN&seq=99999999999999999999", "resume=TOKEN&seq=4294967296",
                                   "resume=CHANGED&seq=0"])
def test_what_is_no_token_opens_a_new_session(server, query):
    async def run():
        a = await (await Returning.connect(server)).like("tokens")
        await a.cut()
        changed = a.token[:-2] + ("A" if a.token[-2] != "A" else "B") + a.token[-1]
        refused = server.metric("resumes_refused_total")
        other = await Returning.connect(server, query.replace("TOKEN", a.token).replace("CHANGED", changed))
        assert other.resumed is False and other.user_id != a.user_id and other.token != a.token
        assert server.metric("resumes_refused_total") == refused + 1
        assert (await a.come_back(server))["state"] == "idle"  # and did no harm
        await close_all(a, other)
    asyncio.run(run())


def test_a_newer_connection_takes_over(server):
    async def run():
        a, b = await returning_pair(server)
        old = a.socket
        assert (await a.come_back(server))["state"] == "chatting"
        with pytest.raises(Exception):
            await asyncio.wait_for(old.recv(), 5)
        assert old.close_code == 4002
        await b.silence()
        await a.write("here")
        await b.expect("chat_message", message="here")
        await close_all(a, b)
    asyncio.run(run())


def test_1000_ends_and_3001_does_not(server):
    async def run():
        a, b = await returning_pair(server)
        await a.socket.close(3001)
        await b.expect("partner_away")
        assert await a.come_back(server)
        await b.expect("partner_back")
        await a.socket.close(1000)
        await b.expect("partner_left_chat", match_id=b.match)
        assert await a.come_back(server) is None and a.resumed is False
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_texts_are_acknowledged_and_not_said_twice(server):
    async def run():
        a, b = await returning_pair(server)
        for _ in range(5):
            await a.write("x")
        while a.acked_n < 5:
            await a.expect("ack")
        for _ in range(5):
            await b.expect("chat_message")
        await a.write("x", n=3)  # again
        await a.expect("ack", n=5)
        await b.silence()
        await a.say({"type": "webrtc_signal", "n": 6, "data": {"k": 1}})
        assert (await b.expect("webrtc_signal")) == {"k": 1}
        await a.expect("ack", n=6)
        await a.say({"type": "webrtc_signal", "n": 6, "data": {"k": 1}})
        await a.expect("ack", n=6)
        for bad in (0, -1, 1.5, "7", None, 2 ** 32):
            await a.write("bad", n=bad) if bad is not None else await a.say({"type": "chat_message", "n": None, "data": {"message": "bad"}})
            await a.expect_error("invalid_request", "chat_message")
        # What was refused was not taken; its number may be used for something else.
        await a.write("", n=7)
        await a.expect_error("message_empty", "chat_message")
        await a.write("seven", n=7)
        await b.expect("chat_message", message="seven")
        await a.expect("ack", n=7)
        await close_all(a, b)
    asyncio.run(run())


def test_what_was_on_its_way_is_said_again_by_whoever_wrote_it(server):
    """Cut at once after writing: what came of it `resumed` says."""
    async def run():
        a, b = await returning_pair(server)
        b.silent = {"partner_away", "partner_back"}
        for number in range(30):
            await a.write(f"text {number}")
            await a.cut()
            data = await a.come_back(server)
            assert data["n"] in (a.n - 1, a.n), (data, a.n)
            if data["n"] < a.n:
                await a.write(f"text {number}", n=a.n)
            await b.expect("chat_message", message=f"text {number}")
            while a.acked_n < a.n:
                await a.expect("ack")
        await b.silence()
        await close_all(a, b)
    asyncio.run(run())


def test_too_much_for_somebody_away_ends_the_chat_for_both(server):
    async def run():
        a, b = await returning_pair(server)
        b.silent = {"ack"}
        await a.cut()
        await b.expect("partner_away")
        for number in range(65):  # 64 are kept
            await b.write(f"text {number}")
        await b.expect("partner_left_chat", match_id=b.match)
        assert await a.come_back(server) is None and a.resumed is False
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_64_texts_are_kept(server):
    async def run():
        a, b = await returning_pair(server)
        b.silent = {"ack", "partner_away"}
        await a.cut()
        for number in range(64):
            await b.write(f"text {number}")
        await b.silence(0.3)
        assert await a.come_back(server)
        for number in range(64):
            await a.expect("chat_message", message=f"text {number}")
        await b.expect("partner_back")
        await close_all(a, b)
    asyncio.run(run())


def test_a_gap_ends_the_chat_for_both(server):
    """Connected, and it acknowledged nothing: what it did not get is kept no more."""
    async def run():
        a, b = await returning_pair(server)
        b.silent = {"ack"}
        a.acks = False
        seq = a.seq
        for number in range(65):
            await b.write(f"text {number}")
            await a.expect("chat_message")
        await a.cut()
        await b.expect("partner_away")
        assert await a.come_back(server, seq=seq) is None and a.resumed is False
        await b.expect("partner_left_chat", match_id=b.match)
        # With what it has got it would have come back.
        c, d = await returning_pair(server, "no gap")
        c.acks, d.silent = False, {"ack", "partner_away"}
        for number in range(65):
            await d.write(f"text {number}")
            await c.expect("chat_message")
        await c.cut()
        assert await c.come_back(server, seq=c.seq - 60)
        c.seq -= 60
        for number in range(5, 65):
            await c.expect("chat_message", message=f"text {number}")
        await close_all(a, b, c, d)
    asyncio.run(run())


def test_a_search_pauses(server):
    async def run():
        a = await (await Returning.connect(server)).like("pausing")
        await a.search()
        await a.cut()
        await in_thread(wait_for, lambda: server.metric("away") == 1 and server.metric("searching") == 0, "the search to pause")
        b = await (await Client.connect(server)).like("pausing")
        await b.search()
        await b.silence(0.3)
        assert (await a.come_back(server))["state"] == "searching"
        match = (await a.expect("success_matched"))["match_id"]
        await b.expect("success_matched", match_id=match)
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_what_was_asked_before_is_answered_after(server):
    """Its answers are kept, whatever state they find it in."""
    async def run():
        a = await Returning.connect(server)
        await a.send("submit_interests", interests=["answers"])
        await a.send("start_matching")
        await a.send("end_matching")
        await in_thread(wait_for, lambda: server.metric("searches_total") > 0, "the search")
        await a.cut()
        await in_thread(wait_for, lambda: server.metric("away") == 1, "it to be away")
        data = await a.come_back(server)
        kinds = []
        while not kinds or kinds[-1] != "success" or kinds.count("success") < 2:
            kinds.append((await a.event())["type"])
        assert data["state"] == "idle" and [kind for kind in kinds if kind != "no_match"] == ["success", "success"], kinds
        await a.silence()
        await a.search()
        await close_all(a)
        await settled(server)
    asyncio.run(run())


def test_partners_who_did_not_ask_are_told_nothing(server):
    async def run():
        a = await (await Returning.connect(server)).like("mixed")
        b = await (await Client.connect(server)).like("mixed")
        await a.search()
        await b.send("start_matching")
        await a.expect("success_matched")
        b.match = (await b.expect("success_matched"))["match_id"]
        await a.cut()
        await b.silence()
        await b.send("chat_message", message="anybody?")
        assert (await a.come_back(server))["state"] == "chatting"
        await a.expect("chat_message", message="anybody?")
        await a.write("yes", ack=a.seq)
        await b.expect("chat_message", message="yes")
        await a.expect("ack", n=1)
        await b.silence()
        await close_all(b)
        await a.expect("partner_left_chat", match_id=b.match)
        await close_all(a)
        await settled(server)
    asyncio.run(run())


def test_an_echo(server):
    async def run():
        a = await Returning.connect(server)
        await a.say({"type": "ack", "echo": True})
        await a.expect("ack", n=0)
        for _ in range(3):
            await a.say({"type": "ack", "echo": True})
        await a.silence(0.3)
        # Who cannot come back has it, too, and pays for it as for a text.
        b = await Client.connect(server)
        await b.socket.send('{"type":"ack","echo":true}')
        event = json.loads(await b.socket.recv())
        assert event["type"] == "ack" and event["data"] == {"n": 0} and "seq" not in event
        await b.socket.send('{"type":"ack","ack":7}')
        await b.silence()
        await close_all(a, b)
    asyncio.run(run())

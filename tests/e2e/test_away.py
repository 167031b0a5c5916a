"""Who is away: for how long, how many of an address, on which thread and node; and who does not show up."""
import asyncio
import contextlib
import json

import pytest
from cluster import Cluster
from harness import Client, close_all, in_thread, running, settled, wait_for
from returning import Returning, returning_pair


def test_time_is_over():
    async def run(server):
        a, b = await returning_pair(server)
        assert a.for_ms == 400
        await a.cut()
        await b.expect("partner_away")
        await b.expect("partner_left_chat", match_id=b.match)
        assert await a.come_back(server) is None and a.resumed is False
        await close_all(a, b)
        await settled(server)
        assert server.metric("away") == 0
    with running("--resume-time", "400ms") as server:
        asyncio.run(run(server.wait_ready()))


def test_nobody_may_come_back():
    async def run(server):
        a = await Client.connect(server, "?resume=new")
        b = await Client.connect(server)
        for client in a, b:
            await client.like("nobody")
        await a.search()
        await b.send("start_matching")
        await a.expect("success_matched")
        await b.expect("success_matched")
        a.socket.transport.abort()
        await b.expect("partner_left_chat")
        refused = json.loads(await (await Returning._open(server, f"resume={'A' * 43}&seq=0")).recv())
        assert refused["data"]["resumed"] is False and "resume" not in refused["data"] and "seq" not in refused
    with running("--resume-time", "0") as server:
        asyncio.run(run(server.wait_ready()))


def test_no_show():
    async def run(server):
        a = await (await Returning.connect(server)).like("shows")
        frozen = await (await Returning.connect(server)).like("shows")
        frozen.acks = False
        await a.search()
        await frozen.send("start_matching")
        first = (await a.expect("success_matched"))["match_id"]
        await frozen.expect("success_matched")
        await a.write("hello?")
        await a.expect("ack", n=1)
        assert (await a.expect("partner_left_chat", match_id=first)).get("no_show") is True
        await a.expect("no_match")  # it did not ask
        await frozen.expect("chat_message")
        assert "no_show" not in await frozen.expect("partner_left_chat", match_id=first)
        await frozen.silence(0.6)
        assert server.metric("no_shows_total") == 1 and server.metric("searching") == 1
        # Somebody else comes, and what was meant for the one who did not is not for him.
        c = await (await Returning.connect(server)).like("shows")
        a.acks = False
        await c.send("start_matching")
        second = (await a.expect("success_matched"))["match_id"]
        await c.expect("success_matched", match_id=second)
        await a.write("are you there?")
        await a.expect_error("not_in_chat", "chat_message")
        await a.send("end_chat")
        await a.expect_error("not_in_chat", "end_chat")
        await a.write("hello", ack=a.seq)
        await c.expect("chat_message", message="hello")
        await close_all(a, c, frozen)
        await settled(server)
    with running("--show-time", "500ms", "--rate-chat", 0, "--rate-search", 0) as server:
        asyncio.run(run(server.wait_ready()))


def test_addresses_are_counted_until_it_is_over():
    async def run(server):
        def headers(address):
            return {"extra_headers": {"X-Forwarded-For": address}}
        a, b = [await Returning.connect(server, **headers("10.1.1.1")) for _ in range(2)]
        await a.cut()
        await in_thread(wait_for, lambda: server.metric("away") == 1, "it to be away")
        with pytest.raises(Exception, match="429"):
            await Returning.connect(server, **headers("10.1.1.1"))
        assert await a.come_back(server, **headers("10.1.1.1"))
        await a.cut()
        await b.cut()
        await in_thread(wait_for, lambda: server.metric("away") == 2, "both to be away")
        # Two more by tokens that are wrong; but then three would be away.
        c, d = [await Returning.connect(server, f"resume={'A' * 43}&seq=0", **headers("10.1.1.1")) for _ in range(2)]
        assert c.resumed is False
        with pytest.raises(Exception, match="429"):
            await Returning.connect(server, f"resume={'A' * 43}&seq=0", **headers("10.1.1.1"))
        await c.cut()
        await in_thread(wait_for, lambda: server.metric("users") == 3, "one too many to be gone")
        assert server.metric("away") == 2
        assert await a.come_back(server, **headers("10.1.1.1"))
        await close_all(a, d)
        await in_thread(wait_for, lambda: server.metric("users") == 0, "time to be over")
        e, f = [await Returning.connect(server, **headers("10.1.1.1")) for _ in range(2)]
        await close_all(e, f)
    with running("--address-connections", 2, "--trusted-proxies", "127.0.0.0/8", "--resume-time", "3s") as server:
        asyncio.run(run(server.wait_ready()))


def test_a_stopped_server_waits_for_nobody():
    async def run(server):
        a, b = await returning_pair(server)
        await a.cut()
        await b.expect("partner_away")
        return a.token
    with running() as server:
        token = asyncio.run(run(server.wait_ready()))
    assert not server.log_lines("drain_timeout")
    assert token not in "\n".join(server.log) and "resume=" not in "\n".join(server.log)


def test_on_any_thread():
    """The new connection may be anywhere."""
    async def run(server):
        a, b = await returning_pair(server)
        b.silent = {"partner_away", "partner_back", "ack"}
        a.silent = {"ack"}
        for number in range(40):
            if number % 2:
                await a.cut()
            assert (await a.come_back(server))["state"] == "chatting"
            await a.write(f"from a {number}")
            await b.write(f"from b {number}")
            await a.expect("chat_message", message=f"from b {number}")
            await b.expect("chat_message", message=f"from a {number}")
        await close_all(a, b)
        await settled(server)
    with running("--io-threads", 3, "--session-threads", 2, "--rate-chat", 0) as server:
        asyncio.run(run(server.wait_ready()))


def test_a_partner_on_another_node():
    """Each comes back to its own node; what is between the nodes goes on."""
    async def run(one, two):
        a = await (await Returning.connect(one)).like("far")
        b = await (await Returning.connect(two)).like("far")
        await a.search()
        await b.send("start_matching")
        match = (await b.expect("success_matched"))["match_id"]
        await a.expect("success_matched", match_id=match)
        await a.write("near and far")
        await b.expect("chat_message", message="near and far")
        await a.expect("ack", n=1)
        for round in range(3):
            await a.cut()
            await b.expect("partner_away", match_id=match)
            for number in range(20):  # more than there are credits: kept is as good as written
                await b.write(f"kept {round} {number}")
            while b.acked_n < b.n:
                await b.expect("ack")
            assert (await a.come_back(one))["match_id"] == match
            for number in range(20):
                await a.expect("chat_message", message=f"kept {round} {number}")
            await b.expect("partner_back", match_id=match)
        await a.socket.close(1000)
        await b.expect("partner_left_chat", match_id=match)
        await close_all(b)
    with contextlib.ExitStack() as stack:
        nodes = Cluster(stack, shared=True).nodes(2, "--rate-chat", 0)
        asyncio.run(run(*nodes))

"""Who comes back by way of another node than that of its session."""
import asyncio
import base64
import contextlib
import json

import pytest
from cluster import DEAD, ITEM, RESUME, TAKEN, Cluster, Peer, address, cluster_of, wait_for_peers
from harness import SLOWNESS, Client, close_all, in_thread, wait_for
from returning import Returning

NODES = ("users", "searching", "chatting", "away", "afar", "websockets", "remote_chats")


async def pair(one, two):
    """Two in a chat; each is silent about its partner's being away and back, and about what was acknowledged."""
    a = await (await Returning.connect(one)).like("pairing")
    b = await (await Returning.connect(two)).like("pairing")
    a.silent = b.silent = {"partner_away", "partner_back", "ack"}
    await a.search()
    await b.send("start_matching")
    a.match, b.match = [(await client.expect("success_matched"))["match_id"] for client in (a, b)]
    return a, b


async def talk(a, b, count=5):
    for number in range(count):
        await a.write(f"a {number}")
        await b.write(f"b {number}")
    for number in range(count):
        await b.expect("chat_message", message=f"a {number}")
        await a.expect("chat_message", message=f"b {number}")


async def nobody_is_left(nodes):
    def left():
        return {(i, name): node.metric(name) for i, node in enumerate(nodes) for name in NODES if node.metric(name)}
    await in_thread(wait_for, lambda: not left(), lambda: f"everybody to leave: {left()}")


@pytest.mark.parametrize("partner", [0, 1, 2])
def test_from_node_to_node(partner):
    """The partner is on the node of the session, on that of the connection, or on a third one."""
    async def run():
        async with cluster_of(3) as (_, nodes):
            a, b = await pair(nodes[0], nodes[partner])
            await talk(a, b)
            for node in (nodes[1], nodes[2], nodes[0], nodes[1], nodes[1]):
                await a.cut()
                for number in range(3):
                    await b.write(f"meanwhile {number}")
                data = await a.come_back(node)
                assert (data["state"], data["match_id"], data["n"]) == ("chatting", a.match, a.n)
                for number in range(3):
                    await a.expect("chat_message", message=f"meanwhile {number}")
                await talk(a, b)
                assert nodes[0].metric("afar") == (node is not nodes[0])
            assert sum(node.metric("users") for node in nodes) == 2
            # Both may be elsewhere.
            await b.cut()
            assert (await b.come_back(nodes[(partner + 1) % 3]))["state"] == "chatting"
            await talk(a, b)
            await a.socket.close(1000)
            await b.expect("partner_left_chat", match_id=b.match)
            await b.search()
            await close_all(b)
            await nobody_is_left(nodes)
    asyncio.run(run())


def test_in_every_state():
    async def run():
        async with cluster_of(2) as (_, nodes):
            a = await Returning.connect(nodes[0])
            await a.cut()
            assert (await a.come_back(nodes[1]))["state"] == "new"
            await a.like("states")
            await a.cut()
            assert (await a.come_back(nodes[1]))["state"] == "idle"
            await a.search()
            await a.cut()
            await in_thread(wait_for, lambda: nodes[0].metric("searching") == 0, "the search to pause")
            assert (await a.come_back(nodes[1]))["state"] == "searching"
            b = await (await Returning.connect(nodes[1])).like("states")
            await b.send("start_matching")
            match = (await b.expect("success_matched"))["match_id"]
            await a.expect("success_matched", match_id=match)
            await a.say({"type": "end_chat"})
            await a.expect("success")
            await b.expect("partner_left_chat", match_id=match)
            await a.say({"type": "chat_message", "data": {"message": "anybody?"}})
            await a.expect_error("not_in_chat", "chat_message")
            await a.socket.close(3001)
            await in_thread(wait_for, lambda: nodes[0].metric("away") == 1, "it to be away")
            assert (await a.come_back(nodes[1]))["state"] == "idle"
            await close_all(a, b)
            await nobody_is_left(nodes)
    asyncio.run(run())


def test_a_newer_connection_takes_over():
    async def run():
        async with cluster_of(3) as (_, nodes):
            a, b = await pair(nodes[0], nodes[0])
            for node in (nodes[1], nodes[2], nodes[0]):
                old = Client(a.socket)
                assert (await a.come_back(node))["state"] == "chatting"
                await old.expect_close(4002)
                await talk(a, b)
            await close_all(a, b)
            await nobody_is_left(nodes)
    asyncio.run(run())


def test_what_opens_nothing():
    async def run():
        async with cluster_of(2) as (_, nodes):
            a = await (await Returning.connect(nodes[0])).like("tokens")
            used = a.token
            await a.cut()
            refused = sum(node.metric("resumes_refused_total") for node in nodes)
            changed = a.token[:-2] + ("A" if a.token[-2] != "A" else "B") + a.token[-1]
            wrong = await Returning.connect(nodes[1], f"resume={changed}&seq=0")
            assert wrong.resumed is False and wrong.user_id != a.user_id
            assert (await a.come_back(nodes[1]))["state"] == "idle"
            await a.like("heard")
            again = await Returning.connect(nodes[1], f"resume={used}&seq=0")
            assert again.resumed is False
            gone = await Returning.connect(nodes[1])
            token = gone.token
            await gone.socket.close(1000)
            late = await Returning.connect(nodes[0], f"resume={token}&seq=1")
            assert late.resumed is False
            assert sum(node.metric("resumes_refused_total") for node in nodes) == refused + 3
            await close_all(a, wrong, again, late)
            await nobody_is_left(nodes)
    asyncio.run(run())


def test_the_node_of_the_session_is_killed():
    async def run():
        async with cluster_of(2) as (_, nodes):
            a, b = await pair(nodes[0], nodes[1])
            await a.cut()
            assert await a.come_back(nodes[1])
            await talk(a, b)
            waits = await (await Returning.connect(nodes[0])).like("waits")
            await waits.cut()
            nodes[0].process.kill()
            nodes[0].process.wait()
            nodes[0].stop = lambda: None
            await a.expect_close(1012)
            await b.expect("partner_left_chat", match_id=b.match)
            for client in (a, waits):
                assert await client.come_back(nodes[1]) is None and client.resumed is False
            await close_all(a, b, waits)
            await nobody_is_left(nodes[1:])
    asyncio.run(run())


def test_a_node_is_killed_while_a_token_waits_for_it():
    async def run():
        async with cluster_of(2) as (_, nodes):
            a = await (await Returning.connect(nodes[0])).like("waits")
            await a.cut()
            await in_thread(nodes[0].process.kill)
            assert await a.come_back(nodes[1]) is None and a.resumed is False
            nodes[0].process.wait()
            nodes[0].stop = lambda: None
            await close_all(a)
    asyncio.run(run())


def test_the_node_of_the_connection_is_killed():
    async def run():
        async with cluster_of(3) as (_, nodes):
            a, b = await pair(nodes[0], nodes[1])
            await a.cut()
            assert await a.come_back(nodes[2])
            await talk(a, b)
            nodes[2].process.kill()
            nodes[2].process.wait()
            nodes[2].stop = lambda: None
            await b.write("are you there?")
            await in_thread(wait_for, lambda: nodes[0].metric("away") == 1, "it to be away")
            assert nodes[0].metric("afar") == 0
            assert (await a.come_back(nodes[1]))["state"] == "chatting"
            await a.expect("chat_message", message="are you there?")
            await talk(a, b)
            await close_all(a, b)
            await nobody_is_left(nodes[:2])
    asyncio.run(run())


def test_nodes_stop():
    async def run():
        async with cluster_of(3) as (_, nodes):
            a, b = await pair(nodes[0], nodes[1])
            await a.cut()
            assert await a.come_back(nodes[2])
            # That of the connection: the session is away.
            await in_thread(nodes[2].stop)
            nodes[2].stop = lambda: None
            await a.expect_close(1001)
            assert (await a.come_back(nodes[1]))["state"] == "chatting"
            await talk(a, b)
            # That of the session: it ends.
            await in_thread(nodes[0].stop)
            nodes[0].stop = lambda: None
            await a.expect_close(1012)
            await b.expect("partner_left_chat", match_id=b.match)
            await close_all(b)
            await nobody_is_left(nodes[1:2])
    asyncio.run(run())


def test_the_bus_is_away_for_a_while():
    async def run():
        async with cluster_of(2) as (cluster, nodes):
            a, b = await pair(nodes[0], nodes[0])
            await a.cut()
            assert await a.come_back(nodes[1])
            await in_thread(cluster.bus.stop)
            for number in range(10):
                await a.write(f"from afar {number}")
                await b.write(f"from home {number}")
            await asyncio.sleep(2)
            await in_thread(cluster.bus.start)
            for number in range(10):
                await b.expect("chat_message", timeout=8 * SLOWNESS, message=f"from afar {number}")
                await a.expect("chat_message", timeout=8 * SLOWNESS, message=f"from home {number}")
            await talk(a, b, 40)
            await close_all(a, b)
            await nobody_is_left(nodes)
    asyncio.run(run())


def test_the_connection_counts_where_it_is_and_the_session_at_home():
    async def run():
        flags = ("--address-connections", 1, "--trusted-proxies", "127.0.0.0/8")
        address = {"extra_headers": {"X-Forwarded-For": "10.1.1.1"}}
        async with cluster_of(2, *flags) as (_, nodes):
            async def is_full(node):
                try:
                    client = await Returning.connect(node, **address)
                except Exception as error:
                    assert "429" in str(error), error
                    return True
                await client.close()
                await in_thread(wait_for, lambda: node.metric("websockets") == 0, "it to be gone")
                return False

            async def both():
                return [await is_full(node) for node in nodes]
            a = await Returning.connect(nodes[0], **address)
            assert await both() == [True, False]
            await a.cut()
            await in_thread(wait_for, lambda: nodes[0].metric("away") == 1, "it to be away")
            assert await both() == [True, False]
            assert await a.come_back(nodes[1], **address)
            assert [await is_full(nodes[1]), await is_full(nodes[0])] == [True, False]
            await a.cut()
            await in_thread(wait_for, lambda: nodes[0].metric("away") == 1, "it to be away")
            assert await both() == [True, False]
            assert await a.come_back(nodes[1], **address)
            token = a.token
            await close_all(a)
            await nobody_is_left(nodes)
            assert not any(word in line for node in nodes for line in node.log for word in (token, token[20:], "resume="))
    asyncio.run(run())


# enum line_kind of src/runtime/message.h.
ACCEPTED, NEWS, ANSWER, CREDITS, CLOSE, CLIENT_TEXT, GONE = 1, 2, 3, 5, 6, 7, 9


def test_what_a_line_carries():
    """A node that we did not write shows the token, loses, doubles and reorders."""
    async def run():
        with contextlib.ExitStack() as stack:
            cluster = await in_thread(Cluster, stack)
            node = await in_thread(cluster.node)
            peer = Peer(cluster.bus.path)
            stack.callback(peer.close)
            await in_thread(wait_for_peers, [node], 1)
            a = await (await Returning.connect(node)).like("lines")
            await a.cut()
            token = base64.urlsafe_b64decode(a.token + "=")
            home, actor, secret = int.from_bytes(token[:8], "big"), token[8:15], token[15:]
            await in_thread(wait_for, lambda: home in peer.seen, "the node's beats")

            def say(kind, *numbers, **more):
                peer.say(home, kind, actor, *numbers, **more)

            async def hear(kind):
                return await in_thread(peer.hear, kind, 3 * SLOWNESS)
            say(RESUME, a.seq, rest=secret[:-1] + b"?")
            assert await hear(DEAD) == ()
            say(RESUME, a.seq, rest=secret[:-1])
            assert await hear(DEAD) == ()
            say(TAKEN, 1, 0)
            assert await hear(DEAD) == ()
            say(RESUME, a.seq, rest=secret)
            for _ in range(2):  # and again, since nothing was acknowledged
                assert await hear(ITEM) == (1, 0, ACCEPTED, 0, b"")
                number, taken, kind, value, event = await hear(ITEM)
                assert (number, taken, kind, value) == (2, 0, NEWS, 0) and json.loads(event)["data"]["state"] == "idle"
                assert node.metric("afar") == 1
                say(RESUME, a.seq, rest=secret)  # once more: it has been heard
            say(TAKEN, 2, 0)
            request = b'{"type":"end_matching"}'
            say(ITEM, 2, 2, CLIENT_TEXT, 0, rest=request)
            assert await hear(TAKEN) == (0, 1)
            say(ITEM, 1, 2, CLIENT_TEXT, 0, rest=request)
            number, taken, kind, value, event = await hear(ITEM)
            assert (number, taken, kind, value) == (3, 1, ANSWER, 0) and json.loads(event)["type"] == "success"
            say(ITEM, 1, 3, CLIENT_TEXT, 0, rest=request)
            assert await hear(TAKEN) == (1, 0)
            say(ITEM, 2, 3, CLIENT_TEXT, 0, rest=b'{"type":"start_matching"}')
            assert (await hear(ITEM))[:4] == (4, 2, CREDITS, 1)
            assert (await hear(ITEM))[:4] == (5, 2, NEWS, 0)  # no_match
            say(ITEM, 3, 5, CLIENT_TEXT, 0, rest=b"", sender=address(2, 7, 10))
            peer.SELF, right = address(2, 7, 10), peer.SELF
            assert await hear(DEAD) == ()
            peer.SELF = right
            say(ITEM, 3, 5, GONE, 3001)
            assert await hear(ITEM) == (6, 3, CLOSE, 3001, b"")
            say(TAKEN, 6, 0)
            assert (node.metric("away"), node.metric("afar")) == (1, 0)
            say(ITEM, 4, 6, CLIENT_TEXT, 0, rest=request)
            assert await hear(DEAD) == ()
    asyncio.run(run())

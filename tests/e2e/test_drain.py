"""A stop that lets chats end (--drain-time): nobody new, no new matches, whoever is in no chat goes, and the last one to go ends the process."""
import asyncio
import contextlib
import signal
import time

import pytest
import websockets
from cluster import cluster_of
from harness import SLOWNESS, Client, Server, close_all, in_thread, pair, running, wait_for
from pairs import meet, pair_across, talk, user
from returning import Returning, returning_pair

RESTART, SHUTDOWN = 1012, 1001


def begin(server):
    server.begin_stop()
    wait_for(lambda: server.log_lines("last_call"), "the last call")
    wait_for(lambda: "about to stop" in server.readiness(), "/readyz to say so")


async def ends(server, within=3):
    """By itself, in order."""
    assert await in_thread(server.process.wait, within * SLOWNESS) == 0
    assert not server.log_lines("drain_timeout"), server.log


async def refused(server, query=""):
    with pytest.raises(websockets.InvalidStatusCode) as answer:
        await Client.connect(server, query)
    assert answer.value.status_code == 503 and answer.value.headers["Retry-After"] == "5"


def test_chats_go_on_and_everybody_else_goes():
    async def run():
        with running("--drain-time", "10m") as server:
            server.wait_ready()
            a, b = await pair(server)
            new = await Client.connect(server)
            idle = await (await Client.connect(server)).like("x")
            waits = [await (await (await Client.connect(server)).like(f"x{i}")).search() for i in range(2)]
            await in_thread(begin, server)
            await asyncio.gather(*(client.expect_close(RESTART) for client in (new, idle, *waits)))
            await in_thread(wait_for, lambda: server.metric("users") == 2, "the others to be gone")
            await refused(server)
            await refused(server, "?resume=new")
            assert server.get("/healthz") == "ok\n" and "about to stop" in server.readiness()
            assert await in_thread(wait_for, lambda: server.log_lines("handshake_refused"), "the advice")
            await talk(a, b, 20)
            # One is not sent away for what it says in a chat.
            await a.like("something", "else")
            await talk(a, b)
            assert server.process.poll() is None
            await a.send("end_chat")
            await a.expect("success")
            await b.expect("partner_left_chat", match_id=b.match)
            await asyncio.gather(a.expect_close(RESTART), b.expect_close(RESTART))
            await ends(server)
    asyncio.run(run())


@pytest.mark.parametrize("request_", ["next", "block", "report"])
def test_who_ends_a_chat_goes(request_):
    async def run():
        with running("--drain-time", "10m") as server:
            server.wait_ready()
            a, b = await pair(server)
            await in_thread(begin, server)
            await a.send(request_, **({"reason": "spam"} if request_ == "report" else {}))
            if request_ != "next":
                await a.expect("success")
            await b.expect("partner_left_chat", match_id=b.match)
            with pytest.raises(websockets.ConnectionClosed):
                await a.event()
            with pytest.raises(websockets.ConnectionClosed):
                await b.event()
            assert a.socket.close_code == b.socket.close_code == RESTART
            await ends(server)
    asyncio.run(run())


def test_the_delay_comes_first_and_an_empty_server_ends_at_once():
    async def run():
        delay = 1 * SLOWNESS
        with running("--drain-delay", f"{delay:.0f}s", "--drain-time", "10m") as server:
            server.wait_ready()
            waits = await (await (await Client.connect(server)).like("x")).search()
            begun = time.monotonic()
            server.begin_stop()
            await in_thread(wait_for, lambda: "about to stop" in server.readiness(), "/readyz to say so")
            seeks = await (await Client.connect(server)).like("x")
            await meet(waits, seeks)
            assert not server.log_lines("last_call")
            await close_all(waits, seeks)
            await ends(server, within=delay + 2)
            assert time.monotonic() - begun >= delay
    asyncio.run(run())


def test_time_is_over():
    async def run():
        with running("--drain-time", f"{2 * SLOWNESS:.0f}s", "--io-threads", 2, "--session-threads", 2) as server:
            server.wait_ready()
            pairs = [await pair(server, f"pair {i}") for i in range(4)]
            away, partner = await returning_pair(server, "away")
            await away.cut()
            await in_thread(begin, server)
            begun = time.monotonic()
            await asyncio.gather(*(talk(a, b) for a, b in pairs))
            await asyncio.gather(*(client.expect_close(RESTART) for each in pairs for client in each), partner.expect_close(RESTART))
            assert time.monotonic() - begun > 0.5
            await ends(server)
            assert server.log_lines("closing_time")
    asyncio.run(run())


def test_who_does_not_answer_the_close_does_not_hold_it_up():
    async def run():
        with running("--drain-time", "500ms") as server:
            server.wait_ready()
            a, b = await pair(server)
            for client in (a, b):
                client.socket.transport.pause_reading()
            await in_thread(begin, server)
            await ends(server, within=4)
            for client in (a, b):
                client.socket.transport.abort()
    asyncio.run(run())


def test_a_second_signal_ends_it_and_a_third_one_the_process():
    async def run():
        for signals, status in ((2, 0), (3, 128 + signal.SIGTERM)):
            server = Server("--drain-time", "10m", "--drain-timeout", "1m").wait_ready()
            a, b = await pair(server)
            a.socket.transport.pause_reading()  # so the end takes a second, and the third signal comes before
            await in_thread(begin, server)
            for count in range(2, signals + 1):
                server.process.send_signal(signal.SIGTERM)
                if count < 3:
                    await in_thread(wait_for, lambda: len(server.log_lines("stopping")) == count, "the signal to be heard")
            if status == 0:
                await b.expect_close(SHUTDOWN)
            assert await in_thread(server.process.wait, 5 * SLOWNESS) == status
            a.socket.transport.abort()
    asyncio.run(run())


def test_not_all_come_to_other_nodes_at_once():
    async def run():
        with running("--drain-time", "10m", "--address-connections", 0) as server:
            server.wait_ready()
            clients = [await Client.connect(server) for _ in range(100)]
            times = []

            async def closes(client):
                await client.expect_close(RESTART)
                times.append(time.monotonic())
            server.begin_stop()
            await asyncio.gather(*map(closes, clients))
            times.sort()
            assert 0.8 < times[-1] - times[0] < 5 * SLOWNESS, times
            assert max(late - early for early, late in zip(times, times[10:])) < (times[-1] - times[0]) / 2, times
            await ends(server)
    asyncio.run(run())


def test_who_is_away_comes_back_to_its_chat():
    async def run():
        with running("--drain-time", "10m") as server:
            server.wait_ready()
            a, b = await returning_pair(server)
            a.silent = b.silent = {"ack", "partner_away", "partner_back"}
            await a.cut()
            await in_thread(wait_for, lambda: server.metric("away") == 1, "it to be away")
            await in_thread(begin, server)
            await b.write("are you there?")
            assert (await a.come_back(server))["state"] == "chatting"
            await a.expect("chat_message", message="are you there?")
            await a.write("yes")
            await b.expect("chat_message", message="yes")
            # What was said before the chat ended is heard also by who comes back after it.
            await a.cut()
            await in_thread(wait_for, lambda: server.metric("away") == 1, "it to be away")
            a.acks = b.acks = False  # the connection is closed by then
            await b.write("bye")
            await b.ask("end_chat")
            await b.expect_close(RESTART)
            await asyncio.sleep(0.5)
            assert server.process.poll() is None
            assert (await a.come_back(server))["state"] == "idle"
            await a.expect("chat_message", message="bye")
            await a.expect("partner_left_chat", match_id=a.match)
            await a.expect_close(RESTART)
            await ends(server)
    asyncio.run(run())


def test_who_is_away_from_no_chat_is_not_waited_for():
    async def run():
        with running("--drain-time", "10m", "--resume-time", "10m") as server:
            server.wait_ready()
            a = await (await (await Returning.connect(server)).like("x")).search()
            await a.say({"type": "ack", "ack": a.seq})
            await a.cut()
            await in_thread(wait_for, lambda: server.metric("away") == 1, "it to be away")
            server.begin_stop()
            await ends(server)
    asyncio.run(run())


@contextlib.asynccontextmanager
async def two_nodes(*flags):
    """The first is to end by itself."""
    async with cluster_of(2, "--drain-time", "10m", *flags) as (cluster, nodes):
        yield cluster, nodes
        nodes[0].stop = lambda: None


def test_a_chat_with_somebody_of_another_node_goes_on():
    async def run():
        async with two_nodes() as (_, nodes):
            a, b = await pair_across(*nodes, "pairing")
            waits = await (await user(nodes[0], "waits")).search()
            await in_thread(begin, nodes[0])
            # Nobody of another node meets who waited here, and has not been told yet.
            seeks = await user(nodes[1], "waits")
            await seeks.search()
            await waits.expect_close(RESTART)
            again = await user(nodes[1], "waits")
            await meet(seeks, again)
            await talk(a, b, 20)
            await asyncio.gather(a.send("chat_message", message="bye"), b.expect("chat_message", message="bye"))
            await b.ask("end_chat")
            await a.expect("partner_left_chat")
            await a.expect_close(RESTART)
            await ends(nodes[0], 5)
            await close_all(b, seeks, again)
    asyncio.run(run())


def test_the_last_words_are_said_also_when_the_bus_is_away():
    async def run():
        async with two_nodes() as (cluster, nodes):
            a, b = await pair_across(*nodes, "pairing")
            await in_thread(begin, nodes[0])
            await in_thread(cluster.bus.stop)
            for i in range(10):
                await a.send("chat_message", message=f"a {i}")
            await a.ask("end_chat")
            await a.expect_close(RESTART)
            await asyncio.sleep(1)
            assert nodes[0].process.poll() is None
            await in_thread(cluster.bus.start)
            for i in range(10):
                await b.expect("chat_message", message=f"a {i}")
            await b.expect("partner_left_chat")
            await ends(nodes[0], 5)
            await close_all(b)
    asyncio.run(run())


def test_a_session_whose_connection_is_on_another_node():
    """That of the session drains: the chat goes on until it is over."""
    async def run():
        async with two_nodes() as (_, nodes):
            a, b = await returning_pair(nodes[0])
            a.silent = b.silent = {"ack", "partner_away", "partner_back"}
            await a.cut()
            assert await a.come_back(nodes[1])
            await in_thread(begin, nodes[0])
            # A token of here is let in here, and there.
            await b.cut()
            assert (await b.come_back(nodes[0]))["state"] == "chatting"
            await a.write("from afar")
            await b.expect("chat_message", message="from afar")
            await b.write("from here")
            await a.expect("chat_message", message="from here")
            a.acks = b.acks = False  # the connection is closed by then
            await a.ask("end_chat")
            await b.expect("partner_left_chat")
            await asyncio.gather(a.expect_close(RESTART), b.expect_close(RESTART))
            await ends(nodes[0], 5)
    asyncio.run(run())


def test_a_connection_whose_session_is_on_another_node():
    """That of the connection drains: in its turn the client is cut off, and comes back by way of another node; the chat goes on, and nobody waits for it here."""
    async def run():
        async with two_nodes() as (_, nodes):
            a, b = await returning_pair(nodes[1])
            a.silent = b.silent = {"ack", "partner_away", "partner_back"}
            await a.cut()
            assert await a.come_back(nodes[0])
            await in_thread(begin, nodes[0])
            await refused(nodes[0], f"?resume={b.token}&seq=1")  # another node's
            with pytest.raises(websockets.ConnectionClosed):
                await a.event()
            assert a.socket.close_code == 1006
            await b.write("meanwhile")
            assert (await a.come_back(nodes[1]))["state"] == "chatting"
            await a.expect("chat_message", message="meanwhile")
            await a.write("back")
            await b.expect("chat_message", message="back")
            await ends(nodes[0], 5)
            await close_all(a, b)
    asyncio.run(run())

"""A rolling restart: two nodes behind HAProxy, as tools/haproxy.cfg has it, are replaced one after the other (--drain-delay, --drain-time) under people who chat again and
again. No chat is cut, and no connection refused. CHATTERBOX_ROLLING_CHATS says how many (tools/prove: 1,000 of 5 s)."""
import asyncio
import contextlib
import itertools
import os
import subprocess
import time
import urllib.request

import websockets
from cluster import Cluster, wait_for_peers
from harness import SLOWNESS, TIMEOUT, Client, in_thread, unused_port, wait_for
from pairs import talk

CHATS = int(os.environ.get("CHATTERBOX_ROLLING_CHATS", "0"))  # 0: the short form
PAIRS = 50 if CHATS else 20
CHAT_SECONDS = 5 if CHATS else 1
TEXTS = 10
RESTART = 1012
CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "haproxy.cfg")


class Balancer:
    """HAProxy, as its users see it."""

    def __init__(self, stack, directory, ports):
        self.port = unused_port()
        self.url = f"ws://127.0.0.1:{self.port}/ws/textchat/"
        nodes = os.path.join(directory, "nodes.cfg")
        with open(nodes, "w", encoding="utf-8") as file:
            file.write("".join(["backend nodes\n", *(f"    server node{i} 127.0.0.1:{port} check\n" for i, port in enumerate(ports))]))
        process = subprocess.Popen(["haproxy", "-q", "-db", "-f", CONFIG, "-f", nodes], env={**os.environ, "PORT": str(self.port)})
        stack.callback(process.wait, TIMEOUT)
        stack.callback(process.terminate)
        wait_for(self.is_up, "HAProxy")

    def is_up(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=TIMEOUT).read() == b"ready\n"


class Person:
    """One of a pair. Comes again when it is sent away while it is in no chat, which alone may happen."""

    def __init__(self, balancer, number):
        self.balancer, self.interest = balancer, f"pair {number}"
        self.client = None
        self.chats = self.sent_away = 0

    async def find(self):
        """A match."""
        while True:
            try:
                if self.client is None:
                    self.client = await Client.connect(self.balancer)
                    await self.client.like(self.interest)
                await self.client.send("start_matching")
                while (event := await self.client.event(4 * TIMEOUT))["type"] != "success_matched":
                    assert event["type"] == "no_match", event
                return event["data"]["match_id"]
            except websockets.ConnectionClosed:
                assert self.client.socket.close_code == RESTART, self.client.socket.close_code
                self.client = None
                self.sent_away += 1

    async def leave(self):
        if self.client is not None:
            await self.client.close()


async def go_on(a, b, is_over):
    while not is_over():
        matches = await asyncio.gather(a.find(), b.find())
        assert matches[0] == matches[1]
        await talk(a.client, b.client, TEXTS, CHAT_SECONDS / TEXTS)  # either hears all of the other
        await a.client.send("end_chat")
        await a.client.expect("success")
        await b.client.expect("partner_left_chat", match_id=matches[0])
        a.chats += 1


async def restart(cluster, nodes, index, flags):
    former = nodes[index]
    begun = time.monotonic()
    former.begin_stop()
    assert await in_thread(former.process.wait, (60 + CHAT_SECONDS) * SLOWNESS) == 0
    assert former.log_lines("last_call") and not former.log_lines("closing_time") and not former.log_lines("drain_timeout"), former.log
    assert not former.log_lines("handshake_refused"), former.log_lines("handshake_refused")
    former.stop = lambda: None
    nodes[index] = await in_thread(lambda: cluster.node("--port", former.port, *flags))
    await in_thread(wait_for_peers, nodes, 1)
    await asyncio.sleep(1)  # HAProxy notices
    return time.monotonic() - begun


def test_nobody_notices():
    async def run():
        with contextlib.ExitStack() as stack:
            cluster = await in_thread(lambda: Cluster(stack, shared=True))
            flags = ("--rate-chat", 0, "--rate-search", 0, "--trusted-proxies", "127.0.0.1/32", "--drain-delay", f"{2 * SLOWNESS:.0f}s", "--drain-time", "10m")
            nodes = await in_thread(cluster.nodes, 2, *flags)
            balancer = await in_thread(Balancer, stack, cluster.directory, [node.port for node in nodes])
            people = [(Person(balancer, i), Person(balancer, i)) for i in range(PAIRS)]
            restarts = []

            def is_over():
                return len(restarts) == 2 and sum(a.chats for a, _ in people) >= CHATS
            talks = [asyncio.create_task(go_on(a, b, is_over)) for a, b in people]

            async def restart_both():
                for index in range(2):
                    restarts.append(await restart(cluster, nodes, index, flags))
            rolling = asyncio.create_task(restart_both())
            try:
                await asyncio.gather(rolling, *talks)
            finally:
                for task in (rolling, *talks):
                    task.cancel()
                await asyncio.gather(rolling, *talks, return_exceptions=True)
            chats = sum(a.chats for a, _ in people)
            sent_away = sum(person.sent_away for person in itertools.chain(*people))
            print(f"{chats} chats of {CHAT_SECONDS} s, {sent_away} times somebody in no chat was sent to the other node; restarts took "
                  f"{', '.join(f'{seconds:.1f} s' for seconds in restarts)}")
            assert sent_away >= PAIRS  # they were on either node
            await asyncio.gather(*(person.leave() for person in itertools.chain(*people)))
    asyncio.run(run())

"""Five nodes on one Redis, and a crowd on all of them."""
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time

import redis

from across import CANARY, CrowdAcross
from cluster import SECRET, Cluster, wait_for_peers
from crowd import report
from harness import BINARY, in_thread

NODES = 5
# Each user has an address of its own, as if a proxy said so: the limits of addresses are as they are.
FLAGS = ["--rate-chat", 0, "--rate-search", 0, "--redis-timeout", "1s", "--trusted-proxies", "127.0.0.0/8"]


# Seconds by which the clocks of the first nodes are ahead.
CLOCKS = {1: 3600, 2: -3600}
SHIFTED_CLOCK = os.path.join(os.path.dirname(BINARY), "tests", "shifted_clock.so")


class Proxy:
    """In a process of its own: beside a busy crowd it would be late, and the node behind it would hear too little of the others to conclude anything."""

    def __init__(self, path):
        self.process = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxy.py"), path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def tell(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class World:
    """The last of the nodes reaches Redis by a proxy. The clocks of two are wrong."""

    def __init__(self, **crowd):
        self.crowd = CrowdAcross(**crowd)
        self.promises = self.crowd.promises
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.ExitStack()
        self.is_broken = False
        self.all_nodes = []
        try:
            self.loop.run_until_complete(self.begin())
        except BaseException:
            self.is_broken = True
            self.close()
            raise

    async def begin(self):
        self.cluster = await in_thread(lambda: Cluster(self.stack, shared=True))
        self.store = redis.Redis(unix_socket_path=self.cluster.bus.path, decode_responses=True)
        self.secrets = self.cluster.file("first", SECRET)
        self.proxy = await in_thread(Proxy, self.cluster.bus.path)
        self.stack.callback(self.proxy.close)
        for i in range(NODES):
            await self.start(self.proxy if i == NODES - 1 else None, CLOCKS.get(i, 0))
        await self.heard_of_by_all()
        await self.crowd.begin()

    async def start(self, proxy, ahead):
        """One more node."""
        node = await in_thread(lambda: self.cluster.node(
            *FLAGS, secrets=self.secrets, by=f"redis://127.0.0.1:{proxy.port}" if proxy else None,
            env={"LD_PRELOAD": SHIFTED_CLOCK, "SHIFTED_CLOCK": str(ahead)} if ahead else None))
        node.proxy, node.ahead = proxy, ahead
        self.all_nodes.append(node)
        self.crowd.nodes.append(node)
        return node

    async def start_another(self, former):
        """In its place."""
        node = await self.start(former.proxy, former.ahead)
        await self.heard_of_by_all()
        return node

    async def heard_of_by_all(self):
        nodes = [node for node in self.crowd.nodes if node not in self.crowd.away]
        await in_thread(wait_for_peers, nodes, len(nodes) - 1)

    def begin_to_end(self, node):
        self.crowd.away.add(node)
        self.promises.ending.add(node)
        return self.promises.harm({node})

    async def kill(self, node, number):
        """By this signal. Returns the harm that it is."""
        harm = self.begin_to_end(node)
        node.process.send_signal(number)
        harm.begin = time.monotonic()
        self.forget(node)
        return harm

    def forget(self, node):
        self.crowd.nodes.remove(node)
        node.stop = lambda: None

    async def stop(self, node):
        """As an update does. Returns the seconds that it took."""
        harm = self.begin_to_end(node)
        await in_thread(node.stop)
        self.forget(node)
        harm.is_over()
        return harm.end - harm.begin

    def sum(self, metric):
        return sum(node.metric(metric) for node in self.crowd.nodes)

    def run(self, fault, name):
        async def through():
            before, online = self.promises.heard, len(self.crowd.users)
            note = await fault(self)
            took = await self.crowd.recover()
            report(fault=f"{NODES} nodes: {name}", users=online, messages=self.promises.heard - before, lost=self.promises.lost_for_good(),
                   recovery=f"{took:.2f} s", note=note or "")
            assert self.promises.lost_for_good() == 0
        try:
            self.loop.run_until_complete(through())
        except BaseException:
            self.is_broken = True
            raise

    def finish(self):
        try:
            took = self.loop.run_until_complete(self.crowd.finish(self.store))
            print(f"Redis was empty {took:.2f} s after everybody had left;", len(self.promises.chats), "chats,", self.promises.heard, "messages")
        except BaseException:
            self.is_broken = True
            raise
        finally:
            self.close()
        for node in self.all_nodes:
            assert not any(CANARY in line for line in node.log)

    def close(self):
        # Whoever is still there is of a world that a fault has broken, and says nothing new.
        crowd = asyncio.all_tasks(self.loop)
        for task in (*crowd, *(user.reader for user in self.crowd.users)):
            task.cancel()
        if crowd:
            self.loop.run_until_complete(asyncio.wait(crowd, timeout=3))
        if self.is_broken:
            for node in self.all_nodes:
                node.process.kill()
                print("\n".join(node.log[-30:]))
        with contextlib.suppress(BaseException) if self.is_broken else contextlib.nullcontext():
            self.stack.close()
        self.loop.close()

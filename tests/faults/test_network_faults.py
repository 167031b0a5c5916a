"""Whatever the networks and the people at the other end do, the well-behaved notice little: everything of theirs arrives, and not much later."""
import asyncio
import contextlib
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

import pytest

from crowd import Crowd, report
from harness import SLOWNESS, TIMEOUT, Client, in_thread, running, settled, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
# A 99th percentile below this is taken for this: on a busy machine it is the scheduler's, not ours.
CALM_FLOOR = 0.005
TIMES_MAX = 3
WINDOW = 0.5


def p99(promises, begin, end):
    """Of the latencies of messages: the 99th percentile of each window, and of those the median."""
    percentiles = []
    while begin + WINDOW <= end:
        some = sorted(seconds for when, seconds in promises.latencies if begin <= when < begin + WINDOW)
        if some:
            percentiles.append(some[min(len(some) - 1, len(some) * 99 // 100)])
        begin += WINDOW
    return statistics.median(percentiles)


@contextlib.asynccontextmanager
async def attack(server, kind, seconds, count):
    process = await asyncio.create_subprocess_exec(
        sys.executable, os.path.join(HERE, "attackers.py"), kind, str(server.port), str(seconds), str(count),
        stdout=asyncio.subprocess.PIPE)
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def measured(crowd, victim, kind, count, seconds):
    """Returns the crowd's p99 in calm, the worse of before and after, and while the victim is attacked."""
    async def p99_of(span):
        begin = time.monotonic()
        await crowd.live(span)
        return p99(crowd.promises, begin, time.monotonic())
    before = await p99_of(2)
    async with attack(victim, kind, seconds + 30, count):
        attacked = await p99_of(seconds)
    await crowd.live(2)
    # Others use this machine too, and do not begin and end with us.
    return max(before, await p99_of(2)), attacked


@pytest.mark.parametrize("kind, count, what", [
    ("unfinished", 10000, "10,000 connections never finish the handshake"),
    ("storm", 100, "a storm of connections"),
    ("dial", 1, "1,000 connections at a time"),
    ("visitors", 50, "a flood of requests for the page and the metrics"),
    ("garbage", 50, "a flood of garbage"),
    ("flood", 50, "a flood of requests past the limits"),
    ("nonsense", 50, "a flood of nonsense"),
    ("pings", 50, "a flood of pings"),
    ("late", 50, "a flood of frames after the server's close frame"),
    ("topics", 50, "a flood of topics that are hard to normalise"),
    ("vain", 50, "a flood of requests that lead to nothing"),
    ("numbers", 50, "50 chat in numbers that are hard to read and write"),
    ("deaf", 50, "50 flood each other and do not read"),
    ("trickle", 500, "500 write one byte a second"),
], ids=lambda value: value if isinstance(value, str) and " " not in value else "")
def test_attack(kind, count, what):
    async def run():
        await crowd.begin()
        online = await in_thread(server.metric, "users")
        elsewhere = 0
        for _ in range(3):
            calm, attacked = await measured(crowd, crowd.server, kind, count, 4)
            if attacked > TIMES_MAX * max(calm, CALM_FLOOR):
                # The attackers need processors, as the crowd does. What that alone does shows when they attack somebody else.
                with running(*flags) as other:
                    _, elsewhere = await measured(crowd, other.wait_ready(), kind, count, 4)
            print(f"{kind}: p99 {calm * 1000:.1f} ms calm, {attacked * 1000:.1f} ms attacked, {elsewhere * 1000:.1f} ms while another is")
            times = attacked / max(calm, elsewhere, CALM_FLOOR)
            if times <= TIMES_MAX:
                break
        assert times <= TIMES_MAX, f"p99 {calm * 1000:.1f} ms calm, {attacked * 1000:.1f} ms attacked, {elsewhere * 1000:.1f} ms while another is"
        seconds = await crowd.recover()
        messages = crowd.promises.heard
        await crowd.finish()
        report(fault=what, users=online, messages=messages, lost=crowd.promises.lost(), recovery=f"{seconds:.2f} s",
               note=f"p99 {calm * 1000:.1f} ms calm, {attacked * 1000:.1f} ms meanwhile" +
               (f", {elsewhere * 1000:.1f} ms while they attack another server" if elsewhere else ""))
    # The attackers are held to the limits that everybody is held to; the crowd stays below them.
    flags = ["--ping-interval", "2s", "--ping-timeout", "2s", "--message-timeout", "3s"]
    with running(*flags) as server:
        crowd = Crowd(server.wait_ready(), users=40, pace=0.1, has_wanderers=False)
        asyncio.run(run())
    crowd.check_log()


def test_descriptors_run_out():
    """Nobody new can come, nor Redis be started again; those who are there go on, and when there is room all is well again."""
    async def run():
        await crowd.begin()
        online = await in_thread(server.metric, "users")
        pid = server.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for _ in range(2):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (30, hard))  # fewer than it has open
            os.kill(server.redis_pid(), signal.SIGKILL)
            async with attack(server, "idle", 5, 100):
                await crowd.live(2)
                await crowd.heard_by_all()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            await in_thread(wait_for, server.is_ready, "Redis to come back", 5 * SLOWNESS)
        seconds = await crowd.recover()
        messages = crowd.promises.heard
        await crowd.finish()
        failures = sum("too many open files" in line for line in server.log)
        assert failures > 0
        report(fault="EMFILE: descriptors run out, and Redis dies", users=online, messages=messages, lost=crowd.promises.lost(),
               recovery=f"{seconds:.2f} s", note="")
    with running("--rate-search", 0) as server:
        crowd = Crowd(server.wait_ready(), has_wanderers=False)
        asyncio.run(run())
    crowd.check_log()


def test_full_house():
    """As many idle guests as fit: the others are told so, and those inside do not notice."""
    async def run():
        await crowd.begin()
        online = await in_thread(server.metric, "users")
        async with attack(server, "idle", 4, 110):
            await crowd.live(2)
            await crowd.heard_by_all()
            assert await in_thread(server.metric, "server_full_total") > 0
        await in_thread(wait_for, lambda: server.metric("users") <= online, "the idle to leave", TIMEOUT)
        seconds = await crowd.recover()
        messages = crowd.promises.heard
        await crowd.finish()
        report(fault="the server is full", users=online, messages=messages, lost=crowd.promises.lost(), recovery=f"{seconds:.2f} s", note="")
    with running("--rate-search", 0, command=("prlimit", "--nofile=300:300")) as server:
        crowd = Crowd(server.wait_ready(), has_wanderers=False)
        asyncio.run(run())
    crowd.check_log()


class Cable:
    """TCP from a user to the server that can be cut without either side hearing of it."""

    async def __aenter__(self):
        self.listener = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.is_cut, self.kept = False, []
        return self

    async def __aexit__(self, *exc):
        self.listener.close()
        for writer in self.kept:
            writer.transport.abort()

    def __init__(self, server):
        self.server = server

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}/ws/textchat/"

    async def serve(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        self.kept += [writer, far_writer]
        with contextlib.suppress(OSError):
            await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))

    async def pump(self, reader, writer):
        while data := await reader.read(65536):
            if not self.is_cut:
                writer.write(data)
        if not self.is_cut:
            writer.close()


PATIENT = ["--ping-interval", "1s", "--ping-timeout", "1s"]


def test_half_open_peers():
    """Twenty chats lose one end without a word: each partner is told within the time for a ping, writes meanwhile, and is matched anew."""
    async def run():
        async with Cable(server) as cable:
            pairs = []
            for i in range(20):
                near = await (await Client.connect(server)).like(f"half {i}")
                far = await (await Client.connect(cable)).like(f"half {i}")
                await near.search()
                await far.send("start_matching")
                await far.expect("success_matched")
                await near.expect("success_matched")
                pairs.append((near, far))
            begin = time.monotonic()
            cable.is_cut = True
            for near, _ in pairs:
                await near.send("chat_message", message="are you there?")
            for near, _ in pairs:
                await near.expect("partner_left_chat", timeout=5 * SLOWNESS)
            seconds = time.monotonic() - begin
            assert await in_thread(server.metric, "users") == 20
            for near, _ in pairs:
                await near.like("half open")
                await near.send("start_matching")
            for near, _ in pairs:
                while (await near.event())["type"] != "success_matched":
                    pass
            for near, _ in pairs:
                await near.close()
            for _, far in pairs:
                far.socket.transport.abort()
            await settled(server)
            report(fault="20 partners behind a dead network", users=40, messages=20, lost=0, recovery=f"{seconds:.2f} s",
                   note="all writers told, ping after 1 s + 1 s")
    with running(*PATIENT, "--rate-search", 0) as server:
        server.wait_ready()
        asyncio.run(run())


class Namespace:
    """A network of its own with one link to ours."""

    def __init__(self):
        self.name = f"cb{os.getpid()}"
        number = os.getpid() % 200
        self.here, self.there = f"10.203.{number}.1", f"10.203.{number}.2"

    def ip(self, *arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def __enter__(self):
        self.ip("netns", "add", self.name)
        self.ip("link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        self.ip("addr", "add", f"{self.here}/30", "dev", self.name)
        self.ip("link", "set", self.name, "up")
        self.ip("-n", self.name, "addr", "add", f"{self.there}/30", "dev", "eth0")
        self.ip("-n", self.name, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *exc):
        self.ip("netns", "del", self.name)


FAR_USERS = """
import asyncio, json, sys, websockets
async def user(url, i):
    socket = await websockets.connect(url)
    await socket.send(json.dumps({"type": "submit_interests", "data": {"interests": [f"far {i}"]}}))
    await socket.send(json.dumps({"type": "start_matching"}))
    await asyncio.sleep(60)
async def main(): await asyncio.gather(*(user(sys.argv[1], i) for i in range(10)))
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="a network namespace takes root and iproute2")
def test_a_link_goes_down():
    """No FIN, no RST, no acknowledgement: as when a telephone loses its network."""
    async def run(namespace):
        far = await asyncio.create_subprocess_exec("ip", "netns", "exec", namespace.name, sys.executable, "-c", FAR_USERS,
                                                   f"ws://{namespace.here}:{server.port}/ws/textchat/")
        try:
            near = []
            for i in range(10):
                user = await (await Client.connect(server)).like(f"far {i}")
                await user.send("start_matching")
                while (await user.event(timeout=20))["type"] != "success_matched":
                    pass
                near.append(user)
            begin = time.monotonic()
            namespace.ip("link", "set", namespace.name, "down")
            for user in near:
                await user.send("chat_message", message="are you there?")
            for user in near:
                await user.expect("partner_left_chat", timeout=6 * SLOWNESS)
            seconds = time.monotonic() - begin
            for user in near:
                await user.close()
            await settled(server)
            report(fault="a link goes down under 10 chats", users=20, messages=10, lost=0, recovery=f"{seconds:.2f} s",
                   note="all writers told, ping after 1 s + 1 s")
        finally:
            far.kill()
            await far.wait()
    with Namespace() as namespace, running(*PATIENT, "--bind", "0.0.0.0") as server:
        server.wait_ready()
        asyncio.run(run(namespace))

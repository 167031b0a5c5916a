"""The real binary under test, and a strict client for it."""
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import redis
import websockets

BINARY = os.environ.get("CHATTERBOX_BINARY") or os.path.join(
    os.path.dirname(__file__), "..", "..", "build", "release", "chatterbox")
# How much longer things may take than in a release build.
SLOWNESS = float(os.environ.get("CHATTERBOX_SLOWNESS", "1"))
TIMEOUT = 10 * SLOWNESS
SANITIZER_REPORT = re.compile(r"ThreadSanitizer|AddressSanitizer|LeakSanitizer|runtime error:|check failed")

TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
# The members of data for each event, as in src/wire/README.md.
DATA = {
    "connection_established": {"user_id"},
    "success": None,
    "no_match": None,
    "success_matched": {"role", "match_id", "common_interests"},
    "chat_message": {"message"},
    "typing": {"active"},
    "webrtc_signal": ...,
    "partner_left_chat": {"match_id"},
    "error": ...,
}


def unused_port():
    """One that nobody listens at. From below those that the system gives to connections: such a one may be taken before it is listened at."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(12000, 32000)))
            return probe.getsockname()[1]


def wait_for(condition, what, timeout=TIMEOUT):
    """Poll until condition() is true; returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"timed out waiting for {what() if callable(what) else what}"
        time.sleep(0.01)


async def in_thread(function, *arguments):
    """A call that blocks, out of the way of the loop."""
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class Server:
    """One running binary. Reads its log, knows its port, stops it and looks at what it leaves."""

    def __init__(self, *flags, env=None, binary=BINARY, command=(), tls=None, where=("--port", 0, "--bind", "127.0.0.1"), **popen):
        """where: its first place is where clients of ours go, unless that is a Unix socket. command: a program that becomes the binary, as prlimit does. tls: an SSLContext for its clients. popen: further arguments of Popen."""
        self.tls = tls
        self.log = []
        self.is_stopping = False
        self.process = subprocess.Popen(
            [*command, binary, *map(str, where), "--log-level", "debug", *map(str, flags)],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, **(env or {})}, **popen)
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        self.port = int(self.log_value("listening", "port"))
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{self.port}/ws/textchat/"

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def log_lines(self, event):
        return [line for line in list(self.log) if f" event={event} " in line + " "]

    def log_value(self, event, key, last=False):
        def find():
            assert self.process.poll() is None or self.log_lines(event), f"the server ended: {self.log}"
            lines = self.log_lines(event)
            return lines and re.search(rf' {key}="?([^" ]+)', lines[-1 if last else 0])
        return wait_for(find, f"log line {event}")[1]

    def get(self, path):
        with urllib.request.urlopen(f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}", timeout=TIMEOUT, context=self.tls) as answer:
            return answer.read().decode()

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.get("/readyz") == "ready\n"
        return False

    def readiness(self):
        """What /readyz says, with 200 or 503."""
        try:
            return self.get("/readyz")
        except urllib.error.HTTPError as error:
            assert error.code == 503
            return error.read().decode()

    def wait_ready(self):
        wait_for(self.is_ready, "/readyz")
        return self

    def metric(self, name, **labels):
        """The sum over those that have these labels; without any, over all."""
        rows = re.findall(rf"^chatterbox_{name}(?:{{(.*)}})? (-?\d+)$", self.get("/metrics"), re.M)
        values = [int(value) for row, value in rows if all(f'{label}="{wanted}"' in row.split(",") for label, wanted in labels.items())]
        assert values, f"no metric {name} {labels}"
        return sum(values)

    def redis(self):
        """The embedded Redis."""
        return redis.Redis(unix_socket_path=self.log_value("redis_embedded", "socket", last=True), decode_responses=True)

    def redis_pid(self):
        return int(self.log_value("redis_embedded", "pid", last=True))

    def begin_stop(self, number=signal.SIGTERM):
        """A second signal would end it at once."""
        if not self.is_stopping and self.process.poll() is None:
            self.process.send_signal(number)
        self.is_stopping = True

    def stop(self, status=0):
        self.begin_stop()
        try:
            result = self.process.wait(6 * SLOWNESS)
        finally:
            self.process.kill()
        self.reader.join(5)
        text = "\n".join(self.log)
        assert not SANITIZER_REPORT.search(text), text
        assert result == status, text[-2000:]
        return text


@contextlib.contextmanager
def running(*flags, **kwargs):
    server = Server(*flags, **kwargs)
    try:
        yield server
    except BaseException:
        server.process.kill()
        print("\n".join(server.log[-60:]))
        raise
    else:
        server.stop()


def answers(path):
    """Whether somebody listens at a Unix socket, which is there a moment before."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)
        return True
    return False


@contextlib.contextmanager
def redis_server(*flags):
    """A Redis of our own, on a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="cbt-") as directory:
        path = os.path.join(directory, "redis.sock")
        process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory, *map(str, flags)],
            stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: answers(path), "redis-server")
            yield path, process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


class Client:
    """A user. Every event is checked against its envelope."""

    def __init__(self, socket):
        self.socket = socket
        self.user_id = None

    @classmethod
    async def connect(cls, server, path="", **kwargs):
        kwargs = {"compression": None, "max_size": None, "max_queue": None, "ping_interval": None, "open_timeout": TIMEOUT * 2, "ssl": getattr(server, "tls", None), **kwargs}
        client = cls(await websockets.connect(server.url + path, **kwargs))
        client.user_id = (await client.expect("connection_established"))["user_id"]
        assert re.fullmatch(r"[0-9a-f]{32}", client.user_id)
        return client

    async def send(self, kind, **data):
        await self.socket.send(json.dumps({"type": kind, "data": data} if data else {"type": kind}))

    async def event(self, timeout=None):
        text = await asyncio.wait_for(self.socket.recv(), timeout or TIMEOUT)
        assert isinstance(text, str)
        event = json.loads(text)
        kind = event["type"]
        assert kind in DATA, event
        assert isinstance(event["description"], str) and TIMESTAMP.match(event["timestamp"]), event
        if DATA[kind] is None:
            assert set(event) == {"type", "description", "timestamp"}, event
        else:
            assert set(event) == {"type", "description", "timestamp", "data"}, event
            if DATA[kind] is not ...:
                assert set(event["data"]) == DATA[kind], event
        if kind == "error":
            assert set(event["data"]) <= {"code", "request"} and "code" in event["data"], event
        return event

    async def expect(self, kind, timeout=None, **data):
        """The next event is of this kind, with these members. Returns its data."""
        event = await self.event(timeout)
        assert event["type"] == kind, event
        for key, value in data.items():
            assert event["data"].get(key) == value, event
        return event.get("data")

    async def expect_error(self, code, request=None):
        data = await self.expect("error", code=code)
        assert data.get("request") == request, data

    async def expect_close(self, code):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(self.socket.recv(), TIMEOUT)
        assert self.socket.close_code == code, self.socket.close_code

    async def expect_ban(self):
        """In a chat. That the partner has left comes from its actor and the ban from the matcher: either may be first, and nothing is told after a ban."""
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.expect("partner_left_chat")
        await self.expect_close(4003)

    async def silence(self, seconds=0.1):
        """Nothing comes."""
        try:
            event = await asyncio.wait_for(self.socket.recv(), seconds * SLOWNESS)
        except asyncio.TimeoutError:
            return
        raise AssertionError(event)

    async def ask(self, kind, **data):
        """A request that is carried out."""
        await self.send(kind, **data)
        await self.expect("success")

    async def like(self, *interests):
        await self.ask("submit_interests", interests=list(interests))
        return self

    async def search(self):
        await self.send("start_matching")
        await self.expect("no_match")
        return self

    async def close(self):
        await self.socket.close()


async def pair(server, *interests):
    """Two users in a chat."""
    interests = interests or ("pairing",)
    a = await (await Client.connect(server)).like(*interests)
    b = await (await Client.connect(server)).like(*interests)
    await a.search()
    await b.send("start_matching")
    data_a = await a.expect("success_matched")
    data_b = await b.expect("success_matched")
    assert data_a["match_id"] == data_b["match_id"]
    a.match = b.match = data_a["match_id"]
    return a, b


async def close_all(*clients):
    await asyncio.gather(*(client.close() for client in clients))


def kept_keys(store, prefix=""):
    """All but what is kept for its time, reports and bans, and what nodes have while they live."""
    own = [key.removeprefix(prefix) for key in store.keys("*")]
    return [key for key in own if not key.startswith(("reports:", "ban:", "lease:", "node:")) and key not in ("nodes", "epoch")]


def nodes(store):
    """Those that have a lease."""
    return {key.removeprefix("lease:") for key in store.keys("lease:*")}


async def settled(server, store=None):
    """Nobody is left, in the server and in its Redis (the embedded one, if none is given)."""
    def is_empty():
        return all(server.metric(name) == 0 for name in ("users", "searching", "chatting"))
    await in_thread(wait_for, is_empty, "everyone to leave")
    store = store or await in_thread(server.redis)
    await in_thread(wait_for, lambda: kept_keys(store) == [], lambda: f"Redis to be empty: {kept_keys(store)[:9]}")

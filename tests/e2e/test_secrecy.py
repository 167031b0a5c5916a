"""What people write is nowhere outside the nodes: not in Redis' commands, keys, memory or log, not on the wire to it, not in any log."""
import asyncio
import base64
import contextlib
import hashlib
import os
import re
import socket
import threading

import redis

from cluster import SECRET, wait_for_peers
from harness import Client, close_all, in_thread, redis_server, running, settled, wait_for

PAGE = 4096


def canary(name):
    return f"canary-of-{name}-{os.urandom(12).hex()}"


def forms(text):
    """All that a text may look like where somebody has forgotten to seal it."""
    plain = text.encode()
    found = {"plain": [plain], "hex": [plain.hex().encode(), plain.hex().upper().encode()],
             "UTF-16": [text.encode("utf-16-le"), text.encode("utf-16-be")], "base64": []}
    for before in range(3):  # bytes of something else before it, in the same group of three; what shares a character with others is not looked at
        encoded = base64.b64encode(b"\0" * before + plain)
        encoded = encoded[-(-before * 8 // 6):(before + len(plain)) * 8 // 6]
        found["base64"] += [encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")]
    return found


def leaks(places, text):
    """Where it is, and how."""
    return {(place, form) for place, content in places.items() for form, looks in forms(text).items() if any(look in content for look in looks)}


def memory_of(pid):
    """All that a process has, but for what it only maps from files, and for pages that it has not touched."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, rights, path = re.fullmatch(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)\n", line).groups()
            if rights.startswith("rw") and path != "[vvar]":
                for at in range(int(begin, 16), int(end, 16), PAGE):
                    memory.seek(at)
                    page = b""
                    with contextlib.suppress(OSError):  # it was unmapped meanwhile
                        page = memory.read(PAGE)
                    if page.count(0) < len(page):
                        parts.append(page)
    return b"".join(parts)


def contents_of(store):
    reads = {"string": store.get, "hash": store.hgetall, "set": store.smembers, "zset": lambda key: store.zrange(key, 0, -1)}
    return b"\n".join(repr((key, reads[store.type(key)](key))).encode() for key in store.keys("*"))


class Monitor:
    """Every command that Redis carries out."""

    def __init__(self, path):
        self.seen = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.sendall(b"MONITOR\r\n")
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()
        wait_for(lambda: self.seen.startswith(b"+OK"), "MONITOR")

    def _listen(self):
        while part := self.socket.recv(1 << 20):
            self.seen += part

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Tap:
    """Between the nodes and Redis, by TCP; keeps all that passes. Lives on the loop of the test."""

    def __init__(self, path):
        self.path = path
        self.seen = bytearray()
        self.tasks = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _serve(self, node_in, node_out):
        self.tasks.add(asyncio.current_task())
        redis_in, redis_out = await asyncio.open_unix_connection(self.path)
        await asyncio.gather(self._pass(node_in, redis_out), self._pass(redis_in, node_out), return_exceptions=True)

    async def _pass(self, source, target):
        seen = bytearray()  # each way in one piece, so that nothing hides at a cut
        try:
            while part := await source.read(65536):
                seen += part
                target.write(part)
        finally:
            self.seen += seen + b"\n"
            target.close()


async def talk(a, b, text, signal):
    """Both ways, in many shapes: alone, in the middle of much else, escaped; and by the other ways there are."""
    for writer, reader in ((a, b), (b, a)):
        for message in (text, f"{'so ' * 250}{text} it goes{' on' * 250}", *(f"{'x' * i}{text}" for i in range(8))):
            await writer.send("chat_message", message=message)
            await reader.expect("chat_message", message=message)
        await writer.send("webrtc_signal", candidate=signal)
        assert (await reader.expect("webrtc_signal"))["candidate"] == signal


async def match(waiter, seeker):
    await waiter.search()
    await seeker.send("start_matching")
    return await seeker.expect("success_matched"), await waiter.expect("success_matched")


@contextlib.contextmanager
def listened_to(log):
    with redis_server("--loglevel", "debug", "--logfile", log) as (path, process):
        monitor = Monitor(path)
        try:
            yield path, process, monitor
        finally:
            monitor.close()


def secret_file(directory):
    path = directory / "secret"
    path.write_bytes(SECRET)
    return path


def start_node(stack, tap, secret):
    return stack.enter_context(running("--redis", f"redis://127.0.0.1:{tap.port}", "--cluster-secret-file", secret)).wait_ready()


def test_what_people_write_is_nowhere_outside_the_nodes(tmp_path):
    text, signal, interest, device = canary("text"), canary("signal"), canary("interest"), hashlib.sha256(canary("device").encode()).hexdigest()
    log = tmp_path / "redis.log"

    async def run():
        memories = []
        with listened_to(log) as (path, process, monitor):
            store = redis.Redis(unix_socket_path=path, decode_responses=True)
            async with Tap(path) as tap:
                with contextlib.ExitStack() as stack:
                    nodes = [await in_thread(start_node, stack, tap, secret_file(tmp_path)) for _ in range(3)]
                    await in_thread(wait_for_peers, nodes, 2)
                    a = await (await Client.connect(nodes[0], f"?id={device}")).like(interest)
                    b = await (await Client.connect(nodes[1])).like(interest)
                    c = await (await Client.connect(nodes[2])).like("one node")
                    d = await (await Client.connect(nodes[2])).like("one node")
                    await match(a, b)
                    await match(c, d)
                    await talk(a, b, text, signal)
                    await talk(c, d, text, signal)
                    memories.append(memory_of(process.pid))
                    # What gets lost is said again.
                    for number in range(20):
                        if number == 10:
                            store.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
                        await a.send("chat_message", message=f"{text} {number}")
                    for number in range(20):
                        await b.expect("chat_message", message=f"{text} {number}")
                    memories.append(memory_of(process.pid))
                    keys = contents_of(store)
                    assert sum(node.metric("bus_records_in_total") for node in nodes) > 40  # they did say it by the bus
                    await close_all(a, b, c, d)
                    for node in nodes:
                        await settled(node, store)
                memories.append(memory_of(process.pid))
            return {"commands": monitor.seen, "keys": keys, "memory": b"".join(memories), "log of Redis": log.read_bytes(),
                    "logs": "\n".join(line for node in nodes for line in node.log).encode(), "wire": bytes(tap.seen)}
    places = asyncio.run(run())
    for name, content in places.items():
        assert content, name
    assert leaks(places, text) == set()
    assert leaks(places, signal) == set()
    assert leaks(places, device) == set()
    # What people like is what Redis matches by. It is there, so this looks where things are; but nodes do not tell each other in clear, or log it.
    assert leaks(places, interest) == {(place, "plain") for place in ("commands", "keys", "memory", "wire")}
    published = b"\n".join(line for line in places["commands"].split(b"\r\n") if b'"PUBLISH"' in line.upper())
    assert published and leaks({"published": published}, interest) == set()


def test_what_is_in_clear_is_found(tmp_path):
    """The same search finds what a node would have published, kept or logged."""
    text = canary("control")
    log = tmp_path / "redis.log"
    encoded = [text.encode(), text.encode().hex().encode(), text.encode("utf-16-le"), *(base64.b64encode(b"x" * i + text.encode() + b"yy") for i in range(3))]

    async def run():
        with listened_to(log) as (path, process, monitor):
            async with Tap(path) as tap:
                def publish():
                    store = redis.Redis(port=tap.port, decode_responses=True)
                    for look in encoded:
                        store.publish("bus:all", b"\1\2\3" + look + b"\4")
                        store.set(look[:16], look)
                        store.eval("redis.log(redis.LOG_DEBUG, ARGV[1])", 0, look)
                    kept = contents_of(store)
                    store.close()
                    return kept
                keys = await in_thread(publish)
                await asyncio.sleep(0.1)
                memory = memory_of(process.pid)
            return {"commands": monitor.seen, "keys": keys, "memory": memory, "log of Redis": log.read_bytes(), "wire": bytes(tap.seen)}
    places = asyncio.run(run())
    found = leaks(places, text)
    assert {form for _, form in found} == {"plain", "hex", "UTF-16", "base64"}
    # MONITOR and repr() write zeros as \x00.
    missing = {(place, form) for place in places for form in forms(text)} - found
    assert missing <= {("commands", "UTF-16"), ("keys", "UTF-16"), ("log of Redis", "UTF-16")}, missing
    for look in encoded[3:]:
        assert leaks({"alone": look}, text) == {("alone", "base64")}

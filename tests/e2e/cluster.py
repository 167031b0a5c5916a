"""Several nodes on one bus, and a node that we did not write: the protocol between nodes in Python, with other people's cryptography."""
import contextlib
import hashlib
import os
import queue
import signal
import struct
import subprocess
import tempfile
import threading
import time

import redis
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from harness import answers, in_thread, running, wait_for

SECRET = b"0123456789abcdef0123456789abcdef"


class Bus:
    """A Redis that can be restarted where it was."""

    def __init__(self, stack):
        self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cbt-"))
        self.path = os.path.join(self.directory, "redis.sock")
        stack.callback(self.stop)
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--dir", self.directory],
                                        stdout=subprocess.DEVNULL)
        wait_for(lambda: answers(self.path), "redis-server")
        self.client = redis.Redis(unix_socket_path=self.path)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


class Cluster:
    """Nodes on one bus, or several. shared: the bus is where they all match, too; else each node has a Redis of its own for that."""

    def __init__(self, stack, buses=1, shared=False):
        self.stack = stack
        self.shared = shared
        self.buses = [Bus(stack) for _ in range(buses)]
        self.bus = self.buses[0]
        self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cbt-"))

    def file(self, name, secret):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(secret)
        return path

    def node(self, *flags, secrets=None, by=None, **more):
        """by: an address that leads to the Redis that all share. more: arguments of Server."""
        own = self.bus if self.shared else Bus(self.stack)
        node = self.stack.enter_context(running(
            "--redis", by or f"unix:{own.path}", "--bus", by or ",".join(f"unix:{bus.path}" for bus in self.buses),
            "--cluster-secret-file", secrets or self.file("secret", SECRET), "--redis-timeout", "500ms", *flags, **more))
        node.store = own.client
        return node.wait_ready()

    def nodes(self, count, *flags):
        nodes = [self.node(*flags) for _ in range(count)]
        wait_for_peers(nodes, count - 1)
        return nodes


@contextlib.asynccontextmanager
async def cluster_of(count, *flags):
    """Nodes whose users match on the Redis that is their bus."""
    with contextlib.ExitStack() as stack:
        cluster = await in_thread(lambda: Cluster(stack, shared=True))
        nodes = await in_thread(cluster.nodes, count, "--rate-chat", 0, "--rate-search", 0, *flags)
        yield cluster, nodes


def peers(node):
    return node.metric("peers_alive")


def wait_for_peers(nodes, count):
    for node in nodes:
        wait_for(lambda: peers(node) == count, lambda: f"{count} peers, not {peers(node)}")


# As in src/bus/record.def.
BEAT, LEAVE, BURIED, TEXT, WRITTEN, GAP, ASK, LEFT, LEFT_HEARD, MATCH_FOUND, MATCH_TAKEN, TEXTS = 1, 2, 3, 16, 17, 18, 19, 20, 21, 23, 24, 31
RESUME, ITEM, TAKEN, DEAD = 27, 28, 29, 30  # of a line
BODY = {RESUME: ">I", ITEM: ">IIII", TAKEN: ">II", DEAD: ">", TEXT: ">QI", WRITTEN: ">QII", GAP: ">QII", ASK: ">Q", LEFT: ">QI", LEFT_HEARD: ">Q", MATCH_TAKEN: ">Q",
        TEXTS: ">QI"}
VERSION = 2
EVERYBODY = 0


def address(thread, slot, generation):
    return bytes([thread]) + slot.to_bytes(3, "big") + generation.to_bytes(3, "big")


def texts(match, number, rest):
    """What a run is, one by one. Each begins as the one before it does."""
    before = b""
    while rest:
        shared, length = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:5], "big")
        before, rest = before[:shared] + rest[5:5 + length], rest[5 + length:]
        yield TEXT, (match, number), before
        number += 1


class Peer:
    """A node of one user, whose actor is at Peer.SELF. It says and hears what the test has it say and hear, and beats by itself."""
    SELF = address(2, 7, 9)

    def __init__(self, path, secret=SECRET):
        self.secret = hashlib.sha256(secret).digest()
        self.incarnation = int.from_bytes(os.urandom(8), "big")
        self.life, self.number = 1, 0
        self.is_beating = True
        self.is_met = True   # MATCH_TAKEN is answered, which says that our actor is there
        self.keys = {}
        self.seen = set()    # incarnations whose beats were heard
        self.heard = queue.Queue()  # records for us: (source, type, to, from, numbers, rest)
        self.lock = threading.Lock()
        self.client = redis.Redis(unix_socket_path=path)
        self.ears = self.client.pubsub(ignore_subscribe_messages=True)
        self.ears.subscribe("bus:all", self.channel(self.incarnation))
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def close(self):
        self.is_beating = None
        self.thread.join()
        self.ears.close()

    @staticmethod
    def channel(node):
        return f"bus:{node:016x}" if node else "bus:all"

    def key(self, source, life):
        if (source, life) not in self.keys:
            hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"chatterbox bus", info=struct.pack(">QQ", source, life))
            self.keys[source, life] = AESGCM(hkdf.derive(self.secret))
        return self.keys[source, life]

    def publish(self, target, *records):
        """A batch of (type, body)."""
        with self.lock:
            self.number += 1
            header = struct.pack(">BQQQ", VERSION, self.incarnation, self.life, self.number)
            plain = b"".join(len(body).to_bytes(3, "big") + bytes([kind]) + body for kind, body in records)
            nonce = struct.pack(">IQ", 0, self.number)
            sealed = self.key(self.incarnation, self.life).encrypt(nonce, plain, header + struct.pack(">Q", target))
            self.client.publish(self.channel(target), header + sealed)

    def say(self, node, kind, to, *numbers, rest=b"", sender=None):
        """To the actor `to` of another node."""
        self.publish(node, (kind, to + (sender or self.SELF) + struct.pack(BODY[kind], *numbers) + rest))

    def match(self, node, actor, match, search, role=0):
        """Tell an actor of another node that it has been matched with ours."""
        peer = b"\5" * 16 + bytes(32)
        self.publish(node, (MATCH_FOUND, actor + address(4, 0, 0) + struct.pack(">QII", match, search, role) + self.SELF + peer + b"go\0"))

    def hear(self, kind, timeout=3):
        """The next record for us is of this kind. Returns its numbers, and what follows them."""
        source, found, to, sender, numbers, rest = self.heard.get(timeout=timeout)
        assert (found, to) == (kind, self.SELF), (found, numbers, rest)
        return (*numbers, rest) if found in (TEXT, ITEM) else numbers

    def hears_nothing(self, seconds=0.3):
        time.sleep(seconds)
        assert self.heard.empty(), self.heard.get()

    def _live(self):
        last_beat = 0
        while self.is_beating is not None:
            if self.is_beating and time.monotonic() - last_beat >= 0.5:
                last_beat = time.monotonic()
                self.publish(EVERYBODY, (BEAT, struct.pack(">III", 1, 0, 0)))
            message = self.ears.get_message(timeout=0.02)
            if message:
                self._take(message["channel"].decode(), message["data"])

    def _take(self, channel, data):
        version, source, life, number = data[0], *struct.unpack(">QQQ", data[1:25])
        if version != VERSION or source == self.incarnation:
            return
        target = EVERYBODY if channel == "bus:all" else self.incarnation
        try:
            plain = self.key(source, life).decrypt(struct.pack(">IQ", 0, number), data[25:], data[:25] + struct.pack(">Q", target))
        except InvalidTag:
            return
        while plain:
            length, kind = int.from_bytes(plain[:3], "big"), plain[3]
            body, plain = plain[4:4 + length], plain[4 + length:]
            if kind == BEAT:
                self.seen.add(source)
            elif kind == MATCH_TAKEN and self.is_met:
                self.say(source, WRITTEN, body[7:14], *struct.unpack(">Q", body[14:22]), 0, 0)
            elif kind in BODY:
                size = struct.calcsize(BODY[kind])
                numbers, rest = struct.unpack(BODY[kind], body[14:14 + size]), body[14 + size:]
                for one, numbers, rest in texts(*numbers, rest) if kind == TEXTS else [(kind, numbers, rest)]:
                    self.heard.put((source, one, body[:7], body[7:14], numbers, rest))

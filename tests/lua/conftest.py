import os
import re
import subprocess
import tempfile
import time

import pytest
import redis

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
BINARY = os.environ.get("CHATTERBOX_BINARY") or os.path.join(ROOT, "build", "release", "chatterbox")
SCRIPTS = sorted(name.removesuffix(".lua") for name in os.listdir(os.path.join(ROOT, "lua")) if name.endswith(".lua") and name != "head.lua")


def embedded(name):
    """A script as it is in the binary: the build has written it down there too."""
    with open(os.path.join(os.path.dirname(BINARY), "lua", f"{name}.lua")) as file:
        return file.read()


class Scripts:
    """The scripts of lua/, called as one node calls them."""

    def __init__(self, store, prefix="", node="node"):
        self.store = store
        self.prefix = prefix
        self.node = node
        self.value = f"{node}:1"
        self.reachable = [node]
        self.clock = 1000
        self.match = 0
        self.scripts = {name: store.register_script(embedded(name)) for name in SCRIPTS}

    def reset(self):
        self.store.flushall()
        assert self.fence() == ["OK"]

    def key(self, name):
        return self.prefix + name

    def call(self, script, keys, arguments):
        return self.scripts[script](keys=[self.key(key) for key in [f"lease:{self.node}", *keys]], args=[self.value, *arguments])

    def channel(self, user):
        return f"{self.node}:1.{user}.1"

    def fence(self, ttl=60000):
        return self.call("fence", ["nodes", f"node:{self.node}", "epoch"], [self.node, ttl, "1.2.3"])

    def heartbeat(self, ttl=60000):
        return self.call("heartbeat", ["nodes", "epoch"], [self.node, ttl])

    def release(self):
        return self.call("release", [f"users:{self.node}", "nodes", f"node:{self.node}", "epoch"], [self.node])

    def reap(self, node, count=64):
        return self.call("reap", [f"lease:{node}", f"users:{node}", "active_matches", "waiting", "nodes", f"node:{node}"],
                         [self.prefix, node, count])

    def submit(self, user, *topics, device="0", address="0"):
        return self.call("submit_interests", [f"user_meta:{user}", f"ban:{device}", f"ban:{address}", f"users:{self.node}"],
                         [user, self.channel(user), *topics])

    def start(self, user, *topics, ended=0, search=1, match=None, anyone=False, device="0", address="0", identity=None):
        self.clock += 1
        self.match = match or self.match + 1
        return self.call(
            "start_matching",
            [f"user_meta:{user}", "active_matches", "waiting", "anyone", f"blocked:{user}", f"ban:{device}", f"ban:{address}",
             f"users:{self.node}", *(f"interest:{topic}" for topic in topics)],
            [self.prefix, user, self.channel(user), search, self.match, ended, self.clock, int(anyone), f"identity of {user}" if identity is None else identity,
             f" {' '.join(self.reachable)} ", *topics])

    def block(self, user, *partners):
        return self.call("block", [f"user_meta:{user}", f"blocked:{user}"], partners)

    def report(self, reporter, device, address, limit=3, report_ms=60000, ban_ms=60000):
        return self.call("report", [f"reports:{device}", f"ban:{device}", f"reports:{address}", f"ban:{address}"],
                         [reporter, limit, report_ms, ban_ms])

    def end_matching(self, user):
        return self.call("end_matching", [f"user_meta:{user}", "active_matches", "waiting"], [self.prefix, user])

    def end_chat(self, user, match):
        return self.call("end_chat", [f"user_meta:{user}", "active_matches"], [self.prefix, user, match])

    def restore_chat(self, user, match, partner, *topics):
        return self.call("restore_chat", [f"user_meta:{user}", "active_matches", "waiting", f"users:{self.node}"],
                         [self.prefix, user, self.channel(user), match, partner, *topics])

    def leave(self, user):
        return self.call("leave", [f"user_meta:{user}", "active_matches", "waiting", f"blocked:{user}", f"users:{self.node}"],
                         [self.prefix, user])

    def users(self):
        return self.store.smembers(self.key(f"users:{self.node}"))

    def keys_of_users(self):
        """All but what the nodes themselves have."""
        of_nodes = re.compile(r"(lease:|node:|nodes$|epoch$)")
        return [key for key in self.store.keys("*") if not of_nodes.match(key.removeprefix(self.prefix))]

    def meta(self, user):
        return self.store.hgetall(self.key(f"user_meta:{user}"))

    def pairs(self):
        return self.store.hgetall(self.key("active_matches"))

    def waiting(self):
        return self.store.zrange(self.key("waiting"), 0, -1)

    def members(self, topic):
        return self.store.smembers(self.key(f"interest:{topic}"))

    def topics(self):
        return {key.removeprefix(self.key("interest:")) for key in self.store.keys("*interest:*")}


def answers(store):
    """Its socket is there a moment before it listens."""
    try:
        return store.ping()
    except redis.exceptions.ConnectionError:
        return False


@pytest.fixture(scope="session")
def store():
    with tempfile.TemporaryDirectory(prefix="cbl-") as directory:
        path = os.path.join(directory, "redis.sock")
        process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory],
                                   stdout=subprocess.DEVNULL)
        try:
            store = redis.Redis(unix_socket_path=path, decode_responses=True)
            deadline = time.monotonic() + 10
            while not answers(store):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield store
        finally:
            process.kill()
            process.wait()


@pytest.fixture(params=["", "{chat}:"])
def scripts(store, request):
    scripts = Scripts(store, request.param)
    scripts.reset()
    yield scripts
    store.flushall()

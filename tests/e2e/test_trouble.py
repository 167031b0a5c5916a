"""A Redis that cannot be used: within 2 s the log says why, with what would help, once; and /readyz says it too."""
import contextlib
import http.server
import threading
import time

import pytest
import redis

from harness import SLOWNESS, Server, redis_server, wait_for
from test_redis import Impostor, free_port

WITHIN = 2 * SLOWNESS


def port_of(stack, *flags):
    """A real Redis."""
    with free_port() as port:
        stack.enter_context(redis_server("--port", port, *flags))
        return port


def cluster_node(stack):
    """One that is alone. The port of the other nodes would else be 10,000 above its own, which may be none."""
    with free_port() as port:
        return port_of(stack, "--cluster-enabled", "yes", "--cluster-port", port)


def fake(stack, answer):
    impostor = Impostor(answer)
    stack.callback(impostor.listener.close)
    return impostor.port


def web_server(stack):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return server.server_address[1]


def closed(_):
    with free_port() as port:
        return port


def saying(answer):
    return lambda stack: fake(stack, answer)


def real(*flags):
    return lambda stack: port_of(stack, *flags)


# What is there, how --redis names it, what /readyz and the log say, and what of the remedy.
ANYBODY = ("--user", "default", "on", "nopass", "&*", "+@all")

CASES = {
    "a host that there is not": (None, "redis://nowhere.invalid", "its host is unknown", "correct the host in --redis"),
    "a closed port": (closed, "redis://127.0.0.1:{}", "nothing listens at its port", "start Redis, or correct host and port"),
    "no socket": (None, "unix:/nowhere/redis.sock", "its socket is not there", "correct the path in --redis"),
    "silence": (saying(None), "redis://127.0.0.1:{}", "does not answer in time", "--redis-timeout"),
    "a web server": (web_server, "redis://127.0.0.1:{}", "what answers there is no Redis", "a web server"),
    "a web server that speaks first": (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "redis://127.0.0.1:{}", "what answers there is no Redis", "a web server"),
    "protected mode": (saying(b"-DENIED Redis is running in protected mode because\r\n"), "redis://127.0.0.1:{}", "protected mode", "requirepass"),
    "a cluster's": (saying(b"-MOVED 866 127.0.0.1:7001\r\n"), "redis://127.0.0.1:{}", "part of a Redis Cluster", "cluster://"),
    "a cluster without slots": (cluster_node, "redis://127.0.0.1:{}", "its cluster does not serve", "CLUSTER INFO"),
    "a user without rights": (real(*ANYBODY, "~*", "-evalsha"), "redis://127.0.0.1:{}", "lacks a permission", "ACL SETUSER"),
    "a user without keys": (real(*ANYBODY, "~other:*"), "redis://127.0.0.1:{}", "lacks a permission", "ACL SETUSER"),
    "a script that may not": (real(*ANYBODY, "~*", "-set"), "redis://127.0.0.1:{}", "lacks a permission", "ACL SETUSER"),
    "a replica": (real("--replicaof", "127.0.0.1 1"), "redis://127.0.0.1:{}", "a replica, or read-only", "name its master"),
    "still loading": (saying(b"-LOADING Redis is loading the dataset in memory\r\n"), "redis://127.0.0.1:{}", "still reading its data", "wait"),
    "no memory": (real("--maxmemory", "1"), "redis://127.0.0.1:{}", "its memory is full", "maxmemory"),
    "no replicas": (real("--min-replicas-to-write", "1"), "redis://127.0.0.1:{}", "too few replicas", "min-replicas-to-write"),
    "too many clients": (saying(b"-ERR max number of clients reached\r\n"), "redis://127.0.0.1:{}", "too many clients", "maxclients"),
    "no Sentinel": (closed, "sentinel://127.0.0.1:{}/m", "no Sentinel names its master", "start the Sentinels"),
    "Sentinels of others": (saying(b"*-1\r\n"), "sentinel://127.0.0.1:{}/m", "know no master of this name", "SENTINEL MASTERS"),
    "Sentinels with a password": (saying(b"-NOAUTH Authentication required.\r\n"), "sentinel://127.0.0.1:{}/m", "Sentinels refuse the user or the password",
                                  "CHATTERBOX_SENTINEL_PASSWORD"),
}
# At the start these end the server with one line (test_redis.py); later it waits for them to be mended.
LATER = {
    "a password": (["requirepass", "secret"], "it wants a password", "CHATTERBOX_REDIS_PASSWORD"),
    "an evil policy": (["maxmemory-policy", "allkeys-lru"], "it would evict keys", "noeviction"),
    "another password": (["requirepass", "other"], "it refuses the user or the password", "CHATTERBOX_REDIS_PASSWORD"),
}


def lines(server, event, what):
    """Warnings, as an operator sees them: the level is the default."""
    return [line for line in server.log_lines(event) if " level=warn " in line and what in line]


def test_each_is_told_once_with_its_remedy():
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, (peer, where, what, remedy) in CASES.items():
            url = where.format(peer and peer(stack))
            server = servers[name] = Server("--redis", url, "--log-level", "info")
            stack.callback(server.process.kill)
            server.listening = time.monotonic()
        failures = []
        for name, server in servers.items():
            _, where, what, remedy = CASES[name]
            while not (found := lines(server, "redis_lost", what)) and time.monotonic() < server.listening + WITHIN:
                time.sleep(0.01)
            if not found or 'remedy="' not in found[0] or remedy not in found[0]:
                failures.append((name, server.log[-3:]))
            elif what not in server.readiness():
                failures.append((name, server.readiness()))
        assert not failures, "\n".join(map(str, failures))
        time.sleep(1)
        for name, server in servers.items():
            # A busy machine's Sentinel or Redis may be slow besides.
            slow = "no answer in time"
            told = [line for line in server.log if " level=warn " in line and (slow in CASES[name][2] or slow not in line)]
            assert len(told) == 1, (name, told)
            server.stop()


@pytest.mark.parametrize("name", LATER)
def test_what_comes_later(name):
    setting, what, remedy = LATER[name]
    old = ["--requirepass", "old"] if name == "another password" else []
    with free_port() as port, redis_server("--port", port, *old) as (path, _):
        env = {"CHATTERBOX_REDIS_PASSWORD": "old"} if old else {}
        server = Server("--redis", f"redis://127.0.0.1:{port}", "--log-level", "info", env=env).wait_ready()
        store = redis.Redis(unix_socket_path=path, password="old" if old else None)
        store.config_set(*setting)
        store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        found = wait_for(lambda: lines(server, "redis_lost", what), what, WITHIN)
        assert remedy in found[0]
        wait_for(lambda: what in server.readiness(), "/readyz")
        time.sleep(1)
        assert len(lines(server, "redis_lost", what)) == 1
        server.stop()


def test_a_bus_tells_too(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(32)))
    with redis_server() as (path, _), free_port() as port:
        server = Server("--redis", f"unix:{path}", "--bus", f"redis://127.0.0.1:{port}", "--cluster-secret-file", secret, "--log-level", "info")
        found = wait_for(lambda: lines(server, "bus_lost", "nothing listens at its port"), "the line", WITHIN)
        assert f'redis="127.0.0.1:{port}"' in found[0] and "correct host and port" in found[0]
        wait_for(lambda: server.readiness() == "Other nodes cannot be heard now: nothing listens at its port; chats on this one go on\n", "/readyz")
        time.sleep(1)
        assert len(lines(server, "bus_lost", "nothing listens")) == 1
        server.stop()

"""What an idle user costs."""
import os
import re
import resource
import selectors
import socket

import pytest

from harness import running, wait_for

USERS = int(os.environ.get("CHATTERBOX_IDLE_USERS", "15000"))
UPGRADE = (b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
SUBMIT = b'{"type":"submit_interests","data":{"interests":["music","chess","football"]}}'
# Masked with zeros, which leaves the text as it is.
FRAME = bytes([0x81, 0x80 | len(SUBMIT)]) + b"\0\0\0\0" + SUBMIT


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return int(re.search(r"^Pss: +(\d+) kB", file.read(), re.M)[1])


def connect_users(port, count):
    """All upgraded, with interests; never more than a few hundred on their way at once."""
    sockets = []
    selector = selectors.DefaultSelector()
    waiting = {}
    while len(sockets) < count or waiting:
        while len(sockets) < count and len(waiting) < 200:
            # One loopback address has ports for 28,000 connections; two leave room for what else runs.
            connection = socket.create_connection((f"127.0.0.{1 + len(sockets) % 2}", port))
            connection.setblocking(False)
            connection.send(UPGRADE)
            sockets.append(connection)
            waiting[connection] = b""
            selector.register(connection, selectors.EVENT_READ)
        for key, _ in selector.select(10):
            connection = key.fileobj
            had = waiting[connection]
            data = connection.recv(4096)
            assert data, had
            waiting[connection] = had + data
            if b"connection_established" in waiting[connection] and b"connection_established" not in had:
                connection.send(FRAME)
            if b'"success"' in waiting[connection]:
                selector.unregister(connection)
                del waiting[connection]
    return sockets


@pytest.mark.skipif(bool(os.environ.get("CHATTERBOX_SANITIZE")), reason="a sanitizer's memory is not ours")
def test_an_idle_user_costs_at_most_two_kib():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with running("--ping-interval", "10m", "--bind", "0.0.0.0") as server:
        server.wait_ready()
        # The first users pay for what all share: threads' arenas, buffers, the libraries' tables.
        first = connect_users(server.port, 100)
        before = pss_kib(server.process.pid)
        sockets = connect_users(server.port, USERS)
        wait_for(lambda: server.metric("users") == USERS + 100, "all users", 30)
        after = pss_kib(server.process.pid)
        per_user = (after - before) * 1024 / USERS
        print(f"{USERS} idle users: {per_user:.0f} bytes each (PSS)")
        assert per_user <= 2048
        for connection in first + sockets:
            connection.close()

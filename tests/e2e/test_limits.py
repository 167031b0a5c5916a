"""Limits for each client address: behind a trusted proxy, whose part the tests play, and without one, in a network of their own."""
import asyncio
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time

import pytest
import websockets

from harness import SLOWNESS, TIMEOUT, Client, close_all, in_thread, running, wait_for

PROXIED = ("--trusted-proxies", "127.0.0.0/8", "--io-threads", 2)
# Several, so that some are at home on the thread that has their connection and some are not.
ADDRESSES = [f"203.0.113.{i}" for i in range(1, 9)]


def connect(server, forwarded=None, path=""):
    """As a client at that address, through the proxy."""
    return Client.connect(server, path, extra_headers=[("X-Forwarded-For", forwarded)] if forwarded else None)


@contextlib.asynccontextmanager
async def refused(server, status=429):
    with pytest.raises(websockets.InvalidStatusCode) as answer:
        yield
    assert answer.value.status_code == status
    if status == 429:
        assert int(answer.value.headers["Retry-After"]) > 0


async def forgotten(server):
    """Nothing is open, and nothing is remembered of anybody."""
    for name in ("websockets", "users", "addresses"):
        await in_thread(wait_for, lambda: server.metric(name) == 0, f"{name} to be 0", 20 * SLOWNESS)


def test_so_many_connections_of_one_address():
    async def run():
        with running(*PROXIED, "--address-connections", 3, "--address-handshakes", 0) as server:
            server.wait_ready()
            clients = {address: [await connect(server, address) for _ in range(3)] for address in ADDRESSES}
            for address in ADDRESSES:
                async with refused(server):
                    await connect(server, address)
            assert server.metric("addresses_refused_total") == len(ADDRESSES)
            await in_thread(wait_for, lambda: server.metric("addresses") == len(ADDRESSES), "the gauge, which moves ten times a second")
            # One who leaves makes room for one.
            for address in ADDRESSES:
                await clients[address].pop().close()
            await in_thread(wait_for, lambda: server.metric("websockets") == 2 * len(ADDRESSES), "the room")
            for address in ADDRESSES:
                deadline = time.monotonic() + TIMEOUT
                while len(clients[address]) < 3:  # its home may hear of it a moment later
                    with contextlib.suppress(websockets.InvalidStatusCode):
                        clients[address].append(await connect(server, address))
                    assert time.monotonic() < deadline
                async with refused(server):
                    await connect(server, address)
            await close_all(*(client for each in clients.values() for client in each))
            await forgotten(server)
    asyncio.run(run())


def test_an_ipv6_address_is_its_first_64_bits():
    async def run():
        with running(*PROXIED, "--address-connections", 2, "--address-handshakes", 0) as server:
            server.wait_ready()
            clients = [await connect(server, address) for address in ("2001:db8:0:1::1", "[2001:db8:0:1:ffff::2]:443")]
            async with refused(server):
                await connect(server, "2001:db8:0:1::3")
            clients.append(await connect(server, "2001:db8:0:2::1"))
            await close_all(*clients)
    asyncio.run(run())


def test_so_many_handshakes_a_second():
    async def run():
        with running(*PROXIED, "--address-connections", 0, "--address-handshakes", 1) as server:
            server.wait_ready()
            for address in ADDRESSES[:4]:
                answers, begin = [], time.monotonic()
                for _ in range(6):
                    try:
                        await (await connect(server, address)).close()
                        answers.append(101)
                    except websockets.InvalidStatusCode as answer:
                        answers.append(answer.status_code)
                # A burst of three, and what has been refilled meanwhile.
                refilled = time.monotonic() - begin
                assert answers[:3] == [101] * 3 and 3 <= answers.count(101) <= 3 + refilled, answers
                assert set(answers) <= {101, 429}
            await asyncio.sleep(1)
            await (await connect(server, ADDRESSES[0])).close()
            await forgotten(server)
    asyncio.run(run())


def test_who_is_only_told_what_is_wrong_has_shaken_hands_too():
    async def run():
        with running(*PROXIED, "--address-connections", 0, "--address-handshakes", 1) as server:
            server.wait_ready()
            for _ in range(3):
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await connect(server, ADDRESSES[0], "?id=bad")
                assert closed.value.rcvd.code == 4001
            with pytest.raises(websockets.InvalidStatusCode) as answer:
                for _ in range(20):  # some were forgiven, if this is slow
                    with contextlib.suppress(websockets.ConnectionClosed):
                        await connect(server, ADDRESSES[0], "?id=bad")
            assert answer.value.status_code == 429
            await forgotten(server)
    asyncio.run(run())


def test_loopback_is_exempt_and_so_is_everybody_without_limits():
    async def run():
        with running("--address-connections", 1, "--address-handshakes", 1) as server:
            server.wait_ready()
            # Nobody is trusted here, so nobody is believed either.
            clients = [await connect(server, "203.0.113.1") for _ in range(20)]
            await asyncio.sleep(0.3)
            assert server.metric("addresses") == 0
            await close_all(*clients)
        with running(*PROXIED, "--address-connections", 1, "--address-handshakes", 1) as server:
            server.wait_ready()
            clients = [await connect(server, forwarded) for forwarded in (None, "127.0.0.1", "::1", "127.1.2.3, 127.0.0.9") * 5]
            await asyncio.sleep(0.3)
            assert server.metric("addresses") == 0
            await close_all(*clients)
        with running(*PROXIED, "--address-connections", 0, "--address-handshakes", 0) as server:
            server.wait_ready()
            clients = [await connect(server, "203.0.113.1") for _ in range(40)]
            await asyncio.sleep(0.3)
            assert server.metric("addresses") == 0
            await close_all(*clients)
    asyncio.run(run())


def test_the_defaults():
    async def run():
        with running(*PROXIED) as server:
            server.wait_ready()
            answers = []
            for _ in range(40):  # 10 a second in bursts of 30; however slow this is, some of 40 in a row may be refused, but not the first 30
                try:
                    answers.append(await connect(server, "203.0.113.1"))
                except websockets.InvalidStatusCode as answer:
                    assert answer.status_code == 429
            assert len(answers) >= 30
            deadline = time.monotonic() + 20 * SLOWNESS
            while len(answers) < 64:
                assert time.monotonic() < deadline
                with contextlib.suppress(websockets.InvalidStatusCode):
                    answers.append(await connect(server, "203.0.113.1"))
            await asyncio.sleep(1)
            async with refused(server):
                await connect(server, "203.0.113.1")
            await close_all(*answers)
    asyncio.run(run())


def test_whom_the_proxy_does_not_name_is_held_to_no_limit():
    async def run():
        with running(*PROXIED, "--address-connections", 1) as server:
            server.wait_ready()
            unnamed = [await connect(server, "203.0.113.1, unknown") for _ in range(3)]
            named = await connect(server, "unknown, 203.0.113.1")  # what a client claims is not looked at
            async with refused(server):
                await connect(server, "203.0.113.1")
            await close_all(named, *unnamed)
    asyncio.run(run())


def request(address):
    return (f"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Forwarded-For: {address}\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()


def test_who_hangs_up_is_not_counted_for_ever():
    """Clients that hang up at any point; then each address has all of its room again."""
    def hang_up(server, address, bytes_sent, is_reset):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(request(address)[:bytes_sent])
            if is_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def run():
        with running(*PROXIED, "--address-connections", 3, "--address-handshakes", 0, "--session-threads", 2) as server:
            server.wait_ready()
            for i in range(600):
                await in_thread(hang_up, server, ADDRESSES[i % len(ADDRESSES)], (1000, 1000, 50)[i % 3], i % 2 == 0)
            await forgotten(server)
            clients = [await connect(server, address) for address in ADDRESSES for _ in range(3)]
            for address in ADDRESSES:
                async with refused(server):
                    await connect(server, address)
            await close_all(*clients)
            await forgotten(server)
    asyncio.run(run())


def test_shutdown_while_homes_are_asked():
    """Connections that end before their address's home has answered, for the tiny rings' sake."""
    for _ in range(5):
        with running(*PROXIED, "--address-connections", 10000, "--address-handshakes", 0, "--ring-capacity", 2) as server:
            sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
            wait_for(lambda: server.metric("connections") > len(sockets), "all connections")
            for i, connection in enumerate(sockets):
                connection.sendall(request(ADDRESSES[i % len(ADDRESSES)]))
                if i == 250:
                    server.begin_stop()
        for connection in sockets:
            connection.close()


def test_nonsense_among_the_trusted():
    from test_process import run_binary
    for networks in ("proxy.example.org", "10.0.0.0/33", "10.0.0.0/8,"):
        result = run_binary("--trusted-proxies", networks)
        assert result.returncode == 2
        assert result.stderr == (f"chatterbox: --trusted-proxies {networks}: expected addresses or networks, "
                                 "such as 10.0.0.0/8,2001:db8::/32\n")


def test_an_address_that_was_banned_stays_out_whichever_proxy_it_takes():
    """Its bans are kept under the client's address, not the proxy's: the reporters come through the same one."""
    async def run():
        with running(*PROXIED, "--report-limit", 1, "--rate-search", 0) as server:
            server.wait_ready()

            def path(name):
                return "?id=" + hashlib.sha256(name.encode()).hexdigest()
            reporter = await (await connect(server, "203.0.113.1", path("reporter"))).like("tea")
            culprit = await (await connect(server, "203.0.113.2", path("culprit"))).like("tea")
            await reporter.search()
            await culprit.send("start_matching")
            for client in (reporter, culprit):
                await client.expect("success_matched")
            await asyncio.sleep(10.5)  # a shorter chat does not count
            await reporter.ask("report", reason="abuse")
            await culprit.expect_ban()
            back = await connect(server, "198.51.100.66, 203.0.113.2, 127.0.0.7", path("another device"))
            await back.send("submit_interests", interests=["tea"])
            await back.expect_close(4003)
            neighbour = await (await connect(server, "203.0.113.3")).like("tea")
            await close_all(reporter, neighbour)
    asyncio.run(run())


# Without a proxy: a network namespace, whose loopback device has further addresses.

OUTSIDE = "203.0.113.1"
NAMESPACE = ("unshare", "--net") if os.getuid() == 0 else ("unshare", "--map-root-user", "--net")


def inside():
    """What runs in the namespace: this file, as a program."""
    def upgrade(address):
        connection = socket.create_connection((OUTSIDE, server.port), source_address=(address, 0), timeout=TIMEOUT)
        connection.sendall(b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.1\r\nUpgrade: websocket\r\n"
                           b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        return connection, connection.recv(65536).split(b"\r\n")[0]

    for command in ("link set lo up", *(f"address add {address}/32 dev lo" for address in (OUTSIDE, "203.0.113.2"))):
        subprocess.run(["ip", *command.split()], check=True)
    with running("--bind", "0.0.0.0", "--io-threads", 1, "--address-connections", 3, "--address-handshakes", 0,
                 "--handshake-timeout", "1m") as server:
        server.wait_ready()
        opened = [upgrade(OUTSIDE) for _ in range(4)]
        assert [status.split()[1] for _, status in opened] == [b"101"] * 3 + [b"429"], opened
        opened.append(upgrade("203.0.113.2"))
        assert opened[-1][1].split()[1] == b"101", opened
        opened[3][0].close()
        # Half-open ones: the fourth is not let in.
        half_open = []
        for _ in range(3):
            half_open.append(socket.create_connection((OUTSIDE, server.port), source_address=("203.0.113.2", 0), timeout=TIMEOUT))
            half_open[-1].sendall(b"GET /")
        wait_for(lambda: server.metric("connections") >= 7, "all connections")
        refused_before = server.metric("addresses_refused_total")
        fourth = socket.create_connection((OUTSIDE, server.port), source_address=("203.0.113.2", 0), timeout=TIMEOUT)
        answer = fourth.recv(65536)
        assert answer.startswith(b"HTTP/1.1 429 ") and b"\r\nRetry-After: " in answer, answer
        assert server.metric("addresses_refused_total") == refused_before + 1
        half_open.pop().close()

        def is_let_in():
            connection, status = upgrade("203.0.113.2")
            connection.close()
            return b" 101 " in status
        wait_for(is_let_in, "the room that one left")
        for connection in (*half_open, fourth, *(each[0] for each in opened)):
            connection.close()
        wait_for(lambda: server.metric("addresses") == 0, "nothing to be remembered", 20 * SLOWNESS)


def test_clients_that_no_proxy_stands_before():
    result = subprocess.run([*NAMESPACE, sys.executable, os.path.abspath(__file__)], capture_output=True, text=True, timeout=60 * SLOWNESS,
                            cwd=os.path.dirname(os.path.abspath(__file__)))
    assert result.returncode == 0, result.stdout + result.stderr


if __name__ == "__main__":
    inside()

"""Where the server listens: several addresses, Unix sockets, and sockets that were passed, as systemd does it."""
import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
import websockets

from harness import BINARY, SLOWNESS, TIMEOUT, Client, Server, close_all, in_thread, running, unused_port, wait_for
from secure import Files, serving
from test_process import run_binary

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def connected(where):
    """where: a path, or address and port."""
    connection = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET6 if ":" in where[0] else socket.AF_INET)
    connection.settimeout(TIMEOUT)
    try:
        connection.connect(where)
    except OSError:
        connection.close()
        raise
    return connection


def ask(connection):
    connection.sendall(ASK)
    return connection.recv(1000)


def is_served(where):
    with connected(where) as connection:
        return ask(connection).startswith(b"HTTP/1.1 200")


async def client_at(path, address=None):
    """A user who comes by the Unix socket; address: as a proxy names it."""
    headers = [("X-Forwarded-For", address)] if address else []
    connection = await websockets.unix_connect(path, "ws://chat.example/ws/textchat/", compression=None, extra_headers=headers, origin="http://chat.example")
    client = Client(connection)
    await client.expect("connection_established")
    return client


async def talk(*clients):
    for client in clients:
        await client.like("places")
    one, other = clients
    await one.search()
    await other.send("start_matching")
    for client in clients:
        await client.expect("success_matched")
    await one.send("chat_message", message="hello")
    await other.expect("chat_message", message="hello")
    await close_all(*clients)


def test_several_places_at_the_same_time(tmp_path):
    path = str(tmp_path / "socket")

    async def run(server):
        await talk(await Client.connect(server), await client_at(path))

    with running("--io-threads", 2, where=("--listen", "127.0.0.1:0, 127.0.0.2:0", "--listen", "[::1]:0", "--listen", f"unix:{path}")) as server:
        server.wait_ready()
        said = [dict(part.split("=", 1) for part in line.split()) for line in server.log_lines("listening")]
        assert [line["address"] for line in said] == ["127.0.0.1", "127.0.0.2", "::1", f"unix:{path}"]
        for line in said[:3]:
            assert is_served((line["address"], int(line["port"])))
        assert said[3]["port"] == "0" and stat.S_IMODE(os.stat(path).st_mode) == 0o660
        for _ in range(8):  # whichever thread takes it
            assert is_served(path)
        asyncio.run(run(server))
    assert not os.path.exists(path)


def test_a_unix_socket_alone_by_the_environment(tmp_path):
    path = str(tmp_path / "socket")
    with running(where=(), env={"CHATTERBOX_LISTEN": f"unix:{path}"}):
        assert is_served(path)
    assert not os.path.exists(path)


def test_by_a_unix_socket_the_proxy_says_who_comes(tmp_path):
    path = str(tmp_path / "socket")

    async def run(server):
        clients = [await client_at(path, address) for address in 2 * ["203.0.113.7"] + 3 * [None] + ["198.51.100.1, 203.0.113.8"]]
        for claimed in ("203.0.113.7", "203.0.113.8, 203.0.113.7"):
            with pytest.raises(websockets.InvalidStatusCode) as answer:
                await client_at(path, claimed)
            assert answer.value.status_code == 429
        # Nobody is believed who comes another way.
        clients.append(await Client.connect(server, extra_headers=[("X-Forwarded-For", "203.0.113.7")]))
        assert await in_thread(server.metric, "users") == len(clients)
        await close_all(*clients)

    with running("--address-connections", 2, "--address-handshakes", 0, where=("--listen", f"127.0.0.1:0,unix:{path}")) as server:
        server.wait_ready()
        asyncio.run(run(server))


def test_a_unix_socket_speaks_plain_whatever_the_others_do(tmp_path):
    path = str(tmp_path / "socket")

    async def run():
        client = await client_at(path, "203.0.113.7")
        await client.like("plain")
        await client.close()

    port = unused_port()
    with serving(Files(str(tmp_path)), "--redirect-port", port, where=("--listen", f"unix:{path},127.0.0.1:0")) as server:
        server.port = int(server.log_value("listening", "port", last=True))
        server.wait_ready()
        asyncio.run(run())
        assert is_served(path)
        with connected(("127.0.0.1", port)) as connection:
            assert f"\r\nLocation: https://x:{server.port}/healthz\r\n".encode() in ask(connection)
        assert server.metric("tls_handshakes_failed_total") == 0


def test_who_listens_there_keeps_it_and_a_dead_one_is_replaced(tmp_path):
    path = str(tmp_path / "socket")
    killed = Server(where=("--listen", f"127.0.0.1:0,unix:{path}"))
    result = run_binary("--listen", f"unix:{path}")
    assert result.returncode == 1 and result.stderr == f"chatterbox: --listen unix:{path}: in use by another program; choose another one\n"
    result = run_binary("--listen", f"127.0.0.1:{killed.port}")
    assert result.returncode == 1 and result.stderr == f"chatterbox: --listen 127.0.0.1:{killed.port}: in use by another program; choose another one\n"
    assert is_served(path)
    killed.process.kill()
    killed.process.wait()
    assert os.path.exists(path)
    with running(where=("--listen", f"unix:{path}")) as following:
        assert is_served(path)
        # A start that fails after it has listened takes its own files away, and nobody else's.
        second = str(tmp_path / "second")
        assert run_binary("--listen", f"unix:{second},unix:{path}").returncode == 1
        assert not os.path.exists(second) and is_served(path)
    assert not os.path.exists(path)


def test_an_end_at_once_leaves_no_file(tmp_path):
    path = str(tmp_path / "socket")
    server = Server("--drain-timeout", "1m", where=("--listen", f"127.0.0.1:0,unix:{path}")).wait_ready()
    with connected(path) as connection:  # does not answer the close
        connection.sendall(b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        connection.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: server.log_lines("stopping"), "the first signal")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 128 + signal.SIGTERM
    assert not os.path.exists(path)


@pytest.mark.parametrize("flags, says", [
    (["--listen", "localhost:80"], "--listen localhost:80: expected address:port, [IPv6 address]:port, unix:PATH or systemd"),
    (["--listen", "127.0.0.1:1", "--listen", "::1"], "--listen ::1: expected address:port"),
    (["--listen", "unix:"], "--listen unix:: expected a path"),
    (["--listen", "systemd"], "--listen systemd: expected sockets that were passed (LISTEN_FDS); a .socket unit does it"),
    (["--check", "--listen", "systemd,systemd"], "--listen systemd: expected once"),
    (["--listen", "127.0.0.1:1", "--port", "1"], "--port: expected it or --listen, not both"),
    (["--bind", "::1", "--listen", "127.0.0.1:1"], "--bind: expected it or --listen, not both"),
])
def test_what_will_not_do_is_told(flags, says):
    result = run_binary(*flags)
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("chatterbox: " + says), result.stderr


def test_where_nothing_can_be_is_told(tmp_path):
    (tmp_path / "file").write_text("precious")
    for where, says in ((f"unix:{tmp_path}/file", "what is there is no socket; choose another one"), ("unix:/nowhere/socket", "No such file or directory")):
        result = run_binary("--listen", where)
        assert result.returncode == 1 and result.stderr == f"chatterbox: --listen {where}: {says}\n"
    assert (tmp_path / "file").read_text() == "precious"


def handing(*sockets):
    """What starts the server as systemd does: these are its descriptors from 3 on. The numbers in between are out of the way of a shell's own."""
    moves = "".join(f"exec {3 + i}<&{each.fileno()} {each.fileno()}<&-; " for i, each in enumerate(sockets))
    script = f'{moves}export LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES=x; exec "$0" "$@"'
    return {"command": ("bash", "-c", script), "pass_fds": tuple(each.fileno() for each in sockets)}


@contextlib.contextmanager
def passable(*sockets):
    """With higher numbers."""
    moved = [socket.socket(fileno=fcntl.fcntl(each.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)) for each in sockets]
    try:
        yield moved
    finally:
        for each in (*moved, *sockets):
            each.close()


def listening(family, where):
    made = socket.socket(family)
    made.bind(where)
    made.listen(64)
    return made


def open_files(pid):
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


def environment(pid):
    """As it was when the program began."""
    return open(f"/proc/{pid}/environ").read()


class Knocking(threading.Thread):
    """Connects all the time, and counts who is refused, and who is served. Over while somebody still answers."""

    def __init__(self, *places):
        super().__init__(daemon=True)
        self.places, self.is_over, self.refused, self.served = places, False, [], 0
        self.start()

    def end(self):
        self.is_over = True
        self.join()

    def run(self):
        while not self.is_over:
            for place in self.places:
                try:
                    with connected(place) as connection:
                        with contextlib.suppress(ConnectionError):  # who is inside at a stop is hung up on
                            self.served += ask(connection).startswith(b"HTTP/1.1 200")
                except OSError as error:
                    self.refused.append(error)
            time.sleep(0.01)


def test_a_restart_without_a_refused_connection(tmp_path):
    path = str(tmp_path / "socket")
    with passable(listening(socket.AF_INET, ("127.0.0.1", 0)), listening(socket.AF_UNIX, path)) as sockets:
        where = sockets[0].getsockname()
        started = {"where": ("--listen", "systemd", "--io-threads", 2), **handing(*sockets)}
        server = Server(**started).wait_ready()
        assert [line.split(" address=")[1].split(" io_threads")[0] for line in server.log_lines("listening")] == [f"127.0.0.1 port={where[1]}", f"unix:{path} port=0"]
        ours = {os.readlink(f"/proc/self/fd/{each.fileno()}") for each in sockets}
        assert ours <= open_files(server.process.pid) and not ours & open_files(server.redis_pid())
        assert "LISTEN_FDS=2\0" in environment(server.process.pid) and "LISTEN_" not in environment(server.redis_pid())
        knocking = Knocking(where, path)
        wait_for(lambda: knocking.served > 10, "people to come")
        server.stop()
        with connected(where) as one, connected(path) as other:
            for connection in (one, other):
                connection.sendall(ASK)
            before = knocking.served
            with running(**started) as server:
                for connection in (one, other):
                    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
                wait_for(lambda: knocking.served > before + 10, "people to come again")
                knocking.end()
        assert knocking.refused == []
    assert os.path.exists(path)  # whose it is


def test_who_holds_the_directory_is_told_of(tmp_path):
    holder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    result = run_binary("--listen", f"unix:{tmp_path}/socket")
    os.close(holder)
    assert result.returncode == 1
    assert result.stderr == f"chatterbox: --listen unix:{tmp_path}/socket: somebody holds a lock on its directory; expected one of the server's own\n"


@pytest.mark.parametrize("kind", ["datagrams", "silent", "connected", "abstract"])
def test_what_was_passed_must_listen(kind):
    """And have an address, a port, or a path, whose mode says who may connect."""
    if kind == "abstract":
        made = socket.socket(socket.AF_UNIX)
        made.bind(f"\0chatterbox-{os.getpid()}")
        made.listen()
    elif kind == "connected":
        made, other = socket.socketpair()
        other.close()
    else:
        made = socket.socket(type=socket.SOCK_DGRAM if kind == "datagrams" else socket.SOCK_STREAM)
        made.bind(("127.0.0.1", 0))
    with passable(made) as sockets:
        how = handing(*sockets)
        result = subprocess.run([*how.pop("command"), BINARY, "--listen", "systemd"], capture_output=True, text=True, timeout=TIMEOUT, **how)
    assert result.returncode == 2
    assert result.stderr == ("chatterbox: --listen systemd: descriptor 3: expected a stream socket that listens (ListenStream=, Accept=no), "
                             "at an address, a port or a path\n")


def test_sockets_that_were_passed_in_vain_are_told():
    with passable(listening(socket.AF_INET, ("127.0.0.1", 0))) as sockets, running(**handing(*sockets)) as server:
        server.wait_ready()
        assert server.log_value("sockets_not_used", "passed") == "1"


def test_systemd_starts_it_for_the_first_who_comes(tmp_path):
    """By systemd's own tool, which listens, and becomes the server when somebody connects."""
    where, path = ("127.0.0.1", unused_port()), str(tmp_path / "socket")
    kept = [argument for name in os.environ if name.endswith("SAN_OPTIONS") for argument in ("-E", name)]
    answers = []

    def come():
        def try_to():
            with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
                return connected(path)
        with wait_for(try_to, "systemd-socket-activate to listen") as first:
            answers.append(ask(first))

    visitor = threading.Thread(target=come)
    visitor.start()
    with running(where=("--listen", "systemd"), command=("systemd-socket-activate", "-l", f"{where[0]}:{where[1]}", "-l", path, *kept)) as server:
        visitor.join()
        assert answers and answers[0].startswith(b"HTTP/1.1 200")
        assert server.port == where[1] and is_served(where)
        server.wait_ready()

        async def run():
            await talk(await Client.connect(server), await client_at(path))
        asyncio.run(run())

"""TLS of the server's own: wss and https without a proxy."""
import asyncio
import contextlib
import http.client
import os
import socket
import ssl
import struct
import subprocess
import time

import pytest

from harness import BINARY, SLOWNESS, TIMEOUT, Client, close_all, pair, running, settled, wait_for
from pairs import talk
from secure import UNLIMITED, USERS, Files, hello, plain_socket, read_all, secure_socket, serving
from test_memory import FRAME, UPGRADE, pss_kib
from test_tls import dribble

IDLE_BYTES_MAX = 16384
DONE = b"\x88\x82\0\0\0\0\x03\xe8"  # a close frame of a client, masked with zeros


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path))


def s_client(server, files, *flags, says="", pause=0.2, seconds=0.8):
    """What openssl's client prints; its input stays open for a while, since at its end it hangs up."""
    process = subprocess.Popen(["openssl", "s_client", "-connect", f"localhost:{server.port}", "-CAfile", files.authority.path, "-verify_return_error", *flags],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with contextlib.suppress(BrokenPipeError):
        for line in says.splitlines(keepends=True):
            time.sleep(pause * SLOWNESS)  # a command is one at the start of what is read
            process.stdin.write(line)
            process.stdin.flush()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds * SLOWNESS)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    printed = process.stdout.read()
    process.wait(TIMEOUT)
    return printed


def test_curl_and_the_page(files):
    def curl(*flags):
        return subprocess.run(["curl", "-sS", "--cacert", files.authority.path, *flags], capture_output=True, timeout=TIMEOUT)

    with serving(files) as server:
        url = f"https://localhost:{server.port}"
        assert curl(f"{url}/healthz").stdout == b"ok\n"
        said = curl("-v", "--http2", f"{url}/healthz").stderr
        assert b"server accepted http/1.1" in said
        with open(os.path.join(os.path.dirname(__file__), "../../src/web/icon.png"), "rb") as file:
            assert curl(f"{url}/icon.png").stdout == file.read()
        assert curl("--tls-max", "1.1", "--ciphers", "ALL@SECLEVEL=0", f"{url}/healthz").returncode == 35
        assert curl("--tls-max", "1.2", f"{url}/healthz").stdout == b"ok\n"
        assert server.metric("tls_handshakes_total") >= 5 and server.metric("tls_handshakes_failed_total") == 1
        # It ends in order, which this one insists on.
        for context in (files.client(), files.client(maximum_version=ssl.TLSVersion.TLSv1_2)):
            with secure_socket(server, context) as connection:
                connection.sendall(b"GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert read_all(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_only_http_1_1_is_spoken(files):
    with serving(files) as server:
        for offered, chosen in ((["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], None)):
            context = files.client()
            if offered:
                context.set_alpn_protocols(offered)
            with secure_socket(server, context) as connection:
                assert connection.selected_alpn_protocol() == chosen
        context = files.client()
        context.set_alpn_protocols(["h2"])
        with pytest.raises(ssl.SSLError, match="no application protocol"), secure_socket(server, context):
            pass


def test_what_openssl_tries(files, tmp_path):
    session = tmp_path / "session"
    early = tmp_path / "early"
    early.write_text("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    with serving(files, "--handshake-timeout", "60s") as server:
        printed = s_client(server, files, "-tls1_3", "-alpn", "http/1.1", "-sess_out", session)
        assert "Verify return code: 0 (ok)" in printed and "ALPN protocol: http/1.1" in printed and "Max Early Data: 0" in printed
        printed = s_client(server, files, "-tls1_3", "-alpn", "http/1.1", "-sess_in", session, "-early_data", early)
        assert "Reused, TLSv1.3" in printed and "Early data was not sent" in printed
        # To shake hands again: refused, in TLS 1.2 where it can be asked for.
        assert "no renegotiation" in s_client(server, files, "-tls1_2", says="R\n")
        # New keys may be had, but not without end.
        printed = s_client(server, files, "-tls1_3", "-quiet", "-no_ign_eof", says="K\nGET /healthz HTTP/1.1\nHost: x\n\n")
        assert printed.endswith("ok\n")
        before = server.metric("tls_broken_total")
        printed = s_client(server, files, "-tls1_3", says="K\n" * 80, pause=0.02)
        assert printed.count("KEYUPDATE") > 30 and server.metric("tls_broken_total") == before + 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_chat(files, version):
    async def run():
        a, b = await pair(server)
        await talk(a, b, 300)
        longest = "\u20ac" * 2000
        for _ in range(40):
            await a.send("chat_message", message=longest)
        for _ in range(40):
            await b.expect("chat_message", message=longest)
        signal_data = {"sdp": "x" * 60000}
        await b.send("webrtc_signal", **signal_data)
        assert (await a.expect("webrtc_signal")) == signal_data
        await a.socket.ping()
        await close_all(a, b)
        await settled(server)

    with running(*files.flags, *UNLIMITED, tls=files.client(minimum_version=version, maximum_version=version)) as server:
        server.wait_ready()
        asyncio.run(run())
        assert server.metric("tls_broken_total") == 0 and server.metric("tls_handshakes_failed_total") == 0


def test_byte_by_byte(files):
    async def run():
        server.url = f"wss://127.0.0.1:{port}/ws/textchat/"
        a, b = await pair(server)
        await talk(a, b)
        await close_all(a, b)
        await settled(server)

    with serving(files, "--handshake-timeout", "30s") as server, dribble(server.port) as listener:
        server.wait_ready()
        port = listener.getsockname()[1]
        asyncio.run(run())


def test_who_stops_in_the_middle_of_the_handshake_is_closed_in_time(files):
    with serving(files, "--handshake-timeout", "500ms") as server, contextlib.ExitStack() as stack:
        begin = time.monotonic()
        first = hello(server.tls)
        said = (b"", first[:1], first[:100], first)
        sockets = [stack.enter_context(plain_socket(server.port)) for _ in said]
        for connection, data in zip(sockets, said):
            connection.sendall(data)
        secure = stack.enter_context(secure_socket(server))
        secure.sendall(b"GET / HTTP/1.1\r\n")
        for connection in sockets:
            assert len(read_all(connection)) >= 0  # until it is closed
        with pytest.raises((ssl.SSLError, OSError)):
            assert read_all(secure) != b""
        assert 0.4 < time.monotonic() - begin < 0.5 + 2 * SLOWNESS
        assert server.metric("handshake_timeouts_total") == 5
        assert server.metric("tls_handshakes_failed_total") == 3


def test_who_goes_on_too_slowly_is_closed_as_well(files):
    with serving(files, "--handshake-timeout", "500ms") as server, plain_socket(server.port) as connection:
        begin = time.monotonic()
        with pytest.raises(OSError):
            for byte in hello(server.tls):
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
        assert time.monotonic() - begin < 0.5 + 2 * SLOWNESS


def test_what_is_no_tls_is_told_so(files):
    with serving(files) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 400 and answer.read() == b"This port speaks HTTPS: write https:// or wss://\n"
        with plain_socket(server.port) as connection:
            connection.sendall(b"\x16\x03\x01\xff\xff" + b"x" * 3000)
            assert read_all(connection)[:1] == b"\x15"  # an alert says why
        assert server.metric("http_errors_total") == 1


def test_a_reader_that_is_slow_gets_all_in_order(files):
    async def narrow():
        """Little is on its way in the kernel's buffers."""
        connection = socket.socket()
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connection.setsockopt(socket.SOL_SOCKET, buffer, 8192)
        connection.connect(("127.0.0.1", server.port))
        return await (await Client.connect(server, sock=connection, server_hostname="127.0.0.1", max_queue=1, read_limit=1024)).like("slow")

    async def run():
        a, b = await narrow(), await narrow()
        await a.search()
        await b.send("start_matching")
        await a.expect("success_matched")
        await b.expect("success_matched")

        async def write():
            for number in range(3000):
                await a.send("chat_message", message=f"{number} " + "x" * 1900)
        writing = asyncio.create_task(write())
        await asyncio.sleep(1)
        assert not writing.done()  # its credits are at an end
        for number in range(3000):
            await b.expect("chat_message", message=f"{number} " + "x" * 1900)
        await writing
        await close_all(a, b)
        await settled(server)

    with serving(files, *UNLIMITED) as server:
        server.wait_ready()
        asyncio.run(run())


def test_people_are_sent_to_https(files):
    with serving(files, "--redirect-port", 0) as server:
        port = int(server.log_value("redirecting", "port"))
        for path, host, location in (("/", "a.example", f"https://a.example:{server.port}/"),
                                     ("/app.js?x=1", f"127.0.0.1:{port}", f"https://127.0.0.1:{server.port}/app.js?x=1"),
                                     ("/ws/textchat/", "[::1]:80", f"https://[::1]:{server.port}/ws/textchat/")):
            for method in ("GET", "HEAD", "POST"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
                connection.request(method, path, headers={"Host": host})
                answer = connection.getresponse()
                assert (answer.status, answer.headers["Location"]) == (308, location)
        with plain_socket(port) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n")
            assert read_all(connection).startswith(b"HTTP/1.1 400 ")
        taken = subprocess.run([BINARY, "--port", "0", "--bind", "127.0.0.1", *files.flags, "--redirect-port", str(port)], capture_output=True, text=True,
                               timeout=10 * SLOWNESS)
        assert taken.returncode == 1 and taken.stderr == f"chatterbox: --redirect-port {port}: in use by another program; choose another one\n"


def upgrade(connection, origin=None):
    head = UPGRADE if origin is None else UPGRADE.replace(b"\r\n\r\n", b"\r\nOrigin: " + origin + b"\r\n\r\n")
    connection.sendall(head)
    heard = b""
    while b"\r\n\r\n" not in heard or (b" 101 " in heard and b"connection_established" not in heard):
        heard += connection.recv(4096)
    return heard


def test_the_own_page_is_one_of_https(files):
    with serving(files) as server:
        for origin, status in ((b"https://x", b"101"), (b"http://x", b"403"), (b"https://y", b"403")):
            with secure_socket(server) as connection:
                assert upgrade(connection, origin).startswith(b"HTTP/1.1 " + status)


def close_code(connection, answer=b""):
    """Of the close frame, after which nothing but the good-bye of TLS comes; without it this fails."""
    data = b""
    while b"\x88\x02" not in data:
        data += connection.recv(65536)
    if answer:
        connection.sendall(answer)
    data += read_all(connection)
    assert data[-4:-2] == b"\x88\x02"
    return struct.unpack(">H", data[-2:])[0]


def test_it_ends_in_order_whoever_ends_it(files):
    with serving(files) as server:
        with secure_socket(server) as connection:
            upgrade(connection)
            connection.sendall(DONE)
            assert close_code(connection) == 1000
        with secure_socket(server) as connection:  # without a close frame
            upgrade(connection)
            connection.unwrap()  # says good-bye and waits for ours
        wait_for(lambda: server.metric("users") == 0, "both to be gone")
        with secure_socket(server) as connection:
            upgrade(connection)
            connection.sendall(DONE + b"\x17\x03")  # what follows a close frame is not heeded
            assert close_code(connection) == 1000
        with secure_socket(server) as connection:
            upgrade(connection)
            server.begin_stop()
            assert close_code(connection, DONE) == 1001


@pytest.mark.skipif(bool(os.environ.get("CHATTERBOX_SANITIZE")), reason="a sanitizer's memory is not ours")
def test_what_an_idle_user_costs(files):
    users = 3 * USERS

    def connect(count, sockets):
        for _ in range(count):
            connection = server.tls.wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname="localhost")
            sockets.append(connection)
            upgrade(connection)
            connection.sendall(FRAME)
            while b'"success"' not in connection.recv(4096):
                pass

    with serving(files, *UNLIMITED, "--ping-interval", "10m") as server:
        server.wait_ready()
        first, others = [], []
        connect(100, first)  # they pay for what all share
        before = pss_kib(server.process.pid)
        connect(users, others)
        per_user = (pss_kib(server.process.pid) - before) * 1024 / users
        print(f"{users} idle users by TLS: {per_user:.0f} bytes each (PSS)")
        assert per_user <= IDLE_BYTES_MAX
        for connection in first + others:
            connection.close()

"""HTTP and WebSocket to the letter: RFC 6455 on the server's side, and every deadline."""
import asyncio
import contextlib
import re
import socket
import struct
import time

import pytest
import websockets

from harness import SLOWNESS, TIMEOUT, Client, pair, running, wait_for

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HEAD = {"Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13"}


class Raw:
    """A socket, and frames by hand."""

    def __init__(self, server, *options):
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        for option in options:
            self.socket.setsockopt(*option)
        self.socket.connect(("127.0.0.1", server.port))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def take(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def head(self):
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status, *lines = head.decode().split("\r\n")
        return int(status.split(" ")[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}

    def request(self, method="GET", path="/ws/textchat/", version="HTTP/1.1", **changes):
        headers = {**HEAD, **{k.replace("_", "-"): v for k, v in changes.items()}}
        lines = [f"{k}: {v}" for k, v in headers.items() if v is not None]
        self.send("\r\n".join([f"{method} {path} {version}", *lines, "", ""]))
        return self.head()

    def upgrade(self, path="/ws/textchat/"):
        status, headers = self.request(path=path)
        assert status == 101 and headers["sec-websocket-accept"] == ACCEPT
        assert "sec-websocket-extensions" not in headers
        return self

    def frame(self, opcode, payload=b"", fin=True, rsv=0, mask=b"\x12\x34\x56\x78", length=None):
        payload = payload if isinstance(payload, bytes) else payload.encode()
        size = len(payload) if length is None else length
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        head += bytes([bit | size]) if size < 126 else bytes([bit | 126]) + struct.pack("!H", size) \
            if size < 65536 else bytes([bit | 127]) + struct.pack("!Q", size)
        if mask:
            head += mask
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        return head + payload

    def read_frame(self):
        first, size = self.take(2)
        assert size < 128, "a server must not mask"
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.take(8))
        return first & 0x0F, self.take(size)

    def expect_close(self, code, eof=True):
        opcode, payload = self.read_frame()
        while opcode in (1, 9, 10):
            opcode, payload = self.read_frame()
        assert opcode == 8
        assert payload == (b"" if code is None else struct.pack("!H", code)) or payload[:2] == struct.pack("!H", code)
        if eof:
            with pytest.raises(EOFError):
                self.take(1)


def connected(server):
    raw = Raw(server).upgrade()
    assert b"connection_established" in raw.read_frame()[1]
    return raw


# HTTP

@pytest.mark.parametrize("status, changes", [
    (101, {}), (101, {"path": "/ws/textchat"}), (101, {"Upgrade": "WebSocket"}), (101, {"Connection": "keep-alive, upgrade"}),
    (101, {"Origin": "http://x"}), (101, {"path": "/ws/textchat/?id=" + "aF" * 32}),
    (400, {"Host": None}), (400, {"Sec_WebSocket_Key": None}), (400, {"Sec_WebSocket_Key": "short"}),
    (400, {"Sec_WebSocket_Key": "x" * 24}), (400, {"Connection": None}), (400, {"Sec_WebSocket_Version": None}),
    (400, {"version": "HTTP/1.0"}), (400, {"Content_Length": "5"}), (400, {"version": "HTTQ/1.1"}),
    (403, {"Origin": "nonsense"}), (403, {"Origin": "null"}), (403, {"Origin": "https://example.org/path"}),
    (404, {"path": "/ws/other"}), (404, {"path": "/../etc/passwd"}),
    (405, {"method": "POST"}), (405, {"method": "HEAD"}), (405, {"method": "PUT", "path": "/healthz"}),
    (426, {"Upgrade": None}), (426, {"Upgrade": "h2c"}), (426, {"Sec_WebSocket_Version": "8"}),
    (431, {"X": "x" * 9000}), (431, {f"X{i}": "1" for i in range(64)}),
])
def test_upgrade_requests(server, status, changes):
    with Raw(server) as raw:
        got, headers = raw.request(**changes)
        assert got == status
        if status == 426:
            assert headers["sec-websocket-version"] == "13" and headers["upgrade"] == "websocket"
        if status == 405:
            assert headers["allow"] == "GET"
        if status != 101:
            assert headers["connection"].startswith("close")


def test_garbage_is_a_bad_request(server):
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"hello\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n"):
        with Raw(server) as raw:
            raw.send(garbage)
            assert raw.head()[0] == 400


def test_a_request_may_come_byte_by_byte_with_frames_behind_it(server):
    with Raw(server) as raw:
        lines = "\r\n".join(["GET /ws/textchat/ HTTP/1.1", *(f"{k}: {v}" for k, v in HEAD.items()), "", ""]).encode()
        for byte in lines + raw.frame(9, b"early"):
            raw.send(bytes([byte]))
        assert raw.head()[0] == 101
        assert b"connection_established" in raw.read_frame()[1]
        assert raw.read_frame() == (10, b"early")


def test_pages(server):
    assert server.get("/healthz") == "ok\n"
    assert server.get("/readyz") == "ready\n"
    metrics = server.get("/metrics")
    assert "# TYPE chatterbox_users gauge\n" in metrics and "# HELP chatterbox_relayed_total" in metrics
    assert re.search(r'^chatterbox_build_info\{version="\d+\.\d+\.\d+"\} 1$', metrics, re.M)
    assert server.metric("max_connections") == int(server.log_value("listening", "max_connections"))
    assert abs(float(re.search(r"^process_start_time_seconds (\S+)$", metrics, re.M)[1]) - time.time()) < 600
    assert float(re.search(r"^process_resident_memory_bytes (\S+)$", metrics, re.M)[1]) > 1 << 20
    with Raw(server) as raw:
        raw.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers = raw.head()
        assert status == 200 and headers["content-length"] == "3"
        with pytest.raises(EOFError):
            raw.take(1)


def test_full():
    with running("--max-connections", 2, "--io-threads", 2) as server:
        server.wait_ready()
        first, second = connected(server), connected(server)
        with Raw(server) as raw:
            status, headers = raw.request()
            assert status == 503 and int(headers["retry-after"]) > 0
        assert server.get("/healthz") == "ok\n"
        first.socket.close()
        deadline = time.monotonic() + TIMEOUT
        while True:
            with Raw(server) as raw:
                if raw.request()[0] == 101:
                    break
            assert time.monotonic() < deadline
        second.socket.close()


# Frames

def test_ping_is_answered_also_amid_a_message(server):
    with connected(server) as raw:
        raw.send(raw.frame(9, b"x" * 125))
        assert raw.read_frame() == (10, b"x" * 125)
        text = b'{"type":"end_chat"}'
        raw.send(raw.frame(1, text[:5], fin=False) + raw.frame(9, b"mid") + raw.frame(0, b"", fin=False))
        assert raw.read_frame() == (10, b"mid")
        raw.send(raw.frame(10, b"unasked") + raw.frame(0, text[5:]))
        assert b"not_in_chat" in raw.read_frame()[1]


def test_byte_by_byte(server):
    with connected(server) as raw:
        for _ in range(3):
            for byte in raw.frame(1, b'{"type":"end_chat"}'):
                raw.send(bytes([byte]))
            assert b"not_in_chat" in raw.read_frame()[1]


def test_many_messages_in_one_segment_are_answered_in_order(server):
    with connected(server) as raw:
        raw.send(b"".join(raw.frame(1, '{"type":"t%d"}' % i) for i in range(500)))
        for i in range(500):
            assert b'"t%d"' % i in raw.read_frame()[1]


VIOLATIONS = {
    "unmasked": (1002, lambda r: r.frame(1, "x", mask=b"")),
    "reserved bit": (1002, lambda r: r.frame(1, "x", rsv=4)),
    "reserved opcode": (1002, lambda r: r.frame(3, "x")),
    "reserved control opcode": (1002, lambda r: r.frame(11, "x")),
    "continuation of nothing": (1002, lambda r: r.frame(0, "x")),
    "message inside a message": (1002, lambda r: r.frame(1, "x", fin=False) + r.frame(1, "x")),
    "fragmented ping": (1002, lambda r: r.frame(9, "x", fin=False)),
    "long ping": (1002, lambda r: r.frame(9, b"x" * 126)),
    "length not minimal": (1002, lambda r: b"\x81\xfe\x00\x05\0\0\0\0hello"),
    "63-bit length": (1002, lambda r: b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0"),
    "close with one byte": (1002, lambda r: r.frame(8, b"\x03")),
    "close with a bad code": (1002, lambda r: r.frame(8, struct.pack("!H", 999))),
    "binary": (1003, lambda r: r.frame(2, b"x")),
    "invalid UTF-8": (1007, lambda r: r.frame(1, b"\xff")),
    "UTF-8 cut off": (1007, lambda r: r.frame(1, "ä".encode()[:1])),
    "surrogate": (1007, lambda r: r.frame(1, b"\xed\xa0\x80")),
    "invalid UTF-8, early": (1007, lambda r: r.frame(1, b"ok\xff", fin=False)),
    "invalid reason": (1007, lambda r: r.frame(8, struct.pack("!H", 1000) + b"\xff")),
    "too big": (1009, lambda r: r.frame(1, b"x" * 65537)),
    "too big in parts": (1009, lambda r: r.frame(1, b"x" * 40000, fin=False) + r.frame(0, b"x" * 40000)),
    "too many pings": (1008, lambda r: r.frame(9, b"x") * 5000),
    "too many pongs": (1008, lambda r: r.frame(10, b"x") * 5000),
    "too many parts": (1008, lambda r: r.frame(1, b"x", fin=False) + r.frame(0, b"x", fin=False) * 70),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violations(server, name):
    code, make = VIOLATIONS[name]
    with connected(server) as raw:
        raw.send(make(raw))
        raw.expect_close(code)


def test_largest_message_and_split_code_points(server):
    with connected(server) as raw:
        text = ('{"type":"x"}' + " " * 65536)[:65536]
        raw.send(raw.frame(1, text))
        assert b"unknown_type" in raw.read_frame()[1]
        text = '{"type":"ä€😀"}'.encode()
        raw.send(raw.frame(1, text[:10], fin=False) + b"".join(raw.frame(0, text[i:i + 1], fin=i + 1 == len(text))
                                                               for i in range(10, len(text))))
        assert "ä€😀".encode() in raw.read_frame()[1]


@pytest.mark.parametrize("payload", [b"", struct.pack("!H", 1000), struct.pack("!H", 1001) + b"bye", struct.pack("!H", 4999)])
def test_close_is_answered_and_tcp_closed(server, payload):
    with connected(server) as raw:
        raw.send(raw.frame(8, payload))
        raw.expect_close(struct.unpack("!H", payload[:2])[0] if payload else None)


@pytest.mark.parametrize("id", ["", "1", "g" * 64, "a" * 63, "a" * 65])
def test_bad_device_id_is_4001(server, id):
    with Raw(server).upgrade("/ws/textchat/?id=" + id) as raw:
        raw.expect_close(4001, eof=False)
        raw.send(raw.frame(8, struct.pack("!H", 4001)))
        with pytest.raises(EOFError):
            raw.take(1)


@pytest.mark.parametrize("farewell, code", [("closing", 4001), ("lingering", 1007)])
@pytest.mark.parametrize("payload", [b"x" * 60000, b""], ids=["long", "empty"])
def test_who_sends_on_after_our_good_bye_is_not_read_and_cut_off(farewell, code, payload):
    """Else a flood would cost the I/O thread the most just when it was decided not to listen to it."""
    with running("--close-timeout", "1s") as server:
        server.wait_ready()
        with Raw(server).upgrade("/ws/textchat/" + ("?id=bad" if farewell == "closing" else "")) as raw:
            if farewell == "lingering":
                raw.read_frame()
                raw.send(raw.frame(1, b"\xff"))
            pieces = raw.frame(1, payload) * (1 if payload else 10000)
            begin = time.monotonic()
            raw.socket.setblocking(False)
            while True:  # far more than kernels keep
                try:
                    raw.socket.send(pieces)
                except BlockingIOError:
                    time.sleep(0.01)
                except OSError:
                    break
                assert time.monotonic() - begin < 5 * SLOWNESS
            assert server.metric("bytes_in_total") < 500000
            raw.socket.settimeout(TIMEOUT)
            raw.expect_close(code, eof=False)


def test_frames_that_are_looked_through_are_not_for_nothing():
    """4001 waits for the client's close frame, but not behind any number of others."""
    with running("--close-timeout", "10m") as server:
        server.wait_ready()
        with Raw(server).upgrade("/ws/textchat/?id=bad") as raw:
            raw.send(raw.frame(1, b"") * 900)
            raw.expect_close(4001, eof=False)
            raw.socket.settimeout(1)
            with pytest.raises(TimeoutError):
                raw.take(1)
            raw.socket.settimeout(TIMEOUT)
            raw.send(raw.frame(1, b"") * 1000)
            with pytest.raises(EOFError):
                raw.take(1)


# Time

FAST = ["--handshake-timeout", "300ms", "--message-timeout", "400ms", "--ping-interval", "500ms",
        "--ping-timeout", "300ms", "--close-timeout", "400ms"]


@pytest.fixture(scope="module")
def fast():
    with running(*FAST) as server:
        yield server.wait_ready()


def seconds_until_eof(raw):
    begin = time.monotonic()
    with pytest.raises((EOFError, ConnectionResetError)):
        while True:
            raw.take(1)
    return time.monotonic() - begin


def test_a_handshake_has_a_deadline(fast):
    with Raw(fast) as raw:
        for byte in b"GET /ws/":
            raw.send(bytes([byte]))
            time.sleep(0.02)
        assert seconds_until_eof(raw) < 1 * SLOWNESS


def test_a_message_has_a_deadline(fast):
    with connected(fast) as raw:
        raw.send(raw.frame(1, b"x" * 100)[:50])
        begin = time.monotonic()
        raw.expect_close(1008)
        assert 0.3 < time.monotonic() - begin < 2 * SLOWNESS


def test_a_client_that_answers_pings_stays(fast):
    async def run():
        client = await Client.connect(fast)
        await asyncio.sleep(1.5)
        await client.ask("end_matching")
        await client.close()
    asyncio.run(run())


def test_a_silent_client_is_pinged_then_given_up_and_its_partner_told(fast):
    async def run():
        a, b = await pair(fast)
        begin = time.monotonic()
        b.socket.transport.pause_reading()  # as if its network were gone: no pong
        await a.expect("partner_left_chat")
        assert time.monotonic() - begin < 3 * SLOWNESS
        assert fast.metric("ping_timeouts_total") >= 1
        await a.close()
        b.socket.transport.abort()
    asyncio.run(run())


def test_a_burst_of_the_largest_signals_arrives():
    """More than the write queue would hold if it did not flow; the partner who reads must not be closed for it."""
    async def run():
        with running("--rate-chat", 0) as server:
            server.wait_ready()
            a, b = await pair(server)
            data = {"x": "y" * 65000}
            for _ in range(5):
                for _ in range(20):
                    await a.send("webrtc_signal", **data)
                for _ in range(20):
                    assert await b.expect("webrtc_signal") == data
            await a.send("webrtc_signal", numbers=[0.1] * 5000)
            assert await b.expect("webrtc_signal") == {"numbers": [0.1] * 5000}
            await a.socket.send('{"type":"webrtc_signal","data":{"numbers":[' + "0.1," * 15000 + "0.1]}}")
            await a.expect_error("message_too_long", "webrtc_signal")
            await b.silence()
            assert server.metric("slow_readers_total") == 0
            await a.close()
            await b.close()
    asyncio.run(run())


def test_two_who_flood_each_other_and_do_not_read_are_given_up():
    async def run():
        with running("--rate-chat", 0, "--ping-interval", "500ms", "--ping-timeout", "300ms", "--write-queue", 1 << 30) as server:
            server.wait_ready()
            a, b = await pair(server)
            for client in (a, b):
                client.socket.transport.pause_reading()

            async def flood(client):
                with contextlib.suppress(websockets.ConnectionClosed):
                    while True:
                        await client.send("webrtc_signal", x="y" * 60000)
            tasks = [asyncio.create_task(flood(client)) for client in (a, b)]
            await asyncio.get_running_loop().run_in_executor(
                None, lambda: wait_for(lambda: server.metric("connections") == 1, "both to be closed", 10 * SLOWNESS))
            for task in tasks:
                task.cancel()
            for client in (a, b):
                client.socket.transport.abort()
    asyncio.run(run())


def test_a_close_that_is_not_answered_ends_all_the_same(fast):
    with Raw(fast).upgrade("/ws/textchat/?id=bad") as raw:
        raw.expect_close(4001, eof=False)
        assert seconds_until_eof(raw) < 2 * SLOWNESS


def test_who_takes_no_pongs_is_closed():
    """What partners write and what answers them is bounded by credits; what is left is bounded by the write queue."""
    with running("--write-queue", 65536, "--max-message", 2048) as server:
        server.wait_ready()
        # So that kernels keep little of it.
        with Raw(server, (socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536), (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)).upgrade() as raw:
            ping = raw.frame(9, b"x" * 125)
            raw.send(ping * 900)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                for _ in range(1500):
                    time.sleep(0.012)
                    raw.send(ping)
            wait_for(lambda: server.metric("slow_readers_total") == 1, "the connection to be closed")


def test_a_thousand_pings_at_once_are_answered(server):
    with connected(server) as raw:
        raw.send(b"".join(raw.frame(9, b"%d" % i) for i in range(1000)))
        assert [raw.read_frame() for _ in range(1000)] == [(10, b"%d" % i) for i in range(1000)]
        raw.send(raw.frame(1, b'{"type":"end_chat"}'))
        assert b"not_in_chat" in raw.read_frame()[1]

"""A WebSocket client by hand: it can send what no library would, and takes nothing that RFC 6455 does not allow a server."""
import base64
import contextlib
import hashlib
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from harness import TIMEOUT, running  # noqa: E402, F401

ECHO = os.environ.get("CHATTERBOX_ECHO") or os.path.join(
    os.path.dirname(__file__), "..", "..", "build", "release", "tests", "chatterbox-echo")
PATH = "/ws/textchat/"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HEADERS = {"Host": "server.example.com", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
           "Sec-WebSocket-Version": "13"}

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {TEXT: "text", BINARY: "binary"}


def accept_of(key):
    """Section 4.2.2, item 5.4."""
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def mask_bytes(payload, mask):
    repeated = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", form=None, length=None):
    """form: how the length is written, 7, 16 or 64 bits (the shortest, if not given). length: what is written there, if it is a lie.
    mask: None leaves it out."""
    payload = payload.encode() if isinstance(payload, str) else payload
    length = len(payload) if length is None else length
    form = form or (7 if length < 126 else 16 if length < 65536 else 64)
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = 0 if mask is None else 0x80
    if form == 7:
        head += bytes([bit | length])
    elif form == 16:
        head += struct.pack("!BH", bit | 126, length)
    else:
        head += struct.pack("!BQ", bit | 127, length)
    return head + payload if mask is None else head + mask + mask_bytes(payload, mask)


def fragmented(opcode, pieces):
    """One message, a frame for each piece."""
    return [frame(opcode if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1) for i, piece in enumerate(pieces)]


def close(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class Wire:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def drip(self, data, step=1):
        """A segment for each byte (or step of them)."""
        for i in range(0, len(data), step):
            self.socket.sendall(data[i:i + step])

    # What comes back

    def _fill(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError(bytes(self.buffer))
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self._fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def head(self):
        """The status, and the header fields by their names in lower case: a list of values each."""
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head = self.take(self.buffer.index(b"\r\n\r\n") + 4)
        first, *lines = head[:-4].decode("ascii").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        fields = {}
        for line in lines:
            name, value = line.split(":", 1)
            fields.setdefault(name.lower(), []).append(value.strip())
        return int(status), fields

    def request(self, method="GET", path=PATH, version="HTTP/1.1", headers=None, **changes):
        """headers: a list of pairs in the place of all the usual ones. changes: None leaves one out."""
        if headers is None:
            headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}.items()
        lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in headers if value is not None), "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))
        return self.head()

    def upgrade(self, **changes):
        status, fields = self.request(**changes)
        assert status == 101
        assert fields["sec-websocket-accept"] == [accept_of(changes.get("Sec_WebSocket_Key", KEY))]
        return self

    def read_frame(self):
        """The next frame, with every MUST of section 5 that holds for a server's."""
        first, second = self.take(2)
        assert first & 0x70 == 0, "5.2: RSV without an extension"
        assert second & 0x80 == 0, "5.1: a server must not mask"
        opcode, fin, length = first & 15, bool(first & 0x80), second & 0x7F
        assert opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), "5.2: reserved opcode"
        if opcode >= CLOSE:
            assert fin and length <= 125, "5.5: control frames"
        if length == 126:
            length, = struct.unpack("!H", self.take(2))
            assert length >= 126, "5.2: minimal length"
        elif length == 127:
            length, = struct.unpack("!Q", self.take(8))
            assert 65536 <= length < 1 << 63, "5.2: minimal length"
        return opcode, fin, self.take(length)

    def expect(self, opcode, payload=b""):
        """The next frame is this one, whole."""
        payload = payload.encode() if isinstance(payload, str) else payload
        got, fin, data = self.read_frame()
        assert (got, fin) == (opcode, True), (got, fin, data[:100])
        assert data == payload, (len(data), data[:100])

    def echoes(self, payload, opcode=TEXT):
        self.send(frame(opcode, payload))
        self.expect(opcode, payload)

    def expect_end(self, code):
        """The next frame is a close frame with this code (None: without any), then the server ends TCP before we do (7.1.1)."""
        opcode, _, data = self.read_frame()
        assert opcode == CLOSE, (opcode, data[:100])
        if code is None:
            assert data == b""
        else:
            assert len(data) >= 2, "5.5.1: a body begins with a code"
            assert struct.unpack("!H", data[:2]) == (code,), data
            data[2:].decode()
        self.expect_eof()

    def expect_eof(self):
        assert not self.buffer, "5.5.1: nothing follows a close frame"
        assert self.socket.recv(1) == b""

    def is_silent(self, seconds=0.1):
        """Nothing comes for so long."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(socket.timeout):
            if not self.buffer:
                self._fill()
        self.socket.settimeout(TIMEOUT)
        return not self.buffer

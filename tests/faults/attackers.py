#!/usr/bin/python3
"""People who mean harm, or whose networks do: attackers.py KIND PORT SECONDS [COUNT]

Runs as a process of its own, niced, from an address of its own (127.0.0.66), on 127.0.0.1 only, and stops by itself. Says "ready" when
it is in full swing, and at the end one line of JSON: how much of it there was.
"""
import asyncio
import base64
import contextlib
import json
import os
import random
import resource
import socket
import struct
import sys
import time

SOURCE = "127.0.0.66"
UPGRADE = ("GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
           + base64.b64encode(b"0123456789abcdef").decode() + "\r\nSec-WebSocket-Version: 13\r\n\r\n").encode()


def frame(kind, **data):
    """A masked text frame (RFC 6455, section 5.2); a mask of zeros is as good as any."""
    payload = json.dumps({"type": kind, "data": data} if data else {"type": kind}).encode()
    size = len(payload)
    head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0xFE, size >> 8, size & 255])
    return head + bytes(4) + payload


class Attack:
    def __init__(self, port, seconds, count):
        self.port, self.deadline, self.count = port, time.monotonic() + seconds, count
        self.sums = {"connections": 0, "bytes_sent": 0, "closed_on": 0, "refused": 0}

    def is_over(self):
        return time.monotonic() > self.deadline

    async def connect(self, upgrade=False, path=b"/ws/textchat/"):
        """A socket, or None after a pause: they may be out of descriptors there, or here."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(SOURCE, 0), limit=1 << 20)
        except OSError:
            self.sums["refused"] += 1
            await asyncio.sleep(0.1)
            return None, None
        self.sums["connections"] += 1
        if upgrade:
            writer.write(UPGRADE.replace(b"/ws/textchat/", path))
            try:
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                assert b" 101 " in answer.split(b"\r\n")[0]
            except (OSError, EOFError, asyncio.TimeoutError, AssertionError):
                self.sums["refused"] += 1
                writer.transport.abort()
                await asyncio.sleep(0.1)
                return None, None
        return reader, writer

    async def send(self, writer, data):
        writer.write(data)
        self.sums["bytes_sent"] += len(data)
        await writer.drain()

    async def for_ever(self, once):
        while not self.is_over():
            with contextlib.suppress(OSError, EOFError):
                await once()

    async def run(self, kind):
        once = getattr(self, kind)
        tasks = [asyncio.create_task(self.for_ever(once)) for _ in range(self.count)]
        for _ in range(100):  # in full swing when all have got through, or after a while
            if self.sums["connections"] + self.sums["refused"] >= self.count:
                break
            await asyncio.sleep(0.1)
        print("ready", flush=True)
        await asyncio.wait(tasks, timeout=max(0.1, self.deadline + 1 - time.monotonic()))
        print(json.dumps(self.sums), flush=True)
        os._exit(0)  # thousands of sockets at once

    async def until_closed(self, reader):
        with contextlib.suppress(OSError):
            while not self.is_over() and await asyncio.wait_for(reader.read(65536), max(0.01, self.deadline - time.monotonic())):
                pass
        self.sums["closed_on"] += not self.is_over()

    # The kinds. Each is called again and again, COUNT at a time.

    async def unfinished(self):
        """Never finishes the handshake."""
        reader, writer = await self.connect()
        if reader:
            await self.send(writer, b"GET /ws/textchat/ HTTP/1.1\r\nHost: ")
            with contextlib.suppress(asyncio.TimeoutError):
                await self.until_closed(reader)
            writer.transport.abort()

    async def storm(self):
        """Comes, says hello and goes, as fast as it can."""
        reader, writer = await self.connect(upgrade=True)
        if reader:
            await reader.read(1000)
            writer.transport.abort()

    async def garbage(self):
        """Bytes at random, half of the time after a proper handshake."""
        reader, writer = await self.connect(upgrade=random.random() < 0.5)
        if reader:
            for _ in range(20):
                await self.send(writer, random.randbytes(random.randrange(1, 4000)))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(1 << 16), 0.1)
            writer.transport.abort()

    async def pour(self, data):
        """Sends the same again and again, until thrown out, and reads the answers."""
        reader, writer = await self.connect(upgrade=True)
        if not reader:
            return
        reading = asyncio.create_task(self.until_closed(reader))
        with contextlib.suppress(OSError):
            while not self.is_over() and not reading.done():
                await self.send(writer, data)
                await asyncio.sleep(0)
        reading.cancel()
        writer.transport.abort()

    async def flood(self):
        """Valid requests far beyond the limits."""
        await self.pour(b"".join((frame("submit_interests", interests=["flood"]), frame("start_matching"),
                                  frame("chat_message", message="x" * 100), frame("end_chat"))) * 20)

    async def nonsense(self):
        """Requests that there are not."""
        await self.pour(frame("") * 1000)

    async def vain(self):
        """Requests that lead to nothing and take long to parse."""
        numbers = [1e300] * 450
        await self.pour((frame("typing", active=True, x=numbers) + frame("end_matching", x=numbers)) * 10)

    async def pings(self):
        """Pings."""
        await self.pour((bytes([0x89, 0x80]) + bytes(4)) * 10000)

    async def topics(self):
        """Interests that take long to bring into order: combining marks from above, then from below, which is where they belong first."""
        await self.pour(frame("submit_interests", interests=["\u0301" * 5000 + "\u0323" * 5000]) +
                        frame("submit_interests", interests=["\u0301" * 50 + "\u0323" * 50] * 10))

    async def numbers(self):
        """Chats with the next one of its kind, in numbers that take long to read and to write."""
        reader, writer = await self.connect(upgrade=True)
        if not reader:
            return
        await self.send(writer, frame("submit_interests", interests=["numbers"]) + frame("start_matching"))
        await asyncio.sleep(0.3)
        reading = asyncio.create_task(self.until_closed(reader))
        with contextlib.suppress(OSError):
            for count, times in (50, 60), (600, 30), (5000, 10), (50, 100), (8000, 10):
                for _ in range(times):
                    await self.send(writer, frame("webrtc_signal", x=[1e300] * count))
                    await asyncio.sleep(0)
        reading.cancel()
        writer.transport.abort()

    async def late(self):
        """Frames without end after the server's close frame."""
        reader, writer = await self.connect(upgrade=True, path=b"/ws/textchat/?id=bad")
        if reader:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.send(writer, (bytes([0x81, 0x80]) + bytes(4)) * 100000), 2)
            writer.transport.abort()

    async def dial(self):
        """Many connections in the same moment."""
        sockets = []
        for _ in range(1000):
            sockets.append(socket.socket())
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no TIME_WAIT
            sockets[-1].setblocking(False)
            sockets[-1].bind((SOURCE, 0))
            sockets[-1].connect_ex(("127.0.0.1", self.port))
            self.sums["connections"] += 1
        await asyncio.sleep(0.05)
        for one in sockets:
            one.close()
        await asyncio.sleep(0.05)

    async def visitors(self):
        """Asks for the page and for the metrics, as fast as it can."""
        for path in b"/", b"/metrics", b"/stats":
            reader, writer = await self.connect()
            if reader:
                await self.send(writer, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.read()
                writer.close()

    async def deaf(self):
        """Chats with the next one of its kind, and neither reads."""
        reader, writer = await self.connect(upgrade=True)
        if not reader:
            return
        await self.send(writer, frame("submit_interests", interests=["deaf"]) + frame("start_matching"))
        await asyncio.sleep(0.3)
        writer.transport.pause_reading()
        with contextlib.suppress(asyncio.TimeoutError):
            while not self.is_over():
                await asyncio.wait_for(self.send(writer, frame("webrtc_signal", x="y" * 60000)), 2)
        while not self.is_over() and not writer.transport.is_closing():
            await asyncio.sleep(0.2)
        writer.transport.abort()

    async def trickle(self):
        """One byte a second: a head, or a message."""
        is_upgraded = random.random() < 0.5
        reader, writer = await self.connect(upgrade=is_upgraded)
        if reader:
            reading = asyncio.create_task(self.until_closed(reader))
            for byte in frame("submit_interests", interests=["trickle"]) if is_upgraded else UPGRADE:
                if self.is_over() or reading.done():
                    break
                await self.send(writer, bytes([byte]))
                await asyncio.sleep(1)
            reading.cancel()
            writer.transport.abort()

    async def idle(self):
        """Is there."""
        reader, writer = await self.connect(upgrade=True)
        if reader:
            with contextlib.suppress(asyncio.TimeoutError):
                await self.until_closed(reader)
            writer.transport.abort()


if __name__ == "__main__":
    kind, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 50
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.nice(19)
    asyncio.run(Attack(port, seconds, min(count, most - 50)).run(kind))

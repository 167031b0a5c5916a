#!/usr/bin/python3
"""Pairs who write to each other while their connections are cut, half of them in the middle of a frame. Counts what is lost, doubled, reordered or
delivered to somebody else: all of it must be 0, and no chat may end.

    drop.py --port N[,N…] [--users 200] [--rate 50] [--cut-every 2] [--seconds 600]     rate: of a pair, a second; prints one JSON line

With several ports, of nodes of one cluster, half of the pairs are of two nodes, and whoever comes back does so by another node than that of its session, half of
the time. It is the protocol's reference client: what it has not been acknowledged it keeps, and says again what `resumed` does not count.
"""
import argparse
import asyncio
import base64
import collections
import json
import os
import random
import struct
import sys
import time

TICK = 0.02  # seconds between two looks at who has something to write
MASK = b"\x01\x02\x03\x04"
MASKS = MASK * 256


def frame(text):
    """A masked text frame."""
    body = text.encode()
    head = b"\x81" + (bytes([0x80 | len(body)]) if len(body) < 126 else struct.pack(">BH", 0xFE, len(body)))
    return head + MASK + bytes(a ^ b for a, b in zip(body, MASKS))


class Connection(asyncio.Protocol):
    def __init__(self, user):
        self.user, self.input, self.is_open, self.transport = user, b"", False, None

    def connection_made(self, transport):
        self.transport = transport
        transport.write((f"GET /ws/textchat/?{self.user.query()} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())

    def data_received(self, data):
        data = self.input + data
        if not self.is_open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.input = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.user.run.refused += 1
                self.transport.abort()
                return
            self.is_open, data = True, data[end + 4:]
        at = 0
        while len(data) - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                if len(data) - at < 4:
                    break
                length, start = struct.unpack_from(">H", data, at + 2)[0], at + 4
            if len(data) - start < length:
                break
            if data[at] == 0x81:
                self.user.hears(self, json.loads(data[start:start + length]))
            elif data[at] == 0x88:
                self.user.run.closed += 1
            at = start + length
        self.input = data[at:]

    def connection_lost(self, error):
        self.user.is_gone(self)


class User:
    def __init__(self, run, index):
        self.run, self.index, self.pair, self.side = run, index, index // 2, index % 2
        self.connection, self.is_connecting, self.is_ready = None, False, False
        self.token, self.match, self.seq, self.n = None, None, 0, 0
        self.queue = collections.deque()  # (n, number), not acknowledged
        self.sent, self.expected, self.missing = 0, 1, set()
        self.cut_at, self.back_at, self.budget, self.cut_since = None, 0, random.random(), None
        self.home = (self.pair + self.side * (self.pair // len(run.ports) % 2)) % len(run.ports)  # where its session is
        self.is_elsewhere, self.attempts = False, 0

    def query(self):
        return f"resume={self.token}&seq={self.seq}" if self.token else "resume=new"

    def port(self):
        others = [port for port in self.run.ports if port != self.run.ports[self.home]]
        self.is_elsewhere = bool(self.token and others and random.random() < 0.5)
        return random.choice(others) if self.is_elsewhere else self.run.ports[self.home]

    async def connect(self):
        self.is_connecting = True
        self.attempts += 1
        try:
            _, connection = await self.run.loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port())
            self.connection = connection
            self.cut_at = time.monotonic() + random.expovariate(1 / self.run.cut_every) if self.match and self.run.is_cutting else None
        except OSError:
            self.run.refused += 1
            self.back_at = time.monotonic() + 0.1
        self.is_connecting = False

    def is_gone(self, connection):
        if connection is self.connection:
            self.connection, self.is_ready = None, False
            self.back_at = time.monotonic() + random.random() * 0.1
            self.cut_since = self.cut_since or time.monotonic()

    def cut(self):
        self.run.cuts += 1
        if random.random() < 0.5 and self.is_ready:
            self.run.cut_amid_frames += 1
            whole = frame(self.text(self.n + 1, self.sent + 1))
            self.connection.transport.write(whole[:random.randrange(1, len(whole))])
        self.connection.transport.abort()
        self.cut_at = None

    def say(self, request):
        self.connection.transport.write(frame(json.dumps(request, separators=(",", ":"))))

    def text(self, n, number):
        return (f'{{"type":"chat_message","n":{n},"ack":{self.seq},'
                f'"data":{{"message":"{self.pair} {self.side} {number}"}}}}')

    def hears(self, connection, event):
        if connection is not self.connection and self.connection is not None or self.run.is_over:
            return
        kind, data, seq = event["type"], event.get("data"), event["seq"]
        if kind == "resumed":
            self.come_back(data)
            return
        if kind == "connection_established":
            if self.token is not None:
                self.tell_end(data)
            self.seq, self.token = seq, data["resume"]["token"]
            self.say({"type": "submit_interests", "data": {"interests": [f"pair {self.pair}"]}})
            self.say({"type": "start_matching"})
            return
        if seq != self.seq + 1:
            self.run.out_of_order += 1
        self.seq = seq
        if kind == "chat_message":
            self.reads(data["message"])
        elif kind == "ack":
            while self.queue and self.queue[0][0] <= data["n"]:
                self.queue.popleft()
        elif kind == "success_matched":
            self.match, self.is_ready = data["match_id"], True
            self.say({"type": "ack", "ack": seq})
            if self.run.is_cutting:
                self.cut_at = time.monotonic() + random.expovariate(1 / self.run.cut_every)
        elif kind == "partner_left_chat":
            self.run.ended += 1
        elif kind == "error":
            self.run.errors[data["code"]] += 1

    def tell_end(self, data):
        """Its session is over, and nobody has asked for that."""
        self.run.ended += 1
        self.run.ends.append({"user": self.index, "second": round(time.monotonic() - self.run.begin, 1), "seq": self.seq, "is_elsewhere": self.is_elsewhere,
                              "away_ms": round((time.monotonic() - self.cut_since) * 1000) if self.cut_since else None, "attempts": self.attempts, "resumed": data.get("resumed")})

    def come_back(self, data):
        self.run.resumed += 1
        self.run.resumed_elsewhere += self.is_elsewhere
        self.token = data["token"]
        self.run.ended += data["state"] != "chatting" or data["match_id"] != self.match
        self.run.back_ms.append((time.monotonic() - self.cut_since) * 1000)
        self.cut_since, self.attempts = None, 0
        for n, number in self.queue:
            if n > data["n"]:
                self.run.said_again += 1
                self.connection.transport.write(frame(self.text(n, number)))
        self.is_ready = True

    def reads(self, message):
        pair, side, number = map(int, message.split())
        self.run.received += 1
        if pair != self.pair or side == self.side:
            self.run.misdelivered += 1
        elif number == self.expected:
            self.expected += 1
        elif number > self.expected:
            self.missing.update(range(self.expected, number))
            self.expected = number + 1
        elif number in self.missing:
            self.missing.discard(number)
            self.run.reordered += 1
        else:
            self.run.doubled += 1

    def writes(self):
        self.sent += 1
        self.n += 1
        self.queue.append((self.n, self.sent))
        if self.is_ready:
            self.connection.transport.write(frame(self.text(self.n, self.sent)))

    def tick(self, now, passed, is_writing):
        if self.connection is None and not self.is_connecting and now >= self.back_at:
            self.run.tasks.append(asyncio.ensure_future(self.connect()))
        elif self.connection is not None and self.cut_at is not None and now >= self.cut_at and self.run.is_cutting:
            self.cut()
        if not is_writing or self.match is None:
            return
        self.budget += self.run.rate / 2 * passed
        while self.budget >= 1:
            self.budget -= 1
            self.writes()


class Run:
    def __init__(self, ports, users, rate, cut_every):
        self.ports, self.rate, self.cut_every, self.is_cutting, self.is_over = ports, rate, cut_every, True, False
        self.cuts = self.cut_amid_frames = self.resumed = self.resumed_elsewhere = self.said_again = self.ended = self.refused = self.closed = 0
        self.received = self.misdelivered = self.reordered = self.doubled = self.out_of_order = 0
        self.errors, self.back_ms, self.tasks, self.ends, self.begin = collections.Counter(), [], [], [], time.monotonic()
        self.users = [User(self, index) for index in range(users)]

    async def work(self, seconds):
        self.loop = asyncio.get_running_loop()
        begin = last = time.monotonic()
        while (now := time.monotonic()) < begin + seconds + 20:
            passed, last = min(now - last, 10 * TICK), now  # who could not write meanwhile does not make up for it
            is_writing = now < begin + seconds
            self.is_cutting = is_writing
            for user in self.users:
                user.tick(now, passed, is_writing)
            self.tasks = [task for task in self.tasks if not task.done()]
            if not is_writing and all(user.is_ready and not user.queue for user in self.users) and self.lost() == 0:
                break
            await asyncio.sleep(max(0.0, now + TICK - time.monotonic()))
        self.is_over = True
        for user in self.users:
            if user.connection:
                user.connection.transport.write(b"\x88\x82" + MASK + bytes(a ^ b for a, b in zip(b"\x03\xe8", MASK)))
        await asyncio.sleep(0.2)

    def lost(self):
        """Of what was written; what is on its way counts, too."""
        partners = [(self.users[i], self.users[i ^ 1]) for i in range(len(self.users))]
        return sum(len(reader.missing) + writer.sent - (reader.expected - 1) for reader, writer in partners)

    def result(self):
        self.back_ms.sort()
        at = lambda part: round(self.back_ms[int(part * (len(self.back_ms) - 1))], 1) if self.back_ms else None
        return {"sent": sum(user.sent for user in self.users), "received": self.received, "lost": self.lost(), "doubled": self.doubled,
                "reordered": self.reordered, "misdelivered": self.misdelivered, "events_out_of_order": self.out_of_order,
                "chats_ended": self.ended, "ends": self.ends[:5], "unacknowledged": sum(len(user.queue) for user in self.users), "errors": dict(self.errors),
                "cuts": self.cuts, "cut_amid_frames": self.cut_amid_frames, "resumed": self.resumed, "resumed_elsewhere": self.resumed_elsewhere, "said_again": self.said_again,
                "refused": self.refused, "closed": self.closed, "back_after_ms": {"median": at(0.5), "p99": at(0.99), "most": at(1)}}


def run(ports, users=200, rate=50, cut_every=2, seconds=600):
    work = Run(ports, users, rate, cut_every)
    asyncio.run(work.work(seconds))
    return work.result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=lambda ports: [int(port) for port in ports.split(",")], required=True)
    for name, default in (("users", 200), ("rate", 50), ("cut-every", 2), ("seconds", 600)):
        parser.add_argument(f"--{name}", type=float if name != "users" else int, default=default)
    arguments = parser.parse_args()
    result = run(arguments.port, arguments.users, arguments.rate, arguments.cut_every, arguments.seconds)
    print(json.dumps(result))
    sys.exit(any(result[name] for name in ("lost", "doubled", "reordered", "misdelivered", "events_out_of_order", "chats_ended", "unacknowledged")))

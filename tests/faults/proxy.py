"""A proxy between the server and a real Redis that does harm on demand. As a program, proxy.py PATH prints its port, and then obeys lines of JSON (obey)."""
import asyncio
import contextlib
import json
import random
import sys


def reply_end(data, at=0):
    """Where the RESP value that begins at `at` ends, or None if it has not come whole."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    kind, end = data[at:at + 1], line + 2
    if kind == b"$":
        size = int(data[at + 1:line])
        end += size + 2 if size >= 0 else 0
    elif kind == b"*":
        for _ in range(int(data[at + 1:line])):
            end = reply_end(data, end)
            if end is None:
                return None
    return end if end <= len(data) else None


class RedisProxy:
    """Forwards, until told otherwise. Lives on the loop of the test."""

    def __init__(self, path):
        self.path = path            # the Redis behind it
        self.delay = 0              # seconds that each reply is late, one after the other
        self.distance = 0           # seconds that all of them are late, as when Redis is far away
        self.last_due = 0
        self.is_silent = False      # swallows everything, both ways, also of new connections
        self.answer = None          # bytes for bytes: what becomes of each reply
        self.cuts = 0               # so many replies are cut in the middle, and the connection with them
        self.flood = None           # instead of the next reply: this, again and again, until hung up on
        self.held = None            # a list: requests are kept here instead of sent
        self.is_shut = False        # takes no connection
        self.pushes = None          # bytes for [(seconds, bytes)]: what becomes of each message of pub/sub, and when
        self.connections = 0
        self.flooded_bytes = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.tasks = set()
        return self

    async def __aexit__(self, *exc):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, client_in, client_out):
        self.connections += 1
        if self.is_shut:
            client_out.close()
            return
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            redis_in, redis_out = await asyncio.open_unix_connection(self.path)
        except OSError:
            client_out.close()
            self.tasks.discard(task)
            return
        replies = asyncio.create_task(self.replies(redis_in, client_out))
        try:
            await self.requests(client_in, redis_out)
        except OSError:
            pass
        finally:
            replies.cancel()
            client_out.close()
            # What is held back reaches Redis even though nobody waits for it any more.
            if not any(out is redis_out for out, _ in self.held or ()):
                redis_out.close()
            self.tasks.discard(task)

    async def requests(self, client_in, redis_out):
        while data := await client_in.read(65536):
            if self.is_silent:
                continue
            if self.held is not None:
                self.held.append((redis_out, data))
            else:
                redis_out.write(data)

    async def replies(self, redis_in, client_out):
        data = b""
        with contextlib.suppress(OSError):
            while part := await redis_in.read(65536):
                data += part
                while end := reply_end(data):
                    await self.reply(data[:end], client_out)
                    data = data[end:]
        client_out.close()

    async def reply(self, reply, client_out):
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.is_silent:
            return
        if self.pushes and reply.startswith(b"*3\r\n$7\r\nmessage\r\n"):
            for seconds, push in self.pushes(reply):
                asyncio.get_running_loop().call_later(seconds, client_out.write, push)
            return
        if self.cuts > 0:
            self.cuts -= 1
            client_out.write(reply[:len(reply) // 2])
            client_out.close()
        elif self.flood is not None:
            begin, more = self.flood
            client_out.write(begin)
            while True:
                client_out.write(more)
                self.flooded_bytes += len(more)
                await client_out.drain()
        elif self.distance:
            loop = asyncio.get_running_loop()
            self.last_due = max(loop.time() + self.distance, self.last_due + 1e-6)  # in their order
            loop.call_at(self.last_due, client_out.write, reply)
        else:
            client_out.write(self.answer(reply) if self.answer else reply)

    def shut(self):
        """Hang up on everybody, and take nobody until is_shut is false."""
        self.is_shut = True
        for task in self.tasks:
            task.cancel()

    async def release(self):
        """Send what was held back. Returns how many pieces."""
        held, self.held = self.held, None
        for out, data in held:
            out.write(data)
        await asyncio.sleep(0.2)
        for out, _ in held:
            out.close()
        return len(held)


class Strays:
    """Of the batches for one node alone a quarter is lost, a fifth doubled, a fifth late by up to 2 s. Beats come."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.counts = {"lost": 0, "doubled": 0, "late": 0}

    def __call__(self, push):
        if b"\r\nbus:all\r\n" in push[:64]:
            return [(0, push)]
        what = self.chance.choices(["lost", "doubled", "late", "whole"], [0.25, 0.2, 0.2, 0.35])[0]
        if what != "whole":
            self.counts[what] += 1
        late = 2 * self.chance.random()
        return {"lost": [], "doubled": [(0, push), (late, push)], "late": [(late, push)], "whole": [(0, push)]}[what]


def obey(proxy, order):
    """{"shut": true}, {"strays": seed}, {"strays": null}, or attributes to be set. Returns what is to be said of it."""
    if "shut" in order:
        proxy.shut()
        return None
    if "strays" in order:
        former, proxy.pushes = proxy.pushes, Strays(order["strays"]) if order["strays"] is not None else None
        return former and former.counts
    for name, value in order.items():
        setattr(proxy, name, value)
    return None


async def main(path):
    async with RedisProxy(path) as proxy:
        print(proxy.port, flush=True)
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            print(json.dumps(obey(proxy, json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

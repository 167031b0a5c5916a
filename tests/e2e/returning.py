"""A user who comes back: it numbers what it writes, acknowledges what it gets, and keeps what it must say again."""
import asyncio
import json

import websockets
from harness import SLOWNESS, TIMEOUT, TIMESTAMP, Client

# The members of data that events have for such a client, beyond those of harness.py.
DATA = {"resumed": {"state", "n", "token"}, "ack": {"n"}, "partner_away": {"match_id"}, "partner_back": {"match_id"}}


class Returning(Client):
    """acks: it acknowledges each event at once."""

    def __init__(self, socket, acks=True):
        super().__init__(socket)
        self.acks = acks
        self.seq = self.n = self.acked_n = 0
        self.token = self.for_ms = self.resumed = None
        self.silent = set()  # types of events that are passed over

    @staticmethod
    def _open(server, query, **kwargs):
        kwargs = {"compression": None, "max_size": None, "max_queue": None, "ping_interval": None, "close_timeout": 1,
                  "open_timeout": TIMEOUT * 2, **kwargs}
        return websockets.connect(f"{server.url}?{query}", **kwargs)

    @classmethod
    async def connect(cls, server, query="resume=new", acks=True, **kwargs):
        client = cls(await cls._open(server, query, **kwargs), acks)
        client._welcome(await client.expect("connection_established"))
        return client

    def _welcome(self, data):
        self.user_id = data["user_id"]
        self.resumed = data.get("resumed")
        self.token, self.for_ms = data["resume"]["token"], data["resume"]["for_ms"]
        assert len(self.token) == 43

    async def come_back(self, server, token=None, seq=None, **kwargs):
        """Over another connection. Returns the data of `resumed`, or None if this is another session now."""
        self.socket = await self._open(server, f"resume={token or self.token}&seq={self.seq if seq is None else seq}", **kwargs)
        event = json.loads(await self.socket.recv())
        if event["type"] == "connection_established":
            self.seq, self.n = event["seq"], 0
            self._welcome(event["data"])
            return None
        assert event["type"] == "resumed" and event["seq"] == (self.seq if seq is None else seq), event
        assert set(event["data"]) - {"match_id"} == DATA["resumed"], event
        self.token = event["data"]["token"]
        return event["data"]

    async def event(self, timeout=None):
        while True:
            event = json.loads(await self._receive(timeout))
            assert TIMESTAMP.match(event["timestamp"]) and event["seq"] == self.seq + 1, (self.seq, event)
            assert set(event) <= {"type", "description", "timestamp", "data", "seq"}, event
            self.seq = event["seq"]
            if event["type"] in DATA:
                assert set(event["data"]) == DATA[event["type"]], event
            if event["type"] == "ack":
                assert event["data"]["n"] >= self.acked_n, event
                self.acked_n = event["data"]["n"]
            if self.acks:
                await self.say({"type": "ack", "ack": self.seq})
            if event["type"] not in self.silent:
                return event

    async def _receive(self, timeout):
        return await asyncio.wait_for(self.socket.recv(), timeout or TIMEOUT)

    async def say(self, request):
        await self.socket.send(json.dumps(request))

    async def write(self, message, n=None, **more):
        """A chat message with its number."""
        if n is None:
            self.n += 1
            n = self.n
        await self.say({"type": "chat_message", "n": n, "data": {"message": message}, **more})

    async def cut(self):
        """The connection is gone without a word."""
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def silence(self, seconds=0.1):
        """Nothing comes but what is passed over."""
        try:
            event = await self.event(seconds * SLOWNESS)
        except asyncio.TimeoutError:
            return
        raise AssertionError(event)


async def returning_pair(server, *interests, **kwargs):
    """Two such users in a chat."""
    interests = interests or ("pairing",)
    a = await (await Returning.connect(server, **kwargs)).like(*interests)
    b = await (await Returning.connect(server, **kwargs)).like(*interests)
    await a.search()
    await b.send("start_matching")
    a.match = (await a.expect("success_matched"))["match_id"]
    b.match = (await b.expect("success_matched"))["match_id"]
    assert a.match == b.match
    return a, b

"""The promises, checked on all that clients write and hear; and users who behave at random."""
import asyncio
import contextlib
import random
import time

import websockets

from harness import Client

# In every interest and every message, so that a log can be searched for them.
CANARY = "canary"
TOPICS = [f"{CANARY} topic {i}" for i in range(12)]

# How a chat ended for one of its two users.
TOLD = "told"      # partner_left_chat
ENDED = "ended"    # its own end_chat
CLOSED = "closed"  # its own close handshake
CUT = "cut"        # its connection was cut off


class Side:
    """One user's part of a chat."""

    def __init__(self, role):
        self.role, self.written, self.heard, self.end = role, 0, 0, None


class Promises:
    """Every user of a test tells it what it does and hears."""

    def __init__(self):
        self.chats = {}      # match_id: {user_id: Side}
        self.heard = 0
        self.latencies = []  # (when, seconds) of messages of users with is_timed
        self.is_server_ending = False  # then it may close connections

    def on_event(self, user, event):
        kind, data = event["type"], event.get("data")
        if event["description"] == "The chat is over." or (kind == "error" and data.get("request") == "end_chat"):
            user.ends_under_way -= 1
        if kind == "success_matched":
            self.on_matched(user, data)
        elif kind == "chat_message":
            self.on_message(user, data["message"])
        elif kind == "partner_left_chat":
            assert user.match == data["match_id"], "told that another chat is over"
            self.end(user, TOLD)
        elif kind == "success":
            if event["description"] == "The search is over.":
                user.is_searching = user.was_unavailable = False
            if event["description"] == "The chat is over.":
                self.end(user, ENDED)
        elif kind == "no_match":
            # A search that had to wait for Redis is told twice.
            user.starts_under_way -= not user.was_unavailable
            user.is_searching, user.was_unavailable = True, False
        elif kind == "error":
            assert data["code"] in ("not_in_chat", "already_chatting", "no_interests", "matching_unavailable"), event
            user.starts_under_way -= data.get("request") == "start_matching"
            if data["code"] == "matching_unavailable":
                user.is_searching = user.was_unavailable = True

    def on_matched(self, user, data):
        assert user.match is None, "matched while in a chat"
        assert data["common_interests"]
        sides = self.chats.setdefault(data["match_id"], {})
        assert user.user_id not in sides, "met itself"
        assert all(side.role != data["role"] for side in sides.values()), "both have the same role"
        user.side = sides[user.user_id] = Side(data["role"])
        assert len(sides) <= 2, "three in a chat"
        user.starts_under_way -= not user.is_searching  # matched at once: this is the answer
        user.match, user.is_searching, user.was_unavailable = data["match_id"], False, False

    def on_message(self, user, message):
        _, match, writer, number, sent = message.split(" ")
        assert match == user.match, "a message of another chat"
        assert writer != user.user_id and writer in self.chats[match].keys() | {writer}
        user.side.heard += 1
        assert int(number) == user.side.heard, f"lost, doubled or out of order: {number} for {user.side.heard}"
        self.heard += 1
        if user.is_timed:
            now = time.monotonic()
            self.latencies.append((now, now - float(sent)))

    def end(self, user, how):
        if user.match is not None:
            user.side.end = how
        user.match = None

    def lost(self):
        """Messages that were neither heard nor is their writer excused: it was told, was cut off, or its partner left by itself."""
        count = 0
        for sides in self.chats.values():
            for user_id, writer in sides.items():
                for other_id, reader in sides.items():
                    if other_id == user_id:
                        continue
                    assert reader.heard <= writer.written
                    if writer.end in (TOLD, CUT) or reader.end in (ENDED, CLOSED, CUT):
                        continue
                    count += writer.written - reader.heard
        return count

    def ghosts(self):
        """Chats in which somebody waits for a partner who has gone, or never came; or was told so of one who had not."""
        found = []
        for match, sides in self.chats.items():
            ends = [side.end for side in sides.values()]
            if (len(ends) == 1 and ends == [None]) or (len(ends) == 2 and (
                    (None in ends and ends != [None, None]) or ends == [TOLD, TOLD])):
                found.append((match, ends))
        return found

    async def quiet(self, seconds):
        """Nobody writes or leaves any more: what is on its way arrives."""
        deadline = time.monotonic() + seconds
        while (lost := self.lost()) or self.ghosts():
            assert time.monotonic() < deadline, f"{lost} messages lost, ghosts: {self.ghosts()[:5]}"
            await asyncio.sleep(0.05)


class User(Client):
    """A client whose events a task reads, and whose chats are watched."""
    is_timed = False

    @classmethod
    async def enter(cls, server, promises, **kwargs):
        user = await cls.connect(server, **kwargs)
        user.promises = promises
        user.match = user.side = None
        # Requests that were not answered yet: each may be carried out in another chat than it was meant for.
        user.ends_under_way = user.starts_under_way = 0
        user.is_searching = user.was_unavailable = False
        user.interests = []
        user.is_leaving = user.is_cut = False
        user.reader = asyncio.create_task(user.listen())
        return user

    @property
    def is_sure(self):
        """In a chat, with no request on its way that could lead out of it: what is written now is for this one."""
        return self.match is not None and self.ends_under_way == self.starts_under_way == 0

    async def listen(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                self.promises.on_event(self, await self.event(timeout=600))
        assert self.is_leaving or self.is_cut or self.promises.is_server_ending, f"closed by the server: {self.socket.close_code}"
        self.promises.end(self, CLOSED if self.is_leaving else CUT)

    async def write(self):
        """The next message of this chat, numbered."""
        side, match = self.side, self.match
        side.written += 1
        await self.send("chat_message", message=f"{CANARY} {match} {self.user_id} {side.written} {time.monotonic()}")

    async def submit(self, *interests):
        self.interests = list(interests)
        await self.send("submit_interests", interests=self.interests)

    async def ask_out(self, kind):
        """A request that may end the chat or begin the next."""
        self.ends_under_way += kind == "end_chat"
        self.starts_under_way += kind == "start_matching"
        await self.send(kind)

    async def leave(self, is_cut=False):
        self.is_leaving, self.is_cut = not is_cut, is_cut
        if is_cut:
            self.socket.transport.abort()
        else:
            await self.close()
        await self.reader

    def check(self):
        """Raise what the reader has found wrong."""
        if self.reader.done():
            self.reader.result()


class Wanderers:
    """Users who come, search, chat, end and go at random."""

    def __init__(self, server, promises, seed):
        self.server, self.promises, self.random = server, promises, random.Random(seed)
        self.is_over = False

    async def user(self):
        while not self.is_over:
            user = await User.enter(self.server, self.promises)
            try:
                for _ in range(self.random.randrange(1, 40)):
                    if user.reader.done() or self.is_over:
                        break
                    await self.act(user)
                    await asyncio.sleep(self.random.random() * 0.05)
            except websockets.ConnectionClosed:
                pass
            await user.leave(is_cut=self.random.random() < 0.4)

    async def act(self, user):
        choice = self.random.random()
        if choice < 0.15:
            await user.submit(*self.random.sample(TOPICS, self.random.randrange(1, 5)))
        elif choice < 0.45:
            await user.ask_out("start_matching")
        elif choice < 0.52:
            await user.send("end_matching")
        elif choice < 0.60:
            await user.ask_out("end_chat")
        elif user.is_sure:
            await user.write()

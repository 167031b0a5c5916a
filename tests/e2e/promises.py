"""The promises, checked on all that clients write and hear; and users who behave at random."""
import asyncio
import contextlib
import itertools
import random
import time

import websockets

from harness import TIMEOUT, Client

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
        self.begun = time.monotonic()
        self.ended = None


class Promises:
    """Every user of a test tells it what it does and hears."""

    def __init__(self):
        self.chats = {}      # match_id: {user_id: Side}
        self.heard = 0
        self.latencies = []  # (when, seconds) of messages of users with is_timed
        self.is_server_ending = False  # then it may close connections

    def on_event(self, user, event):
        kind, data = event["type"], event.get("data")
        if event["description"] in ("You were not searching.", "The search is over.") or (
                kind == "error" and data.get("request") == "end_matching"):
            user.fences -= 1
            user.is_sure = user.is_sure or (user.fences == 0 and user.match is not None and user.fenced_match == user.match)
        if kind == "success_matched":
            self.on_matched(user, data)
        elif kind == "chat_message":
            self.on_message(user, data["message"])
        elif kind == "partner_left_chat":
            assert user.match == data["match_id"], "told that another chat is over"
            self.end(user, TOLD)
        elif kind == "success":
            user.is_searching = user.is_searching and event["description"] != "The search is over."
            if event["description"] == "The chat is over." or "not meet again" in event["description"]:
                self.end(user, ENDED)
        elif kind == "no_match":
            self.on_next(user)
            user.is_searching = True
        elif kind == "typing":
            assert user.match is not None
        elif kind == "error":
            assert data["code"] in ("not_in_chat", "already_chatting", "no_interests", "matching_unavailable"), event
            if data["code"] == "matching_unavailable":
                self.on_next(user)
                user.is_searching = True

    def on_next(self, user):
        """It searches: if it was in a chat, `next` has ended that."""
        assert user.match is None or user.has_gone_on, "in a chat and searching"
        self.end(user, ENDED)

    def on_matched(self, user, data):
        self.on_next(user)
        assert data["common_interests"]
        user.side = self.add_side(user, data)
        user.match, user.is_sure, user.is_searching = data["match_id"], not user.is_careless, False

    def add_side(self, user, data):
        sides = self.chats.setdefault(data["match_id"], {})
        assert user.user_id not in sides, "met itself"
        assert all(side.role != data["role"] for side in sides.values()), "both have the same role"
        sides[user.user_id] = Side(data["role"])
        assert len(sides) <= 2, "three in a chat"
        return sides[user.user_id]

    def on_message(self, user, message):
        _, match, writer, number, sent = message.split(" ")
        assert match == user.match, "a message of another chat"
        assert writer != user.user_id and self.is_partner(user, writer), "a message for somebody else"
        user.side.heard += 1
        assert int(number) == user.side.heard, f"lost, doubled or out of order: {number} for {user.side.heard}"
        self.heard += 1
        if user.is_timed:
            now = time.monotonic()
            self.latencies.append((now, now - float(sent)))

    def is_partner(self, user, writer):
        return writer in self.chats[user.match]

    def end(self, user, how):
        if user.match is not None:
            user.side.end, user.side.ended = how, time.monotonic()
        user.match, user.is_sure = None, False

    def alone_since(self, user):
        """Since when its partner has been gone, or has not come; None if it has one."""
        others = [side for user_id, side in self.chats[user.match].items() if user_id != user.user_id]
        return others[0].ended if others else user.side.begun

    def pairs(self):
        """The sides of each chat: two, or one that has met nobody."""
        return [list(sides.values()) for sides in self.chats.values()]

    @staticmethod
    def lost_in(sides):
        """Messages that were neither heard nor is their writer excused: it was told, was cut off, or its partner left by itself."""
        count = 0
        for writer, reader in itertools.permutations(sides, 2):
            assert reader.heard <= writer.written
            if writer.end not in (TOLD, CUT) and reader.end not in (ENDED, CLOSED, CUT):
                count += writer.written - reader.heard
        return count

    def lost(self):
        return sum(map(self.lost_in, self.pairs()))

    @staticmethod
    def is_ghost(sides):
        """Somebody waits for a partner who has gone, or never came; or was told so of one who had not."""
        ends = [side.end for side in sides]
        return (None in ends and ends != [None, None]) or ends == [TOLD, TOLD]

    def ghosts(self):
        return [[(side.role, side.end) for side in sides] for sides in self.pairs() if self.is_ghost(sides)]

    def may_hang_up(self, user):
        """The server may end its connection."""
        return self.is_server_ending

    async def quiet(self, seconds):
        """Nobody writes or leaves any more: what is on its way arrives."""
        deadline = time.monotonic() + seconds
        while (lost := self.lost()) or self.ghosts():
            assert time.monotonic() < deadline, f"{lost} messages lost, ghosts: {self.ghosts()[:5]}"
            await asyncio.sleep(0.05)


class User(Client):
    """A client whose events a task reads, and whose chats are watched."""
    is_timed = False
    is_careless = False  # asks without waiting for answers: what a request meets may not be what it was meant for

    @classmethod
    async def enter(cls, server, promises, is_careless=False, **kwargs):
        user = await cls.connect(server, **kwargs)
        user.is_careless = is_careless
        user.server, user.promises = server, promises
        user.match = user.side = None
        # In a chat, with no request on its way that could lead out of it and into the next: what is written now is for this one.
        user.is_sure = False
        user.fences, user.fenced_match = 0, None
        user.has_gone_on = False  # has asked for the next
        user.is_searching = False
        user.interests = []
        user.is_leaving = user.is_cut = False
        user.reader = asyncio.create_task(user.listen())
        return user

    async def listen(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                self.promises.on_event(self, await self.event(timeout=600))
        assert self.is_leaving or self.is_cut or self.promises.may_hang_up(self), f"closed by the server: {self.socket.close_code}"
        self.promises.end(self, CLOSED if self.is_leaving else CUT)

    async def write(self):
        """The next message of this chat, numbered."""
        side, match = self.side, self.match
        side.written += 1
        await self.send("chat_message", message=f"{CANARY} {match} {self.user_id} {side.written} {time.monotonic()}")

    async def submit(self, *interests):
        self.interests = list(interests)
        await self.send("submit_interests", interests=self.interests)

    async def ask_out(self, kind, **data):
        """A request that may end the chat or begin the next."""
        self.is_sure, self.fenced_match = False, None
        self.has_gone_on = self.has_gone_on or kind == "next"
        await self.send(kind, **data)

    async def fence(self):
        """Changes nothing in a chat. When it is answered, so is all that was asked before."""
        self.fences += 1
        self.fenced_match = self.match
        await self.send("end_matching")

    async def leave(self, is_cut=False):
        self.is_leaving, self.is_cut = not is_cut, is_cut
        if is_cut:
            self.socket.transport.abort()
        else:
            with contextlib.suppress(websockets.ConnectionClosed):  # it may be cut off meanwhile
                await self.close()
        await self.reader

    def check(self):
        """Raise what the reader has found wrong."""
        if self.reader.done():
            self.reader.result()


class Wanderers:
    """Users who come, search, chat, end and go at random."""
    pause = 0.05  # between what one of them does and what it does next, at most

    def __init__(self, server, promises, seed):
        self.server, self.promises, self.random = server, promises, random.Random(seed)
        self.is_over = False

    async def user(self, entered=None):
        """One after the other, until it is over; `entered` lists them."""
        while not self.is_over:
            user = await self.enter()
            if entered is not None:
                entered.append(user)
            try:
                for _ in range(self.random.randrange(1, 40)):
                    if user.reader.done() or self.is_over:
                        break
                    if user.match is not None and self.random.random() < 0.1:
                        await self.stay(user)
                    await self.act(user)
                    await asyncio.sleep(self.random.random() * self.pause)
            except websockets.ConnectionClosed:
                pass
            await user.leave(is_cut=self.random.random() < 0.4)

    async def enter(self):
        return await User.enter(self.server, self.promises, is_careless=True)

    async def stay(self, user):
        """Wait for the partner to leave, for a while. One who has left must not stay a ghost."""
        match, until = user.match, time.monotonic() + 2 * self.random.random()
        while user.match == match and not user.reader.done():
            since, now = self.promises.alone_since(user), time.monotonic()
            if since is None and (now > until or self.is_over):
                return
            assert since is None or now - since < TIMEOUT, "in a chat with somebody who has gone"
            await asyncio.sleep(0.02)

    async def act(self, user):
        """What suits the state that the user believes to be in, most of the time."""
        is_chatting = user.match is not None if self.random.random() < 0.8 else self.random.random() < 0.5
        if is_chatting and user.match != user.fenced_match:
            await user.fence()
        elif is_chatting and user.is_sure and self.random.random() < 0.8:
            for _ in range(self.random.randrange(1, 6)):
                await user.write()
        elif is_chatting:
            kind = self.random.choice(["end_chat", "end_chat", "next", "next", "block", "report", "typing", "submit_interests"])
            if kind == "submit_interests":
                await self.submit(user)
            elif kind == "typing":
                await user.send(kind, active=True)
            else:
                await user.ask_out(kind, **({"reason": "spam"} if kind == "report" else {}))
        elif not user.interests or self.random.random() < 0.2:
            await self.submit(user)
        elif self.random.random() < 0.8:
            await user.ask_out(self.random.choice(["start_matching", "start_matching", "next"]))
        else:
            await user.fence()

    async def submit(self, user):
        await user.submit(*self.random.sample(TOPICS, self.random.randrange(1, 5)))

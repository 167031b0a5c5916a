"""A crowd of users on several nodes who come back when their node has gone, and the promises where what was done to a node may end a chat."""
import asyncio
import collections
import itertools
import math
import os
import random
import time

import websockets

from harness import TIMEOUT, in_thread, kept_keys, wait_for
from promises import CANARY, CLOSED, CUT, ENDED, TOLD, Promises, Side, User, Wanderers

# tools/prove has more of everything, and holds the nodes to it; on other days a busy machine may take twice as long.
TIMES = int(os.environ.get("CHATTERBOX_FAULT_TIMES", "4"))
IS_LONG = TIMES >= 10
SLACK = 1 if IS_LONG else 2
TOLD_SECONDS = 3 * SLACK   # so soon after its node has died everybody's partner has been told, in 99 of 100 cases
ALONE_SECONDS = 4 * SLACK  # so long nobody ever is in a chat whose partner has gone, or has not come
MEET_SECONDS = 4           # so long after a match its chat may end because the two have not heard of each other
# How soon after a fault everybody chats again: a proposal that was lost is made again with the search, every 8 to 12 s.
WHOLE_SECONDS = 13 * SLACK
GONE_SECONDS = 8 * SLACK   # so soon after its death a node's users are no longer in Redis
EMPTY_SECONDS = 7 * SLACK  # the lease of who was killed, and 2 s


class SideAcross(Side):
    def __init__(self, user, data):
        super().__init__(data["role"])
        self.user, self.node = user, user.server
        self.match_id = data["match_id"]
        self.partner = None  # who it has been heard to be; only then can it be told from others of the same match id

    def __str__(self):
        ago = time.monotonic() - self.begun
        return (f"{self.match_id}, {self.role} on port {self.node.port}, begun {ago:.2f} s ago, {self.written} written, {self.heard} heard, {self.end}, "
                f"with {self.partner and (self.partner.end, self.partner.written)}")


class Harm:
    """What is done to nodes, or (None) to all, from now on until it is over. Chats may end of it; only young ones: those that it finds before both have met."""

    def __init__(self, nodes=None, only_young=False):
        self.nodes, self.only_young = nodes, only_young
        self.begin, self.end = time.monotonic(), math.inf

    def is_over(self):
        self.end = time.monotonic()

    def is_of(self, node):
        return self.nodes is None or node in self.nodes

    def explains(self, sides):
        begun, ended = min(side.begun for side in sides), max(side.ended for side in sides)
        return (any(self.is_of(side.node) for side in sides) and self.begin - MEET_SECONDS <= ended and begun <= self.end + MEET_SECONDS
                and not (self.only_young and begun < self.begin - MEET_SECONDS))


class PromisesAcross(Promises):
    """Nodes may give two chats the same match id. So a chat is known by what is common to both, and by who is heard there."""

    def __init__(self):
        super().__init__()
        self.sides = {}      # (match_id, user_id): SideAcross
        self.open = {}       # user: the side that it is in
        self.chats_of = collections.defaultdict(dict)  # node: ids of the chats that have a side there, and these. A look at all of them
        # that ever were would keep the crowd from hearing, the longer the more, and so be taken for a server that is late
        self.harms = []
        self.acting = []     # those of them that are not over, as far as harmed_until() has seen
        self.harmed = collections.defaultdict(float)  # node, or None for all: the last end of those that are
        self.ending = set()  # nodes that may hang up on their users

    def harm(self, nodes=None, only_young=False):
        self.harms.append(Harm(nodes, only_young))
        self.acting.append(self.harms[-1])
        return self.harms[-1]

    def add_side(self, user, data):
        key = data["match_id"], user.user_id
        assert key not in self.sides, "met itself"
        side = self.sides[key] = self.open[user] = SideAcross(user, data)
        self.chats.setdefault((data["match_id"], *data["common_interests"]), []).append(side)
        side.group = self.chats[data["match_id"], *data["common_interests"]]
        self.chats_of[side.node][id(side.group)] = side.group
        return side

    def is_partner(self, user, writer):
        other = self.sides.get((user.match, writer))
        if other is None or other.role == user.side.role or other.group is not user.side.group:
            return False
        if user.side.partner is None and other.partner is None:
            user.side.partner, other.partner = other, user.side
        return user.side.partner is other

    def end(self, user, how):
        if user.match is not None:
            user.has_asked = False
            self.open.pop(user, None)
        super().end(user, how)

    def harmed_until(self, node):
        """0: it never was, infinity: it is now."""
        for harm in [harm for harm in self.acting if harm.end < math.inf]:
            self.acting.remove(harm)
            for one in harm.nodes or {None}:
                self.harmed[one] = max(self.harmed[one], harm.end)
        return max(self.harmed[None], self.harmed[node], *(harm.end for harm in self.acting if harm.is_of(node)), 0)

    def alone_since(self, user):
        """Not while something is done to it: it can hear of nothing then."""
        candidates = [user.side.partner] if user.side.partner else [
            side for side in user.side.group if side.role != user.side.role and side.partner is None]
        ends = [side.ended or math.inf for side in candidates]
        since = max([user.side.begun, *ends]) if ends else user.side.begun
        since = max(since, self.harmed_until(user.server))
        return None if since == math.inf else since

    def check_alone(self):
        for user in self.open:
            since = self.alone_since(user)
            assert since is None or time.monotonic() - since < ALONE_SECONDS, f"in a chat with somebody who has gone, or has not come: {user.side}"

    def pairs(self, chats=None):
        """Of these, or of all. Where several chats of one id have said nothing, nobody can say who was with whom: those pairs that speak best for the server."""
        found = []
        for group in self.chats.values() if chats is None else chats:
            found += [[side, side.partner] for side in group if side.partner and side.role == "caller"]
            callers, callees = ([side for side in group if side.partner is None and side.role == role] for role in ("caller", "callee"))
            if len(callers) + len(callees) > 6:
                raise AssertionError("too many chats of one id and one topic to tell them apart")
            long, short = sorted((callers, callees), key=len, reverse=True)
            short = short + [None] * (len(long) - len(short))
            ways = ([[side for side in pair if side] for pair in zip(long, way)] for way in itertools.permutations(short))
            found += min(ways, key=lambda way: sum(self.lost_in(sides) + self.is_ghost(sides) for sides in way))
        return found

    def is_ghost(self, sides):
        ends = [side.end for side in sides]
        if ends == [TOLD, TOLD]:
            return not any(harm.explains(sides) for harm in self.harms)
        return super().is_ghost(sides)

    def lost_in(self, sides):
        """Nor is a message lost that was on its way when a node was harmed, and whose writer has left by itself since, so cannot be told."""
        lost = super().lost_in(sides)
        ends = [side.end for side in sides]
        if lost > 0 and TOLD in ends and None not in ends and any(harm.explains(sides) for harm in self.harms):
            return 0
        return lost

    def lost_for_good(self):
        """In chats that are over."""
        return sum(self.lost_in(sides) for sides in self.pairs() if None not in [side.end for side in sides])

    def may_hang_up(self, user):
        return user.server in self.ending

    def ended_or_heard(self, user):
        """It has met somebody, and knows by now that there is one, or none."""
        return user.side is not None and (user.side.end is not None or user.side.heard > 0)

    def partners_of(self, node, when):
        """Sides of other nodes in chats with users of that one, since before; not of those who left first."""
        found = []
        for sides in self.pairs(self.chats_of[node].values()):
            for ours, other in itertools.permutations(sides, 2):
                if (ours.node is node and other.node is not node and max(ours.begun, other.begun) < when
                        and not (ours.ended and ours.ended < when) and not (other.ended and other.ended < when)
                        and other.end not in (ENDED, CLOSED, CUT) and ours.end not in (ENDED, CLOSED)):
                    found.append(other)
        return found

    def told_after(self, node, when):
        """Seconds from then until these were told; None: not yet."""
        return [other.ended and other.ended - when for other in self.partners_of(node, when)]


class Person:
    """Comes, searches and chats, and comes back, to whichever node there is. With a partner of its own interest; or waits for a guest."""

    def __init__(self, crowd, interest, first_node=None):
        self.crowd, self.interest, self.first_node = crowd, interest, first_node
        self.address = crowd.address()
        self.user = None
        self.partner = None
        self.match = None  # as long as both are in it

    async def live(self):
        while not self.crowd.is_over:
            self.user = await self.crowd.enter(node=self.first_node, address=self.address)
            self.first_node = None
            if self.user is None:
                return
            try:
                await self.user.submit(self.interest)
                while not self.crowd.is_over and not self.user.reader.done():
                    if self.user.match is None and not self.user.has_asked:
                        self.user.has_asked = True
                        await self.user.ask_out("start_matching")
                    elif self.user.is_sure:
                        await self.user.write()
                    await asyncio.sleep(self.crowd.pace * (0.5 + random.random()))
            except websockets.ConnectionClosed:
                pass
            if self.crowd.is_over:
                return
            await self.user.reader

    def chat(self):
        """The match that it is in with its own partner."""
        users = self.user, self.partner.user
        return users[0].match if None not in users and users[0].match == users[1].match else None

    def nodes(self):
        return {self.user.server, self.partner.user.server}


class WanderersAcross(Wanderers):
    pause = 0.5

    async def enter(self):
        user = await self.server.enter(is_careless=True)
        if user is None:
            raise asyncio.CancelledError
        return user


class CrowdAcross:
    """Three fifths are pairs, of each two nodes and each alone; a tenth waits; the others wander."""

    def __init__(self, users, pace=0.3, wander=True):
        self.nodes = []
        self.size, self.pace, self.wander = users, pace, wander
        self.away = set()       # nodes that a balancer would not send anybody to
        self.promises = PromisesAcross()
        self.seed = random.randrange(1 << 30)
        self.random = random.Random(self.seed)
        self.wanderers = WanderersAcross(self, self.promises, self.seed)
        self.users = set()
        self.addresses = self.refusals = 0
        self.is_over = False
        self.tasks = []
        self.pairs, self.patient = [], []

    def pick(self):
        """As a balancer does: who has the fewest."""
        counts = collections.Counter(user.server for user in self.users)
        return min((node for node in self.nodes if node not in self.away), key=lambda node: (counts[node], self.random.random()))

    def address(self):
        """Of one more client, as a proxy says it."""
        self.addresses += 1
        return f"10.{self.addresses >> 16}.{self.addresses >> 8 & 255}.{self.addresses & 255}"

    async def enter(self, node=None, is_careless=False, address=None):
        """Somebody new, on any node, as soon as one takes it. None: the crowd is over."""
        headers = [("X-Forwarded-For", address or self.address())]
        while not self.is_over:
            target = node if node not in (None, *self.away) else self.pick()
            try:
                user = await User.enter(target, self.promises, is_careless, extra_headers=headers)
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError) as refusal:
                # An address may make thirty handshakes at once, then ten a second.
                self.refusals += getattr(refusal, "status_code", None) == 429 and int(refusal.headers["Retry-After"]) > 0
                await asyncio.sleep(0.05 + 0.15 * self.random.random())
                continue
            user.has_asked = False
            self.users.add(user)
            user.reader.add_done_callback(lambda _, user=user: self.users.discard(user))
            return user
        return None

    def check(self):
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()
        for user in list(self.users):
            user.check()
        for node in self.nodes:
            assert node in self.away or node.process.poll() is None, "a node has ended"
        self.promises.check_alone()

    async def until(self, condition, what, seconds=TIMEOUT):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"timed out waiting for {what() if callable(what) else what}"
            self.check()
            await asyncio.sleep(0.02)

    async def live(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            await asyncio.sleep(min(left, 0.1))

    async def begin(self):
        """All nodes are there."""
        print("seed", self.seed)
        wandering, waiting = (self.size * 3 // 10, self.size // 10) if self.wander else (0, 0)
        nodes = self.nodes
        for i in range((self.size - wandering - waiting) // 2):
            first, second = i % len(nodes), (i + i // len(nodes)) % len(nodes)
            if not self.wander and first == second:  # all chats are across nodes
                second = (second + 1) % len(nodes)
            self.add_pair(nodes[first], nodes[second])
        self.patient = [Person(self, f"{CANARY} patience {i}", nodes[i % len(nodes)]) for i in range(waiting)]
        self.tasks += [asyncio.create_task(person.live()) for person in self.patient]
        self.tasks += [asyncio.create_task(self.wanderers.user()) for _ in range(wandering)]
        await self.whole(30)
        await self.recover()

    def add_pair(self, *nodes):
        one, other = (Person(self, f"{CANARY} pair {len(self.pairs)}", node) for node in nodes)
        one.partner, other.partner = other, one
        self.pairs.append(one)
        self.tasks += [asyncio.create_task(person.live()) for person in (one, other)]

    async def add_pair_on(self, node):
        """Both on this one."""
        self.add_pair(node, node)
        await self.whole()

    def chats(self):
        """Which chat each pair is in."""
        return {pair: pair.chat() for pair in self.pairs}

    def gone_on(self, before, harmed=()):
        """No chat has ended but of those that have a user on a harmed node. Returns how many have not."""
        kept = [pair for pair in before if pair.nodes_then.isdisjoint(harmed)]
        ended = [f"{pair.user.side}; {pair.partner.user.side}" for pair in kept if pair.chat() != before[pair]]
        assert not ended, f"{len(ended)} chats of {len(kept)} have ended: {ended[:5]}"
        return len(kept)

    def alone_gone_on(self, before, node):
        """Nor has one of two users who are both on this node, whatever has happened to it."""
        kept = [pair for pair in before if pair.nodes_then == {node}]
        assert kept and all(pair.chat() == before[pair] for pair in kept)
        return kept

    def across(self, node):
        """Pairs of which one is on this node."""
        return [pair for pair, match in self.chats().items() if match and node in pair.nodes() and len(pair.nodes()) == 2]

    def look(self):
        """For gone_on()."""
        chats = {pair: match for pair, match in self.chats().items() if match is not None}
        for pair in chats:
            pair.nodes_then = pair.nodes()
        return chats

    async def heard_by(self, pairs, seconds=TIMEOUT):
        """Both of each hear something new."""
        people = [person for pair in pairs for person in (pair, pair.partner)]
        before = [(person.user, person.user.side, person.user.side.heard) for person in people]
        await self.until(lambda: all(side.heard > count or user.side is not side for user, side, count in before),
                         lambda: f"chats to go on: {[str(side) for _, side, count in before if side.heard == count][:5]}", seconds)

    async def whole(self, seconds=WHOLE_SECONDS):
        """All pairs chat, and hear each other. Returns the seconds that it took."""
        begin = time.monotonic()
        await self.until(lambda: all(self.chats().values()),
                         lambda: f"pairs to meet: {[pair.interest for pair, match in self.chats().items() if not match][:5]}", seconds)
        seconds = time.monotonic() - begin
        await self.heard_by(self.pairs)
        return seconds

    async def recover(self, seconds=WHOLE_SECONDS):
        """All pairs chat, and those who wait meet whoever comes. Returns the seconds that it took."""
        took = await self.whole(seconds)
        begin = time.monotonic()
        await self.all_wait()
        guests = [await self.enter() for _ in self.patient]
        for guest, person in zip(guests, self.patient):
            await guest.submit(person.interest)
            await guest.ask_out("start_matching")
        await self.until(lambda: all(guest.side and guest.side.heard for guest in guests),
                         lambda: f"{sum(not guest.side for guest in guests)} guests to be matched", seconds)
        took += time.monotonic() - begin
        await asyncio.gather(*(guest.leave() for guest in guests))
        await self.all_wait()
        return took

    async def all_wait(self):
        await self.until(lambda: all(person.user and person.user.is_searching for person in self.patient), "the patient to search")

    async def finish(self, store):
        """Everyone falls silent, then leaves. Nothing is missing, and nothing of them stays."""
        self.check()
        self.is_over = self.wanderers.is_over = True
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.check()
        await self.promises.quiet(TIMEOUT)
        await asyncio.gather(*(user.leave() for user in list(self.users)))
        begin = time.monotonic()
        await in_thread(wait_for, lambda: kept_keys(store) == [], lambda: f"Redis to be empty: {kept_keys(store)[:9]}", EMPTY_SECONDS)
        took = time.monotonic() - begin
        await self.promises.quiet(TIMEOUT)
        names = "users", "searching", "chatting", "remote_chats"
        await in_thread(wait_for, lambda: not any(node.metric(name) for node in self.nodes for name in names), "everyone to leave")
        assert self.promises.lost() == 0
        return took

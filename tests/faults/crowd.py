"""A crowd of users who live through a fault, and what is asked of the server meanwhile and afterwards."""
import asyncio
import json
import os
import random
import time

from harness import SLOWNESS, TIMEOUT, in_thread, settled
from promises import CANARY, TOPICS, Promises, User, Wanderers

USERS = int(os.environ.get("CHATTERBOX_FAULT_USERS", "60" if SLOWNESS == 1 else "24"))
# How soon after a fault people must be matched again: twice the longest backoff, a call's time limit, and a turn of everybody.
RECOVERY = 6 * SLOWNESS


def report(**row):
    """A line of the table that tools/prove prints."""
    path = os.environ.get("CHATTERBOX_FAULT_TABLE")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    print(row)


class Crowd:
    """Half of them chat, in pairs that must outlive every fault that is not their own; the others wander, or chat too; some only wait."""

    def __init__(self, server, users=USERS, store=None, pace=0.05, has_wanderers=True):
        self.server, self.store, self.pace = server, store, pace
        self.promises = Promises()
        self.seed = random.randrange(1 << 30)
        self.wanderers = Wanderers(server, self.promises, self.seed)
        self.pairs = max(1, users // 4)
        self.waiting = max(1, users // 10)
        self.wandering = max(2, users - 2 * self.pairs - self.waiting) if has_wanderers else 0
        if not has_wanderers:
            self.pairs = (users - self.waiting) // 2
        self.talkers, self.patient, self.tasks = [], [], []
        self.is_over = False

    async def enter(self, *interests):
        user = await User.enter(self.server, self.promises, open_timeout=60)
        await user.submit(*interests)
        return user

    async def until(self, condition, what, seconds=TIMEOUT):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"timed out waiting for {what() if callable(what) else what}"
            self.check()
            await asyncio.sleep(0.01)

    async def begin(self):
        print("seed", self.seed)
        for i in range(self.pairs):
            pair = [await self.enter(f"{CANARY} pair {i}") for _ in range(2)]
            for user in pair:
                user.is_timed = True
                await user.ask_out("start_matching")
            self.talkers += pair
        for i in range(self.waiting):
            user = await self.enter(f"{CANARY} patience {i}")
            await user.ask_out("start_matching")
            self.patient.append(user)
        await self.until(lambda: all(user.is_sure for user in self.talkers), "the pairs to meet")
        await self.until(lambda: all(user.is_searching for user in self.patient), "the patient to search")
        self.matches = [user.match for user in self.talkers]
        self.tasks = [asyncio.create_task(self.talk(user)) for user in self.talkers]
        self.tasks += [asyncio.create_task(self.wanderers.user()) for _ in range(self.wandering)]

    async def talk(self, user):
        while not self.is_over:
            await user.write()
            await asyncio.sleep(self.pace * (0.5 + random.random()))

    def check(self):
        """Nobody has seen anything wrong, and no chat of the talkers was cut."""
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()
        for user in (*self.talkers, *self.patient):
            user.check()
        assert self.server.process.poll() is None, "the server has ended"
        if self.tasks:
            assert [user.match for user in self.talkers] == self.matches, "a chat was cut"

    async def live(self, seconds):
        """Go on for so long, and look."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            await asyncio.sleep(min(left, 0.1))

    async def heard_by_all(self, seconds=TIMEOUT):
        """Each talker hears something new from its partner."""
        before = [user.side.heard for user in self.talkers]
        await self.until(lambda: all(user.side.heard > count for user, count in zip(self.talkers, before)),
                         "every chat to go on", seconds)

    async def recover(self):
        """New users are matched, and so are those who have waited all along. Returns the seconds that it took."""
        begin = time.monotonic()
        guests = [await self.enter(user.interests[0]) for user in self.patient]
        for guest in guests:
            await guest.ask_out("start_matching")
        await self.until(lambda: all(user.is_sure for user in (*guests, *self.patient)),
                         lambda: f"{sum(not user.is_sure for user in (*guests, *self.patient))} users to be matched", RECOVERY)
        seconds = time.monotonic() - begin
        assert all(guest.match == user.match for guest, user in zip(guests, self.patient))
        self.patient += guests
        return seconds

    async def gather(self):
        """Of many who search at once nobody waits while there is somebody with the same interest who waits too."""
        def waits_in_vain():
            seen = set()
            for user in users:
                if user.is_searching:
                    if not seen.isdisjoint(user.interests):
                        return True
                    seen.update(user.interests)
            return False
        users = [await self.enter(*self.wanderers.random.sample(TOPICS, 2)) for _ in range(21)]
        for user in users:
            await user.ask_out("start_matching")
        await self.until(lambda: all(user.is_searching or user.side for user in users) and not waits_in_vain(),
                         "those who could chat to be matched", RECOVERY)
        await asyncio.gather(*(user.leave() for user in users))

    async def finish(self):
        """Everyone falls silent, then leaves. Nothing is missing, and nothing of them stays."""
        self.check()
        self.is_over = self.wanderers.is_over = True
        await asyncio.gather(*self.tasks)
        await self.promises.quiet(TIMEOUT)
        assert [user.match for user in self.talkers] == self.matches, "a chat was cut"
        await asyncio.gather(*(user.leave() for user in (*self.talkers, *self.patient)))
        await self.promises.quiet(TIMEOUT)
        await settled(self.server, self.store)
        assert self.promises.lost() == 0

    def check_log(self):
        """After the server has ended: nothing that anybody wrote or is interested in."""
        assert not any(CANARY in line for line in self.server.log)


async def through(crowd, fault, name, **more):
    """The whole course: a crowd, a fault, and the way back. The row says what it was."""
    await crowd.begin()
    await crowd.live(0.5)
    before = crowd.promises.heard
    online = await in_thread(crowd.server.metric, "users")
    note = await fault(crowd)
    crowd.check()
    seconds = await crowd.recover()
    await crowd.gather()
    await crowd.heard_by_all()
    messages = crowd.promises.heard - before
    await crowd.finish()
    report(fault=name, users=online, messages=messages, lost=crowd.promises.lost(), recovery=f"{seconds:.2f} s", note=note or "", **more)



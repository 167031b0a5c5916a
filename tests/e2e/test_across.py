"""Chats across nodes: a real node, and one that we did not write, which loses, doubles and reorders what it likes (cluster.Peer)."""
import asyncio
import contextlib
import json
import time

import pytest

from cluster import ASK, GAP, LEFT, LEFT_HEARD, TEXT, TEXTS, WRITTEN, Cluster, Peer, address, wait_for_peers
from harness import SLOWNESS, Client, in_thread, wait_for

MATCH = 1 << 60


class Across:
    """A user of the real node, in a chat with the user of the other one."""

    def __init__(self, node, peer, user, incarnation, actor):
        self.node, self.peer, self.user, self.incarnation, self.actor = node, peer, user, incarnation, actor

    def say(self, kind, *numbers, **more):
        self.peer.say(self.incarnation, kind, self.actor, *numbers, **more)

    def write(self, number, text, match=MATCH, **more):
        event = {"type": "chat_message", "description": "x", "timestamp": "2026-01-01T00:00:00.000Z", "data": {"message": text}}
        self.say(TEXT, match, number, rest=json.dumps(event).encode(), **more)

    def write_run(self, number, *shared_and_rest):
        """Of each text: with how many bytes of the one before it begins, and what follows."""
        self.say(TEXTS, MATCH, number, rest=b"".join(shared.to_bytes(2, "big") + len(rest).to_bytes(3, "big") + rest for shared, rest in shared_and_rest))

    async def hear(self, kind, timeout=3 * SLOWNESS):
        return await in_thread(self.peer.hear, kind, timeout)

    async def hear_text(self, text=None):
        match, number, event = await self.hear(TEXT)
        assert match == MATCH
        if text is not None:
            assert json.loads(event)["data"]["message"] == text
        return number

    async def hear_taken(self, taken):
        """Sockets give credits back in lots, so when it is written is not said of each."""
        while True:
            match, *counts = await self.hear(WRITTEN)
            assert match == MATCH and counts[1] <= counts[0] <= taken
            if counts[0] == taken:
                return

    async def silence(self):
        await in_thread(self.peer.hears_nothing)


@contextlib.asynccontextmanager
async def across(*flags):
    with contextlib.ExitStack() as stack:
        cluster = await in_thread(Cluster, stack)
        node = await in_thread(lambda: cluster.node("--rate-chat", 0, *flags))
        peer = Peer(cluster.bus.path)
        stack.callback(peer.close)
        await in_thread(wait_for_peers, [node], 1)
        await in_thread(wait_for, lambda: peer.seen, "the node's beats")
        user = await (await Client.connect(node)).like("go")
        await user.search()
        meta = {key.decode(): value.decode() for key, value in node.store.hgetall(f"user_meta:{user.user_id}").items()}
        name, _, place = meta["channel_id"].partition(":")
        assert int(name, 16) in peer.seen
        actor = address(*map(int, place.split(".")))
        peer.match(int(name, 16), actor, MATCH, int(meta["search"]))
        await user.expect("success_matched", match_id=f"{MATCH:016x}", role="caller", common_interests=["go"])
        assert node.metric("remote_chats") == 1
        yield Across(node, peer, user, int(name, 16), actor)
        await user.close()
        await in_thread(wait_for, lambda: node.metric("users") == 0, "the user to leave")


def test_both_ways():
    async def run():
        async with across() as chat:
            for number in (1, 2, 3):
                await chat.user.send("chat_message", message=f"there {number}")
                assert await chat.hear_text(f"there {number}") == number
                chat.say(WRITTEN, MATCH, number, number)
                chat.write(number, f"back {number}")
                await chat.user.expect("chat_message", message=f"back {number}")
                await chat.hear_taken(number)
            await chat.silence()
            assert chat.node.metric("peer_texts_repeated_total") == 0
            chat.say(LEFT, MATCH, 3)
            await chat.user.expect("partner_left_chat", match_id=f"{MATCH:016x}")
            assert await chat.hear(LEFT_HEARD) == (MATCH,)
            assert chat.node.metric("remote_chats") == 0
    asyncio.run(run())


def test_what_is_lost_is_repeated():
    async def run():
        async with across() as chat:
            await chat.user.send("chat_message", message="one")
            await chat.user.send("chat_message", message="two")
            assert [await chat.hear_text("one"), await chat.hear_text("two")] == [1, 2]
            begin = time.monotonic()
            assert [await chat.hear_text("one"), await chat.hear_text("two")] == [1, 2]
            assert 0.7 < time.monotonic() - begin < 2 * SLOWNESS
            chat.say(GAP, MATCH, 1, 0)
            assert await chat.hear_text("two") == 2
            chat.say(WRITTEN, MATCH, 2, 1)  # taken, and the socket is slow
            await asyncio.sleep(1.2)
            await chat.silence()
            assert chat.node.metric("peer_texts_repeated_total") == 3
    asyncio.run(run())


def test_runs():
    async def run():
        async with across() as chat:
            begin = b'{"type": "chat_message", "description": "x", "timestamp": "2026-01-01T00:00:00.000Z", "data": {"message": "'
            chat.write_run(1, (0, begin + b'one"}}'), (len(begin), b'two"}}'), (len(begin) + 1, b'hree"}}'))
            for text in ("one", "two", "three"):
                await chat.user.expect("chat_message", message=text)
            await chat.hear_taken(3)
            chat.write_run(2, (0, begin + b'two"}}'), (len(begin), b'three"}}'), (len(begin), b'four"}}'))  # two of them it has
            await chat.user.expect("chat_message", message="four")
            await chat.hear_taken(4)
            chat.write_run(6, (0, begin + b'six"}}'), (len(begin), b'seven"}}'))
            assert (await chat.hear(GAP))[:2] == (MATCH, 4)
            chat.write_run(5, (0, begin + b'five"}}'), (999, b"nonsense"))
            await chat.user.silence()
            assert chat.node.metric("bus_dropped_malformed_total") == 1
    asyncio.run(run())


def test_what_comes_late_or_twice_is_put_in_order():
    async def run():
        async with across() as chat:
            chat.write(2, "two")
            assert await chat.hear(GAP) == (MATCH, 0, 0)
            chat.write(3, "three")  # it has asked already
            await chat.user.silence()
            for number, text in ((1, "one"), (2, "two"), (1, "one"), (3, "three")):
                chat.write(number, text)
            for text in ("one", "two", "three"):
                await chat.user.expect("chat_message", message=text)
            await chat.user.silence()
            await chat.hear_taken(3)
            await chat.silence()
            for _ in range(3):  # its answer is written, and so was what came before
                await chat.user.send("end_matching")
                await chat.user.expect_error("already_chatting", "end_matching")
            assert await chat.hear(WRITTEN) == (MATCH, 3, 3)
            chat.say(ASK, MATCH)
            assert await chat.hear(WRITTEN) == (MATCH, 3, 3)
    asyncio.run(run())


def test_sixteen_are_on_their_way_and_no_more():
    async def run():
        async with across() as chat:
            for number in range(1, 21):
                await chat.user.send("chat_message", message=str(number))
            assert [await chat.hear_text() for _ in range(16)] == list(range(1, 17))
            await chat.silence()
            chat.say(WRITTEN, MATCH, 16, 3)
            assert [await chat.hear_text() for _ in range(3)] == [17, 18, 19]
            await chat.silence()
            chat.say(WRITTEN, MATCH, 19, 3)
            assert await chat.hear(ASK) == (MATCH,)  # credits are missing
            chat.say(WRITTEN, MATCH, 19, 19)
            assert await chat.hear_text() == 20
            chat.say(WRITTEN, MATCH, 20, 20)
    asyncio.run(run())


def test_who_leaves_says_so_until_it_is_heard():
    async def run():
        async with across() as chat:
            await chat.user.send("chat_message", message="bye")
            assert await chat.hear_text() == 1
            await chat.user.ask("end_chat")
            assert await chat.hear(LEFT) == (MATCH, 1)
            chat.say(TEXT, MATCH, 1, rest=b"{}")  # written before it heard of that
            assert await chat.hear_text("bye") == 1  # not acknowledged yet
            assert await chat.hear(LEFT) == (MATCH, 1)
            chat.say(LEFT_HEARD, MATCH)
            await asyncio.sleep(1.2)
            await chat.silence()
            await chat.user.silence()
            # All credits are back: more than sixteen requests are answered.
            for _ in range(20):
                await chat.user.send("end_matching")
                await chat.user.expect("success")
    asyncio.run(run())


def test_nobody_leaves_before_all_has_come():
    async def run():
        async with across() as chat:
            chat.write(1, "one")
            await chat.user.expect("chat_message", message="one")
            await chat.hear_taken(1)
            chat.say(LEFT, MATCH, 2)
            assert (await chat.hear(GAP))[:2] == (MATCH, 1)
            await chat.user.silence()
            chat.write(2, "two")
            await chat.user.expect("chat_message", message="two")
            await chat.hear_taken(2)
            chat.say(LEFT, MATCH, 2)
            await chat.user.expect("partner_left_chat")
            assert await chat.hear(LEFT_HEARD) == (MATCH,)
            chat.say(LEFT, MATCH, 2)  # the answer was lost
            assert await chat.hear(LEFT_HEARD) == (MATCH,)
            chat.write(3, "a chat that is none")
            assert (await in_thread(chat.peer.hear, LEFT))[0] == MATCH
    asyncio.run(run())


def test_strangers_are_not_heard():
    async def run():
        async with across() as chat:
            stranger = address(2, 8, 9)
            chat.write(1, "a stranger", sender=stranger)
            chat.write(1, "another chat", match=MATCH - 1)
            chat.say(LEFT, MATCH, 0, sender=stranger)
            chat.say(WRITTEN, MATCH, 5, 5)  # of texts that were not written
            await chat.user.silence(0.5)
            assert chat.node.metric("remote_chats") == 1
            chat.write(1, "the partner")
            await chat.user.expect("chat_message", message="the partner")
            for slot, generation in ((2**20 - 1, 1), (7, 2**24 - 1)):  # actors that are none
                for kind in (TEXT, LEFT):
                    chat.peer.say(chat.incarnation, kind, address(chat.actor[0], slot, generation), MATCH, 0)
            for thread in (0, 1, 200):  # no session threads
                chat.peer.say(chat.incarnation, LEFT, address(thread, 7, 1), MATCH, 0)
            await in_thread(wait_for, lambda: chat.node.metric("bus_dropped_malformed_total") == 3, "what is for other threads to be dropped")
    asyncio.run(run())


@pytest.mark.parametrize("how", ["falls silent", "takes its leave", "begins a new life"])
def test_the_partners_node(how):
    async def run():
        async with across() as chat:
            await chat.user.send("chat_message", message="x")
            assert await chat.hear_text() == 1
            begin = time.monotonic()
            if how == "falls silent":
                chat.peer.is_beating = False
            elif how == "takes its leave":
                chat.peer.is_beating = False
                chat.peer.publish(0, (2, b""))
            else:
                chat.peer.life = 2
            await chat.user.expect("partner_left_chat", timeout=3 * SLOWNESS)
            passed = time.monotonic() - begin
            assert passed < (2.6 if how == "falls silent" else 0.8) * SLOWNESS
            assert chat.node.metric("remote_chats") == 0
            for _ in range(17):  # the credit of x is back
                await chat.user.send("end_matching")
                await chat.user.expect("success")
    asyncio.run(run())

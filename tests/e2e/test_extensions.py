"""What goes beyond the first protocol: anyone, next, typing, block, report."""
import asyncio
import hashlib
import time

from harness import Client, SLOWNESS, close_all, kept_keys, pair, running, settled


async def connected(server, *interests, path=""):
    return await (await Client.connect(server, path)).like(*interests)


async def matched(*clients):
    """All have been matched with each other: what they have in common."""
    data = [await client.expect("success_matched") for client in clients]
    assert len({each["match_id"] for each in data}) == 1
    for client in clients:
        client.match = data[0]["match_id"]
    return data[0]["common_interests"]


def test_anyone_at_once(server):
    async def run():
        shy, a, b = [await connected(server, topic) for topic in ("tea", "coffee", "milk")]
        await shy.search()
        await a.send("start_matching", fallback_after_ms=0)
        await a.expect("no_match")
        await a.silence()  # shy wants tea
        await b.send("start_matching", fallback_after_ms=0)
        assert await matched(a, b) == []
        await shy.silence()
        await close_all(shy, a, b)
        await settled(server)
    asyncio.run(run())


def test_anyone_after_a_while(server):
    async def run():
        a, b, friend = await connected(server, "one"), await connected(server, "two"), await connected(server, "one")
        await a.send("start_matching", fallback_after_ms=600)
        await a.expect("no_match")
        await b.send("start_matching", fallback_after_ms=0)
        await b.expect("no_match")
        await a.silence(0.3 / SLOWNESS)  # not yet
        assert await matched(a, b) == []
        await a.ask("end_chat")
        await b.expect("partner_left_chat")
        # Who has found somebody, or has given up, is not reminded any more.
        await a.send("start_matching", fallback_after_ms=300)
        await a.expect("no_match")
        await friend.send("start_matching")
        assert await matched(a, friend) == ["one"]
        await b.send("start_matching", fallback_after_ms=300)
        await b.expect("no_match")
        await b.ask("end_matching")
        for client in (a, b, friend):
            await client.silence(0.6)
        await close_all(a, b, friend)
        await settled(server)
    asyncio.run(run())


def test_null_and_never_are_the_same_wish(server):
    async def run():
        a, b = await connected(server, "null"), await connected(server, "never")
        await a.send("start_matching", fallback_after_ms=None)
        await a.expect("no_match")
        await b.send("start_matching", fallback_after_ms=-1)
        await b.expect("no_match")
        await a.silence()
        await close_all(a, b)
    asyncio.run(run())


def test_next_in_one_step(server):
    async def run():
        a, b = await pair(server, "next")
        c = await connected(server, "next")
        await c.search()
        await a.send("chat_message", message="bye")
        await a.send("next")
        await b.expect("chat_message", message="bye")
        await b.expect("partner_left_chat", match_id=a.match)
        assert await matched(a, c) == ["next"]  # and not b, the last one
        await a.send("chat_message", message="hello")
        await c.expect("chat_message", message="hello")
        await b.silence()
        await close_all(a, b, c)
        await settled(server)
    asyncio.run(run())


def test_next_changes_the_wish_of_a_search(server):
    async def run():
        a, b = await connected(server, "wish a"), await connected(server, "wish b")
        await a.search()
        await b.send("start_matching", fallback_after_ms=0)
        await b.expect("no_match")
        await a.send("next", fallback_after_ms=0)
        await a.expect("no_match")
        assert await matched(a, b) == []
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_the_last_partner_comes_after_everybody_else(server):
    async def run():
        a, b = await pair(server, "again")
        await a.send("next")
        await a.expect("no_match")
        await b.expect("partner_left_chat")
        await b.send("next")
        assert await matched(a, b) == ["again"]  # there is nobody else
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_typing(server):
    async def run():
        a, b = await pair(server, "typing")
        await a.send("typing", active=True)
        await b.expect("typing", active=True)
        for _ in range(30):  # more than there are credits: what is dropped costs none for ever
            await a.send("typing", active=False)
        await a.send("chat_message", message="typed")
        await b.expect("chat_message", message="typed")
        await asyncio.sleep(2.1)
        await a.send("typing", active=False)
        await b.expect("typing", active=False)
        await a.silence()
        await close_all(a, b)
    asyncio.run(run())


def test_the_blocked_never_meet():
    """Three users, two of whom have blocked each other, share one interest."""
    async def run():
        with running("--rate-search", 0) as server:
            server.wait_ready()
            a, b = await pair(server, "triangle")
            await a.ask("block")
            await b.expect("partner_left_chat", match_id=a.match)
            await b.ask("block")  # the last partner, too
            c = await connected(server, "triangle")
            met = {a: 0, b: 0}
            await c.send("start_matching", fallback_after_ms=0)
            await c.expect("no_match")
            for number in range(1000):
                # One of the two meets c, the other one must go on waiting; then c looks for the next.
                first, second = (a, b) if number % 2 else (b, a)
                await first.send("start_matching", fallback_after_ms=0)
                await matched(first, c)
                met[first] += 1
                await second.send("start_matching", fallback_after_ms=0)
                await second.expect("no_match")
                await first.send("next", fallback_after_ms=0)
                await c.expect("partner_left_chat")
                await first.expect("no_match")  # second waits, and is not for first
                await first.ask("end_matching")
                await second.ask("end_matching")
                await c.send("start_matching", fallback_after_ms=0)
                await c.expect("no_match")
            assert met == {a: 500, b: 500}
            await close_all(a, b, c)
            await settled(server)
    asyncio.run(run())


def test_a_block_holds_when_redis_has_forgotten(server):
    async def run():
        a, b = await pair(server, "memory")
        await a.ask("block")
        await b.expect("partner_left_chat")
        server.redis().flushall()
        await asyncio.sleep(1.5)  # a heartbeat finds out
        server.wait_ready()
        await a.search()
        await b.search()
        await a.silence(0.5)
        await b.silence()
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_a_block_ends_with_either_connection(server):
    async def run():
        a, b = await pair(server, "reborn")
        await a.ask("block")
        await b.expect("partner_left_chat")
        await a.close()
        again = await connected(server, "reborn")
        await b.search()
        await again.send("start_matching")
        await matched(b, again)
        await close_all(again, b)
        await settled(server)
    asyncio.run(run())


def test_nobody_to_block(server):
    async def run():
        a = await connected(server, "nobody")
        for kind, data in (("block", {}), ("report", {"reason": "other"})):
            await a.send(kind, **data)
            await a.expect_error("not_in_chat", kind)
        await a.close()
    asyncio.run(run())


# Chats of ten seconds are long enough to be reported.
REPORTABLE = 10.5


def device(name):
    return hashlib.sha256(name.encode()).hexdigest()


def test_reports_shut_out():
    """Two who were in a chat of ten seconds with the same device report it; two reports are the limit here."""
    async def run():
        with running("--report-limit", 2, "--ban-time", "6s", "--rate-search", 0) as server:
            server.wait_ready()
            spammer = "?id=" + device("spammer")
            first, second, hasty = [await connected(server, topic, path="?id=" + device(topic)) for topic in ("r1", "r2", "r3")]
            culprits = [await connected(server, topic, path=spammer) for topic in ("r1", "r2", "r3")]
            for reporter, culprit in zip((first, second), culprits):
                await reporter.search()
                await culprit.send("start_matching")
                await matched(reporter, culprit)
            await asyncio.sleep(REPORTABLE - 1)
            await hasty.search()
            await culprits[2].send("start_matching")
            await matched(hasty, culprits[2])
            await hasty.ask("report", reason="spam")  # a chat of a moment: does not count
            await culprits[2].expect("partner_left_chat")
            await asyncio.sleep(1)
            await first.ask("report", reason="abuse")
            await culprits[0].expect("partner_left_chat")
            await first.send("report", reason="abuse")  # again, after the chat: counts once
            await first.expect("success")
            assert server.metric("banned_total") == 0
            await second.ask("report", reason="other")
            # The report that was one too many closes the one reported.
            await culprits[1].expect_ban()
            # The others of the device are refused when they want something.
            await culprits[0].send("submit_interests", interests=["innocent"])
            await culprits[0].expect_close(4003)
            await culprits[2].send("start_matching")
            await culprits[2].expect_close(4003)
            back = await Client.connect(server, spammer.upper().replace("?ID=", "?id="))
            await back.send("submit_interests", interests=["r9"])
            await back.expect_close(4003)
            assert server.metric("banned_total") == 4 and server.metric("reports_total") == 4
            assert len(server.redis().keys("ban:*")) == 1 and kept_keys(server.redis())
            assert device("spammer")[:16] not in "".join(server.redis().keys("*"))
            await asyncio.sleep(6)
            forgiven = await connected(server, "r9", path=spammer)
            await forgiven.search()
            await close_all(first, second, hasty, forgiven)
            await settled(server)
            assert not server.redis().keys("ban:*") and not server.redis().keys("reports:*")
    asyncio.run(run())


def test_who_skips_all_is_slowed_down():
    """Each of ten waits for one whom it shares an interest with; one who has all ten interests would tell them all the same."""
    async def run():
        with running() as server:
            server.wait_ready()
            topics = [f"victim {i}" for i in range(10)]
            victims = [await (await connected(server, topic)).search() for topic in topics]
            bot = await connected(server, *topics)
            began, reached, request = time.monotonic(), 0, "start_matching"
            while reached < len(victims):
                await bot.send(request)
                event = await bot.event()
                if event["type"] == "error":
                    assert event["data"] == {"code": "rate_limited", "request": "next"}, event
                    break
                assert event["type"] == "success_matched", event
                request, reached = "next", reached + 1
            assert reached >= 6 and (reached - 6) * 5 <= time.monotonic() - began, reached  # five skips, and one each 5 s
            await bot.send("chat_message", message="the last one's chat goes on")
            await close_all(bot, *victims)
            await settled(server)
    asyncio.run(run())


def test_a_reporter_counts_once():
    async def run():
        with running("--report-limit", 2, "--rate-search", 0) as server:
            server.wait_ready()
            reporter_path, culprit_path = "?id=" + device("reporter"), "?id=" + device("culprit")
            pairs = []
            for topic in ("twice 1", "twice 2"):
                reporter, culprit = await connected(server, topic, path=reporter_path), await connected(server, topic, path=culprit_path)
                await reporter.search()
                await culprit.send("start_matching")
                await matched(reporter, culprit)
                pairs.append((reporter, culprit))
            await asyncio.sleep(REPORTABLE)
            for reporter, culprit in pairs:
                await reporter.ask("report", reason="spam")
                await culprit.expect("partner_left_chat")
                await culprit.silence()
            assert server.metric("banned_total") == 0
            await close_all(*(client for both in pairs for client in both))
            await settled(server)
    asyncio.run(run())

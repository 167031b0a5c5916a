"""People on several nodes of one Redis meet, chat and part, whatever happens to the nodes and to Redis."""
import asyncio
import contextlib
import hashlib
import json
import signal
import tempfile
import time

import redis

from cluster import SECRET, Bus, cluster_of, wait_for_peers
from harness import SLOWNESS, Client, close_all, in_thread, kept_keys, running, wait_for
from pairs import meet, pair_across, read, talk, user, write

TEXTS = 1000


def connect(cluster):
    return redis.Redis(unix_socket_path=cluster.bus.path, decode_responses=True)


async def nobody_is_left(cluster, nodes):
    def is_empty():
        return all(node.metric(name) == 0 for node in nodes for name in ("users", "searching", "chatting", "remote_chats"))
    await in_thread(wait_for, is_empty, "everyone to leave")
    store = connect(cluster)
    await in_thread(wait_for, lambda: kept_keys(store) == [], lambda: f"Redis to be empty: {kept_keys(store)[:9]}")


def test_two_people_on_two_nodes_talk():
    async def run():
        async with cluster_of(2) as (cluster, nodes):
            a, b = await pair_across(*nodes, "go", "chess")
            assert [node.metric("remote_chats") for node in nodes] == [1, 1]
            assert [node.metric("matches_total") for node in nodes] == [0, 1]  # by the seeker's
            await talk(a, b, TEXTS)
            await a.send("typing", active=True)
            await b.expect("typing", active=True)
            await a.ask("end_chat")
            await b.expect("partner_left_chat")
            assert [node.metric("remote_chats") for node in nodes] == [0, 0]
            # Again, the other way round; and whoever goes on to the next one meets whom there is.
            await b.search()
            await meet(b, a)
            await a.send("next")
            await b.expect("partner_left_chat")
            await a.expect("no_match")
            await meet(a, b)
            await talk(b, a)
            await b.close()
            await a.expect("partner_left_chat")
            await a.close()
            await nobody_is_left(cluster, nodes)
            assert [node.metric("matches_refused_total") for node in nodes] == [0, 0]
            assert [node.metric("searches_repaired_total") for node in nodes] == [0, 0]
    asyncio.run(run())


def test_who_is_blocked_is_not_met_again():
    async def run():
        async with cluster_of(2) as (cluster, nodes):
            a, b = await pair_across(*nodes, "go")
            await b.ask("block")
            await a.expect("partner_left_chat")
            await a.search()
            await asyncio.sleep(0.02)  # Redis' sets are by milliseconds of two nodes' clocks
            await b.search()
            c = await user(nodes[1], "go")
            await meet(a, c)  # who has waited longer
            await a.ask("block")  # from the other side
            await c.expect("partner_left_chat")
            await meet(b, c)
            await a.search()
            await close_all(a, b, c)
            await nobody_is_left(cluster, nodes)
    asyncio.run(run())


def test_two_who_wait_meet_as_soon_as_their_nodes_hear_of_each_other():
    async def run():
        with contextlib.ExitStack() as stack:
            bus, store = await in_thread(Bus, stack), await in_thread(Bus, stack)
            with tempfile.NamedTemporaryFile() as secret:
                secret.write(SECRET)
                secret.flush()
                await in_thread(bus.stop)
                nodes = [await in_thread(stack.enter_context, running("--redis", f"unix:{store.path}", "--bus", f"unix:{bus.path}",
                                                                      "--cluster-secret-file", secret.name)) for _ in range(2)]
                for node in nodes:
                    await in_thread(wait_for, lambda: node.metric("redis_up") == 1, "Redis")
                a, b = [await (await user(node, "go")).search() for node in nodes]
                await in_thread(bus.start)
                await in_thread(wait_for_peers, nodes, 1)
                data = [await client.expect("success_matched", timeout=SLOWNESS) for client in (a, b)]
                assert data[0]["match_id"] == data[1]["match_id"]
                await talk(a, b)
                await close_all(a, b)
    asyncio.run(run())


def test_who_is_reported_is_banned_on_all_nodes():
    async def run():
        async with cluster_of(2, "--report-limit", 1) as (cluster, nodes):
            path = "?id=" + hashlib.sha256(b"spammer").hexdigest()
            reporter = await (await user(nodes[0], "go")).search()
            culprit = await user(nodes[1], "go", path=path)
            await meet(reporter, culprit)
            await asyncio.sleep(10.5)  # else it does not count
            await reporter.ask("report", reason="spam")
            await culprit.expect_ban()
            for node in nodes:
                back = await Client.connect(node, path)
                await back.send("submit_interests", interests=["go"])
                await back.expect_close(4003)
            assert [node.metric("banned_total") for node in nodes] == [1, 2]
            await reporter.close()
            await nobody_is_left(cluster, nodes)
    asyncio.run(run())


def test_stats_are_of_all_nodes():
    async def run():
        async with cluster_of(3) as (cluster, nodes):
            a, b = await pair_across(nodes[0], nodes[1], "go")
            waiting = await (await user(nodes[2], "patience")).search()
            idle = await user(nodes[0], "rest")
            for node in nodes:
                await in_thread(wait_for, lambda: json.loads(node.get("/stats")) == {"online": 4, "searching": 1, "chatting": 2}, lambda: node.get("/stats"))
            await close_all(a, b, waiting, idle)
            for node in nodes:
                await in_thread(wait_for, lambda: json.loads(node.get("/stats"))["online"] == 0, lambda: node.get("/stats"))
    asyncio.run(run())


def test_many_on_three_nodes_meet_and_part():
    """Everybody talks with whom it meets and goes on to the next, at once."""
    async def run():
        async with cluster_of(3) as (cluster, nodes):
            people = [await user(nodes[i % 3], f"topic {i % 4}") for i in range(30)]

            async def live(person):
                partners = 0
                await person.send("start_matching")
                try:
                    while partners < 12:
                        event = await person.event(timeout=2 * SLOWNESS)
                        if event["type"] == "success_matched":
                            partners += 1
                            await person.send("chat_message", message=event["data"]["match_id"])
                        elif event["type"] == "chat_message":
                            await person.send("next")
                        elif event["type"] == "partner_left_chat":
                            await person.send("next")
                except asyncio.TimeoutError:
                    pass
                return partners
            met = await asyncio.gather(*map(live, people))
            assert sum(met) > 100, met
            assert all(node.metric("remote_chats") <= node.metric("chatting") for node in nodes)
            await close_all(*people)
            await nobody_is_left(cluster, nodes)
            print(sum(met), "partners;", [(node.metric("matches_refused_total"), node.metric("searches_repaired_total")) for node in nodes])
    asyncio.run(run())


def test_a_killed_node_s_partners_are_told():
    async def run():
        async with cluster_of(3) as (cluster, nodes):
            a, b = await pair_across(nodes[0], nodes[2], "go")
            c, d = await pair_across(nodes[0], nodes[1], "chess")
            waiting = await (await user(nodes[2], "patience")).search()
            nodes[2].process.kill()
            begin = time.monotonic()
            await a.expect("partner_left_chat", timeout=3 * SLOWNESS)
            print(f"told after {time.monotonic() - begin:.2f} s")
            seeker = await (await user(nodes[0], "patience")).search()  # who waited there is not met
            await talk(c, d)
            ours = {client.user_id for client in (a, c, d, seeker)}
            store = connect(cluster)
            await in_thread(wait_for, lambda: {key.removeprefix("user_meta:") for key in store.keys("user_meta:*")} == ours, "the others to be forgotten")
            assert time.monotonic() - begin < 8 * SLOWNESS
            await a.search()
            e = await user(nodes[1], "go")
            await meet(a, e)
            await close_all(a, c, d, e, seeker)
            nodes[2].process.wait()
            nodes[2].stop = lambda: None
            await nobody_is_left(cluster, nodes[:2])
            for client in (b, waiting):
                client.socket.transport.abort()
    asyncio.run(run())


def test_a_node_stands_still_for_a_while():
    async def run():
        async with cluster_of(2) as (cluster, nodes):
            a, b = await pair_across(*nodes, "go")
            nodes[1].process.send_signal(signal.SIGSTOP)
            await a.expect("partner_left_chat", timeout=3 * SLOWNESS)
            await asyncio.sleep(0.5)
            nodes[1].process.send_signal(signal.SIGCONT)
            await b.expect("partner_left_chat", timeout=3 * SLOWNESS)
            await in_thread(wait_for_peers, nodes, 1)
            await a.search()
            await meet(a, b)
            await talk(a, b)
            await close_all(a, b)
            await nobody_is_left(cluster, nodes)
    asyncio.run(run())


def test_redis_is_away_for_a_while():
    async def run():
        async with cluster_of(2) as (cluster, nodes):
            pairs = [await pair_across(*nodes, f"topic {i}") for i in range(5)]
            for a, b in pairs:
                await talk(a, b)
            waiting = await (await user(nodes[0], "patience")).search()

            async def restart():
                await asyncio.sleep(1)
                await in_thread(cluster.bus.stop)
                await asyncio.sleep(5)
                await in_thread(cluster.bus.start)
            await asyncio.gather(restart(), *(talk(a, b, 400, pause=0.02, timeout=10 * SLOWNESS) for a, b in pairs))
            assert [node.metric("remote_chats") for node in nodes] == [5, 5]
            for node in nodes:
                await in_thread(node.wait_ready)
            assert [node.metric("node_life") for node in nodes] == [1, 1]
            seeker = await user(nodes[1], "patience")
            await meet(waiting, seeker)
            await close_all(waiting, seeker, *(client for pair in pairs for client in pair))
            await nobody_is_left(cluster, nodes)
    asyncio.run(run())

"""Several servers on one Redis: each has its own users, leaves the others' alone, and forgets those of who is gone."""
import asyncio
import time

import redis

from harness import SLOWNESS, Client, Server, close_all, in_thread, nodes, pair, redis_server, running, settled, wait_for


def connect(path):
    return redis.Redis(unix_socket_path=path, decode_responses=True)


async def talk(a, b):
    await a.send("chat_message", message="over")
    await b.expect("chat_message", message="over")


def test_a_killed_server_s_users_are_forgotten_by_the_next():
    async def run():
        with redis_server() as (path, _):
            first = Server("--redis", f"unix:{path}").wait_ready()
            clients = [*(await pair(first)), await (await (await Client.connect(first)).like("ghost")).search()]
            first.process.kill()
            first.process.wait()
            store = connect(path)
            assert len(store.keys("user_meta:*")) == 3
            with running("--redis", f"unix:{path}") as second:
                await in_thread(second.wait_ready)
                a = await (await Client.connect(second)).like("ghost")
                await a.search()  # the ghost has a lease yet, but nobody could tell it
                await in_thread(wait_for, lambda: len(store.keys("user_meta:*")) == 1, "the ghosts to be forgotten", 8 * SLOWNESS)
                assert store.smembers("interest:ghost") == {a.user_id} and not store.exists("active_matches")
                assert set(store.zrange("nodes", 0, -1)) == nodes(store) and len(nodes(store)) == 1
                await a.close()
                await settled(second, store)
            assert store.keys("*") == []
            for client in clients:
                client.socket.transport.abort()
    asyncio.run(run())


def test_two_servers_on_one_prefix_have_users_of_their_own():
    async def run():
        with redis_server() as (path, _), running("--redis", f"unix:{path}") as first, running("--redis", f"unix:{path}") as second:
            for server in (first, second):
                await in_thread(server.wait_ready)
            store = connect(path)
            chats = [await pair(server, "a chat") for server in (first, second)]
            waiting = [await (await (await Client.connect(server)).like("tea", name)).search() for server, name in ((first, "one"), (second, "two"))]
            assert len(store.smembers("interest:tea")) == 2  # who could not be told of it is not met
            for server, (a, b) in zip((first, second), chats):
                await talk(a, b)
                partner = await (await Client.connect(server)).like("tea")
                await partner.send("start_matching")
                await partner.expect("success_matched")
                await waiting.pop(0).expect("success_matched")
            assert store.hlen("active_matches") == 8 and len(nodes(store)) == 2
            assert first.metric("matches_total") == second.metric("matches_total") == 2
            assert "cmdstat_scan" not in store.info("commandstats")  # what others have is not looked at
            for server in (first, second):
                assert not server.log_lines("redis_lost") and not server.log_lines("node_reaped")
    asyncio.run(run())


def test_a_killed_server_s_users_are_forgotten_by_another():
    async def run():
        with redis_server() as (path, _), running("--redis", f"unix:{path}") as second:
            first = Server("--redis", f"unix:{path}")
            for server in (first, second):
                await in_thread(server.wait_ready)
            store = connect(path)
            ghosts = [*(await pair(first)), *[await (await (await Client.connect(first)).like(f"ghost {i}")).search() for i in range(150)]]
            a, b = await pair(second)
            waiting = await (await (await Client.connect(second)).like("patience")).search()
            ours = {client.user_id for client in (a, b, waiting)}
            first.process.kill()
            begin = time.monotonic()
            first.process.wait()

            def known():
                return {key.removeprefix("user_meta:") for key in store.keys("user_meta:*")}
            while known() != ours:
                assert ours <= known() and time.monotonic() - begin < 8 * SLOWNESS, len(known())
                await asyncio.sleep(0.05)
            print(f"forgotten after {time.monotonic() - begin:.2f} s")
            assert store.hgetall("active_matches") == {a.user_id: b.user_id, b.user_id: a.user_id}
            assert store.keys("interest:*") == ["interest:patience"] and store.zrange("waiting", 0, -1) == [waiting.user_id]
            await in_thread(wait_for, lambda: store.zcard("nodes") == 1 and len(store.keys("node:*")) == 1, "the node to be forgotten")
            assert len(second.log_lines("node_reaped")) == 1 and not second.log_lines("redis_lost")
            await talk(a, b)
            await close_all(a, b, waiting)
            await settled(second, store)
            for client in ghosts:
                client.socket.transport.abort()
    asyncio.run(run())


def test_a_rolling_update():
    """The new one starts while the old one lives, becomes ready, the old one is stopped, and nothing else happens."""
    async def run():
        with redis_server() as (path, _), running("--redis", f"unix:{path}") as old:
            await in_thread(old.wait_ready)
            store = connect(path)
            leaving = [*(await pair(old)), await (await (await Client.connect(old)).like("patience")).search()]
            with running("--redis", f"unix:{path}") as new:
                begin = time.monotonic()
                await in_thread(new.wait_ready)
                assert time.monotonic() - begin < 2 * SLOWNESS and old.is_ready()
                a, b = await pair(new)
                old.begin_stop()
                for client in leaving:
                    await client.expect_close(1001)
                assert old.process.wait(5 * SLOWNESS) == 0
                assert len(nodes(store)) == store.zcard("nodes") == 1 and len(store.keys("user_meta:*")) == 2
                await talk(a, b)
                c = await (await (await Client.connect(new)).like("patience")).search()  # nobody of the old one's is left
                await close_all(a, b, c)
                await settled(new, store)
                assert not new.log_lines("redis_lost") and not old.log_lines("redis_lost") and not new.log_lines("node_reaped")
            assert store.keys("*") == []
    asyncio.run(run())


def test_a_server_of_an_earlier_version_is_waited_for():
    with redis_server() as (path, _):
        store = connect(path)
        store.set("epoch", "00112233445566aa:1", px=60000)
        with running("--redis", f"unix:{path}") as server:
            wait_for(lambda: server.log_lines("redis_held"), "the one who has the prefix")
            assert not server.is_ready() and store.keys("*") == ["epoch"]
            store.delete("epoch")
            server.wait_ready()
            assert len(server.log_lines("redis_held")) == 1 and store.get("epoch") == "cluster:2"

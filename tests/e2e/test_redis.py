"""Redis goes away, comes back empty, is late, forgets: chats go on, searches resume, nobody is left behind."""
import asyncio
import contextlib
import os
import signal
import socket
import threading
import time

import pytest
import redis

from harness import SLOWNESS, Client, Server, close_all, in_thread, pair, redis_server, running, settled, unused_port, wait_for


async def talk(a, b):
    await a.send("chat_message", message="over")
    await b.expect("chat_message", message="over")
    await b.send("chat_message", message="and out")
    await a.expect("chat_message", message="and out")


def connect(path):
    return redis.Redis(unix_socket_path=path, decode_responses=True)


def test_what_redis_holds(server):
    async def run():
        store = server.redis()
        a = await (await Client.connect(server)).like("Tea", "go")

        def meta(client):
            return store.hgetall(f"user_meta:{client.user_id}")
        await in_thread(wait_for, lambda: meta(a).get("status") == "idle", "user_meta")
        assert meta(a)["interests"] == '["tea","go"]' and meta(a)["channel_id"]
        await a.search()
        assert meta(a)["status"] == "searching"
        assert store.smembers("interest:tea") == store.smembers("interest:go") == {a.user_id}
        b = await (await Client.connect(server)).like("go")
        await b.send("start_matching")
        await b.expect("success_matched")
        assert store.hgetall("active_matches") == {a.user_id: b.user_id, b.user_id: a.user_id}
        assert store.keys("interest:*") == [] and store.keys("waiting") == []
        assert meta(a)["status"] == meta(b)["status"] == "chatting"
        await a.expect("success_matched")
        await a.ask("end_chat")
        await in_thread(wait_for, lambda: not store.exists("active_matches"), "the pair to be forgotten")
        assert meta(a)["status"] == meta(b)["status"] == "idle"
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())


def test_the_embedded_redis_is_not_missed_before_it_is_there():
    with running() as server:
        server.wait_ready()
        assert not server.log_lines("redis_lost")


@pytest.mark.parametrize("bound", ["127.0.0.1", "127.0.0.2"])
def test_a_name_with_two_addresses_one_of_which_is_dead(tmp_path, bound):
    """As localhost often has two, of which Redis listens on one."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 two.test localhost\n127.0.0.2 two.test\n")
    with socket.socket() as probe:
        probe.bind((bound, 0))
        port = probe.getsockname()[1]
    with redis_server("--port", port, "--bind", bound):
        as_root = () if os.getuid() == 0 else ("--map-root-user",)
        with running("--redis", f"redis://two.test:{port}",
                     command=("unshare", *as_root, "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh")) as server:
            server.wait_ready()


def test_the_embedded_redis_keeps_no_commands():
    """The slow log and a crash report would quote interests, and outlive those who have named them."""
    async def run():
        with running() as server:
            server.wait_ready()
            store = server.redis()
            os.kill(server.redis_pid(), signal.SIGSTOP)  # whatever it was doing, it was slow
            a = await (await Client.connect(server)).like("canary")
            await a.send("start_matching")
            await asyncio.sleep(0.1)
            os.kill(server.redis_pid(), signal.SIGCONT)
            await a.expect("no_match")
            assert store.slowlog_len() == 0
            assert store.config_get("slowlog-log-slower-than") == {"slowlog-log-slower-than": "-1"}
            await a.close()
            await settled(server)
            os.kill(server.redis_pid(), signal.SIGSEGV)
            await in_thread(wait_for, lambda: len(server.log_lines("redis_embedded")) == 2, "the next one")
        assert not any("BUG REPORT" in line or "canary" in line for line in server.log)
    asyncio.run(run())


def test_an_error_of_redis_is_not_quoted():
    async def run():
        impostor = Impostor(b"-ERR unknown command, with args beginning with: 'canary'\r\n")
        with running("--redis", f"redis://127.0.0.1:{impostor.port}", "--redis-timeout", "100ms") as server:
            await in_thread(wait_for, lambda: server.log_lines("redis_lost"), "a loss")
        assert not any("canary" in line for line in server.log)
        impostor.listener.close()
    asyncio.run(run())


def test_killed_in_the_middle_of_a_hundred_chats():
    async def run():
        with running() as server:
            server.wait_ready()
            pairs = [await pair(server, f"chat {i}") for i in range(100)]
            waiting = await (await Client.connect(server)).like("patience")
            await waiting.search()
            os.kill(server.redis_pid(), signal.SIGKILL)
            await asyncio.gather(*(talk(a, b) for a, b in pairs))
            # Nobody is disconnected, and searches resume by themselves.
            partner = await (await Client.connect(server)).like("patience")
            begin = time.monotonic()
            await partner.send("start_matching")
            event = await partner.event()
            if event["type"] == "error":
                assert event["data"] == {"code": "matching_unavailable", "request": "start_matching"}
                event = await partner.event()
            if event["type"] == "no_match":
                event = await partner.event()
            assert event["type"] == "success_matched", event
            await waiting.expect("success_matched")
            assert time.monotonic() - begin < 2 * SLOWNESS
            await asyncio.gather(*(talk(a, b) for a, b in pairs))
            # What Redis should know it is told again.
            store = await in_thread(server.redis)
            await in_thread(wait_for, lambda: store.hlen("active_matches") == 202, "all pairs to be written back")
            for a, b in pairs[:10]:
                await a.ask("end_chat")
                await b.expect("partner_left_chat")
            await in_thread(wait_for, lambda: store.hlen("active_matches") == 182, "ended pairs to be forgotten")
            assert server.metric("searches_repaired_total") == 0
            await close_all(waiting, partner, *(client for both in pairs for client in both))
            await settled(server)
    asyncio.run(run())


@pytest.mark.parametrize("how", ["flushall", "client kill", "script flush"])
def test_redis_forgets_or_hangs_up(how):
    async def run():
        with running() as server:
            server.wait_ready()
            store = server.redis()
            a, b = await pair(server, "going on")
            c = await (await Client.connect(server)).like("patience")
            await c.search()
            if how == "flushall":
                store.flushall()
            elif how == "client kill":
                store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            else:
                store.script_flush()
            await talk(a, b)
            d = await (await Client.connect(server)).like("patience")
            await d.send("start_matching")
            while (event := await d.event())["type"] != "success_matched":
                assert event["type"] in ("no_match", "error"), event
            await c.expect("success_matched")
            await in_thread(wait_for, lambda: server.redis().hlen("active_matches") == 4, "the pairs in Redis")
            await talk(a, b)
            await close_all(a, b, c, d)
            await settled(server)
    asyncio.run(run())


def test_flushall_is_noticed_without_any_request():
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            c = await (await Client.connect(server)).like("quiet")
            await c.search()
            store = server.redis()
            store.flushall()
            await in_thread(wait_for, lambda: store.hlen("active_matches") == 2 and store.exists("interest:quiet"),
                            "the state in Redis")
            await close_all(a, b, c)
            await settled(server)
    asyncio.run(run())


def test_redis_stops_for_a_while():
    """Late calls of the connection that was given up must not change anything."""
    async def run():
        with running("--redis-timeout", "300ms", "--rate-search", 0) as server:
            server.wait_ready()
            pid = server.redis_pid()
            a, b = await pair(server)
            waiting = await (await Client.connect(server)).like("one", "two")
            await waiting.search()
            os.kill(pid, signal.SIGSTOP)
            late = await (await Client.connect(server)).like("one")
            await late.send("start_matching")
            await late.expect_error("matching_unavailable", "start_matching")
            await late.ask("end_matching")
            await late.send("start_matching")
            await late.expect_error("matching_unavailable", "start_matching")
            await late.close()
            await talk(a, b)
            await asyncio.sleep(1)
            os.kill(pid, signal.SIGCONT)
            # The one who has left must not be met.
            partner = await (await Client.connect(server)).like("two")
            await partner.send("start_matching")
            while (event := await partner.event())["type"] != "success_matched":
                assert event["type"] in ("no_match", "error"), event
            await waiting.expect("success_matched", common_interests=["two"])
            await talk(waiting, partner)
            await talk(a, b)
            await close_all(a, b, waiting, partner)
            await settled(server)
    asyncio.run(run())


def test_searches_beyond_the_queue_are_refused():
    async def run():
        with running("--redis-queue", 16, "--redis-timeout", "2s") as server:
            server.wait_ready()
            pid = server.redis_pid()
            clients = [await (await Client.connect(server)).like(f"t{i}") for i in range(40)]
            # Answers come in order, so once a search is let in and answered nothing is on its way any more.
            await clients[-1].send("start_matching")
            while (await clients[-1].event())["type"] != "no_match":
                await asyncio.sleep(0.1)  # who does not heed refusals is closed
                await clients[-1].send("start_matching")
            await clients[-1].ask("end_matching")
            before = server.metric("searches_total")
            os.kill(pid, signal.SIGSTOP)
            try:
                for client in clients:
                    await client.send("start_matching")
                wait_for(lambda: server.metric("searches_total") == before + 40, "the server to have read all")
                await asyncio.sleep(0.3)  # the session actors have; the matcher may not
            finally:
                os.kill(pid, signal.SIGCONT)
            # Which of them were the first is up to the network.
            events = [await client.event() for client in clients]
            busy = [client for client, event in zip(clients, events) if event["type"] == "error"]
            assert all(event["type"] == "no_match" or event["data"] == {"code": "server_busy", "request": "start_matching"}
                       for event in events)
            assert len(busy) == 40 - 16
            await busy[0].search()
            await close_all(*clients)
            await settled(server)
    asyncio.run(run())


def test_a_redis_that_was_away_is_left_clean():
    async def run():
        with redis_server() as (path, process):
            with running("--redis", f"unix:{path}", "--redis-timeout", "1s") as server:
                server.wait_ready()
                clients = [*await pair(server), await (await Client.connect(server)).like("x")]
                os.kill(process.pid, signal.SIGSTOP)
                wait_for(lambda: server.metric("redis_up") == 0, "the loss to be noticed")
                server.begin_stop()
                for client in clients:
                    await client.expect_close(1001)
                await asyncio.sleep(0.2)  # by now the server asks a Redis that does not answer
                os.kill(process.pid, signal.SIGCONT)
            assert connect(path).keys("*") == []
    asyncio.run(run())


def test_an_external_redis_is_left_clean():
    async def run():
        with redis_server() as (path, _):
            store = connect(path)
            store.set("somebody", "else's")
            with running("--redis", f"unix:{path}", "--redis-prefix", "{c*b}:") as server:
                server.wait_ready()
                a, b = await pair(server)
                c = await (await Client.connect(server)).like("x")
                await c.search()
                assert all(key.startswith("{c*b}:") for key in store.keys("*") if key != "somebody")
                server.begin_stop()
                await asyncio.gather(*(client.expect_close(1001) for client in (a, b, c)))
            assert store.keys("*") == ["somebody"]
    asyncio.run(run())


@pytest.mark.parametrize("setting, flag, line", [
    (["--requirepass", "right"], "redis://:wrong@{}", "refuses the user or the password"),
    (["--requirepass", "right"], "redis://{}", "wants a password"),
    (["--maxmemory-policy", "allkeys-lru"], "redis://{}", "noeviction"),
    ([], "redis://{}/99", "no database"),
])
def test_a_redis_that_will_not_do_ends_the_start(setting, flag, line):
    with free_port() as port, redis_server("--port", port, *setting):
        server = Server("--redis", flag.format(f"127.0.0.1:{port}"))
        assert server.process.wait(10 * SLOWNESS) == 1
        said = [text for text in server.log if not text.startswith("ts=")]
        assert len(said) == 1 and said[0].startswith("chatterbox: --redis: ") and line in said[0], said
        assert "wrong" not in "\n".join(server.log).replace("refuses", "")


def test_tcp_with_user_password_and_database():
    async def run():
        with free_port() as port, redis_server("--port", port, "--user", "default", "off", "--user", "cb", "on",
                                               ">p@ss/w:rd", "~*", "&*", "+@all") as (path, _):
            url = f"redis://cb:p%40ss%2Fw%3Ard@127.0.0.1:{port}/3"
            with running(env={"CHATTERBOX_REDIS": url}) as server:
                server.wait_ready()
                a, b = await pair(server)
                store = redis.Redis(port=port, username="cb", password="p@ss/w:rd", db=3, decode_responses=True)
                assert store.hlen("active_matches") == 2
                await close_all(a, b)
                assert "p@ss" not in "\n".join(server.log)
    asyncio.run(run())


class free_port:
    def __enter__(self):
        return str(unused_port())

    def __exit__(self, *exc):
        pass


class Impostor:
    """Accepts connections and says what it is told to, whatever it is asked."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        kept = []
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            with contextlib.suppress(OSError):  # given up already
                connection.recv(65536)
                if self.answer is None:
                    kept.append(connection)
                else:
                    connection.sendall(self.answer)
                    connection.close()


POLICY = b"*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n"


@pytest.mark.parametrize("answer", [
    None, b"", b"-LOADING Redis is loading\r\n", b"*2\r\n$3\r\nab", b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"$-1\r\n", b"*1\r\n*1\r\n:5\r\n",
    b"+OK\r\n" * 50, POLICY + b":1\r\n" * 1000, b"-ERR asked for once\r\n" * 3,      # more answers than questions
    b"*1\r\n" * 20 + b":1\r\n", b"*-7\r\n", b"$99999999999999999999\r\n", b"*2147483647\r\n",
    b"$500000000\r\n" + b"x" * (4 << 20), b"*1000000\r\n" + b":1\r\n" * 500000],
    ids=lambda answer: repr(answer and answer[:20]))
def test_what_is_not_a_redis_is_tried_again(answer):
    async def run():
        impostor = Impostor(answer)
        with running("--redis", f"redis://127.0.0.1:{impostor.port}", "--redis-timeout", "100ms") as server:
            await in_thread(wait_for, lambda: impostor.accepted > 2, "three attempts")
            client = await (await Client.connect(server)).like("x")
            await client.send("start_matching")
            await client.expect_error("matching_unavailable", "start_matching")
            await client.ask("end_matching")
            assert not server.is_ready()
            await client.close()
        impostor.listener.close()
    asyncio.run(run())

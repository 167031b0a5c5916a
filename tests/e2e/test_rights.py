"""The rights that tools/README.md gives to the server's user of Redis are enough for all that it does, and are no more than that."""
import asyncio
import contextlib
import glob
import hashlib
import os
import re

import redis

from cluster import SECRET, wait_for_peers
from harness import Client, Server, close_all, in_thread, kept_keys, redis_server, running, wait_for
from pairs import meet, pair_across, talk, user
from test_redis import free_port

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
PREFIX = "chatterbox:"
OF_THE_BUS = {"&chatterbox:bus:*", "+publish", "+subscribe", "+ping"}
# What is no call of a script.
OURS = {"auth", "role", "select", "config|get", "multi", "exec", "script|load", "evalsha", "publish", "subscribe", "ping"}


def line():
    with open(os.path.join(ROOT, "tools", "README.md"), encoding="utf-8") as file:
        found = re.findall(r"^    (ACL SETUSER chatterbox .*)$", file.read(), re.M)
    assert len(found) == 1
    return found[0].split()


@contextlib.contextmanager
def store_with_user(*without):
    with free_port() as port, redis_server("--port", port) as (path, _):
        store = redis.Redis(unix_socket_path=path, decode_responses=True)
        assert store.execute_command(*(word for word in line() if word not in without))
        yield store, {"CHATTERBOX_REDIS": f"redis://chatterbox:PASSWORD@127.0.0.1:{port}/0", "CHATTERBOX_REDIS_PREFIX": PREFIX}


def nothing_was_refused(store, *servers):
    assert store.execute_command("ACL", "LOG") == []
    for server in servers:
        for event in ("redis_lost", "bus_lost", "redis_policy_unknown"):
            assert not server.log_lines(event)


def test_it_has_what_scripts_and_the_server_call_and_no_more():
    called = set()
    for path in glob.glob(os.path.join(ROOT, "lua", "*.lua")):
        with open(path, encoding="utf-8") as file:
            called |= {name.lower() for name in re.findall(r"redis\.p?call\('([A-Z]+)'", file.read())}
    given = {word[1:] for word in line() if word.startswith("+")}
    assert given == called | OURS
    assert "-@all" in line() and "resetkeys" in line() and "resetchannels" in line()


def test_two_nodes_with_users_who_meet_chat_block_report_and_are_banned(tmp_path):
    async def run():
        path = "?id=" + hashlib.sha256(b"spammer").hexdigest()
        reporter = await (await user(nodes[0], "spam")).search()
        culprit = await user(nodes[1], "spam", path=path)
        await meet(reporter, culprit)
        reported_at = asyncio.get_running_loop().time() + 10.5  # earlier it does not count
        a, b = await pair_across(*nodes, "go", "chess")
        await talk(a, b, 20)
        await a.ask("end_chat")
        await b.expect("partner_left_chat")
        await b.search()
        await b.ask("end_matching")
        await b.search()
        await meet(b, a)
        await a.ask("block")
        await b.expect("partner_left_chat")
        # A node that is killed leaves users behind, whom another forgets.
        third = await in_thread(Server, *flags)
        stack.callback(third.process.kill)
        await in_thread(third.wait_ready)
        ghost = await (await user(third, "ghost")).search()
        third.process.kill()
        await in_thread(wait_for, lambda: nodes[0].log_lines("node_reaped") or nodes[1].log_lines("node_reaped"), "the third node to be forgotten", 15)
        store.script_flush()  # the scripts are loaded again
        await a.search()
        await a.ask("end_matching")
        await asyncio.sleep(reported_at - asyncio.get_running_loop().time())
        await reporter.ask("report", reason="spam")
        await culprit.expect_ban()
        back = await Client.connect(nodes[0], path)
        await back.send("submit_interests", interests=["go"])
        await back.expect_close(4003)
        ghost.socket.transport.abort()
        await close_all(a, b, reporter)

    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with store_with_user() as (store, env), contextlib.ExitStack() as stack:
        os.environ.update(env)
        stack.callback(lambda: [os.environ.pop(name) for name in env])
        flags = ("--cluster-secret-file", secret, "--report-limit", 1)
        nodes = [stack.enter_context(running(*flags)) for _ in range(2)]
        for node in nodes:
            node.wait_ready()
        wait_for_peers(nodes, 1)
        asyncio.run(run())
        wait_for(lambda: kept_keys(store, PREFIX) == [], "everybody to leave")
        for node in nodes:
            node.stop()
        assert kept_keys(store, PREFIX) == [] and not store.keys(PREFIX + "lease:*")
        nothing_was_refused(store, *nodes)


def test_one_node_needs_no_rights_of_a_bus():
    async def run():
        a, b = await pair_across(server, server, "go")
        await talk(a, b)
        await close_all(a, b)

    with store_with_user(*OF_THE_BUS) as (store, env), running(env=env) as server:
        server.wait_ready()
        asyncio.run(run())
        wait_for(lambda: kept_keys(store, PREFIX) == [], "everybody to leave")
        nothing_was_refused(store, server)

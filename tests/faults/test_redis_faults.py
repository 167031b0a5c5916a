"""Whatever Redis does, with a crowd of users online: chats go on, searches are kept, and nothing is lost, mixed up or left behind."""
import asyncio
import os
import random
import signal
import time

import pytest
import redis

from crowd import Crowd, through
from harness import SLOWNESS, in_thread, nodes, redis_server, running, unused_port, wait_for
from proxy import RedisProxy

# How often, where it says again and again.
TIMES = int(os.environ.get("CHATTERBOX_FAULT_TIMES", "4"))
FLAGS = ["--rate-chat", 0, "--rate-search", 0]


def connect(path, **more):
    return redis.Redis(unix_socket_path=path, decode_responses=True, **more)


async def until_lost(server, times=1, seconds=5):
    """The server has noticed."""
    await in_thread(wait_for, lambda: len(server.log_lines("redis_lost")) >= times, "the loss to be noticed", seconds * SLOWNESS)


# The embedded Redis.

async def killed(crowd):
    os.kill(crowd.server.redis_pid(), signal.SIGKILL)


async def killed_again_and_again(crowd):
    for _ in range((TIMES + 1) // 2):
        os.kill(crowd.server.redis_pid(), signal.SIGKILL)
        await crowd.live(0.7)


async def stopped(crowd):
    pid = crowd.server.redis_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        await crowd.live(10)
        await crowd.heard_by_all()
    finally:
        os.kill(pid, signal.SIGCONT)


async def stopped_shortly(crowd):
    """Each time it carries out, late, what an earlier connection has asked for."""
    for _ in range((TIMES + 1) // 2):
        pid = crowd.server.redis_pid()
        os.kill(pid, signal.SIGSTOP)
        await crowd.live(1.3 * max(1, SLOWNESS / 2))
        os.kill(pid, signal.SIGCONT)
        await crowd.live(0.3)


async def emptied(crowd):
    for _ in range(TIMES):
        (await in_thread(crowd.server.redis)).flushall()
        await crowd.live(0.2)


async def scripts_forgotten(crowd):
    """Nobody hears of it: they are loaded again, and the calls made again."""
    store = await in_thread(crowd.server.redis)
    for _ in range(TIMES * 40):
        store.script_flush()
        await crowd.live(0.01)
    assert crowd.server.metric("redis_disconnects_total") == 0
    times = crowd.server.metric("redis_noscript_total")
    assert times > 0
    return f"{times} times"


async def hung_up_on(crowd):
    for _ in range(TIMES):
        store = await in_thread(crowd.server.redis)
        store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await crowd.live(0.2)


@pytest.mark.parametrize("name, fault", [
    ("Redis is killed and starts empty", killed),
    ("Redis is killed again and again", killed_again_and_again),
    ("Redis stops for 10 s", stopped),
    ("Redis stops for 1.3 s, again and again", stopped_shortly),
    ("FLUSHALL, again and again", emptied),
    ("SCRIPT FLUSH, again and again", scripts_forgotten),
    ("Redis hangs up, again and again", hung_up_on),
], ids=lambda value: value if isinstance(value, str) else "")
def test_embedded(name, fault):
    async def run():
        await through(crowd, fault, name)
    with running(*FLAGS) as server:
        crowd = Crowd(server.wait_ready())
        asyncio.run(run())
    crowd.check_log()


# A Redis of one's own, that says no.

async def out_of_memory(crowd):
    crowd.store.config_set("maxmemory", 1)
    await until_lost(crowd.server)
    await crowd.live(1.5)
    crowd.store.config_set("maxmemory", 0)


async def read_only(crowd):
    crowd.store.execute_command("REPLICAOF", "127.0.0.1", "1")
    await until_lost(crowd.server)
    await crowd.live(1.5)
    crowd.store.execute_command("REPLICAOF", "NO", "ONE")


async def another_password(crowd):
    crowd.store.config_set("requirepass", "another")
    crowd.store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await until_lost(crowd.server)
    await crowd.live(1.5)
    crowd.store.config_set("requirepass", "right")


async def no_permission(crowd):
    crowd.store.execute_command("ACL", "SETUSER", "default", "-evalsha")
    await until_lost(crowd.server)
    await crowd.live(1.5)
    crowd.store.execute_command("ACL", "SETUSER", "default", "+evalsha")


async def too_many_clients(crowd):
    crowd.store.config_set("maxclients", 1)
    crowd.store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await until_lost(crowd.server)
    await crowd.live(1.5)
    crowd.store.config_set("maxclients", 1000)


async def an_evil_policy(crowd):
    """It must not be used while it may evict users."""
    crowd.store.config_set("maxmemory-policy", "allkeys-random")
    crowd.store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await until_lost(crowd.server)
    await crowd.live(1.5)
    assert not await in_thread(crowd.server.is_ready)
    crowd.store.config_set("maxmemory-policy", "noeviction")


async def emptied_and_changed(crowd):
    """Somebody else's hand in our keys."""
    for key in ("active_matches", "waiting", "nodes", *crowd.store.keys("lease:*")):
        crowd.store.delete(key)
        crowd.store.set(key, "nonsense", ex=5)
        await crowd.live(0.5)
        crowd.store.delete(key)
        await crowd.live(0.5)
    for key in crowd.store.keys("user_meta:*")[::2]:
        crowd.store.delete(key)
    crowd.store.flushall()


@pytest.mark.parametrize("name, fault", [
    ("Redis is out of memory (OOM)", out_of_memory),
    ("Redis becomes a replica (READONLY)", read_only),
    ("the password is refused from now on, then right", another_password),
    ("the user may not call scripts (NOPERM)", no_permission),
    ("Redis has too many clients", too_many_clients),
    ("Redis may evict keys from now on", an_evil_policy),
    ("keys are overwritten and deleted", emptied_and_changed),
], ids=lambda value: value if isinstance(value, str) else "")
def test_own(name, fault):
    async def run():
        await through(crowd, fault, name)
    with redis_server("--requirepass", "right", "--port", port := unused_port()) as (path, _):
        with running(*FLAGS, env={"CHATTERBOX_REDIS": f"redis://:right@127.0.0.1:{port}"}) as server:
            crowd = Crowd(server.wait_ready(), store=connect(path, password="right"))
            asyncio.run(run())
    crowd.check_log()


# The way there, by a proxy.

def says(*errors):
    """Each reply becomes one of these."""
    async def fault(crowd):
        for error in errors:
            times = len(crowd.server.log_lines("redis_lost"))
            crowd.proxy.answer = lambda reply, error=error: error
            await until_lost(crowd.server, times + 1)
            await crowd.live(0.5)
        crowd.proxy.answer = None
    return fault


async def cut_in_the_middle(crowd):
    for _ in range(TIMES):
        crowd.proxy.cuts = 1
        await crowd.live(0.3)


async def late(crowd):
    crowd.proxy.delay = 3 * max(1, SLOWNESS / 2)
    await until_lost(crowd.server)
    await crowd.live(5)
    crowd.proxy.delay = 0


async def a_little_late(crowd):
    crowd.proxy.delay = 0.02
    await crowd.live(3)
    crowd.proxy.delay = 0


async def silent(crowd):
    crowd.proxy.is_silent = True
    await until_lost(crowd.server)
    await crowd.live(4)
    await crowd.heard_by_all()
    crowd.proxy.is_silent = False


async def carried_out_late(crowd):
    """What a lost connection had asked for reaches Redis after the next connection has begun to write."""
    pieces = 0
    for _ in range(3):
        crowd.proxy.held = []
        times = len(crowd.server.log_lines("redis_lost"))
        ups = len(crowd.server.log_lines("redis_up"))
        await until_lost(crowd.server, times + 1)
        held, crowd.proxy.held = crowd.proxy.held, None
        await in_thread(wait_for, lambda: len(crowd.server.log_lines("redis_up")) > ups, "the way up", 5 * SLOWNESS)
        await crowd.live(0.3)
        crowd.proxy.held = held
        pieces += await crowd.proxy.release()
        await crowd.live(0.3)
    assert pieces > 0
    return f"{pieces} late pieces"


async def a_long_way_up(crowd):
    """Longer than the lease: a Redis that is far away, and many whom the connection before has left."""
    node = nodes(crowd.store).pop()
    crowd.store.sadd(f"users:{node}", *(f"{i:032x}" for i in range(3600)))
    crowd.proxy.distance = 0.1
    crowd.store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await until_lost(crowd.server)
    begin = time.monotonic()
    await in_thread(wait_for, lambda: len(crowd.server.log_lines("redis_up")) == 2, "the way up", 30 * SLOWNESS)
    took = time.monotonic() - begin
    assert took > 5.5, took
    await crowd.live(1.5)  # longer than until the next heartbeat
    assert len(crowd.server.log_lines("redis_lost")) == 1
    return f"{took:.1f} s"


async def more_than_asked_for(crowd):
    for extra in (b"+OK\r\n", b"*1\r\n$2\r\nOK\r\n" * 100, b"-ERR canary\r\n" * 3):
        for _ in range(3):
            crowd.proxy.answer = lambda reply, extra=extra: reply + extra
            await crowd.live(0.3)
            crowd.proxy.answer = None
            await crowd.live(0.2)


async def garbage(crowd):
    chance = random.Random(crowd.seed)
    for _ in range(TIMES):
        crowd.proxy.answer = lambda reply: chance.randbytes(chance.randrange(1, 2000))
        await crowd.live(0.3)
    crowd.proxy.answer = None


async def endless(crowd):
    def memory():
        with open(f"/proc/{crowd.server.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    before = memory()
    for flood in ((b"$536870912\r\n", b"x" * 65536), (b"*65536\r\n", b":1\r\n" * 4096), (b"*2147483647\r\n", b"$1\r\nx\r\n" * 4096),
                  (b"*60000\r\n" * 6, b"*0\r\n" * 4096), (b"", b"+OK\r\n" * 4096)):
        times = len(crowd.server.log_lines("redis_lost"))
        crowd.proxy.flood = flood
        await until_lost(crowd.server, times + 1)
        await crowd.live(0.5)
        crowd.proxy.flood = None
        await crowd.live(1)
    assert any("a reply is too long" in line for line in crowd.server.log_lines("redis_lost"))
    grown = (memory() - before) >> 20
    assert SLOWNESS > 1 or grown < 64, f"{grown} MiB"
    return f"{crowd.proxy.flooded_bytes >> 20} MiB sent, {max(0, grown)} MiB kept"


@pytest.mark.parametrize("name, fault", [
    ("LOADING, BUSY, MISCONF, MASTERDOWN, ERR", says(b"-LOADING wait\r\n", b"-BUSY wait\r\n", b"-MISCONF no\r\n", b"-MASTERDOWN no\r\n",
                                                     b"-ERR canary\r\n")),
    ("replies of the wrong type", says(b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"*1\r\n$5\r\nMATCH\r\n", b"$0\r\n\r\n")),
    ("cut off in the middle of a reply, again and again", cut_in_the_middle),
    ("every reply takes 3 s", late),
    ("every reply takes 20 ms", a_little_late),
    ("nothing gets through, connections stay open", silent),
    ("what a lost connection asked for is carried out late", carried_out_late),
    ("the way up takes longer than the lease", a_long_way_up),
    ("more replies than requests", more_than_asked_for),
    ("garbage instead of replies", garbage),
    ("replies that do not end", endless),
], ids=lambda value: value if isinstance(value, str) else "")
def test_proxied(name, fault):
    async def run():
        async with RedisProxy(path) as proxy:
            with running(*FLAGS, "--redis", f"redis://127.0.0.1:{proxy.port}") as server:
                await in_thread(server.wait_ready)
                crowd = Crowd(server, store=connect(path))
                crowd.proxy = proxy
                await through(crowd, fault, name)
            crowd.check_log()
    with redis_server() as (path, _):
        asyncio.run(run())

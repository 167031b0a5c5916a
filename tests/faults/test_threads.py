"""Threads: the end in the middle of everything, and everything through the smallest rings. Meant for the sanitizers above all."""
import asyncio
import os
import random
import signal
import time

import pytest
import websockets

from crowd import report
from harness import SLOWNESS, TIMEOUT, Server, in_thread, redis_server, running, settled, wait_for
from promises import CANARY, Promises, Wanderers
from test_redis_faults import connect

SHUTDOWNS = int(os.environ.get("CHATTERBOX_SHUTDOWNS", "8"))
STRESS_SECONDS = float(os.environ.get("CHATTERBOX_STRESS_SECONDS", "20"))
SANITIZER = {"address": "AddressSanitizer, UBSan", "thread": "ThreadSanitizer"}.get(os.environ.get("CHATTERBOX_SANITIZE", ""), "release")


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(") ")[2][0] == "Z"
    except FileNotFoundError:
        return True


async def live_until_stopped(server, chance, trouble):
    """Users come and go until SIGTERM at a random moment; whoever is there then is told 1001."""
    promises = Promises()
    wanderers = Wanderers(server, promises, chance.random())
    entered = []

    async def user():
        try:
            await wanderers.user(entered)
        except (OSError, websockets.WebSocketException, asyncio.TimeoutError, AssertionError):
            if not promises.is_server_ending:
                raise
    tasks = [asyncio.create_task(user()) for _ in range(30)]
    await asyncio.sleep(chance.random() * 0.6 * SLOWNESS)
    for task in tasks:
        if task.done():
            task.result()
    online = sum(user.socket.open for user in entered)
    promises.is_server_ending = wanderers.is_over = True
    trouble()
    await in_thread(server.stop)
    await asyncio.gather(*tasks)
    for user in entered:
        await asyncio.wait([user.reader], timeout=TIMEOUT)
        assert user.is_leaving or user.is_cut or user.socket.close_code == 1001, user.socket.close_code
    assert not any(CANARY in line for line in server.log)
    assert not server.log_lines("drain_timeout"), "\n".join(server.log[-30:])
    return online


def shut_down_embedded(chance, flags):
    server = Server(*flags).wait_ready()
    pid, path = server.redis_pid(), server.log_value("redis_embedded", "socket")
    troubles = {"none": lambda: None, "killed": lambda: os.kill(pid, signal.SIGKILL), "stopped": lambda: os.kill(pid, signal.SIGSTOP)}
    trouble = chance.choice(["none", "none", "killed", "stopped"])
    online = asyncio.run(live_until_stopped(server, chance, troubles[trouble]))
    pids = {int(line.split(" pid=")[1]) for line in server.log_lines("redis_embedded")}
    wait_for(lambda: all(map(is_gone, pids)), f"no orphan, Redis {trouble}")
    assert not os.path.exists(os.path.dirname(path)), f"Redis {trouble}"
    return online


def shut_down_own(chance, flags):
    with redis_server() as (path, _):
        server = Server(*flags, "--redis", f"unix:{path}").wait_ready()
        online = asyncio.run(live_until_stopped(server, chance, lambda: None))
        left = connect(path).keys("*")
        assert [key for key in left if not key.startswith(("reports:", "ban:"))] == [], "\n".join(server.log[-30:])
    return online


def test_shutdown_in_the_middle_of_everything():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    online, begin = 0, time.monotonic()
    for i in range(SHUTDOWNS):
        flags = ["--rate-chat", 0, "--rate-search", 0, "--ring-capacity", chance.choice([2, 4, 4096]), "--drain-timeout", f"{3 * SLOWNESS:.0f}s",
                 "--io-threads", chance.randrange(1, 4), "--session-threads", chance.randrange(0, 4)]
        online += chance.choice([shut_down_embedded, shut_down_own])(chance, flags)
    report(fault=f"SIGTERM in the middle of everything, {SHUTDOWNS} times ({SANITIZER})", users=online // SHUTDOWNS, messages="", lost=0,
           recovery="", note=f"status 0, no leak, no orphan, no key; {(time.monotonic() - begin) / SHUTDOWNS:.1f} s each")


async def torment(server, chance, seconds):
    """Redis dies, stops and forgets, again and again."""
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        await asyncio.sleep(chance.uniform(0.5, 4) * min(SLOWNESS, 2))
        pid, ups = await in_thread(server.redis_pid), len(server.log_lines("redis_up"))
        what = chance.randrange(4)
        if what < 2:
            os.kill(pid, signal.SIGKILL)
        elif what == 2:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(2.5)
            os.kill(pid, signal.SIGCONT)
        else:
            (await in_thread(server.redis)).flushall()
        await in_thread(wait_for, lambda: len(server.log_lines("redis_up")) > ups, "Redis to come back", 10 * SLOWNESS)
        count += 1
    return count


@pytest.mark.parametrize("capacity, io, session, share", [(2, 3, 3, 0.5), (4096, 2, 2, 0.25), (2, 3, 0, 0.25)])
def test_stress(capacity, io, session, share):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    users = 40
    seconds = STRESS_SECONDS * share  # the smallest rings are where it is won or lost

    async def run():
        promises = Promises()
        wanderers = Wanderers(server, promises, seed)
        tasks = asyncio.gather(*(wanderers.user() for _ in range(users)))
        faults = asyncio.create_task(torment(server, random.Random(seed), seconds))
        await asyncio.wait([tasks, faults], return_when=asyncio.FIRST_COMPLETED)
        wanderers.is_over = True
        await tasks
        count = await faults
        await promises.quiet(TIMEOUT)
        assert promises.heard > 0
        await settled(server)
        report(fault=f"random users for {seconds:.0f} s, Redis tormented, rings of {capacity} ({SANITIZER})", users=users,
               messages=promises.heard, lost=promises.lost(), recovery="", note=f"{len(promises.chats)} chats, {count} faults, {io} io, {session} session threads")
    with running("--rate-chat", 0, "--rate-search", 0, "--ring-capacity", capacity, "--io-threads", io, "--session-threads", session) as server:
        server.wait_ready()
        asyncio.run(run())
    assert not any(CANARY in line for line in server.log)

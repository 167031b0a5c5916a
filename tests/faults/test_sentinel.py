"""The machine of Redis dies, or stands still and comes back: Sentinels name another, and everybody follows. No chat loses a message."""
import asyncio
import contextlib
import os
import tempfile
import time

import pytest

from cluster import SECRET, wait_for_peers
from crowd import Crowd, through
from harness import SLOWNESS, close_all, in_thread, running, wait_for
from pairs import pair_across, talk
from sentinels import PASSWORD, FakeSentinel, Process, Sentinels, free_ports

FLAGS = ["--rate-chat", 0, "--rate-search", 0]
# Seconds from the announcement of a new master to when people are matched again. Most of it is the time that a busy machine needs.
BACK = 2 * SLOWNESS


def was_killed(sentinels):
    sentinels.master.process.kill()


def stood_still(sentinels):
    sentinels.master.stop()


def secret_file(directory):
    path = os.path.join(directory, "secret")
    with open(path, "wb") as file:
        file.write(SECRET)
    return path


@pytest.mark.parametrize("name, fault", [("the machine of Redis dies, and a Sentinel's with it", was_killed),
                                         ("the machine of Redis stands still, is replaced, and comes back", stood_still)],
                         ids=["killed", "stopped"])
def test_a_master_is_replaced(tmp_path, name, fault):
    """Two nodes: a crowd on one of them, and chats between them."""
    with contextlib.ExitStack() as stack:
        sentinels = Sentinels(stack)
        flags = (*FLAGS, "--cluster-secret-file", secret_file(tmp_path))
        nodes = [stack.enter_context(running(*flags, env=sentinels.environment())) for _ in range(2)]
        for node in nodes:
            node.wait_ready()
        wait_for_peers(nodes, 1)
        crowd = Crowd(nodes[0], store=sentinels.master.client)

        async def replaced(crowd):
            if fault is was_killed:
                sentinels.sentinels[1].process.kill()  # not the one that is listened to; two of three are enough
            fault(sentinels)
            await in_thread(wait_for, lambda: nodes[0].metric("redis_up") == 0, "the loss to be noticed", 10 * SLOWNESS)
            announced = await in_thread(sentinels.wait_for_announcement)
            await in_thread(nodes[0].wait_ready)
            back = time.monotonic() - announced
            await in_thread(nodes[1].wait_ready)
            assert back < BACK, back
            if fault is stood_still:
                connects = [node.metric("redis_connects_total") for node in nodes]
                sentinels.master.go_on()
                await crowd.live(2)
                assert sentinels.master.client.role()[0] == "master"  # nobody has told it, and whoever came would be welcome
                assert [node.metric("redis_connects_total") for node in nodes] == connects  # nobody has gone back
            crowd.store = sentinels.replica.client
            assert crowd.store.role()[0] == "master" and len(crowd.store.keys("lease:*")) == 2
            return f"matching {back:.2f} s after the announcement"

        async def run():
            pairs = [await pair_across(*nodes, f"topic {i}") for i in range(3)]
            both = asyncio.gather(*(talk(a, b, 300, pause=0.02, timeout=20 * SLOWNESS) for a, b in pairs))
            crossing = asyncio.create_task(asyncio.wait_for(both, 60 * SLOWNESS))
            async def then_leave(crowd):
                note = await replaced(crowd)
                await crossing
                await close_all(*(client for pair in pairs for client in pair))
                return note
            await through(crowd, then_leave, name)
        asyncio.run(run())
        assert [node.metric("node_life") for node in nodes] == [1, 1]  # no node took another for dead
    crowd.check_log()


def test_who_is_asked():
    """Sentinels that are dead, silent, or know nothing are passed over; a replica that one of them names is not used."""
    with contextlib.ExitStack() as stack:
        sentinels = Sentinels(stack)
        silent, dead, good = sentinels.sentinels
        silent.stop()
        dead.end()
        with running(env=sentinels.environment()) as server:
            begin = time.monotonic()
            server.wait_ready()
            print(f"up after {time.monotonic() - begin:.2f} s")
            assert server.metric("redis_connects_total") == 1
            # The one that knows is gone too: what is connected stays so.
            good.end()
            time.sleep(1.5)
            assert server.is_ready() and server.metric("redis_disconnects_total") == 0
            # But it is not gone back to without asking.
            sentinels.master.client.client_kill_filter(_type="normal", skipme=True)
            wait_for(lambda: not server.is_ready(), "the loss")
            time.sleep(1)
            assert not server.is_ready() and server.metric("redis_connects_total") == 1
            assert any("no Sentinel names its master" in line for line in server.log_lines("redis_lost"))


def test_another_master_is_gone_to_though_the_old_one_lives_and_a_replica_is_not():
    with contextlib.ExitStack() as stack:
        ports = free_ports(3)
        old, new = (Process(stack, port, 'save ""', f"requirepass {PASSWORD}") for port in ports[:2])
        replica = Process(stack, ports[2], 'save ""', f"requirepass {PASSWORD}", "replicaof 127.0.0.1 1")
        sentinel = FakeSentinel(stack, replica.port)
        with running("--cluster-secret-file", secret_file(stack.enter_context(tempfile.TemporaryDirectory())),
                     env={"CHATTERBOX_REDIS": f"sentinel://:{PASSWORD}@127.0.0.1:{sentinel.port}/m"}) as server:
            for event in ("redis_lost", "bus_lost"):
                wait_for(lambda: any("is no master now" in line for line in server.log_lines(event)), f"the replica to be found out: {event}")
            for master in (old, new):
                sentinel.port_of_master = master.port
                begin = time.monotonic()
                wait_for(lambda: master.client.keys("lease:*") and master.client.pubsub_channels("bus:*"), "it to come")
                assert time.monotonic() - begin < 1.5 * SLOWNESS
                server.wait_ready()
            assert old.client.pubsub_channels("bus:*") == []
            asked = sentinel.asked
            time.sleep(2)
            assert 6 <= sentinel.asked - asked <= 13  # by three connections
            assert server.metric("redis_disconnects_total") == 1

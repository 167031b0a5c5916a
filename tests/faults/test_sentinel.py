"""The machine of Redis dies, or stands still and comes back: Sentinels name another, and everybody follows. No chat loses a message."""
import asyncio
import contextlib
import os
import tempfile
import time

from cluster import SECRET, wait_for_peers
from crowd import Crowd, through
from harness import SLOWNESS, close_all, in_thread, running, wait_for
from pairs import meet, pair_across, talk, user
from sentinels import PASSWORD, FakeSentinel, Process, Sentinels, free_ports

FLAGS = ["--rate-chat", 0, "--rate-search", 0]
# Seconds from the announcement of a new master to when people are matched again. Most of it is the time that a busy machine needs.
# tools/prove has more of them, and holds the nodes to it.
FAILOVERS = int(os.environ.get("CHATTERBOX_FAILOVERS", "2"))
BACK = 1 if FAILOVERS >= 10 else 2 * SLOWNESS


def secret_file(directory):
    path = os.path.join(directory, "secret")
    with open(path, "wb") as file:
        file.write(SECRET)
    return path


async def talk_on(a, b, is_over):
    while not is_over.is_set():
        await talk(a, b, 25, pause=0.02, timeout=20 * SLOWNESS)


async def waiting(nodes, number):
    """One who waits on one node, and one of another who will come."""
    interest = f"patience {number}"
    return await (await user(nodes[1], interest)).search(), await user(nodes[2], interest)


async def matched_again(nodes, since, waiter, seeker):
    """Returns the seconds that it took until all nodes are ready, and these two have met."""
    for node in nodes:
        await in_thread(node.wait_ready)
    await meet(waiter, seeker)
    back = time.monotonic() - since
    assert back < BACK, back
    await talk(waiter, seeker)
    await close_all(waiter, seeker)
    return back


async def replaced(crowd, nodes, sentinels, number):
    """One failover. Returns the seconds from the announcement to when people are matched again."""
    master, replica = sentinels.master, sentinels.replica
    is_killed = number % 2 == 0
    people = await waiting(nodes, number)
    sentinels.announced = None
    if is_killed:
        master.kill()
    else:
        master.stop()
    await in_thread(wait_for, lambda: all(node.metric("redis_up") == 0 for node in nodes), "the loss to be noticed", 10 * SLOWNESS)
    announced = await in_thread(sentinels.wait_for_announcement)
    back = await matched_again(nodes, announced, *people)
    if not is_killed:
        connects = [node.metric("redis_connects_total") for node in nodes]
        master.go_on()
        await crowd.live(2)
        assert master.client.role()[0] == "master"  # nobody has told it, and whoever came would be welcome
        assert [node.metric("redis_connects_total") for node in nodes] == connects  # nobody has gone back
    crowd.store = replica.client
    assert crowd.store.role()[0] == "master" and len(crowd.store.keys("lease:*")) == len(nodes)
    return back


def test_a_master_is_replaced(tmp_path):
    """Three nodes: a crowd on one of them, and chats between all of them. By turns the machine of Redis dies, with a Sentinel's the first time, and stands
    still, is replaced, and comes back."""
    with contextlib.ExitStack() as stack:
        sentinels = Sentinels(stack)
        flags = (*FLAGS, "--cluster-secret-file", secret_file(tmp_path))
        nodes = [stack.enter_context(running(*flags, env=sentinels.environment())) for _ in range(3)]
        for node in nodes:
            node.wait_ready()
        wait_for_peers(nodes, 2)
        crowd = Crowd(nodes[0], store=sentinels.master.client)

        async def run():
            is_over = asyncio.Event()
            pairs = [await pair_across(nodes[i], nodes[(i + 1) % 3], f"topic {i}") for i in range(3)]
            crossing = asyncio.gather(*(talk_on(a, b, is_over) for a, b in pairs))

            async def fault(crowd):
                backs = []
                for number in range(FAILOVERS):
                    if number > 0:
                        await in_thread(sentinels.take_back)
                    else:
                        sentinels.sentinels[1].kill()  # not the one that is listened to; two of three are enough
                    backs.append(await replaced(crowd, nodes, sentinels, number))
                    print(f"failover {number + 1}: matching {backs[-1]:.2f} s after the announcement")
                is_over.set()
                await crossing
                await close_all(*(client for pair in pairs for client in pair))
                return f"{len(backs)} times; matching {max(backs):.2f} s after the announcement at the latest"
            try:
                await through(crowd, fault, "the machine of Redis dies, or stands still and comes back, and Sentinels name another")
            finally:
                is_over.set()  # who talks may miss that it is cancelled
                crowd.is_over = crowd.wanderers.is_over = True
        asyncio.run(run())
        assert [node.metric("node_life") for node in nodes] == [1, 1, 1]  # no node took another for dead
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

"""A Redis Cluster: one node serves all our keys, until it dies or they are moved to another. No chat loses a message."""
import asyncio
import contextlib
import os
import tempfile
import time

import pytest

from cluster import wait_for_peers
from crowd import Crowd, through
from harness import SLOWNESS, close_all, in_thread, nodes, running, wait_for
from pairs import pair_across
from redis_cluster import RedisCluster
from sentinels import PASSWORD
from test_sentinel import FLAGS, matched_again, secret_file, talk_on, waiting

KEY = "{chatterbox}:x"
# tools/prove has more of them, and holds the nodes to it.
FAILOVERS = int(os.environ.get("CHATTERBOX_FAILOVERS", "1"))
BACK = 2 * SLOWNESS


class Store:
    """The keys as the crowd looks at them, wherever they are."""

    def __init__(self, cluster):
        self.cluster = cluster

    def keys(self, pattern):
        return [key.removeprefix("{chatterbox}:") for key in self.cluster.owner(KEY).client.keys("{chatterbox}:" + pattern)]


@pytest.fixture(scope="module")
def cluster():
    with contextlib.ExitStack() as stack:
        yield RedisCluster(stack)


def through_it(cluster, name, fault):
    """Three nodes, which begin with nodes of the cluster that do not have the keys: a crowd on one of them, and chats between them."""
    with contextlib.ExitStack() as stack:
        owner = cluster.owner(KEY)
        seeds = ",".join(f"127.0.0.1:{node.port}" for node in cluster.living() if node is not owner)
        flags = (*FLAGS, "--cluster-secret-file", secret_file(stack.enter_context(tempfile.TemporaryDirectory())))
        servers = [stack.enter_context(running(*flags, env={"CHATTERBOX_REDIS": f"cluster://:{PASSWORD}@{seeds}"})) for _ in range(3)]
        for server in servers:
            server.wait_ready()
        wait_for_peers(servers, 2)
        crowd = Crowd(servers[0], store=Store(cluster))

        async def run():
            is_over = asyncio.Event()
            pairs = [await pair_across(servers[i], servers[(i + 1) % 3], f"topic {i}") for i in range(3)]
            crossing = asyncio.gather(*(talk_on(a, b, is_over) for a, b in pairs))

            async def then_leave(crowd):
                note = await fault(crowd, servers)
                for server in servers:
                    await in_thread(server.wait_ready)
                is_over.set()
                await crossing
                await close_all(*(client for pair in pairs for client in pair))
                return note
            try:
                await through(crowd, then_leave, name)
            finally:
                is_over.set()  # who talks may miss that it is cancelled
                crowd.is_over = crowd.wanderers.is_over = True
        asyncio.run(run())
        assert [server.metric("node_life") for server in servers] == [1, 1, 1]
        assert len(nodes(Store(cluster))) == 3
    crowd.check_log()


def test_the_slot_moves_to_another_node(cluster):
    async def moved(crowd, _):
        target = next(node for node in cluster.masters() if node is not cluster.owner(KEY))
        moving = cluster.begin_to_move(KEY, target)
        await in_thread(wait_for, lambda: crowd.server.metric("redis_up") == 0, "ASK or TRYAGAIN", 10 * SLOWNESS)
        await crowd.live(1)
        assert crowd.server.metric("redis_up") == 0
        begin = time.monotonic()
        await in_thread(cluster.finish_moving, target, *moving)
        await in_thread(crowd.server.wait_ready)
        back = time.monotonic() - begin
        assert back < BACK and cluster.owner(KEY) is target
        print(*(line for line in crowd.server.log_lines("redis_lost") if " level=warn " in line), sep="\n")
        return f"matching {back:.2f} s after the move"
    through_it(cluster, "a cluster's slot moves to another node", moved)


def test_the_master_is_replaced_by_its_replica(cluster):
    async def failed_over(crowd, servers):
        backs = []
        for number in range(FAILOVERS):
            owner = cluster.owner(KEY)
            replica = cluster.replica_of(owner)
            people = await waiting(servers, number)
            owner.kill()
            await in_thread(wait_for, lambda: all(server.metric("redis_up") == 0 for server in servers), "the loss to be noticed")
            await in_thread(wait_for, lambda replica=replica: replica.client.role()[0] == "master", "the replica to take over", 30)
            backs.append(await matched_again(servers, time.monotonic(), *people))
            assert cluster.owner(KEY) is replica
            print(f"failover {number + 1}: matching {backs[-1]:.2f} s after it")
            await in_thread(cluster.take_back, owner)
        return f"{len(backs)} times; matching {max(backs):.2f} s after the replica has become the master at the latest"
    through_it(cluster, "a cluster's master dies", failed_over)


def test_it_is_said_where_the_keys_are_and_that_a_cluster_is_one(cluster):
    """The way to the right node is no warning; without cluster:// it is not gone."""
    stranger = next(node for node in cluster.masters() if node is not cluster.owner(KEY))
    for scheme in ("cluster", "redis"):
        url = f"{scheme}://:{PASSWORD}@127.0.0.1:{stranger.port}"
        with running("--log-level", "info", "--redis-prefix", "{chatterbox}", env={"CHATTERBOX_REDIS": url}) as server:
            if scheme == "cluster":
                server.wait_ready()
                assert not any(" level=warn " in line for line in server.log)
            else:
                wait_for(lambda: any("write --redis cluster://host:port" in line for line in server.log_lines("redis_lost")), "the line")
                assert not server.is_ready()

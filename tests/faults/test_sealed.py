"""Sentinels, and a cluster, behind TLS: what holds without it holds with it, and whoever is not believed is named."""
import asyncio
import contextlib
import time

import pytest

from cluster import wait_for_peers
from harness import SLOWNESS, close_all, in_thread, nodes, running, wait_for
from pairs import pair_across, talk
from redis_cluster import RedisCluster
from sentinels import NAME, PASSWORD, Sentinels
from test_redis_cluster import KEY, Store
from test_sentinel import FLAGS, secret_file
from test_tls import Files

WITHIN = BACK = 2 * SLOWNESS


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(str(tmp_path_factory.mktemp("tls")))


def through(tmp_path, environment, files, fault):
    """Two nodes, and a chat between them that goes on; fault returns the time from which on there is another master."""
    async def run():
        a, b = await pair_across(*servers, "go")
        talking = asyncio.create_task(talk(a, b, 200, pause=0.02, timeout=20 * SLOWNESS))
        announced = await in_thread(fault, servers)
        for server in servers:
            await in_thread(server.wait_ready)
        back = time.monotonic() - announced
        assert back < BACK, back
        await talking
        await close_all(a, b, *await pair_across(*servers, "chess"))

    with contextlib.ExitStack() as stack:
        flags = (*FLAGS, "--redis-ca", files.ca, "--cluster-secret-file", secret_file(tmp_path))
        servers = [stack.enter_context(running(*flags, env=environment)) for _ in range(2)]
        for server in servers:
            server.wait_ready()
        wait_for_peers(servers, 1)
        asyncio.run(run())


def test_sentinels(tmp_path, files):
    with contextlib.ExitStack() as stack:
        sentinels = Sentinels(stack, files)

        def master_killed(servers):
            sentinels.sentinels[1].process.kill()
            sentinels.master.process.kill()
            announced = sentinels.wait_for_announcement()
            wait_for(lambda: len(nodes(sentinels.replica.client)) == 2, "both to have come", 10 * SLOWNESS)
            return announced
        through(tmp_path, sentinels.environment(), files, master_killed)
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels.sentinels[:1])
        cases = [(f"rediss+sentinel://:{PASSWORD}@{hosts}/{NAME}", files.stranger, "its certificate is not believed"),
                 (f"rediss+sentinel://:{PASSWORD}@{hosts.replace('127.0.0.1', '127.1')}/{NAME}", files.ca, "its certificate is not believed"),
                 (f"sentinel://:{PASSWORD}@{hosts}/{NAME}", files.ca, "no Sentinel names its master")]
        for url, authority, what in cases:
            env = {**sentinels.environment(), "CHATTERBOX_REDIS": url}
            with running("--log-level", "info", "--redis-ca", authority, env=env) as server:
                wait_for(lambda what=what, server=server: any(what in line for line in server.log_lines("redis_lost")), what, WITHIN)
                assert not server.is_ready()


def test_a_cluster(tmp_path, files):
    with contextlib.ExitStack() as stack:
        cluster = RedisCluster(stack, files)
        owner = cluster.owner(KEY)
        seeds = ",".join(f"127.0.0.1:{node.port}" for node in cluster.living() if node is not owner)
        environment = {"CHATTERBOX_REDIS": f"rediss+cluster://:{PASSWORD}@{seeds}"}

        def master_killed(servers):
            replica = cluster.replica_of(owner)
            owner.process.kill()
            owner.process.wait()
            wait_for(lambda: servers[0].metric("redis_up") == 0, "the loss to be noticed")
            wait_for(lambda: replica.client.role()[0] == "master", "the replica to take over", 30)
            return time.monotonic()
        through(tmp_path, environment, files, master_killed)
        assert cluster.owner(KEY) is not owner and not nodes(Store(cluster))

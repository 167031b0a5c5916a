"""Many users at random: the promises hold, and nothing of anybody is left."""
import asyncio
import os
import random

from harness import TIMEOUT, running, settled
from promises import Promises, Wanderers

USERS = int(os.environ.get("CHATTERBOX_CHURN_USERS", "200"))
SECONDS = float(os.environ.get("CHATTERBOX_CHURN_SECONDS", "30"))


def churn(server, users=USERS, seed=None):
    seed = seed if seed is not None else random.randrange(1 << 30)
    print("seed", seed)

    async def run():
        promises = Promises()
        wanderers = Wanderers(server, promises, seed)
        tasks = asyncio.gather(*(wanderers.user() for _ in range(users)))
        await asyncio.wait([tasks], timeout=SECONDS)
        wanderers.is_over = True
        await tasks
        await promises.quiet(TIMEOUT)
        assert promises.heard > 0 and promises.chats
        await settled(server)
        print(f"{len(promises.chats)} chats, {promises.heard} messages")
    asyncio.run(run())


def test_churn():
    with running("--rate-chat", 0, "--rate-search", 0) as server:
        churn(server.wait_ready())
        assert server.metric("searches_repaired_total") == 0


def test_churn_through_the_smallest_rings_and_many_threads():
    with running("--rate-chat", 0, "--rate-search", 0, "--ring-capacity", 2, "--io-threads", 3,
                 "--session-threads", 3) as server:
        churn(server.wait_ready(), users=USERS // 4)

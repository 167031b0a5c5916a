"""Many users at random: the promises hold, and nothing of anybody is left."""
import asyncio
import contextlib
import os
import random
import time

import websockets

from harness import Client, running, settled

USERS = int(os.environ.get("CHATTERBOX_CHURN_USERS", "200"))
SECONDS = float(os.environ.get("CHATTERBOX_CHURN_SECONDS", "30"))
TOPICS = [f"topic {i}" for i in range(12)]


class Churn:
    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.members = {}   # match_id: set of user ids
        self.roles = {}     # match_id: roles given
        self.heard = 0
        self.deadline = time.monotonic() + SECONDS

    async def user(self):
        while time.monotonic() < self.deadline:
            client = await Client.connect(self.server)
            client.match = None
            # Requests on their way that could lead into the next chat: without any, what is written now is for this one.
            client.open_starts, client.is_searching, client.is_ending = 0, False, False
            client.written = {}   # match_id: how many messages
            reader = asyncio.create_task(self.listen(client))
            try:
                for _ in range(self.random.randrange(1, 40)):
                    if reader.done() or time.monotonic() > self.deadline:
                        break
                    await self.act(client)
                    await asyncio.sleep(self.random.random() * 0.05)
            except websockets.ConnectionClosed:
                pass
            if self.random.random() < 0.4:
                client.socket.transport.abort()
            else:
                await client.close()
            await reader

    async def act(self, client):
        choice = self.random.random()
        if choice < 0.15:
            await client.send("submit_interests", interests=self.random.sample(TOPICS, self.random.randrange(1, 5)))
        elif choice < 0.45:
            client.open_starts += 1
            await client.send("start_matching")
        elif choice < 0.52:
            await client.send("end_matching")
        elif choice < 0.60:
            client.is_ending = True
            await client.send("end_chat")
        elif client.match and client.open_starts == 0 and not client.is_ending:
            match = client.match
            number = client.written[match] = client.written.get(match, 0) + 1
            await client.send("chat_message", message=f"{match} {client.user_id} {number}")

    async def listen(self, client):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                event = await client.event(timeout=60)
                data = event.get("data")
                if event["type"] == "success_matched":
                    assert client.match is None, "matched while in a chat"
                    client.match, client.heard, client.is_ending = data["match_id"], 0, False
                    if not client.is_searching:
                        client.open_starts -= 1  # matched at once: this is the answer
                    client.is_searching = False
                    members = self.members.setdefault(client.match, set())
                    assert client.user_id not in members, "met itself"
                    members.add(client.user_id)
                    assert len(members) <= 2, "three in a chat"
                    roles = self.roles.setdefault(client.match, [])
                    roles.append(data["role"])
                    assert len(set(roles)) == len(roles), "both have the same role"
                    assert data["common_interests"]
                elif event["type"] == "partner_left_chat":
                    assert client.match == data["match_id"]
                    client.match = None
                elif event["type"] == "no_match":
                    client.open_starts, client.is_searching = client.open_starts - 1, True
                elif event["type"] == "success" and event["description"] == "The search is over.":
                    client.is_searching = False
                elif event["type"] == "success" and event["description"] == "The chat is over.":
                    client.match = None
                elif event["type"] == "chat_message":
                    match, writer, number = data["message"].split(" ")
                    assert match == client.match, "a message of another chat"
                    assert writer != client.user_id
                    client.heard += 1
                    assert int(number) == client.heard, "lost, doubled or out of order"
                    self.heard += 1
                elif event["type"] == "error":
                    client.open_starts -= data["request"] == "start_matching"
                    assert data["code"] in ("not_in_chat", "already_chatting", "no_interests"), event


def churn(server, users=USERS, seed=None):
    seed = seed if seed is not None else random.randrange(1 << 30)
    print("seed", seed)

    async def run():
        test = Churn(server, seed)
        await asyncio.gather(*(test.user() for _ in range(users)))
        assert test.heard > 0 and test.members
        await settled(server)
        print(f"{len(test.members)} chats, {test.heard} messages")
    asyncio.run(run())


def test_churn():
    with running("--rate-chat", 0, "--rate-search", 0) as server:
        churn(server.wait_ready())
        assert server.metric("searches_repaired_total") == 0


def test_churn_through_the_smallest_rings_and_many_threads():
    with running("--rate-chat", 0, "--rate-search", 0, "--ring-capacity", 2, "--io-threads", 3,
                 "--session-threads", 3) as server:
        churn(server.wait_ready(), users=USERS // 4)

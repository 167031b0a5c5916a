"""Three nodes on one prefix whose leases run out, in random interleavings, checked after each call.

Whoever has a lease keeps its users, whatever the others do; a call without one changes nothing; and who is reaped, by whomever, in however many
pieces, leaves nothing.
"""
import json
import random

import pytest

from conftest import Scripts

NODES = ["n1", "n2", "n3"]
TOPICS = [f"t{i}" for i in range(4)]
USERS = 6  # of each node


class Node(Scripts):
    """A node, and what it believes."""

    def __init__(self, store, prefix, name):
        super().__init__(store, prefix, name)
        self.reachable = list(NODES)
        self.connections = 1
        self.is_fenced = False   # this connection has taken the lease, and forgotten what the earlier one left
        self.has_lease = False   # in Redis, which it may not know
        self.known = {}          # user: its last match, as far as Redis should know it

    def come_up(self):
        self.connections += 1
        self.value = f"{self.node}:{self.connections}"
        assert self.fence() == ["OK"]
        self.has_lease = True
        self.is_fenced = False
        self.known = {}


def everything(store):
    keys = sorted(store.keys("*"))
    pipeline = store.pipeline(transaction=False)
    for key in keys:
        pipeline.dump(key)
    return dict(zip(keys, pipeline.execute()))


def check(nodes):
    one = nodes[0]
    users = {node.node: node.users() for node in nodes}
    owner = {user: name for name, members in users.items() for user in members}
    assert sum(map(len, users.values())) == len(owner)  # nobody has two nodes
    prefix = one.key("user_meta:")
    meta = {key.removeprefix(prefix): one.store.hgetall(key) for key in one.store.keys("*user_meta:*")}
    assert set(meta) == set(owner)
    assert all(found["channel_id"].startswith(owner[user] + ":") for user, found in meta.items())
    pairs = one.pairs()
    assert all(pairs[partner] == user != partner for user, partner in pairs.items())
    assert all(meta[user]["status"] == "chatting" and meta[user]["match"] == meta[partner]["match"] for user, partner in pairs.items())
    waiting = {user for user, found in meta.items() if found["status"] == "searching"}
    assert set(one.waiting()) == waiting
    members = {}
    for user in waiting:
        for topic in json.loads(meta[user]["joined"]):
            members.setdefault(topic, set()).add(user)
    assert {topic: one.members(topic) for topic in one.topics()} == members
    for node in nodes:
        if node.has_lease and node.is_fenced:
            assert users[node.node] == set(node.known)
    return meta


def act(node, nodes, rng, clock):
    """One call of one node, or one thing that befalls it. Returns the call's answer."""
    user = f"{node.node}-{rng.randrange(USERS)}"
    choice = rng.randrange(20)
    node.reachable = rng.sample(NODES, rng.randrange(len(NODES) + 1))
    others = [other for other in nodes if other is not node]
    if choice == 0:  # it stands still for longer than the lease
        node.store.delete(node.key(f"lease:{node.node}"))
        node.store.zadd(node.key("nodes"), {node.node: 1})
        node.has_lease = False
    elif choice == 1:
        node.come_up()
    elif choice < 6:
        return reap(node, nodes, rng)
    elif not node.is_fenced:
        answer = node.reap(node.node, 2)  # its own earlier connection's, as on the way up
        node.is_fenced = answer == ["OK", "0"]
        return answer
    elif choice == 6:
        answer = node.leave(user)
        if answer == ["OK"]:
            node.known.pop(user, None)
        return answer
    elif choice < 9:
        answer = node.submit(user, *rng.sample(TOPICS, 2))
        if answer == ["OK"]:
            node.known.setdefault(user, 0)
        return answer
    elif choice == 9:
        return node.end_matching(user)
    elif choice == 10:
        return node.end_chat(user, node.known.get(user, 0))
    else:
        return start(node, others, user, rng, clock)
    return None


def reap(node, nodes, rng):
    victim = rng.choice([other for other in nodes if other is not node])
    was = victim.users()
    count = rng.randrange(1, 4)
    answer = node.reap(victim.node, count)
    if answer == ["STALE"]:
        assert not node.has_lease
    elif victim.has_lease:
        assert answer == ["ALIVE"] and victim.users() == was
    else:
        left = max(0, len(was) - count)
        assert answer == ["OK", str(left)] and len(victim.users()) == left
        assert (node.store.zscore(node.key("nodes"), victim.node) is None) == (left == 0)
    return answer


def start(node, others, user, rng, clock):
    clock["match"] += rng.randrange(-3, 10)  # each node has its own, and they differ
    before = node.meta(user)
    answer = node.start(user, *rng.sample(TOPICS, 2), ended=node.known.get(user, 0), match=max(1, clock["match"]), anyone=rng.random() < 0.3)
    if answer[0] == "BEHIND":
        clock["match"] = int(answer[1]) + 1
        answer = node.start(user, *rng.sample(TOPICS, 2), ended=node.known.get(user, 0), match=clock["match"], anyone=rng.random() < 0.3)
        assert answer[0] != "BEHIND"
    if answer[0] == "STALE":
        return answer
    if answer[0] == "ALREADY":  # matched by another's call, which is told by a way that is not here
        node.known[user] = int(node.meta(user)["match"])
        return answer
    node.known.setdefault(user, 0)
    if answer[0] == "MATCH":
        partner = next(found for found in [node, *others] if answer[1] in found.users())
        assert partner.node in node.reachable and partner.has_lease and answer[2].startswith(partner.node + ":")
        match = int(node.meta(user)["match"])
        assert match > int(before.get("match", 0)) and match == int(node.meta(answer[1])["match"])
        node.known[user] = match
    return answer


@pytest.mark.parametrize("seed", range(8))
def test_random_interleavings_of_nodes(store, seed):
    rng = random.Random(seed)
    prefix = rng.choice(["", "{chat}:"])
    store.flushall()
    nodes = [Node(store, prefix, name) for name in NODES]
    clock = {"match": 10}
    seen = set()
    for node in nodes:
        node.come_up()
    for _ in range(300):
        before = everything(store)
        node = rng.choice(nodes)
        answer = act(node, nodes, rng, clock)
        seen.add(answer and answer[0])
        assert node.has_lease or answer in (None, ["STALE"])
        if answer == ["STALE"] or answer == ["ALIVE"]:
            assert everything(store) == before
        check(nodes)
    assert {"STALE", "ALIVE", "OK", "MATCH", "WAIT"} <= seen, seen
    # One survives, and sweeps up behind the others.
    last, *others = rng.sample(nodes, len(nodes))
    last.come_up()
    for node in others:
        store.delete(node.key(f"lease:{node.node}"))
        store.zadd(node.key("nodes"), {node.node: 1})
    assert set(last.heartbeat()) == {"OK", *(node.node for node in others)}
    for node in nodes:
        while last.reap(node.node, 5) != ["OK", "0"]:
            pass
    assert last.keys_of_users() == []
    assert last.heartbeat() == ["OK"] and last.release() == ["OK"]
    assert store.keys("*") == []

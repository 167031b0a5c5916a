"""Three nodes on one prefix whose leases run out, in random interleavings, checked after each call.

Whoever has a lease keeps its users, whatever the others do; a call without one changes nothing; and who is reaped, by whomever, in however many
pieces, leaves nothing. A search finds whoever waits on a node that has a lease and can be told, and nobody else; ids of matches grow; chats that a
node states again are as they were.
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
        self.blocked = {}        # user: whom it has blocked, likewise

    def come_up(self):
        self.connections += 1
        self.value = f"{self.node}:{self.connections}"
        assert self.fence() == ["OK"]
        self.has_lease = True
        self.is_fenced = False
        self.known = {}
        self.blocked = {}


class World:
    """What the test knows."""

    def __init__(self, rng):
        self.match = rng.choice([8, 95, 995])  # ids soon have one more digit
        self.chats = {}  # user: (match, partner), as the actors of both see it

    def part(self, user):
        _, partner = self.chats.pop(user, (0, None))
        self.chats.pop(partner, None)


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
    # Who was parted by a reaper, or has submitted interests since its node is back, and is in a chat again since its partner has said so, may be
    # called idle, and know of no match: nobody looks at that.
    assert all(meta[user]["status"] in ("chatting", "idle") for user in pairs)
    assert all(len({meta[user].get("match"), meta[partner].get("match")} - {None}) == 1 for user, partner in pairs.items())
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
            assert all(one.store.smembers(one.key(f"blocked:{user}")) == node.blocked.get(user, set()) for user in node.known)
    assert {key.removeprefix(one.key("blocked:")) for key in one.store.keys("*blocked:*")} <= set(owner)
    return meta


def act(node, nodes, rng, world):
    """One call of one node, or one thing that befalls it. Returns the call's answer."""
    user = f"{node.node}-{rng.randrange(USERS)}"
    choice = rng.randrange(24)
    node.reachable = rng.sample(NODES, rng.randrange(len(NODES) + 1))
    others = [other for other in nodes if other is not node]
    if choice == 0 and rng.random() < 0.4:  # it stands still for longer than the lease
        run_out(node)
    elif choice == 1 and (not node.has_lease or rng.random() < 0.3):
        node.come_up()
    elif choice < 5:
        return reap(node, nodes, rng)
    elif choice == 5:
        return heartbeat(node, nodes)
    elif not node.is_fenced:
        answer = node.reap(node.node, 2)  # its own earlier connection's, as on the way up
        node.is_fenced = answer == ["OK", "0"]
        return answer
    elif choice == 6:
        answer = node.leave(user)
        if answer == ["OK"]:
            world.part(user)
            node.known.pop(user, None)
            node.blocked.pop(user, None)
        return answer
    elif choice < 9:
        answer = node.submit(user, *rng.sample(TOPICS, 2))
        if answer == ["OK"]:
            node.known.setdefault(user, 0)
        return answer
    elif choice == 9:
        return node.end_matching(user)
    elif choice < 12:
        answer = node.end_chat(user, node.known.get(user, 0))
        if answer == ["OK"] and world.chats.get(user, (None,))[0] == node.known.get(user):
            world.part(user)
        return answer
    elif choice == 12:
        other = f"{rng.choice(NODES)}-{rng.randrange(USERS)}"
        answer = node.block(user, other)
        if answer == ["OK"] and user in node.known:
            node.blocked.setdefault(user, set()).add(other)
        return answer
    elif choice < 15:
        return restore(node, user, rng, world)
    else:
        return start(node, others, user, rng, world)
    return None


def run_out(node):
    node.store.delete(node.key(f"lease:{node.node}"))
    node.store.zadd(node.key("nodes"), {node.node: 1})
    node.has_lease = False


def heartbeat(node, nodes):
    """It says who is to be reaped: those who have no lease, until nothing of them is left."""
    listed = node.store.zrange(node.key("nodes"), 0, -1)
    answer = node.heartbeat()
    if node.has_lease:
        assert answer[0] == "OK" and sorted(answer[1:]) == sorted(other.node for other in nodes if not other.has_lease and other.node in listed)
        assert all(other.node in listed for other in nodes if other.has_lease or other.users())
    return answer


def restore(node, user, rng, world):
    """As after the way up: the chat of somebody whom Redis does not know any more."""
    if user not in world.chats or user in node.known:
        return None
    match, partner = world.chats[user]
    answer = node.restore_chat(user, match, partner, *rng.sample(TOPICS, 2))
    if answer == ["OK"]:
        node.known[user] = match
        status = node.meta(partner).get("status")
        assert (node.pairs().get(user) == partner) == (status is not None and status != "searching")
    return answer


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


def may_be_met(node, nodes, metas, user, topics, anyone):
    """Who waits and could be claimed for this user."""
    blocked = {name: found for other in nodes for name, found in other.blocked.items()}
    by_name = {other.node: other for other in nodes}
    return {name for name, meta in metas.items() if name != user and meta["status"] == "searching"
            and by_name[name[:2]].has_lease and name[:2] in node.reachable
            and (set(topics) & set(json.loads(meta["joined"])) or (anyone and name in node.store.smembers(node.key("anyone"))))
            and name not in blocked.get(user, ()) and user not in blocked.get(name, ())}


def start(node, others, user, rng, world):
    # Each node has its own clock, and they differ.
    world.match += rng.randrange(10)
    match = max(1, world.match + 20 * NODES.index(node.node) - 20)
    metas = {name: found.meta(name) for found in (node, *others) for name in found.users()}
    topics, anyone, ended = rng.sample(TOPICS, 2), rng.random() < 0.3, node.known.get(user, 0)
    may_meet = may_be_met(node, [node, *others], metas, user, topics, anyone)
    answer = node.start(user, *topics, ended=ended, match=match, anyone=anyone)
    if answer[0] == "BEHIND":
        assert int(answer[1]) >= match and may_meet
        assert int(answer[1]) in {int(metas.get(name, {}).get("match", 0)) for name in (user, *may_meet)}
        answer = node.start(user, *topics, ended=ended, match=int(answer[1]) + 1, anyone=anyone)
        assert answer[0] != "BEHIND" or len(may_meet) > 1  # another sample of them
        if answer[0] == "BEHIND":
            return answer
    if answer[0] == "STALE":
        return answer
    if answer[0] == "ALREADY":  # matched by another's call, which is told by a way that is not here
        node.known[user] = int(node.meta(user)["match"])
        return answer
    world.part(user)
    node.known.setdefault(user, 0)
    assert (answer[0] == "MATCH") == bool(may_meet), (answer, may_meet)
    if answer[0] == "MATCH":
        partner = answer[1]
        assert partner in may_meet and answer[2].startswith(partner[:2] + ":")
        match = int(node.meta(user)["match"])
        assert match == int(node.meta(partner)["match"])
        assert all(match > int(metas.get(name, {}).get("match", 0)) for name in (user, partner))
        node.known[user] = match
        world.part(partner)
        world.chats[user], world.chats[partner] = (match, partner), (match, user)
    return answer


@pytest.mark.parametrize("seed", range(8))
def test_random_interleavings_of_nodes(store, seed):
    rng = random.Random(seed)
    prefix = rng.choice(["", "{chat}:"])
    store.flushall()
    nodes = [Node(store, prefix, name) for name in NODES]
    world = World(rng)
    seen = set()
    for node in nodes:
        node.come_up()
    for _ in range(250):
        before = everything(store)
        node = rng.choice(nodes)
        answer = act(node, nodes, rng, world)
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
        run_out(node)
    assert set(last.heartbeat()) == {"OK", *(node.node for node in others)}
    for node in nodes:
        while last.reap(node.node, 5) != ["OK", "0"]:
            pass
    assert last.keys_of_users() == []
    assert last.heartbeat() == ["OK"] and last.release() == ["OK"]
    assert store.keys("*") == []

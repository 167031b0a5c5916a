"""Thousands of random calls, checked after each one against what must always be true and against a simple model."""
import itertools
import json
import random
import threading

import redis

from conftest import Scripts

USERS = [f"u{i}" for i in range(24)]
TOPICS = [f"t{i}" for i in range(8)]


class Model:
    """Who waits under what since when, and who is with whom."""

    def __init__(self):
        self.users = {}  # id: dict(status, joined, since, match, ended)

    def user(self, name):
        return self.users.setdefault(name, {"status": "idle", "joined": [], "since": None, "match": 0, "partner": None, "last": None,
                                            "anyone": False, "blocked": set()})

    def part(self, user):
        partner = self.users.get(user["partner"])
        if partner is not None:
            partner.update(partner=None, status="idle")
        user.update(partner=None, status="idle")

    def allowed(self, name, topics, anyone):
        """Who may be claimed: those who share a topic, else those who take anyone, else the partner of the last chat."""
        user = self.user(name)
        waiters = [(other, self.users[other]) for other in self.users if other != name and self.users[other]["status"] == "searching"]
        choices = []
        for wanted in (lambda other: set(topics) & set(other["joined"]), lambda other: anyone and other["anyone"]):
            choices.append([(-len(set(topics) & set(other["joined"])), other["since"], name_of_other) for name_of_other, other in waiters
                            if wanted(other) and name not in other["blocked"] and name_of_other not in user["blocked"]])
        former = {other for other, found in waiters if other == user["last"] or found["last"] == name}
        for choice in choices:
            good = [rank for rank in choice if rank[2] not in former]
            if good:
                # Only a sample is looked at; up to its size, the best must be found.
                is_sampled = max(sum(topic in other["joined"] for _, other in waiters) for topic in topics) > 8 or len(waiters) > 8
                return {rank[2] for rank in good} if is_sampled else {min(good)[2]}
        return {rank[2] for choice in choices for rank in choice}


def check(scripts, model):
    pairs = scripts.pairs()
    assert all(pairs[partner] == user and partner != user for user, partner in pairs.items())
    assert pairs == {name: user["partner"] for name, user in model.users.items() if user["partner"]}
    assert set(scripts.waiting()) == {name for name, user in model.users.items() if user["status"] == "searching"}
    members = {}
    for name, user in model.users.items():
        meta = scripts.meta(name)
        assert meta["status"] == user["status"]
        assert json.loads(meta.get("joined", "[]")) == user["joined"]
        for topic in user["joined"]:
            members.setdefault(topic, set()).add(name)
    assert {topic: scripts.members(topic) for topic in scripts.topics()} == members
    assert scripts.store.smembers(scripts.key("anyone")) == {
        name for name, user in model.users.items() if user["status"] == "searching" and user["anyone"]}
    known = {key.removeprefix(scripts.key("user_meta:")) for key in scripts.store.keys("*user_meta:*")}
    assert known == set(model.users)


def act(scripts, model, rng):
    name = rng.choice(USERS)
    topics = rng.sample(TOPICS, rng.randrange(1, 5))
    choice = rng.randrange(11)
    if choice == 10:
        others = rng.sample(USERS, 2)
        assert scripts.block(name, *others) == ["OK"]
        if name in model.users:
            model.users[name]["blocked"] |= set(others)
    elif choice == 0:
        scripts.submit(name, *topics)
        model.user(name)
    elif choice < 6:
        user = model.user(name) if name in model.users else {"match": 0}
        ended = user["match"] if not user["match"] or rng.random() < 0.9 else user["match"] - 1
        anyone = rng.random() < 0.3
        answer = scripts.start(name, *topics, ended=ended, search=rng.randrange(100), anyone=anyone)
        if ended < user["match"]:
            assert answer == ["ALREADY"]
            return
        user = model.user(name)
        model.part(user)
        since = user["since"] or scripts.clock
        user.update(joined=[], since=None)
        allowed = model.allowed(name, topics, anyone)
        if allowed:
            assert answer[0] == "MATCH" and answer[1] in allowed, (answer, allowed)
            partner = model.users[answer[1]]
            assert answer[4] == f"identity of {answer[1]}"
            assert set(answer[5:]) == set(topics) & set(partner["joined"])
            partner.update(status="chatting", joined=[], since=None, partner=name, last=name, match=scripts.match)
            user.update(status="chatting", partner=answer[1], last=answer[1], match=scripts.match)
        else:
            assert answer == ["WAIT"], answer
            user.update(status="searching", joined=topics, since=since, anyone=anyone)
    elif choice == 6:
        answer = scripts.end_matching(name)
        user = model.users.get(name)
        if user and user["partner"]:
            assert answer == ["MATCHED"]
        else:
            assert answer == ["OK"]
            if user:
                user.update(status="idle", joined=[], since=None)
    elif choice == 7:
        user = model.users.get(name, {"match": 0, "partner": None})
        match = user["match"] if rng.random() < 0.8 else 12345678
        assert scripts.end_chat(name, match) == ["OK"]
        if user["partner"] and match == user["match"]:
            model.part(user)
    else:
        assert scripts.leave(name) == ["OK"]
        if name in model.users:
            model.part(model.users[name])
            del model.users[name]


def test_random_interleavings(scripts):
    for seed in range(12):
        print("seed", seed)
        rng = random.Random(seed)
        scripts.reset()
        model = Model()
        for _ in range(250):
            act(scripts, model, rng)
            check(scripts, model)
        for name in list(model.users):
            scripts.leave(name)
        assert scripts.keys_of_users() == []


def test_concurrent_connections(store):
    """Several clients at once: each script is atomic, so the invariants hold whatever comes between."""
    scripts = Scripts(store)
    scripts.reset()
    path = store.connection_pool.connection_kwargs["path"]
    failures = []
    matches = itertools.count(1)

    def work(number):
        try:
            own = Scripts(redis.Redis(unix_socket_path=path, decode_responses=True))
            rng = random.Random(number)
            users = [f"{number}-{i}" for i in range(10)]
            for _ in range(400):
                user = rng.choice(users)
                choice = rng.randrange(4)
                if choice < 2:
                    match = own.meta(user).get("match", 0)
                    own.start(user, *rng.sample(TOPICS, 2), ended=match, match=next(matches))
                elif choice == 2:
                    own.end_matching(user)
                else:
                    own.leave(user)
            for user in users:
                own.leave(user)
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert scripts.keys_of_users() == []


def test_the_cost_does_not_grow_with_the_waiting(store):
    scripts = Scripts(store)

    def commands_of_a_start(waiters):
        scripts.reset()
        for i in range(waiters):
            # Waiting side by side: none of them is good, as if all had been excluded.
            store.sadd("interest:crowd", f"w{i}")
        before = sum(stat["calls"] for stat in store.info("commandstats").values())
        assert scripts.start("a", "crowd") == ["WAIT"]
        return sum(stat["calls"] for stat in store.info("commandstats").values()) - before
    small, large = commands_of_a_start(8), commands_of_a_start(2000)
    assert large <= small + 2
    store.flushall()

"""Each script by itself: what it answers, and what it changes."""
import time

import pytest

from conftest import Scripts


def test_fence(scripts):
    key = scripts.key
    scripts.value = "node:2"
    assert scripts.fence(5000) == ["OK"]  # the same node comes again
    assert scripts.store.get(key("lease:node")) == "node:2"
    assert 0 < scripts.store.pttl(key("lease:node")) <= 5000 and 0 < scripts.store.pttl(key("epoch")) <= 5000
    assert scripts.store.hget(key("node:node"), "version") == "1.2.3"
    started = scripts.store.hget(key("node:node"), "started")
    scripts.store.hset(key("node:node"), "started", "7")
    other = Scripts(scripts.store, scripts.prefix, "other")
    assert other.fence() == ["OK"] and scripts.fence() == ["OK"]  # several are here
    assert set(scripts.store.zrange(key("nodes"), 0, -1)) == {"node", "other"}
    assert abs(int(started) - scripts.store.time()[0]) < 5 and scripts.store.hget(key("node:node"), "started") == "7"


def test_servers_from_before_there_were_leases_keep_away(scripts):
    epoch = scripts.key("epoch")
    assert scripts.store.get(epoch) == "cluster:2"
    scripts.store.set(epoch, "00112233445566aa:1")
    before = {key: scripts.store.dump(key) for key in scripts.store.keys("*")}
    other = Scripts(scripts.store, scripts.prefix, "other")
    assert other.fence() == ["HELD"]
    assert {key: scripts.store.dump(key) for key in scripts.store.keys("*")} == before


def test_heartbeat(scripts):
    key = scripts.key
    scripts.store.delete(key("epoch"))
    assert scripts.heartbeat(99000) == ["OK"]
    assert 60000 < scripts.store.pttl(key("lease:node")) <= 99000 and 60000 < scripts.store.pttl(key("epoch")) <= 99000
    now_ms = time.time() * 1000
    assert 60000 < scripts.store.zscore(key("nodes"), "node") - now_ms <= 99001
    scripts.store.zadd(key("nodes"), {"dead": now_ms - 10, "long dead": now_ms - 5000, "alive": now_ms + 3000})
    assert scripts.heartbeat() == ["OK", "long dead", "dead"]
    scripts.store.zadd(key("nodes"), {f"n{i}": i for i in range(20)})
    assert scripts.heartbeat() == ["OK", *(f"n{i}" for i in range(16))]
    scripts.value = "node:0"
    assert scripts.heartbeat(5) == ["STALE"]
    assert scripts.store.pttl(key("lease:node")) > 5


def test_release(scripts):
    key = scripts.key
    other = Scripts(scripts.store, scripts.prefix, "other")
    other.fence()
    scripts.value = "node:0"
    assert scripts.release() == ["STALE"] and scripts.store.exists(key("lease:node"))
    scripts.value = "node:1"
    assert scripts.release() == ["OK"]
    assert set(scripts.store.keys("*")) == {key("lease:other"), key("node:other"), key("nodes"), key("epoch")}
    other.submit("a", "x")
    assert other.release() == ["OK"]
    # Somebody has been left: whoever comes next finds it.
    assert set(scripts.store.keys("*")) == {key("node:other"), key("nodes"), key("epoch"), key("users:other"), key("user_meta:a")}
    scripts.fence()
    assert scripts.reap("other") == ["OK", "0"]
    assert scripts.release() == ["OK"]
    assert scripts.store.keys("*") == []


def test_reap(scripts):
    key = scripts.key
    other = Scripts(scripts.store, scripts.prefix, "other")
    other.fence()
    other.start("a", "x", "y", anyone=True)
    other.submit("b", "x")
    other.block("b", "a")
    other.restore_chat("c", 50, "d")
    other.restore_chat("d", 50, "c")
    scripts.start("mine", "x")
    assert scripts.reap("other") == ["ALIVE"]
    assert other.users() == {"a", "b", "c", "d"}
    scripts.store.delete(key("lease:other"))
    assert scripts.reap("other", 3) == ["OK", "1"]
    assert scripts.store.zscore(key("nodes"), "other") is not None
    assert scripts.reap("other", 3) == ["OK", "0"]
    assert scripts.store.zrange(key("nodes"), 0, -1) == ["node"]
    assert set(scripts.keys_of_users()) == {key("users:node"), key("user_meta:mine"), key("interest:x"), key("waiting")}
    assert scripts.reap("other") == ["OK", "0"]  # somebody else was faster
    scripts.value = "node:0"
    assert scripts.reap("other") == ["STALE"]


def test_reap_gets_past_a_user_whose_keys_are_spoilt(scripts):
    other = Scripts(scripts.store, scripts.prefix, "other")
    other.fence()
    for user in "abcdef":
        other.start(user, user)
    scripts.store.delete(scripts.key("user_meta:c"))
    scripts.store.set(scripts.key("user_meta:c"), "nonsense")
    scripts.store.delete(scripts.key("lease:other"))
    assert scripts.reap("other") == ["OK", "0"]
    assert other.users() == set()
    assert {key for key in scripts.keys_of_users() if "user_meta" in key} == {scripts.key("user_meta:c")}


def test_a_node_forgets_what_its_earlier_connection_has_left(scripts):
    scripts.start("a", "x")
    scripts.value = "node:2"
    assert scripts.fence() == ["OK"]
    assert scripts.reap("node", 1) == ["OK", "0"]
    assert scripts.keys_of_users() == []
    assert scripts.store.exists(scripts.key("node:node")) and scripts.heartbeat() == ["OK"]


def test_who_is_written_down_has_a_node(scripts):
    scripts.submit("a", "x")
    scripts.start("b", "y")
    assert scripts.start("c", "y")[:2] == ["MATCH", "b"]
    scripts.restore_chat("d", 50, "e")
    assert scripts.users() == {"a", "b", "c", "d"}
    for user in "abcd":
        scripts.leave(user)
    assert scripts.users() == set()


def test_only_who_can_be_told_of_it_is_matched(scripts):
    other = Scripts(scripts.store, scripts.prefix, "other")
    other.fence()
    assert other.start("far", "x", anyone=True) == ["WAIT"]
    assert scripts.start("near", "x", anyone=True) == ["WAIT"]
    assert sorted(scripts.waiting()) == ["far", "near"]
    scripts.reachable = ["node", "oth", "ther", "another"]
    assert scripts.start("near", "x", anyone=True) == ["WAIT"]
    scripts.reachable = ["node", "other"]
    scripts.store.rename(scripts.key("lease:other"), "away")
    assert scripts.start("near", "x", anyone=True) == ["WAIT"]  # it may be gone
    scripts.store.rename("away", scripts.key("lease:other"))
    assert scripts.start("near", "x", anyone=True)[:3] == ["MATCH", "far", "other:1.far.1"]


def test_behind_many_of_other_nodes_is_somebody_to_meet(scripts):
    other = Scripts(scripts.store, scripts.prefix, "other")
    other.fence()
    for i in range(100):
        other.reachable = []
        assert other.start(f"far {i}", "x") == ["WAIT"]
    assert scripts.start("near", "x") == ["WAIT"]
    assert scripts.start("here", "x")[:2] == ["MATCH", "near"]


@pytest.mark.parametrize("who", ["waiter", "seeker"])
@pytest.mark.parametrize("last, match", [(50, 50), (51, 50), (100, 99), (1 << 61, (1 << 61) - 1), (10 ** 18, 10 ** 18 - 1)])
def test_match_ids_of_a_user_grow(scripts, who, last, match):
    scripts.start("x", "z", match=last - 10)
    scripts.start(who, "z", match=last)
    scripts.end_chat(who, last)
    scripts.leave("x")
    ended = {who: last}
    assert scripts.start("waiter", "t", "w", ended=ended.get("waiter", 0), match=1) == ["WAIT"]
    assert scripts.start("seeker", "s", ended=ended.get("seeker", 0), match=1) == ["WAIT"]
    before = {key: scripts.store.dump(key) for key in scripts.store.keys("*")}
    assert scripts.start("seeker", "t", ended=ended.get("seeker", 0), match=match) == ["BEHIND", str(last)]
    assert {key: scripts.store.dump(key) for key in scripts.store.keys("*")} == before
    assert scripts.start("seeker", "t", ended=ended.get("seeker", 0), match=last + 1)[:2] == ["MATCH", "waiter"]


def test_a_call_without_its_lease_does_nothing(scripts):
    scripts.start("a", "x")
    before = {key: scripts.store.dump(key) for key in scripts.store.keys("*")}
    for value in ("node:0", "node:10", "other:1"):
        scripts.value = value
        for answer in (scripts.submit("b", "x"), scripts.start("b", "x"), scripts.end_matching("a"), scripts.end_chat("a", 1),
                       scripts.restore_chat("a", 1, "b", "x"), scripts.leave("a"), scripts.block("a", "b"),
                       scripts.report("r", "d", "a"), scripts.heartbeat(), scripts.reap("node"), scripts.release()):
            assert answer == ["STALE"]
    scripts.value = "node:1"
    assert {key: scripts.store.dump(key) for key in scripts.store.keys("*")} == before
    scripts.store.delete(scripts.key("lease:node"))
    assert scripts.start("b", "x") == ["STALE"]


def test_submit_interests(scripts):
    assert scripts.submit("a", "tea", "go") == ["OK"]
    assert scripts.meta("a") == {"channel_id": "node:1.a.1", "interests": '["tea","go"]', "status": "idle"}
    scripts.start("a", "tea")
    scripts.submit("a", "chess")
    assert scripts.meta("a")["status"] == "searching" and scripts.meta("a")["interests"] == '["chess"]'
    assert scripts.topics() == {"tea"}


def test_start_waits_then_matches(scripts):
    assert scripts.start("a", "tea", "go", search=7) == ["WAIT"]
    assert scripts.members("tea") == scripts.members("go") == {"a"} and scripts.waiting() == ["a"]
    assert scripts.meta("a") == {"channel_id": "node:1.a.1", "interests": '["tea","go"]', "joined": '["tea","go"]',
                                 "status": "searching", "search": "7", "identity": "identity of a"}
    assert scripts.start("b", "go", "art", match=99) == ["MATCH", "a", "node:1.a.1", "7", "identity of a", "go"]
    assert scripts.pairs() == {"a": "b", "b": "a"}
    assert scripts.topics() == set() and scripts.waiting() == []
    assert scripts.meta("a") == {"channel_id": "node:1.a.1", "interests": '["tea","go"]', "status": "chatting", "match": "99",
                                 "last": "b", "identity": "identity of a"}
    assert scripts.meta("b") == {"channel_id": "node:1.b.1", "interests": '["go","art"]', "status": "chatting", "match": "99",
                                 "last": "a"}


def test_nobody_meets_himself(scripts):
    assert scripts.start("a", "x") == ["WAIT"]
    assert scripts.start("a", "x") == ["WAIT"]
    assert scripts.pairs() == {} and scripts.members("x") == {"a"}


def test_searching_on_under_new_topics_keeps_the_place(scripts):
    scripts.start("a", "x")
    since = scripts.store.zscore(scripts.key("waiting"), "a")
    assert scripts.start("a", "y", "z") == ["WAIT"]
    assert scripts.topics() == {"y", "z"}
    assert scripts.store.zscore(scripts.key("waiting"), "a") == since


def test_most_common_then_longest_waiting_then_id(scripts):
    for user, topics in (("a", ["x"]), ("d", ["x2", "y2"]), ("c", ["x2", "y2"])):
        # Waiting side by side though they would match: as a sample that was too small leaves them.
        meta = scripts.key(f"user_meta:{user}")
        scripts.store.hset(meta, mapping={"channel_id": "node:1.n.1", "status": "searching", "search": "1",
                                          "joined": str(topics).replace("'", '"'), "interests": "[]"})
        for topic in topics:
            scripts.store.sadd(scripts.key(f"interest:{topic}"), user)
        scripts.store.zadd(scripts.key("waiting"), {user: {"a": 1, "d": 5, "c": 5}[user]})
    assert scripts.start("z", "x", "x2", "y2")[1] == "c"  # two in common, as long as d, lower id
    assert scripts.start("y", "x", "x2", "y2")[1] == "d"  # two in common beat the longest wait
    assert scripts.start("w", "x", "x2", "y2")[1] == "a"


def test_longest_waiting_wins(scripts):
    scripts.start("late", "only late", "t")
    scripts.store.zadd(scripts.key("waiting"), {"late": 9000})
    meta = scripts.key("user_meta:early")
    scripts.store.hset(meta, mapping={"channel_id": "node:1.n.1", "status": "searching", "search": "1", "joined": '["t"]'})
    scripts.store.sadd(scripts.key("interest:t"), "early")
    scripts.store.zadd(scripts.key("waiting"), {"early": 10})
    assert scripts.start("z", "t")[1] == "early"


@pytest.mark.parametrize("how", ["gone", "idle", "chatting"])
def test_stale_ids_are_healed(scripts, how):
    scripts.start("ghost", "x", "y")
    if how == "gone":
        scripts.store.delete(scripts.key("user_meta:ghost"))
    elif how == "idle":
        scripts.store.hset(scripts.key("user_meta:ghost"), "status", "idle")
    else:
        scripts.store.hset(scripts.key("active_matches"), "ghost", "somebody")
    assert scripts.start("a", "x", "y") == ["WAIT"]
    assert scripts.members("x") == scripts.members("y") == {"a"} and scripts.waiting() == ["a"]


def test_end_matching(scripts):
    assert scripts.end_matching("nobody") == ["OK"]
    assert scripts.meta("nobody") == {}
    scripts.start("a", "x", "y")
    assert scripts.end_matching("a") == ["OK"]
    assert scripts.topics() == set() and scripts.waiting() == []
    assert scripts.meta("a")["status"] == "idle" and "joined" not in scripts.meta("a")
    scripts.start("a", "x")
    scripts.start("b", "x")
    assert scripts.end_matching("a") == ["MATCHED"]
    assert scripts.pairs() == {"a": "b", "b": "a"}


def test_end_chat(scripts):
    scripts.start("a", "x")
    scripts.start("b", "x", match=50)
    assert scripts.end_chat("a", 49) == ["OK"]  # another chat's
    assert len(scripts.pairs()) == 2
    assert scripts.end_chat("a", 50) == ["OK"]
    assert scripts.pairs() == {}
    assert scripts.meta("a")["status"] == scripts.meta("b")["status"] == "idle"
    scripts.start("c", "x")
    scripts.start("b", "x", ended=50, match=51)
    assert scripts.end_chat("a", 50) == ["OK"]  # said twice
    assert scripts.pairs() == {"b": "c", "c": "b"}


def test_a_search_that_knows_of_the_end_clears_the_pair(scripts):
    scripts.start("a", "x")
    scripts.start("b", "x", match=50)
    assert scripts.start("a", "x", ended=0) == ["ALREADY"]
    assert len(scripts.pairs()) == 2
    assert scripts.start("a", "x", ended=50) == ["WAIT"]
    assert scripts.pairs() == {} and scripts.meta("b")["status"] == "idle"
    # b has not heard of anything newer than 50 either, so its own end is old news.
    assert scripts.end_chat("b", 50) == ["OK"]
    assert scripts.waiting() == ["a"]


def test_a_search_older_than_the_last_match_is_refused(scripts):
    scripts.start("a", "x")
    scripts.start("b", "x", match=50)
    scripts.end_chat("b", 50)
    assert scripts.start("a", "y", ended=0) == ["ALREADY"]  # sent before a heard of the match
    assert scripts.waiting() == []


def test_a_search_that_knows_of_a_later_match_than_redis_is_none_that_came_late(scripts):
    assert scripts.start("a", "x", ended=7) == ["WAIT"]
    assert scripts.end_matching("a") == ["OK"]
    assert scripts.start("a", "x", ended=9) == ["WAIT"]  # 9 was refused by a, which Redis has forgotten by then
    assert scripts.start("a", "x", ended=7) == ["ALREADY"]
    scripts.start("b", "x", match=50)
    assert scripts.start("a", "x", ended=60) == ["WAIT"]
    assert scripts.pairs() == {} and scripts.meta("b")["status"] == "idle"


def test_leave(scripts):
    assert scripts.leave("nobody") == ["OK"]
    scripts.start("a", "x", "y")
    assert scripts.leave("a") == ["OK"]
    assert scripts.keys_of_users() == []
    scripts.start("a", "x")
    scripts.start("b", "x")
    scripts.leave("a")
    assert scripts.pairs() == {} and scripts.meta("a") == {} and scripts.meta("b")["status"] == "idle"
    scripts.leave("b")
    assert scripts.keys_of_users() == []


def test_match_ids_grow_also_for_a_redis_that_has_forgotten_the_last_one(scripts):
    assert scripts.start("a", "x", ended=99) == ["WAIT"]
    assert scripts.meta("a")["match"] == "99"
    assert scripts.start("b", "x", ended=0, match=99) == ["BEHIND", "99"]
    assert scripts.start("b", "x", ended=0, match=100)[:2] == ["MATCH", "a"]
    assert scripts.start("c", "y", ended=0) == ["WAIT"]
    assert "match" not in scripts.meta("c")
    assert scripts.start("d", "y", ended=150, match=150) == ["BEHIND", "150"]
    assert scripts.meta("d") == {}
    assert scripts.start("d", "y", ended=150, match=151)[:2] == ["MATCH", "c"]


def test_restore_chat(scripts):
    assert scripts.restore_chat("a", 50, "b", "x") == ["OK"]
    assert scripts.pairs() == {}  # b has not said so yet
    assert scripts.meta("a") == {"channel_id": "node:1.a.1", "interests": '["x"]', "status": "chatting", "match": "50",
                                 "last": "b"}
    assert scripts.restore_chat("b", 50, "a", "y") == ["OK"]
    assert scripts.pairs() == {"a": "b", "b": "a"}
    assert scripts.restore_chat("a", 50, "b", "x") == ["OK"]
    assert scripts.pairs() == {"a": "b", "b": "a"}


def test_restore_chat_does_not_take_a_partner_who_has_gone_on(scripts):
    scripts.start("b", "x", ended=50)
    scripts.restore_chat("a", 50, "b", "x")
    assert scripts.pairs() == {} and scripts.waiting() == ["b"]
    scripts.start("c", "x", match=51)
    scripts.restore_chat("a", 50, "b", "x")
    assert scripts.pairs() == {"b": "c", "c": "b"}


def test_restore_chat_ends_what_a_late_search_began(scripts):
    scripts.start("a", "x")
    scripts.submit("b", "x")
    scripts.restore_chat("a", 50, "b", "x")
    assert scripts.waiting() == [] and scripts.topics() == set()
    assert scripts.pairs() == {"a": "b", "b": "a"}


def test_restore_chat_parts_a_user_from_whom_a_late_search_has_found(scripts):
    scripts.start("c", "x")
    assert scripts.start("a", "x")[:2] == ["MATCH", "c"]
    scripts.submit("b", "x")
    scripts.restore_chat("a", 50, "b", "x")
    assert scripts.pairs() == {"a": "b", "b": "a"} and scripts.meta("c")["status"] == "idle"

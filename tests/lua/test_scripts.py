"""Each script by itself: what it answers, and what it changes."""
import pytest


def test_fence(scripts):
    assert scripts.fence("node:2", "node", 5000) == ["OK"]  # the same node comes again
    held = scripts.fence("other:1", "other", 5000)
    assert held[:2] == ["HELD", "node:2"] and 0 < int(held[2]) <= 5000
    assert scripts.fence("nod:1", "nod", 5000)[0] == "HELD"  # not a beginning of another's name
    scripts.store.delete(scripts.key("epoch"))
    assert scripts.fence("other:1", "other", 5000) == ["OK"]
    assert 0 < scripts.store.pttl(scripts.key("epoch")) <= 5000


def test_heartbeat_and_release(scripts):
    key = scripts.key("epoch")
    assert scripts.call("heartbeat", ["epoch"], ["node:1", 99000]) == ["OK"]
    assert 60000 < scripts.store.pttl(key) <= 99000
    assert scripts.call("heartbeat", ["epoch"], ["node:0", 5]) == ["STALE"]
    assert scripts.call("release", ["epoch"], ["node:0"]) == ["STALE"]
    assert scripts.store.exists(key)
    assert scripts.call("release", ["epoch"], ["node:1"]) == ["OK"]
    assert not scripts.store.exists(key)


def test_a_fenced_call_does_nothing(scripts):
    scripts.start("a", "x")
    before = {key: scripts.store.dump(key) for key in scripts.store.keys("*")}
    for epoch in ("node:0", "node:10"):
        scripts.epoch = epoch
        for answer in (scripts.submit("b", "x"), scripts.start("b", "x"), scripts.end_matching("a"), scripts.end_chat("a", 1),
                       scripts.restore_chat("a", 1, "b", "x"), scripts.leave("a"), scripts.block("a", "b"),
                       scripts.report("r", "d", "a")):
            assert answer == ["STALE"]
    scripts.epoch = "node:1"
    assert {key: scripts.store.dump(key) for key in scripts.store.keys("*")} == before
    scripts.store.delete(scripts.key("epoch"))
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
        scripts.store.hset(meta, mapping={"channel_id": "n", "status": "searching", "search": "1",
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
    scripts.store.hset(meta, mapping={"channel_id": "n", "status": "searching", "search": "1", "joined": '["t"]'})
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


def test_leave(scripts):
    assert scripts.leave("nobody") == ["OK"]
    scripts.start("a", "x", "y")
    assert scripts.leave("a") == ["OK"]
    assert scripts.store.keys("*") == [scripts.key("epoch")]
    scripts.start("a", "x")
    scripts.start("b", "x")
    scripts.leave("a")
    assert scripts.pairs() == {} and scripts.meta("a") == {} and scripts.meta("b")["status"] == "idle"
    scripts.leave("b")
    assert scripts.store.keys("*") == [scripts.key("epoch")]


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
    scripts.start("c", "x")
    scripts.restore_chat("a", 50, "b", "x")
    assert scripts.pairs() == {"b": "c", "c": "b"}


def test_restore_chat_ends_what_a_late_search_began(scripts):
    scripts.start("a", "x")
    scripts.submit("b", "x")
    scripts.restore_chat("a", 50, "b", "x")
    assert scripts.waiting() == [] and scripts.topics() == set()
    assert scripts.pairs() == {"a": "b", "b": "a"}


def test_who_takes_anyone_meets_who_does_too(scripts):
    assert scripts.start("shy", "tea") == ["WAIT"]
    assert scripts.start("first", "go", anyone=True) == ["WAIT"]
    assert scripts.start("second", "art", anyone=True)[:2] == ["MATCH", "first"]  # and not shy, who wants tea
    assert scripts.start("third", "chess") == ["WAIT"]
    assert scripts.start("fourth", "opera", anyone=True) == ["WAIT"]
    assert scripts.store.smembers(scripts.key("anyone")) == {"fourth"}
    assert scripts.start("third", "chess", anyone=True)[:2] == ["MATCH", "fourth"]
    assert not scripts.store.exists(scripts.key("anyone"))


def test_a_common_interest_is_better_than_anyone(scripts):
    scripts.start("anyone", "go", anyone=True)
    scripts.start("friend", "tea")
    assert scripts.start("a", "tea", anyone=True)[1] == "friend"


@pytest.mark.parametrize("way", ["end_matching", "leave", "restore_chat", "start"])
def test_who_waits_for_anyone_stops_waiting(scripts, way):
    scripts.start("a", "x", anyone=True)
    if way == "end_matching":
        scripts.end_matching("a")
    elif way == "leave":
        scripts.leave("a")
    elif way == "restore_chat":
        scripts.restore_chat("a", 50, "b", "x")
    else:
        scripts.start("a", "x")
    assert not scripts.store.exists(scripts.key("anyone"))


@pytest.mark.parametrize("blocker, blocked", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("anyone", [False, True])
def test_the_blocked_do_not_meet(scripts, blocker, blocked, anyone):
    scripts.submit(blocker, "x")
    assert scripts.block(blocker, blocked, "somebody") == ["OK"]
    assert scripts.start("a", "x", anyone=anyone) == ["WAIT"]
    assert scripts.start("b", "x", anyone=anyone) == ["WAIT"]
    assert scripts.start("c", "x", anyone=anyone)[1] == "a"
    scripts.leave(blocker)
    assert not scripts.store.exists(scripts.key(f"blocked:{blocker}"))


def test_a_block_of_who_is_not_here_is_not_kept(scripts):
    assert scripts.block("a", "b") == ["OK"]
    assert scripts.store.keys("*") == [scripts.key("epoch")]


def test_behind_many_blocked_is_somebody_to_meet(scripts):
    crowd = [f"w{i}" for i in range(100)]
    scripts.submit("a", "x")
    scripts.block("a", *crowd)
    for user in crowd:
        scripts.submit(user, "x")
        scripts.block(user, *crowd)
        assert scripts.start(user, "x") == ["WAIT"]
    scripts.block("b", "a")  # not here yet: nothing
    scripts.submit("b", "x")
    scripts.block("b", *crowd)
    assert scripts.start("b", "x") == ["WAIT"]
    assert scripts.start("a", "x")[1] == "b"


def test_the_last_partner_only_if_there_is_nobody_else(scripts):
    scripts.start("a", "x")
    assert scripts.start("b", "x", match=50)[1] == "a"
    scripts.end_chat("a", 50)
    assert scripts.start("a", "x", "y", ended=50) == ["WAIT"]
    assert scripts.start("c", "x", "z") == ["MATCH", "a", "node:1.a.1", "1", "identity of a", "x"]
    scripts.leave("a")
    scripts.leave("c")
    scripts.start("a", "x", "y")
    scripts.start("c", "z", anyone=True)
    scripts.store.hset(scripts.key("user_meta:a"), "last", "b")
    # c shares nothing, but was not the last one; without c it is a again.
    assert scripts.start("b", "x", "y", ended=50, match=51, anyone=True)[1] == "c"
    scripts.end_chat("b", 51)
    scripts.leave("c")
    assert scripts.start("b", "x", "y", ended=51, anyone=True)[1] == "a"


def test_report(scripts):
    key = scripts.key
    assert scripts.report("r1", "dev", "adr", report_ms=9000) == ["OK"]
    assert scripts.report("r1", "dev", "adr", report_ms=9000) == ["OK"]  # the same reporter counts once
    assert scripts.report("r2", "dev", "adr", report_ms=9000) == ["OK"]
    assert 0 < scripts.store.pttl(key("reports:dev")) <= 9000 and 0 < scripts.store.pttl(key("reports:adr")) <= 9000
    assert scripts.start("a", "x", device="dev", address="adr") == ["WAIT"]
    assert scripts.report("r3", "dev", "other", ban_ms=5000) == ["BANNED"]  # the device is known by now, wherever it is
    for banned in ("dev", "other"):
        assert 0 < scripts.store.pttl(key(f"ban:{banned}")) <= 5000
        assert not scripts.store.exists(key(f"reports:{banned}"))
    assert not scripts.store.exists(key("ban:adr"))


def test_the_banned_are_refused(scripts):
    scripts.report("r", "dev", "adr", limit=1)
    before = set(scripts.store.keys("*"))
    assert scripts.submit("a", "x", device="dev") == scripts.submit("a", "x", address="adr") == ["BANNED"]
    assert scripts.start("a", "x", device="dev") == scripts.start("a", "x", address="adr") == ["BANNED"]
    assert set(scripts.store.keys("*")) == before
    assert scripts.start("a", "x", device="adr", address="dev") == ["BANNED"]  # hashes are of one name space

"""Who may meet whom: anyone, the blocked, the last partner, the reported."""
import pytest


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
    assert scripts.keys_of_users() == []


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


def test_another_window_of_the_same_device_only_if_there_is_nobody_else(scripts):
    device, other, address = "d1" * 16, "d2" * 16, "a1" * 16
    assert scripts.start("a", "x", "y", identity=device + address) == ["WAIT"]
    assert scripts.start("stranger", "x", identity=other + address, anyone=True)[1] == "a"  # one address is not one person
    scripts.end_chat("a", 100)
    scripts.leave("a")
    scripts.leave("stranger")
    assert scripts.start("a", "x", "y", identity=device + address) == ["WAIT"]
    assert scripts.start("far", "z", identity=other + address, anyone=True) == ["WAIT"]
    # a shares two topics, far none.
    assert scripts.start("b", "x", "y", identity=device + address, match=101, anyone=True)[1] == "far"
    scripts.end_chat("b", 101)
    scripts.leave("far")
    scripts.leave("b")
    assert scripts.start("c", "x", identity=device + address, match=102)[1] == "a"  # who tries it alone, in two windows


def test_devices_that_are_not_known_are_not_one(scripts):
    unknown, address = "0" * 32, "a1" * 16
    scripts.start("a", "x", identity=unknown + address)
    scripts.start("b", "y", identity=unknown + address)
    assert scripts.start("c", "x", "y", identity=unknown + address, match=104)[1] == "a"
    scripts.start("d", "z", identity="")
    scripts.start("e", "w", identity="")
    assert scripts.start("f", "z", "w", identity="", match=105)[1] == "d"


def test_an_address_is_not_one_person(scripts):
    key = scripts.key
    for i in range(11):
        assert scripts.report(f"r{i}", f"dev{i}", "adr") == ["OK"]
    assert not scripts.store.keys(key("ban:*"))
    assert scripts.submit("neighbour", "n", device="dev", address="adr") == ["OK"]
    assert scripts.report("r11", "dev11", "adr") == ["BANNED"]  # who has a new device each time
    assert sorted(scripts.store.keys(key("ban:*"))) == [key("ban:adr"), key("ban:dev11")]


def test_whose_device_is_not_known_is_its_address(scripts):
    key = scripts.key
    assert scripts.report("r1", "adr", "adr") == ["OK"]
    assert scripts.report("r2", "adr", "adr") == ["OK"]
    assert scripts.report("r3", "adr", "adr") == ["BANNED"]
    assert scripts.store.keys(key("ban:*")) == [key("ban:adr")]


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

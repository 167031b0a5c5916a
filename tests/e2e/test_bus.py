"""The bus between nodes: real processes, and real Redis between them. Who lives hears of the others, who is dead is missed, and what comes
from nobody knows where is dropped and counted. Each node has a Redis of its own for matching, so that here they share the bus alone."""
import asyncio
import contextlib
import os
import re
import signal
import subprocess
import time

import pytest
import redis

from cluster import SECRET, Cluster, peers, wait_for_peers
from harness import BINARY, SLOWNESS, Client, in_thread, pair, redis_server, running, wait_for
from test_redis import free_port

OTHER_SECRET = b"another secret of more than 32 bytes"


@pytest.fixture
def cluster():
    with contextlib.ExitStack() as stack:
        yield Cluster(stack)


def dropped(node, reason):
    return node.metric(f"bus_dropped_{reason}_total")


def test_they_hear_of_each_other_and_of_who_leaves(cluster):
    async def run():
        one, two = await in_thread(cluster.nodes, 2)
        user = await Client.connect(one)
        await in_thread(wait_for, lambda: two.metric("peer_users") == 1 and one.metric("peer_users") == 0, "the user of the other")
        await user.close()
        with contextlib.ExitStack() as stack:
            cluster.stack, whole = stack, cluster.stack
            third = await in_thread(cluster.node)
            cluster.stack = whole
            await in_thread(wait_for_peers, (one, two, third), 2)
            begin = time.monotonic()
            await in_thread(third.stop)
            await in_thread(wait_for_peers, (one, two), 1)
            assert time.monotonic() - begin < 1.5 * SLOWNESS  # said, not missed
        for node in (one, two):
            assert node.metric("peer_deaths_total") == 0 and node.metric("node_life") == 1
            assert len(node.log_lines("peer_left")) == 1
            assert 0 < node.metric("bus_echo_seconds_bucket", le="1") <= node.metric("bus_echo_seconds_count")
    asyncio.run(run())


def test_who_is_killed_is_dead_in_two_and_a_half_seconds(cluster):
    one, two, three = cluster.nodes(3)
    three.process.kill()
    begin = time.monotonic()
    wait_for_peers((one, two), 1)
    assert 1.4 < time.monotonic() - begin < 2.5 * SLOWNESS
    assert [node.metric("peer_deaths_total") for node in (one, two)] == [1, 1]
    assert [node.metric("node_life") for node in (one, two)] == [1, 1]
    three.process.wait()
    three.stop = lambda: None


def test_who_is_stopped_for_a_while_begins_a_new_life(cluster):
    one, two, three = cluster.nodes(3)
    three.process.send_signal(signal.SIGSTOP)
    wait_for_peers((one, two), 1)
    three.process.send_signal(signal.SIGCONT)
    wait_for_peers((one, two, three), 2)
    assert [node.metric("peer_deaths_total") for node in (one, two, three)] == [1, 1, 0]
    assert [node.metric("node_life") for node in (one, two, three)] == [1, 1, 2]
    assert "stood still" in three.log_lines("bus_new_life")[0]


def test_a_secret_that_is_not_the_same(cluster):
    one = cluster.node()
    two = cluster.node(secrets=cluster.file("other", OTHER_SECRET))
    for node in (one, two):
        wait_for(lambda: dropped(node, "seal") >= 3, "beats that do not open")
        assert peers(node) == 0
        assert len([line for line in node.log_lines("bus_dropped") if "another secret" in line]) == 1
        assert not any(word in "\n".join(node.log) for word in (SECRET.decode(), OTHER_SECRET.decode()))


def test_a_secret_is_changed_while_nodes_live(cluster):
    former, new = cluster.file("former", SECRET), cluster.file("new", OTHER_SECRET)
    nodes = [cluster.node(secrets=secrets) for secrets in (f"{former},{new}", f"{new},{former}")]
    wait_for_peers(nodes, 1)
    nodes.append(cluster.node(secrets=new))
    wait_for(lambda: peers(nodes[1]) == 2 and peers(nodes[2]) == 1, "the second step to hear the third")


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_bus_is_away_for_a_while(cluster, how):
    nodes = cluster.nodes(2)
    if how == "killed":
        cluster.bus.stop()
    else:
        cluster.bus.process.send_signal(signal.SIGSTOP)
    for node in nodes:
        wait_for(lambda: not node.is_ready(), "a node to notice that it hears nobody")
    time.sleep(2.5)  # longer than whoever is heard may be silent
    if how == "killed":
        cluster.bus.start()
    else:
        cluster.bus.process.send_signal(signal.SIGCONT)
    for node in nodes:
        node.wait_ready()
    time.sleep(0.5)
    for node in nodes:
        assert peers(node) == 1 and node.metric("peer_deaths_total") == 0 and node.metric("node_life") == 1


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_node_ends_whatever_the_bus_does(cluster, how):
    nodes = cluster.nodes(2)
    if how == "killed":
        cluster.bus.stop()
    else:
        cluster.bus.process.send_signal(signal.SIGSTOP)
    for node in nodes:
        begin = time.monotonic()
        node.stop()  # expects status 0
        assert time.monotonic() - begin < 2 * SLOWNESS and not node.log_lines("drain_timeout")


def test_patience_ends(cluster):
    nodes = [cluster.node("--bus-patience", "1s") for _ in range(2)]
    wait_for_peers(nodes, 1)
    cluster.bus.stop()
    wait_for_peers(nodes, 0)
    assert [node.metric("node_life") for node in nodes] == [2, 2]
    cluster.bus.start()
    wait_for_peers(nodes, 1)


def test_one_of_two_redis_goes_away():
    with contextlib.ExitStack() as stack:
        cluster = Cluster(stack, buses=2)
        one, two, three = cluster.nodes(3)
        cluster.buses[1].stop()
        wait_for(lambda: not one.is_ready(), "/readyz to say so")
        time.sleep(2.5)
        assert peers(one) == peers(two) == 2 and one.metric("buses_up") == 1 and one.metric("node_life") == 1
        three.process.kill()
        three.process.wait()
        three.stop = lambda: None
        wait_for_peers((one, two), 1)
        cluster.buses[1].start()
        one.wait_ready()


def test_a_node_of_a_redis_cluster_that_is_cut_off_from_it_is_left(tmp_path):
    """It carries its own subscribers' messages all the same, so their beats come back. Here it has never had others, or loses the keys."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(2):
            port, bus = (stack.enter_context(free_port()) for _ in range(2))
            stack.enter_context(redis_server("--port", port, "--cluster-enabled", "yes", "--cluster-port", bus))
            ports.append(port)
        alone, whole = ports
        store, _ = stack.enter_context(redis_server())
        keeper = redis.Redis(port=whole)
        keeper.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        wait_for(lambda: keeper.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster to be whole")
        nodes = [stack.enter_context(running("--redis", f"unix:{store}", "--bus", f"cluster://{hosts}", "--cluster-secret-file", secret))
                 for hosts in (f"127.0.0.1:{alone},127.0.0.1:{whole}", f"127.0.0.1:{whole}")]
        wait_for_peers(nodes, 1)
        line = nodes[0].log_lines("bus_lost")[0]
        assert f"127.0.0.1:{alone}" in line and "its cluster does not serve these keys now" in line
        keeper.execute_command("CLUSTER DELSLOTSRANGE", 0, 0)
        wait_for(lambda: all(node.metric("buses_up") == 0 for node in nodes), "the loss")
        keeper.execute_command("CLUSTER ADDSLOTSRANGE", 0, 0)
        wait_for_peers(nodes, 1)


def own_channel(node):
    """From what the others log of it."""
    return re.search(r"node=([0-9a-f]{16})", node.log_lines("peer_alive")[-1])[1]


def test_nonsense_is_dropped_and_counted(cluster):
    one, two = cluster.nodes(2)
    attacker = cluster.bus.client
    ears = attacker.pubsub(ignore_subscribe_messages=True)
    ears.subscribe("bus:all")
    beats = []

    def hear():
        message = ears.get_message(timeout=0.1)
        if message:
            beats.append(message["data"])
        return len(beats) >= 4
    wait_for(hear, "beats")
    of_one = "bus:" + own_channel(two)  # two has logged one
    good, later = beats[0], beats[-1]
    for channel in ("bus:all", of_one):
        for nonsense, reason in ((b"\x01" + good[1:], "version"), (b"", "malformed"), (good[:30], "malformed"),
                                 (good[:-1] + bytes([good[-1] ^ 1]), "seal"), (good[:-1], "seal"), (os.urandom(70000)[1:], None),
                                 (b"\x02" + os.urandom(500), "seal")):
            before = reason and dropped(one, reason)
            assert attacker.publish(channel, nonsense) >= 1
            if reason:
                wait_for(lambda: dropped(one, reason) == before + 1, f"{reason} to be counted on {channel}")
    # A beat that was heard before; and one in a channel that it was not for.
    before = dropped(one, "old")
    attacker.publish("bus:all", good)
    wait_for(lambda: dropped(one, "old") == before + 1, "a beat played back")
    before = dropped(one, "seal")
    attacker.publish(of_one, later)
    wait_for(lambda: dropped(one, "seal") == before + 1, "a beat for somebody else")
    attacker.publish("bus:all", b"\x01" + b"x" * (2 << 20))  # longer than anything may be: it costs the connection
    wait_for(lambda: one.log_lines("bus_lost"), "the connection to be given up")
    time.sleep(1)
    wait_for_peers((one, two), 1)
    assert [node.metric("peer_deaths_total") for node in (one, two)] == [0, 0]
    ears.close()


def test_nothing_is_in_clear(cluster):
    """Neither on the bus nor in the logs."""
    async def run():
        one, two = await in_thread(cluster.nodes, 2)
        monitor = subprocess.Popen(["redis-cli", "-s", cluster.bus.path, "monitor"], stdout=subprocess.PIPE)
        a, b = await pair(one, "canary interest")
        await a.send("chat_message", message="canary text")
        await b.expect("chat_message", message="canary text")
        await asyncio.sleep(1.2)  # beats
        monitor.kill()
        heard = monitor.communicate()[0]
        assert heard.count(b'"PUBLISH" "bus:all"') >= 3, heard
        assert b"canary" not in heard and a.user_id.encode() not in heard
        assert not any("canary" in line for node in (one, two) for line in node.log)
        await a.close()
        await b.close()
    asyncio.run(run())


@pytest.mark.parametrize("arguments, line", [
    (["--cluster-secret-file", "SECRET"], "--cluster-secret-file: expected a --redis that all nodes share"),
    (["--cluster-secret-file", "SHORT", "--redis", "redis://h"], "expected a file of 32 to 4096 random bytes"),
    (["--cluster-secret-file", "/nowhere", "--redis", "redis://h"], "--cluster-secret-file /nowhere: No such file"),
    (["--cluster-secret-file", "SECRET", "--redis", "redis://h", "--bus", "redis://h,embedded"], "--bus: address 2 will not do"),
    (["--bus", "redis://h"], "--bus: expected --cluster-secret-file as well"),
])
def test_what_will_not_do_is_told_in_one_line(tmp_path, arguments, line):
    (tmp_path / "SECRET").write_bytes(SECRET)
    (tmp_path / "SHORT").write_bytes(SECRET[:31])
    answer = subprocess.run([BINARY, "--port", "0", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=10)
    assert answer.returncode == 2 and line in answer.stderr and answer.stderr.count("\n") == 1, answer

"""Five nodes on one Redis, with a crowd on all of them that chats and is matched across: whatever happens to nodes, to Redis and to what they say to each
other, chats that it does not concern go on, partners of users who are gone are told, everybody meets again, and nothing is lost, mixed up or left behind."""
import asyncio
import gc
import math
import random
import signal
import time

import pytest
import redis

from across import ALONE_SECONDS, GONE_SECONDS, IS_LONG, TIMES, TOLD_SECONDS, WHOLE_SECONDS
from harness import in_thread
from world import World

KILLS = 100 if IS_LONG else 5
NEXT_SECRET = b"the next secret of more than 32 bytes"
STRANGE_SECRET = b"a strange secret of more than 32 bytes"


class Worlds:
    """One world goes through all faults, one after the other; one that a fault has broken is replaced."""

    def __init__(self):
        self.world = None

    def current(self):
        if self.world and self.world.is_broken:
            self.finish()
        self.world = self.world or World(users=500 if IS_LONG else 150)
        return self.world

    def finish(self):
        world, self.world = self.world, None
        if world:
            world.close() if world.is_broken else world.finish()


@pytest.fixture(scope="module")
def worlds():
    found = Worlds()
    yield found
    found.finish()


@pytest.fixture
def world(worlds):
    return worlds.current()


def rows(*faults, is_long=()):
    """Those of is_long take too long for every day."""
    return pytest.mark.parametrize("name, fault", [*faults, *(is_long if IS_LONG else ())], ids=lambda value: value if isinstance(value, str) else "")


def percentile(values, share):
    return sorted(values)[math.ceil(len(values) * share) - 1]


# Nodes that die.

async def all_told(world, node, begin):
    """Returns the seconds that it took, for each partner of its users."""
    def untold():
        sides = [side for side in world.promises.partners_of(node, begin) if not side.end]
        for other in {side.node for side in sides}:
            print(other.port, *other.log[-30:], sep="\n")
        return f"partners to be told: {[str(side) for side in sides]}"
    await world.crowd.until(lambda: None not in world.promises.told_after(node, begin), untold, ALONE_SECONDS)
    waits = world.promises.told_after(node, begin)
    assert waits
    return waits


async def gone_from_redis(world, begin, ids):
    """Returns the seconds that it took until nobody of them is there."""
    keys = [f"user_meta:{user_id}" for user_id in ids]
    while keys and await in_thread(world.store.exists, *keys):
        assert time.monotonic() - begin < GONE_SECONDS, "users of a node that is dead are still in Redis"
        await asyncio.sleep(0.05)
    return time.monotonic() - begin


async def killed(world):
    """Each fourth time it only stops, which no connection tells, and is killed later."""
    count, told, gone = KILLS, [], []
    for number in range(count):
        node = max(world.crowd.nodes, key=lambda node: len(world.crowd.across(node)))
        before = world.crowd.look()
        ids = [user.user_id for user in world.crowd.users if user.server is node]
        harm = await world.kill(node, signal.SIGSTOP if number % 4 == 3 else signal.SIGKILL)
        gone.append(asyncio.create_task(gone_from_redis(world, harm.begin, ids)))
        told += await all_told(world, node, harm.begin)
        world.crowd.gone_on(before, {node})
        await in_thread(node.process.kill)
        harm.is_over()
        await world.start_another(node)
        await world.crowd.whole()
        # What the crowd keeps of all that was is not looked through again: for that it would stand still, and hear late, the longer the more.
        gc.collect()
        gc.freeze()
    seconds = await asyncio.gather(*gone)
    assert percentile(told, 0.99) <= TOLD_SECONDS
    return (f"{len(told)} partners told after {percentile(told, 0.5):.2f} s, 99 % within {percentile(told, 0.99):.2f} s, "
            f"all within {max(told):.2f} s; gone from Redis within {max(seconds):.1f} s")


def stands_still(seconds):
    """For so long, then goes on."""
    async def fault(world):
        node = next(node for node in world.crowd.nodes if not node.proxy)
        others = [other for other in world.crowd.nodes if other is not node]
        await world.crowd.add_pair_on(node)
        life, before = node.metric("node_life"), world.crowd.look()
        people = {person: person.user for pair in world.crowd.pairs for person in (pair, pair.partner) if person.user.server is node}
        waiting = next(person for person in world.crowd.patient if person.user.server is node)
        seeker = await world.crowd.enter(others[0])
        await seeker.submit(waiting.interest)
        world.crowd.away.add(node)
        harm = world.promises.harm({node})
        node.process.send_signal(signal.SIGSTOP)
        harm.begin = time.monotonic()
        try:
            await seeker.ask_out("start_matching")  # who waits there is met, and is not there
            await world.crowd.live(seconds)
            told = await all_told(world, node, harm.begin) if seconds > 3 else []
        finally:
            node.process.send_signal(signal.SIGCONT)
            harm.is_over()
            world.crowd.away.discard(node)
        await world.heard_of_by_all()
        await world.crowd.until(lambda: world.promises.ended_or_heard(seeker), "the seeker to hear of whom it met, or of the end")
        await world.crowd.live(0.5)
        if seconds < 1:
            assert node.metric("node_life") == life
            world.crowd.gone_on(before)
        else:
            assert node.metric("node_life") == life + 1
            world.crowd.gone_on(before, {node})
            world.crowd.alone_gone_on(before, node)
            assert all(pair.chat() != before[pair] for pair in before if node in pair.nodes_then and len(pair.nodes_then) == 2)
        assert all(person.user is user and not user.reader.done() for person, user in people.items()), "its users are still connected"
        await seeker.leave()
        return f"{len(told)} partners told within {max(told):.2f} s" if told else ""
    return fault


async def clocks_differ(world):
    """One is an hour ahead, one behind, and they are all the time. All pairs part at once, and meet again: of one user the match ids grow."""
    before = world.crowd.look()
    for pair in before:
        await pair.user.ask_out("end_chat")
    await world.crowd.until(lambda: all(pair.chat() not in (None, match) for pair, match in before.items()), "pairs to meet again", WHOLE_SECONDS)
    assert all(int(pair.chat(), 16) > int(match, 16) for pair, match in before.items())


async def rolling_restart(world):
    """One after the other is replaced, as by an update. Everybody's chats go on until it is the turn of one of the two nodes."""
    longest = 0
    for node in list(world.crowd.nodes):
        before = world.crowd.look()
        longest = max(longest, await world.stop(node))
        await world.start_another(node)
        world.crowd.gone_on(before, {node})
    assert longest < 3
    return f"each ends within {longest:.2f} s"


async def secret_changed(world):
    """As tools/README.md says: in three rounds, each a rolling restart, and everybody hears everybody all the time."""
    former, new = world.secrets, world.cluster.file("new", NEXT_SECRET)
    before = [node.metric("bus_dropped_seal_total") for node in world.crowd.nodes]
    assert sum(before) == 0
    for world.secrets in (f"{former},{new}", f"{new},{former}", new):
        await rolling_restart(world)
        assert sum(node.metric("bus_dropped_seal_total") for node in world.crowd.nodes) == 0
        await world.crowd.whole()


@rows(("one after the other is killed, or stops", killed), ("one stands still for 0.5 s", stands_still(0.5)), ("one stands still for 2.1 s", stands_still(2.1)),
      ("clocks are an hour ahead and behind", clocks_differ),
      is_long=[(f"one stands still for {seconds} s", stands_still(seconds)) for seconds in (1.9, 4.9, 5.1, 30)]
      + [("each is replaced by another one", rolling_restart), ("the secret is changed", secret_changed)])
def test_nodes(world, name, fault):
    world.run(fault, name)


# One node that cannot reach Redis.

def cut_off(how):
    async def fault(world):
        node = next(node for node in world.crowd.nodes if node.proxy)
        await world.crowd.add_pair_on(node)
        before = world.crowd.look()
        alone = [pair for pair in before if pair.nodes_then == {node}]
        world.crowd.away.add(node)
        harm = world.promises.harm({node})
        how(world, True)
        harm.begin = time.monotonic()
        told = await all_told(world, node, harm.begin)
        await world.crowd.live(6 if IS_LONG else 1)
        assert not await in_thread(node.is_ready)
        await world.crowd.heard_by(alone)
        how(world, False)
        await in_thread(node.wait_ready)
        world.crowd.away.discard(node)
        await world.heard_of_by_all()
        harm.is_over()
        world.crowd.gone_on(before, {node})
        world.crowd.alone_gone_on(before, node)
        return f"{len(told)} partners told within {max(told):.2f} s"
    return fault


def shut(world, is_on):
    world.proxy.tell(**({"shut": True} if is_on else {"is_shut": False}))


def silence(world, is_on):
    world.proxy.tell(is_silent=is_on)


def delay(world, is_on):
    world.proxy.tell(distance=3 if is_on else 0)


async def far_away(world):
    """Slow, but it gets there: nothing happens to anybody."""
    before = world.crowd.look()
    world.proxy.tell(distance=0.2)
    await world.crowd.live(10 if IS_LONG else 2)
    await world.crowd.heard_by(before)
    world.proxy.tell(distance=0)
    world.crowd.gone_on(before)


@rows(("nothing gets through to one", cut_off(silence)),
      is_long=[("Redis hangs up on one, and takes no connection", cut_off(shut)),
               ("for one every reply takes 3 s", cut_off(delay)), ("for one every reply takes 0.2 s", far_away)])
def test_cut_off(world, name, fault):
    world.run(fault, name)


# Redis itself.

def without_redis(leave, come_back, seconds):
    async def fault(world):
        before = world.crowd.look()
        harm = world.promises.harm(only_young=True)
        repeated = world.sum("peer_texts_repeated_total")
        await in_thread(leave, world.cluster.bus)
        await world.crowd.live(seconds)
        await in_thread(come_back, world.cluster.bus)
        for node in world.crowd.nodes:
            await in_thread(node.wait_ready)
        harm.is_over()
        await world.crowd.live(0.5)
        count = world.crowd.gone_on(before)
        await world.crowd.heard_by(before)
        return f"{count} chats go on, {world.sum('peer_texts_repeated_total') - repeated} texts repeated"
    return fault


def stop_process(bus):
    bus.process.send_signal(signal.SIGSTOP)


def continue_process(bus):
    bus.process.send_signal(signal.SIGCONT)


def again_and_again(act, times, pause):
    """Without a loss and without an end."""
    async def fault(world):
        before = world.crowd.look()
        harm = world.promises.harm(only_young=True)
        repeated = world.sum("peer_texts_repeated_total")
        for _ in range(times):
            await in_thread(act, world.store)
            await world.crowd.live(pause)
        harm.is_over()
        await world.crowd.live(0.5)
        world.crowd.gone_on(before)
        await world.crowd.heard_by(before)
        return f"{world.sum('peer_texts_repeated_total') - repeated} texts repeated"
    return fault


def empty(store):
    store.flushall()


def cut_subscribers(store):
    store.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


@rows(("FLUSHALL, again and again", again_and_again(empty, TIMES, 0.2)),
      ("CLIENT KILL TYPE pubsub, each 100 ms", again_and_again(cut_subscribers, TIMES * 5, 0.1)),
      is_long=[("Redis is killed, and there again after 5 s", without_redis(lambda bus: bus.stop(), lambda bus: bus.start(), 5)),
               ("Redis stands still for 5 s", without_redis(stop_process, continue_process, 5)),
               ("Redis is killed and started at once", without_redis(lambda bus: bus.stop(), lambda bus: bus.start(), 0))])
def test_redis(world, name, fault):
    world.run(fault, name)


# What nodes say to each other.

async def batches_go_astray(world):
    """As Strays of proxy.py has it."""
    node = next(node for node in world.crowd.nodes if node.proxy)
    before, repeated, old = world.crowd.look(), world.sum("peer_texts_repeated_total"), node.metric("bus_dropped_old_total")
    harm = world.promises.harm(only_young=True)
    world.proxy.tell(strays=world.crowd.seed)
    await world.crowd.live(20 if IS_LONG else 3)
    await world.crowd.heard_by(before)
    counts = world.proxy.tell(strays=None)
    harm.is_over()
    await world.crowd.live(2.1 if IS_LONG else 0)
    world.crowd.gone_on(before)
    repeated = world.sum("peer_texts_repeated_total") - repeated
    assert min(counts.values()) > 0 and repeated > 0 and node.metric("bus_dropped_old_total") > old
    return ", ".join(f"{count} {what}" for what, count in counts.items()) + f"; {repeated} texts repeated"


def attack(store_path, seconds, seed):
    """Everything that is heard is played back, to whom it was for and to others, whole and bent; and what never was a batch. Returns how many."""
    chance, count = random.Random(seed), 0
    attacker = redis.Redis(unix_socket_path=store_path)
    ears = attacker.pubsub(ignore_subscribe_messages=True)
    ears.psubscribe("bus:*")
    heard, ours, channels = [], set(), set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = ears.get_message(timeout=0.1)
        if not message or message["data"] in ours:
            continue
        channels.add(message["channel"])
        heard.append(message["data"])
        batch, channel = chance.choice(heard[-500:]), chance.choice(sorted(channels))
        bent = bytearray(batch)
        bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
        for nonsense in (batch, bytes(bent), b"\1" + batch[1:], batch[:chance.randrange(len(batch))], chance.randbytes(chance.randrange(1, 2000))):
            ours.add(nonsense)
            attacker.publish(channel, nonsense)
            count += 1
        time.sleep(0.005)
    ears.close()
    return count


async def nonsense(world):
    """And a node with another secret, whose users wait for what others here wait for, too."""
    names = [f"bus_dropped_{reason}_total" for reason in ("seal", "old", "version", "malformed")]
    before, counts, deaths = world.crowd.look(), [world.sum(name) for name in names], world.sum("peer_deaths_total")
    stranger = await in_thread(lambda: world.cluster.node("--rate-chat", 0, secrets=world.cluster.file("strange", STRANGE_SECRET)))
    lonely = []
    for person in world.crowd.patient[:5]:
        user = await world.crowd.enter(stranger)
        await user.submit(person.interest)
        await user.ask_out("start_matching")
        lonely.append(user)
    sent = await asyncio.gather(in_thread(attack, world.cluster.bus.path, 10 if IS_LONG else 2, world.crowd.seed), world.crowd.live(2))
    assert all(user.is_searching and user.side is None for user in lonely), "a node with another secret has been heard"
    assert stranger.metric("peers_alive") == 0
    await asyncio.gather(*(user.leave() for user in lonely))
    await in_thread(stranger.stop)
    stranger.stop = lambda: None
    await world.crowd.heard_by(before)
    world.crowd.gone_on(before)
    dropped = [world.sum(name) - count for name, count in zip(names, counts)]
    assert all(dropped), dropped
    assert world.sum("peer_deaths_total") == deaths
    return f"{sent[0]} batches of nonsense; dropped: {', '.join(f'{count} {name[12:-6]}' for name, count in zip(names, dropped))}"


@rows(("batches are lost, doubled and late", batches_go_astray), ("recorded batches, bent ones, other versions, another secret", nonsense))
def test_bus(world, name, fault):
    world.run(fault, name)


# Clients.

async def all_come_back(world):
    """Everybody's network is gone and there again; and forty of one address come at once to one node, which takes thirty, then ten a second."""
    cut = list(world.crowd.users)
    for user in cut:
        user.is_cut = True
        user.socket.transport.abort()
    before, begin = world.crowd.refusals, time.monotonic()
    entering = asyncio.gather(*(world.crowd.enter(world.crowd.nodes[0], address="203.0.113.1") for _ in range(40)))
    await world.crowd.until(lambda: all(user.reader.done() for user in cut), "everybody to notice")
    await world.crowd.whole()
    took = time.monotonic() - begin
    guests = await entering
    assert world.crowd.refusals > before
    await asyncio.gather(*(guest.leave() for guest in guests))
    return f"{world.crowd.refusals - before} handshakes refused; all pairs chat again after {took:.2f} s"


@rows(("all clients come back at once", all_come_back))
def test_clients(world, name, fault):
    world.run(fault, name)


def test_many_chats_outlive_redis(worlds):
    worlds.finish()
    chats, seconds = (500, 5) if IS_LONG else (60, 2)
    world = World(users=2 * chats, wander=False, pace=1 if IS_LONG else 0.5)
    try:
        world.run(without_redis(lambda bus: bus.stop(), lambda bus: bus.start(), seconds),
                  f"{chats} chats across nodes, Redis is killed, and there again after {seconds} s")
    finally:
        world.close() if world.is_broken else world.finish()

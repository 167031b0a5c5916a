"""--data-dir: reports and bans outlive the embedded Redis and the server, and nothing else does."""
import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time

import pytest
import websockets

from harness import BINARY, SLOWNESS, Client, Server, close_all, in_thread, running, wait_for

# Chats of ten seconds are long enough to be reported.
REPORTABLE = 10.5

FLAGS = ("--report-limit", 2, "--rate-search", 0, "--io-threads", 1)


def device(name):
    return hashlib.sha256(name.encode()).hexdigest()


def path_of(name):
    return "?id=" + device(name)


def files(directory):
    """All that is there, by name."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, name), "rb") as file:  # one that was replaced meanwhile
                found[os.path.relpath(os.path.join(folder, name), directory)] = file.read()
    return found


def written(directory):
    return b"".join(content for name, content in files(directory).items() if name.startswith("reports/"))


def kill_redis(server):
    count, ups = len(server.log_lines("redis_embedded")), len(server.log_lines("redis_up"))
    os.kill(server.redis_pid(), signal.SIGKILL)
    wait_for(lambda: len(server.log_lines("redis_embedded")) > count, "another one")
    wait_for(lambda: len(server.log_lines("redis_up")) > ups, "the matcher to have it")
    server.wait_ready()


def still_counted(server, directory):
    """A report is answered before Redis has it, and a ban deletes what was counted towards it: what is left is the rude one's."""
    return any(key.encode() in written(directory) for key in server.redis().keys("reports:*"))


async def meet(server, topic, *names):
    """Two in a chat."""
    clients = [await (await Client.connect(server, path_of(name))).like(topic) for name in names]
    await clients[0].search()
    await clients[1].send("start_matching")
    for client in clients:
        await client.expect("success_matched")
    return clients


async def is_refused(server, name):
    """Interests are taken at once, and Redis has the word, maybe before the search."""
    client = await Client.connect(server, path_of(name))
    try:
        await client.ask("submit_interests", interests=["canary of the refused"])
        await client.send("start_matching")
        await client.expect("no_match")
    except websockets.ConnectionClosed:
        assert client.socket.close_code == 4003
        return True
    await client.close()
    return False


def test_reports_and_bans_survive_and_nothing_else_is_written(tmp_path):
    """The spammer is reported twice, which is the limit, and the rude one once; they come back after Redis is killed, the server is killed, and stopped."""
    data = tmp_path / "data"
    ids = set()

    async def report(server):
        chats = [await meet(server, f"canary {i}", f"reporter {i % 2}", name) for i, name in enumerate(("spammer", "spammer", "rude"))]
        waiting = [await (await (await Client.connect(server, path_of(f"waiter {i}"))).like(f"canary of waiter {i}")).search() for i in range(3)]
        ids.update(client.user_id for chat in (*chats, waiting) for client in chat)
        for reporter, culprit in chats:
            await reporter.send("chat_message", message="canary message")
            await culprit.expect("chat_message")
        begin = asyncio.get_running_loop().time()
        ups = len(server.log_lines("redis_up"))
        server.redis().client_kill_filter(_type="normal", skipme=True)
        await in_thread(wait_for, lambda: len(server.log_lines("redis_up")) > ups, "another connection to the same Redis")
        await asyncio.sleep(1)
        look()
        await in_thread(kill_redis, server)  # with users who are stated again
        look()
        await asyncio.sleep(begin + REPORTABLE - asyncio.get_running_loop().time())
        for reporter, _ in chats:
            await reporter.ask("report", reason="abuse")
        await chats[1][1].expect_ban()
        await in_thread(wait_for, lambda: b"ban:" in written(data) and still_counted(server, data), "the ban and what is still counted")
        await in_thread(kill_redis, server)
        assert await is_refused(server, "spammer") and not await is_refused(server, "rude")
        return [client for chat in (*chats, waiting) for client in chat]

    async def come_back(server):
        assert await is_refused(server, "spammer") and not await is_refused(server, "rude")
        store = server.redis()
        counted = store.keys("reports:*")
        assert len(store.keys("ban:*")) == 1 and len(counted) == 1 and store.scard(counted[0]) == 1
        assert 23 * 3600 < store.ttl(counted[0]) <= 24 * 3600 and 23 * 3600 < store.ttl(store.keys("ban:*")[0]) <= 24 * 3600

    def look():
        for name, content in files(data).items():
            assert b"canary" not in content and b"interest" not in content and b"user" not in content, name
            assert not any(user_id.encode() in content for user_id in ids), name
            assert not any(device(who)[:32].encode() in content for who in ("spammer", "rude", "reporter 0")), name

    server = Server("--data-dir", data, *FLAGS).wait_ready()
    asyncio.run(report(server))
    look()
    server.process.kill()
    server.process.wait()
    assert written(data).count(b"ban:") >= 1 and written(data).count(b"reports:") >= 1
    for stop in (signal.SIGKILL, signal.SIGTERM):
        server = Server("--data-dir", data, *FLAGS).wait_ready()
        asyncio.run(come_back(server))
        look()
        if stop == signal.SIGTERM:
            server.redis().pexpire(server.redis().keys("ban:*")[0], 50)
            time.sleep(0.1)
            assert not asyncio.run(is_refused(server, "spammer"))
            server.stop()
        else:
            server.process.kill()
            server.process.wait()
    with running("--data-dir", data, *FLAGS) as server:
        server.wait_ready()
        assert not asyncio.run(is_refused(server, "spammer"))
        wait_for(lambda: b"ban:" not in written(data) and b"reports:" in written(data), "the file without the ban that is over")
        look()
    assert set(files(data)) >= {"secret", "lock"} and (data / "secret").stat().st_mode & 0o777 == 0o600 and data.stat().st_mode & 0o777 == 0o700


def ended(*flags):
    return subprocess.run([BINARY, "--port", "0", *map(str, flags)], capture_output=True, text=True, timeout=20 * SLOWNESS)


def test_a_directory_is_of_one_server(tmp_path):
    data = tmp_path / "data"
    with running("--data-dir", data) as server:
        server.wait_ready()
        result = ended("--data-dir", data)
        assert result.returncode == 1 and result.stderr.count("\n") == 1 and "in use by another server" in result.stderr
        assert server.is_ready()
        # Its Redis holds the lock, too, since it may write a moment longer.
        held = [os.path.realpath(f"/proc/{server.redis_pid()}/fd/{fd}") for fd in os.listdir(f"/proc/{server.redis_pid()}/fd")]
        assert str(data / "lock") in held
    # Whoever comes as soon as one is killed waits for its Redis to end.
    server = Server("--data-dir", data).wait_ready()
    for _ in range(3):
        server.process.kill()
        server = Server("--data-dir", data).wait_ready()
    server.stop()


@pytest.mark.parametrize("make, flags, line", [
    (lambda path: path.write_text("here"), (), "File exists|Not a directory"),
    (lambda path: None, ("--data-dir=/nowhere/data",), "No such file or directory"),
    (lambda path: (path.mkdir(), (path / "secret").write_bytes(b"short")), (), "expected a file of 16 to 4096 random bytes"),
    (lambda path: None, ("--redis=unix:/x",), "--data-dir: expected --redis embedded"),
], ids=["a file", "no parent", "a bad secret", "another Redis"])
def test_what_will_not_do(tmp_path, make, flags, line):
    make(tmp_path / "data")
    result = ended("--data-dir", tmp_path / "data", *flags)
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and any(word in result.stderr for word in line.split("|")), result.stderr


@pytest.mark.parametrize("brand", ["redis", "valkey"])
def test_a_file_that_cannot_be_read_is_told_with_its_remedy(tmp_path, brand):
    data = tmp_path / "data"
    (tmp_path / f"{brand}-server").symlink_to(shutil.which("redis-server"))
    (tmp_path / "setpriv").symlink_to(shutil.which("setpriv"))
    env = {"PATH": str(tmp_path)}
    with running("--data-dir", data, env=env) as server:
        server.wait_ready().redis().set("ban:x", "1")
        wait_for(lambda: b"ban:x" in written(data), "the file")
    file = max((data / "reports").glob("*.incr.aof"), key=lambda path: path.stat().st_size)
    file.write_bytes(b"nonsense\r\n" + file.read_bytes())
    with running("--data-dir", data, "--log-level", "info", env=env) as server:
        line = wait_for(lambda: server.log_lines("redis_embedded_died"), "the line")[0]
        assert f": {brand}-check-aof --fix" in line and f"{data}/reports/reports.aof.manifest" in line
        repair = subprocess.run(["redis-check-aof", "--fix", data / "reports/reports.aof.manifest"], input="y\n", capture_output=True, text=True)
        assert repair.returncode == 0, repair
        server.wait_ready()


def test_a_file_that_grows_is_written_anew_without_users(tmp_path):
    """What makes it grow here is not ours; what is in it at the end is."""
    data = tmp_path / "data"

    async def run():
        a, b = await meet(server, "canary", "a", "b")
        store = server.redis()
        store.set("ban:stays", "1")
        for _ in range(70):
            store.set("ban:grows", os.urandom(1 << 19).hex())
        store.delete("ban:grows")
        await in_thread(wait_for, lambda: server.log_lines("redis_embedded_renewed"), "it to be renewed", 20 * SLOWNESS)
        await in_thread(wait_for, lambda: len(server.log_lines("redis_up")) == 2, "another Redis")
        await in_thread(wait_for, lambda: len(written(data)) < 10000, "the file to be small")
        assert b"ban:stays" in written(data) and b"canary" not in written(data) and a.user_id.encode() not in written(data)
        assert not server.log_lines("redis_embedded_died")
        await a.send("chat_message", message="still here")
        await b.expect("chat_message")
        await close_all(a, b)
    with running("--data-dir", data) as server:
        server.wait_ready()
        asyncio.run(run())

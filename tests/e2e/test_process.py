"""Flags, start, signals, and what is left behind."""
import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import BINARY, SLOWNESS, Client, Server, close_all, in_thread, pair, running, wait_for


def run_binary(*flags, env=None):
    return subprocess.run([BINARY, *flags], capture_output=True, text=True, timeout=20, env={**os.environ, **(env or {})})


@pytest.mark.parametrize("flags, says", [
    (["--port", "99999"], "--port 99999: expected a whole number from 0 to 65535"),
    (["--port", "http"], "--port http: expected"),
    (["--port"], "--port: expected a value"),
    (["--io-threads", "0"], "--io-threads 0: expected a whole number from 1"),
    (["--session-threads=-1"], "--session-threads -1: expected"),
    (["--pord", "1"], "--pord: unknown flag; did you mean --port?"),
    (["--chek"], "--chek: unknown flag; did you mean --check?"),
    (["8000"], "8000: not a flag"),
    (["--ring-capacity", "100"], "--ring-capacity 100: expected a power of two"),
    (["--ping-interval", "5"], "--ping-interval 5: expected a time"),
    (["--ping-interval", "5d"], "--ping-interval 5d: expected a time"),
    (["--log-level", "loud"], "--log-level loud: expected error, warn, info or debug"),
    (["--bind", "localhost"], "--bind localhost: expected an IPv4 or IPv6 address"),
    (["--redis", "here"], "--redis: not understood"),
    (["--redis", "redis://u:secret@h:p/0"], "--redis: not a URL"),
    (["--redis", "unix:"], "--redis: the path is empty"),
    (["--max-connections", "1000000"], "--max-connections 1000000: the descriptor limit"),
])
def test_nonsense_gets_one_line(flags, says):
    result = run_binary(*flags)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("chatterbox: " + says), result.stderr
    assert result.returncode == 2
    assert result.stdout == "" and "secret" not in result.stderr


def test_the_environment_is_read_and_named():
    result = run_binary(env={"CHATTERBOX_PING_INTERVAL": "soon"})
    assert result.returncode == 2 and result.stderr.startswith("chatterbox: CHATTERBOX_PING_INTERVAL soon: expected")
    with running("--io-threads", 2, env={"CHATTERBOX_SESSION_THREADS": "3", "CHATTERBOX_IO_THREADS": "1"}) as server:
        assert server.log_value("listening", "io_threads") == "2"
        assert server.log_value("listening", "session_threads") == "3"


def text_of(path):
    with open(os.path.join(os.path.dirname(__file__), "../..", path)) as file:
        return file.read()


def test_help_and_version():
    result = run_binary("--help")
    assert result.returncode == 0 and result.stderr == ""
    flags = re.findall(r'^(?:NUMBER|DURATION|TEXT)\(\s*\w+,\s*"([a-z-]+)"', text_of("src/options.def"), re.M)
    assert len(flags) > 20
    for flag in flags:
        assert f"  --{flag} <" in result.stdout
    assert re.fullmatch(r"chatterbox \d+\.\d+\.\d+\n", run_binary("--version").stdout)


def test_the_table_of_flags_is_that_of_the_catalogue():
    flags = os.path.join(os.path.dirname(os.path.abspath(BINARY)), "flags")
    table = subprocess.run([flags, "table"], capture_output=True, text=True, check=True).stdout
    assert table.count("\n") > 40 and table.startswith("| flag | default | range | what it does |\n")
    assert "\n" + table in text_of("tools/OPERATING.md"), f"tools/OPERATING.md has another table than `{flags} table`"


def test_the_catalogues_are_told_where_they_belong():
    actors, tools = text_of("actors/README.md"), text_of("tools/README.md")
    messages = re.findall(r"^MSG\( (\w+),", text_of("actors/message.def"), re.M)
    metrics = re.findall(r'^(?:METRIC|FAMILY|HISTOGRAM)\( (\w+), *(\w+), *"(.+)" \)$', text_of("actors/metrics.def"), re.M)
    assert len(messages) > 20 and len(metrics) > 20
    for name in messages:
        assert f"| `{name}` |" in actors, f"actors/README.md does not tell of {name}"
    for name, kind, text in metrics:
        kind = kind if kind.islower() else "histogram"  # of that the scale stands there
        assert re.search(rf"^\| `chatterbox_{name.lower()}`(?: \(\w+=[^|]*\))? \| {kind} \| {re.escape(text)} \|$", tools, re.M), f"tools/README.md does not tell of {name}"


def test_a_port_in_use():
    with running() as server:
        result = run_binary("--port", str(server.port), "--bind", "127.0.0.1")
        assert result.returncode == 1
        assert result.stderr == f"chatterbox: --port {server.port}: in use by another program; choose another one\n"


def test_no_redis_server_to_embed():
    result = run_binary("--port", "0", env={"PATH": "/nowhere"})
    assert result.returncode == 1
    assert result.stderr.startswith("chatterbox: no redis-server or valkey-server in PATH") and result.stderr.count("\n") == 1


def embedded_program(server):
    with open(f"/proc/{server.wait_ready().redis_pid()}/cmdline") as file:
        return re.split("[ \\0]", file.read())[0]


def test_valkey_is_embedded_where_there_is_no_redis(tmp_path):
    """It is Redis under another name, so Redis stands in for it."""
    (tmp_path / "valkey-server").symlink_to(shutil.which("redis-server"))
    (tmp_path / "setpriv").symlink_to(shutil.which("setpriv"))
    with running(env={"PATH": str(tmp_path)}) as server:
        assert embedded_program(server) == f"{tmp_path}/valkey-server"


def test_redis_goes_before_valkey_wherever_they_are_in_path(tmp_path):
    for name in ("first/valkey-server", "second/redis-server", "second/setpriv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(shutil.which(name.split("/")[1].replace("valkey", "redis")))
    with running(env={"PATH": f"{tmp_path}/first:{tmp_path}/second"}) as server:
        assert embedded_program(server) == f"{tmp_path}/second/redis-server"


def test_ipv6():
    with running("--bind", "::1") as server:
        with socket.create_connection(("::1", server.port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_all_addresses_are_of_both_kinds():
    process = subprocess.Popen([BINARY, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        while not (found := re.search(r" event=listening address=(\S+) port=(\d+)", process.stderr.readline())):
            assert process.poll() is None
        assert found[1] == "::"
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, int(found[2]))) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        taken = run_binary("--port", found[2], "--bind", "0.0.0.0")
        assert taken.returncode == 1 and ": in use by another program" in taken.stderr
    finally:
        process.terminate()
        process.stderr.read()
        assert process.wait(10) == 0
        process.stderr.close()


def test_sigterm_says_good_bye_and_leaves_nothing():
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            c = await (await (await Client.connect(server)).like("x")).search()
            path, pid = server.log_value("redis_embedded", "socket"), server.redis_pid()
            server.begin_stop(signal.SIGINT)
            await asyncio.gather(*(client.expect_close(1001) for client in (a, b, c)))
        assert not os.path.exists(os.path.dirname(path))
        assert not os.path.exists(f"/proc/{pid}")
    asyncio.run(run())


def test_sigterm_does_not_wait_for_clients_that_do_not_answer():
    with running() as server:
        server.wait_ready()
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        for connection in sockets[:10]:
            connection.sendall(b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
            connection.recv(1000)
        begin = time.monotonic()
        server.begin_stop()
        assert server.process.wait(10) == 0
        assert time.monotonic() - begin < 3 * SLOWNESS
        for connection in sockets:
            connection.close()


def test_a_second_signal_ends_at_once():
    server = Server("--drain-timeout", "1m").wait_ready()
    redis_pid, path = server.redis_pid(), server.log_value("redis_embedded", "socket")
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    connection.recv(1000)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: server.log_lines("stopping"), "the first signal")
    begin = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(5) == 128 + signal.SIGTERM
    assert time.monotonic() - begin < 0.9 * SLOWNESS
    wait_for(lambda: not os.path.exists(f"/proc/{redis_pid}"), "the embedded Redis to end")
    assert not os.path.exists(os.path.dirname(path))
    connection.close()


def test_a_stop_is_announced_before_it_begins():
    async def run():
        delay = 2 * SLOWNESS
        with running("--drain-delay", f"{delay:.0f}s", "--io-threads", 2) as server:
            server.wait_ready()
            a, b = await pair(server)
            begin = time.monotonic()
            server.begin_stop()
            await in_thread(wait_for, lambda: server.log_lines("stop_announced"), "the announcement")
            for _ in range(8):  # whichever thread answers
                await in_thread(wait_for, lambda: "about to stop" in server.readiness(), "/readyz to say so", 1 * SLOWNESS)
            assert "chatterbox_users 2\n" in server.get("/metrics") and server.get("/healthz") == "ok\n"
            await a.send("chat_message", message="still here")
            await b.expect("chat_message", message="still here")
            c, d = await pair(server, "newcomers")
            assert time.monotonic() - begin < delay, "too slow to tell"
            await close_all_with(1001, a, b, c, d)
            assert delay <= time.monotonic() - begin
            assert server.process.wait(10) == 0
            assert not server.log_lines("drain_timeout")

    async def close_all_with(code, *clients):
        for client in clients:
            await client.expect_close(code)

    asyncio.run(run())


def test_a_second_signal_ends_the_delay_and_a_third_one_the_process():
    for signals, status in ((2, 0), (3, 128 + signal.SIGTERM)):
        # Held back by a client that does not answer the close: so the end takes a second, and the third signal comes before.
        server = Server("--drain-delay", "10m", "--drain-timeout", "1m").wait_ready()
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        connection.recv(1000)
        for count in range(1, signals + 1):
            server.process.send_signal(signal.SIGTERM)
            if count < 3:
                wait_for(lambda: len(server.log_lines("stopping")) == count, "the signal to be heard")
        assert server.process.wait(5 * SLOWNESS) == status
        connection.close()


def is_gone(pid):
    try:
        return open(f"/proc/{pid}/stat").read().split(") ")[1][0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_server_takes_its_redis_along_and_the_next_cleans_up():
    server = Server().wait_ready()
    pid, path = server.redis_pid(), server.log_value("redis_embedded", "socket")
    server.process.kill()
    server.process.wait()
    wait_for(lambda: is_gone(pid), "the embedded Redis to end", 1 * SLOWNESS)
    assert os.path.exists(os.path.dirname(path))
    with running() as following:
        following.wait_ready()
        assert not os.path.exists(os.path.dirname(path))


def test_nothing_that_people_write_is_logged():
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server, "canary interest")
            await a.send("chat_message", message="canary message")
            await b.expect("chat_message")
            await b.socket.send("canary garbage")
            await b.expect_error("invalid_json")
            await close_all(a, b)
        text = "\n".join(server.log)
        assert "canary" not in text and "127.0.0.1:" not in text
        for line in server.log:
            assert re.match(r'^ts=\S+ level=(error|warn|info|debug) event=\w+( \w+=("[^"]*"|[^" ]*))*$', line), line
    asyncio.run(run())


def test_shutdown_in_the_middle_of_everything():
    async def run():
        for _ in range(5):
            server = Server("--ring-capacity", 4, "--io-threads", 2, "--session-threads", 2).wait_ready()

            async def user(i):
                try:
                    client = await Client.connect(server)
                    await client.send("submit_interests", interests=[f"t{i % 3}"])
                    while True:
                        await client.send("start_matching")
                        await client.send("chat_message", message="x")
                        await client.event()
                except (OSError, AssertionError, asyncio.TimeoutError, Exception):
                    pass
            users = [asyncio.create_task(user(i)) for i in range(60)]
            await asyncio.sleep(0.3)
            await asyncio.get_running_loop().run_in_executor(None, server.stop)
            await asyncio.gather(*users)
    asyncio.run(run())

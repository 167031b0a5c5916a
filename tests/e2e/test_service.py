"""As a service: without root, with its secrets out of sight, and under the unit of tools/chatterbox.service."""
import asyncio
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
import redis

from harness import BINARY, SLOWNESS, TIMEOUT, Server, close_all, pair, redis_server, running, wait_for
from secure import Files, serving
from test_process import run_binary
from test_redis import free_port

UNIT = os.path.join(os.path.dirname(__file__), "../../tools/chatterbox.service")
SOCKET = os.path.join(os.path.dirname(__file__), "../../tools/chatterbox.socket")
SUPPRESSIONS = os.path.realpath(os.path.join(os.path.dirname(__file__), "../tsan.supp"))
DOCKERFILE = os.path.join(os.path.dirname(__file__), "../../tools/Dockerfile")
SECRET = "p@ss:w/rd"


def chat(server):
    async def run():
        a, b = await pair(server)
        await a.send("chat_message", message="hello")
        await b.expect("chat_message", message="hello")
        await close_all(a, b)
    server.wait_ready()
    asyncio.run(run())


def visible(pid):
    """What every user of the machine can read."""
    return open(f"/proc/{pid}/cmdline").read()


@pytest.mark.skipif(os.getuid() != 0, reason="is without root anyway")
def test_without_root():
    """As nobody, without capabilities, in a directory that is not theirs to write to."""
    command = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    # Our directories may be closed to nobody; an open file is not. ThreadSanitizer reads one, too.
    with open(BINARY, "rb") as binary, open(SUPPRESSIONS, "rb") as suppressions:
        options = os.environ.get("TSAN_OPTIONS", "").replace(SUPPRESSIONS, f"/proc/self/fd/{suppressions.fileno()}")
        server = Server(binary=f"/proc/self/fd/{binary.fileno()}", command=command, env={"TSAN_OPTIONS": options}, cwd="/",
                        pass_fds=(binary.fileno(), suppressions.fileno()))
        chat(server)
        for pid in (server.process.pid, server.redis_pid()):
            status = open(f"/proc/{pid}/status").read()
            assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.M)
            assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M)
        server.stop()


@pytest.mark.parametrize("source", ["variable", "file", "URL in the environment", "argument"])
def test_the_password_for_redis_shows_nowhere(source, tmp_path):
    (tmp_path / "password").write_text(SECRET + "\n")
    with free_port() as port, redis_server("--port", port, "--user", "default", "off", "--user", "cb", "on", f">{SECRET}", "~*", "&*", "+@all"):
        quoted = SECRET.replace("@", "%40").replace("/", "%2F").replace(":", "%3A")
        plain, whole = f"redis://cb@127.0.0.1:{port}/3", f"redis://cb:{quoted}@127.0.0.1:{port}/3"
        flags, env = {
            "variable": (["--redis", plain], {"CHATTERBOX_REDIS_PASSWORD": SECRET}),
            "file": (["--redis", plain, "--redis-password-file", tmp_path / "password"], {}),
            "URL in the environment": ([], {"CHATTERBOX_REDIS": whole}),
            "argument": (["--redis", whole], {}),
        }[source]
        with running(*flags, env=env) as server:
            chat(server)
            assert redis.Redis(port=port, username="cb", password=SECRET, db=3).exists("epoch")
            warnings = server.log_lines("password_on_command_line")
            assert len(warnings) == (1 if source == "argument" else 0)
            shown = visible(server.process.pid) + "\n".join(server.log)
            assert "127.0.0.1" in shown and SECRET not in shown and quoted not in shown


def test_a_password_for_a_unix_socket():
    with redis_server("--requirepass", SECRET) as (path, _):
        with running("--redis", f"unix:{path}", env={"CHATTERBOX_REDIS_PASSWORD": SECRET}) as server:
            chat(server)


@pytest.mark.parametrize("flags, env, says", [
    (["--redis", "redis://cb@127.0.0.1:1"], {}, "--redis: a user without a password; "),
    (["--redis-password-file", "/nowhere"], {"CHATTERBOX_REDIS": "redis://127.0.0.1:1"}, "--redis-password-file /nowhere: No such file"),
    (["--redis", "redis://127.0.0.1:1", "--redis-password-file", "/nowhere"], {"CHATTERBOX_REDIS_PASSWORD": SECRET},
     "--redis-password-file: CHATTERBOX_REDIS_PASSWORD is set as well"),
    (["--redis", f"redis://:x@127.0.0.1:1"], {"CHATTERBOX_REDIS_PASSWORD": SECRET}, "CHATTERBOX_REDIS_PASSWORD: the URL of --redis has a password as well"),
    ([], {"CHATTERBOX_REDIS_PASSWORD": SECRET}, "CHATTERBOX_REDIS_PASSWORD: the embedded Redis has no password"),
])
def test_passwords_that_will_not_do(flags, env, says):
    result = run_binary(*flags, env=env)
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("chatterbox: " + says) and SECRET not in result.stderr


def test_there_is_no_flag_for_a_password():
    result = run_binary("--redis-password", SECRET)
    assert result.returncode == 2 and "--redis-password: unknown flag; did you mean --redis-password-file?" in result.stderr


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_hears_of_start_reload_and_stop(is_abstract, tmp_path):
    address = f"\0cbt-{os.getpid()}-{time.monotonic_ns()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(10 * SLOWNESS)

        def hears():
            return dict(line.split("=", 1) for line in manager.recv(4096).decode().split("\n"))
        with running("--drain-delay", "200ms", "--drain-time", "10m", env={"NOTIFY_SOCKET": address.replace("\0", "@")}) as server:
            assert hears() == {"READY": "1", "STATUS": "Serves"}
            assert server.get("/healthz") == "ok\n"
            before = time.monotonic_ns() // 1000
            server.process.send_signal(signal.SIGHUP)
            reloading = hears()
            assert before <= int(reloading.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000 and reloading == {"RELOADING": "1"}
            assert hears() == {"READY": "1", "STATUS": "Serves; there was nothing to load"}
            server.begin_stop()
            assert hears() == {"STOPPING": "1", "STATUS": "Serves until --drain-delay is over", "EXTEND_TIMEOUT_USEC": "5200000"}
            assert hears() == {"STOPPING": "1", "STATUS": "Lets chats end until --drain-time is over", "EXTEND_TIMEOUT_USEC": "605000000"}
            assert hears() == {"STOPPING": "1", "STATUS": "Says good-bye", "EXTEND_TIMEOUT_USEC": "8000000"}


@contextlib.contextmanager
def standing_still(tid):
    """One thread of a process, as a debugger does it; the others go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    seize, interrupt, detach = 0x4206, 0x4207, 17
    for request in (seize, interrupt):
        assert libc.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(tid, 0x40000000)  # __WALL: it is a thread
    try:
        yield
    finally:
        assert libc.ptrace(detach, tid, None, None) == 0, os.strerror(ctypes.get_errno())


@pytest.mark.parametrize("session_threads, threads", [(1, ("io-0", "io-1", "session-0", "matcher", "bus")), (0, ("io-1",))])
def test_systemd_hears_no_more_when_one_thread_hangs(session_threads, threads, tmp_path):
    interval = 0.2 * SLOWNESS
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10 * SLOWNESS)
        secret = tmp_path / "secret"
        secret.write_bytes(os.urandom(32))
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(round(2 * interval * 1e6))}
        with redis_server() as (path, _), running("--redis", f"unix:{path}", "--io-threads", 2, "--session-threads", session_threads,
                                                  "--cluster-secret-file", secret, env=env) as server:
            while manager.recv(4096) != b"WATCHDOG=1":
                pass
            tasks = {open(f"/proc/{server.process.pid}/task/{tid}/comm").read().strip(): int(tid) for tid in os.listdir(f"/proc/{server.process.pid}/task")}
            for thread in threads:
                assert manager.recv(4096) == b"WATCHDOG=1"
                with standing_still(tasks[thread]):
                    manager.settimeout(3 * interval)
                    with pytest.raises(TimeoutError):
                        for _ in range(5):  # some may have been on their way
                            assert manager.recv(4096) == b"WATCHDOG=1"
                    manager.settimeout(10 * SLOWNESS)


@pytest.mark.parametrize("where, is_right", [("/nowhere/notify", True), ("", True), ("notify", False), ("vsock:2:1", False), ("/" + 108 * "a", False)])
def test_nothing_depends_on_whether_systemd_listens(where, is_right):
    with running(env={"NOTIFY_SOCKET": where}) as server:
        server.wait_ready()
        assert len(server.log_lines("notify_failed")) == (0 if is_right else 1)


def calls_allowed(unit):
    """By the lines SystemCallFilter= of a unit, of which each adds to those before it or takes from them."""
    def members(name):
        if not name.startswith("@"):
            return {name}
        said = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
        names = [line.strip() for line in said.splitlines()[1:]]
        return set().union(*(members(each) for each in names if each and not each.startswith("#")))
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        named = set().union(*(members(name) for name in line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


@pytest.mark.skipif(bool(os.environ.get("CHATTERBOX_SANITIZE")), reason="a sanitizer's calls are not ours")
def test_the_unit_allows_every_system_call_that_is_made(tmp_path):
    trace = tmp_path / "trace"
    server = Server(command=("strace", "-D", "-f", "-qq", "-o", trace), where=("--listen", f"127.0.0.1:0,unix:{tmp_path}/socket"))
    chat(server)
    server.stop()
    calls = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    assert {"accept4", "execve"} <= calls, calls  # the server's and the embedded Redis's
    assert calls <= calls_allowed(open(UNIT).read()), calls - calls_allowed(open(UNIT).read())
    assert not re.search(r"(mmap|mprotect)\(.*PROT_WRITE\|PROT_EXEC", trace.read_text())  # MemoryDenyWriteExecute


def health_check():
    with open(DOCKERFILE, encoding="utf-8") as file:
        return json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", file.read(), re.M)[1])


@pytest.mark.parametrize("has_tls", [False, True])
def test_the_image_notices_whether_the_server_lives(has_tls, tmp_path):
    def is_healthy(timeout=TIMEOUT):
        env = {"PATH": os.environ["PATH"], "CHATTERBOX_PORT": str(server.port)}
        return subprocess.run(health_check(), capture_output=True, timeout=timeout, env=env).returncode == 0

    with serving(Files(str(tmp_path))) if has_tls else running() as server:
        assert is_healthy()
        server.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(subprocess.TimeoutExpired):  # after which Docker calls it unhealthy
                is_healthy(0.5)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert is_healthy()
    assert not is_healthy()


def test_the_unit_is_installed_and_hardened(tmp_path):
    """systemd's own opinion, without running it."""
    build = os.path.dirname(os.path.abspath(BINARY))
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path / "usr"], check=True, stdout=subprocess.DEVNULL)
    installed = tmp_path / "usr/lib/systemd/system/chatterbox.service"
    unit = installed.read_text()
    binary = tmp_path / "usr/bin/chatterbox"
    assert f"ExecReload={binary} --check\nExecReload=/bin/kill -HUP $MAINPID\n" in unit
    assert f"ExecStart={binary}\n" in unit and os.access(binary, os.X_OK)
    manual = tmp_path / "usr/share/man"
    socket_unit = shutil.copy(SOCKET, installed.parent)
    subprocess.run(["systemd-analyze", "verify", installed, socket_unit], check=True, env={**os.environ, "MANPATH": str(manual)})
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", installed], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    # Every flag that the unit's comments name is there, and the manual page has all.
    variables = set(re.findall(r"CHATTERBOX_[A-Z_]+", unit.replace("CHATTERBOX_...", "")))
    flags = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    for variable in variables:
        assert "--" + variable.removeprefix("CHATTERBOX_").lower().replace("_", "-") + " " in flags, variable
    page = (manual / "man8/chatterbox.8").read_text().replace("\\-", "-")
    for flag in re.findall(r"^  --([a-z-]+)", flags, re.M):
        assert re.search(rf"^\.BI? --{flag}( |$)", page, re.M), flag

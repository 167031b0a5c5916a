"""What a server finds around it: a log that nobody reads, signals, what it inherits, directories that others clean."""
import asyncio
import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time
import urllib.error
import urllib.request

import pytest

from harness import BINARY, SLOWNESS, TIMEOUT, close_all, in_thread, pair, running, settled, unused_port, wait_for

F_SETPIPE_SZ = 1031


class Quiet:
    """A server whose log is somebody else's business."""

    def __init__(self, *flags, **popen):
        self.port, self.tls = unused_port(), None
        self.url = f"ws://127.0.0.1:{self.port}/ws/textchat/"
        self.process = subprocess.Popen([BINARY, "--port", str(self.port), "--bind", "127.0.0.1", *flags], **popen)

    def get(self, path):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=TIMEOUT) as answer:
                return answer.read().decode()
        return ""

    def wait_ready(self):
        wait_for(lambda: self.get("/readyz") == "ready\n", "/readyz")
        return self

    def metric(self, name):
        return int(re.search(rf"^chatterbox_{name} (-?\d+)$", self.get("/metrics"), re.M)[1])

    def redis_pid(self):
        def find():
            found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
            return found and int(found[0])
        return wait_for(find, "the embedded Redis")


@contextlib.contextmanager
def quiet(*flags, **popen):
    server = Quiet(*flags, **popen)
    try:
        yield server.wait_ready()
        server.process.terminate()
        assert server.process.wait(6 * SLOWNESS) == 0
    finally:
        server.process.kill()
        server.process.wait()


async def talk(server):
    a, b = await pair(server)
    await a.send("chat_message", message="hello")
    await b.expect("chat_message", message="hello")
    await close_all(a, b)


def test_a_log_that_nobody_reads_blocks_nobody():
    read, write = os.pipe()
    fcntl.fcntl(write, F_SETPIPE_SZ, 4096)
    with open(read, "rb") as reader, quiet("--log-level", "debug", stderr=write) as server:
        os.close(write)
        deaths = 0
        while server.metric("log_lines_lost_total") == 0: # its Redis is what makes it log
            if server.get("/readyz") == "ready\n" and server.metric("redis_disconnects_total") == deaths:
                os.kill(server.redis_pid(), signal.SIGKILL)
                deaths += 1
            for _ in range(20):
                server.process.send_signal(signal.SIGHUP)
                time.sleep(0.002)
        wait_for(lambda: server.metric("redis_disconnects_total") == deaths, "the last death to be noticed")
        server.wait_ready()
        asyncio.run(talk(server))
        # Who reads on hears what is missing.
        os.set_blocking(read, False)
        text = b""

        def tells():
            nonlocal text
            server.process.send_signal(signal.SIGHUP)
            text += reader.read() or b""
            return b"event=log_lines_lost lost=" in text
        wait_for(tells, "the log to say what is missing")
        for line in text.splitlines()[:-1]:
            assert re.match(rb"^ts=\S+Z level=\w+ event=\w+", line), line
        # Nobody reads any more, and the server ends all the same.


def test_a_terminal_that_is_stopped_blocks_nobody():
    master, slave = os.openpty()
    with quiet("--log-level", "debug", stderr=slave, stdout=slave, stdin=slave) as server:
        termios.tcflow(slave, termios.TCOOFF) # Ctrl-S
        for _ in range(3):
            asyncio.run(talk(server))
            server.process.send_signal(signal.SIGHUP)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("kind", ["full disk", "read only", "nobody", "closed"])
def test_a_log_that_cannot_be_written_is_no_reason_to_end(kind):
    read, write = os.pipe()
    os.close(read)
    stderr = {"full disk": lambda: os.open("/dev/full", os.O_WRONLY), "read only": lambda: os.open("/dev/null", os.O_RDONLY), "nobody": lambda: write,
              "closed": lambda: None}[kind]()
    with quiet(stderr=stderr, preexec_fn=(lambda: os.close(2)) if kind == "closed" else None) as server:
        asyncio.run(talk(server))
        if kind != "closed": # /dev/null takes it then
            wait_for(lambda: server.metric("log_lines_lost_total") > 0, "lost lines to be counted")
    for fd in {write, stderr or write}:
        os.close(fd)


def test_who_shares_the_log_keeps_a_descriptor_that_blocks():
    read, write = os.pipe()
    with open(read, "rb"), quiet(stderr=write):
        assert os.get_blocking(write)
    os.close(write)


def test_signals_that_mean_nothing_here_end_nothing():
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPROF, signal.SIGVTALRM, signal.SIGIO, signal.SIGPIPE,
                           signal.SIGXFSZ, 16, signal.SIGRTMIN, signal.SIGRTMAX, 50):
                server.process.send_signal(number)
            await in_thread(wait_for, lambda: server.log_lines("hangup_ignored"), "a word about SIGHUP")
            await a.send("chat_message", message="still here")
            await b.expect("chat_message", message="still here")
            assert server.process.poll() is None
            await close_all(a, b)
    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGPWR, signal.SIGXCPU])
def test_signals_that_ask_for_the_end_get_an_ordered_one(number):
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            server.begin_stop(number)
            await asyncio.gather(a.expect_close(1001), b.expect_close(1001))
    asyncio.run(run())


@contextlib.contextmanager
def in_terminal(**popen):
    """A server whose controlling terminal it is."""
    master, slave = os.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    with running(preexec_fn=take_terminal, **popen) as server:
        os.close(slave)
        yield server.wait_ready(), master


def test_a_terminal_that_goes_stops_the_server_in_order():
    async def run():
        with in_terminal() as (server, terminal):
            a, b = await pair(server)
            os.close(terminal)
            server.is_stopping = True
            await asyncio.gather(a.expect_close(1001), b.expect_close(1001))
            await in_thread(server.process.send_signal, signal.SIGHUP) # the shell and the kernel may each send one
            await in_thread(wait_for, lambda: server.process.poll() is not None, "the end")
            assert server.process.returncode == 0 and server.log_lines("stopping")
    asyncio.run(run())


def test_a_hangup_with_its_terminal_there_is_none():
    with in_terminal() as (server, terminal):
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.log_lines("hangup_ignored"), "a word about SIGHUP")
        time.sleep(1.3 * SLOWNESS) # it has had a second look
        assert server.process.poll() is None and not server.log_lines("stopping")
        os.close(terminal)
        server.is_stopping = True
        assert server.process.wait(TIMEOUT) == 0


def test_nohup_is_heeded():
    with in_terminal(command=("nohup",)) as (server, terminal):
        os.close(terminal)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.3 * SLOWNESS)
        assert server.is_ready() and not server.log_lines("stopping")


def block_everything():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def test_masks_and_dispositions_of_others_do_not_count():
    with running(preexec_fn=block_everything) as server:
        server.wait_ready()
        before = server.redis_pid()
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: server.redis_pid() != before, "another Redis") # its end was heard
        server.wait_ready()


def test_a_umask_of_others_does_not_count():
    with running(preexec_fn=lambda: os.umask(0o777)) as server:
        server.wait_ready()
        assert os.stat(os.path.dirname(server.log_value("redis_embedded", "socket"))).st_mode & 0o777 == 0o700


def test_a_soft_limit_is_raised_to_the_hard_one():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 2000))
    with running(preexec_fn=limit) as server:
        server.wait_ready()
        assert int(server.log_value("listening", "max_connections")) > 1500


def test_a_working_directory_that_is_gone_is_not_missed():
    directory = tempfile.mkdtemp(prefix="cbt-")

    def lose():
        os.chdir(directory)
        os.rmdir(directory)
    with running(preexec_fn=lose) as server:
        server.wait_ready()
        asyncio.run(talk(server))


def test_closed_descriptors_do_not_become_sockets():
    def close_all_standard():
        for fd in range(3):
            os.close(fd)
    with quiet("--log-level", "debug", preexec_fn=close_all_standard) as server:
        asyncio.run(talk(server))
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(1000), b""))
            assert answer.startswith(b"HTTP/1.1 200") and b"ts=" not in answer
        assert {os.readlink(f"/proc/{server.process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}


def test_redis_gets_no_descriptor_of_others():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        with running(pass_fds=[listener.fileno()]) as server:
            server.wait_ready()
            inode = f"socket:[{os.fstat(listener.fileno()).st_ino}]"
            folder = f"/proc/{server.redis_pid()}/fd"
            assert inode not in [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]


@pytest.fixture
def own_tmp(monkeypatch):
    """Else tests would meet servers of other tests."""
    with tempfile.TemporaryDirectory(prefix="cbt-", dir="/tmp") as directory:
        monkeypatch.setenv("TMPDIR", directory)
        yield directory


def test_a_server_in_another_pid_namespace_leaves_the_living_alone(own_tmp):
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no right to make a PID namespace")
    with running() as first:
        first.wait_ready()
        path = first.log_value("redis_embedded", "socket")
        second = subprocess.Popen([*unshare, BINARY, "--port", "0"], stderr=subprocess.PIPE, text=True)
        try:
            while " event=listening " not in (line := second.stderr.readline()):
                assert line, "the second server ended"
            assert os.path.exists(path)
        finally:
            second.kill()
            second.wait()
            second.stderr.close()
    assert len(os.listdir(own_tmp)) == 1 # the second was killed
    with running() as third:
        third.wait_ready()
        assert os.listdir(own_tmp) == [os.path.basename(os.path.dirname(third.log_value("redis_embedded", "socket")))]
    assert os.listdir(own_tmp) == []


def test_many_start_at_once_and_none_takes_another_for_dead(own_tmp):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(quiet(stderr=subprocess.DEVNULL)) for _ in range(3)]
        assert len(os.listdir(own_tmp)) == len(servers)
    assert os.listdir(own_tmp) == []


@pytest.mark.parametrize("what", ["directory", "socket", "all of it"])
def test_what_vanishes_comes_back(own_tmp, what):
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            path = server.log_value("redis_embedded", "socket")
            if what == "all of it":
                shutil.rmtree(own_tmp)
            elif what == "directory":
                shutil.rmtree(os.path.dirname(path))
            else:
                os.unlink(path)
            await in_thread(wait_for, lambda: server.log_lines("redis_embedded_vanished"), "the loss to be noticed", 8 * SLOWNESS)
            await in_thread(wait_for, lambda: len(server.log_lines("redis_embedded")) == 2, "another Redis")
            await in_thread(server.wait_ready)
            await a.send("chat_message", message="we go on")
            await b.expect("chat_message", message="we go on")
            await talk(server)
            await close_all(a, b)
            await settled(server)
        assert os.listdir(own_tmp) == []
    asyncio.run(run())

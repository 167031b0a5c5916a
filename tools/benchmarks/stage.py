"""What every benchmark needs: servers, loads, clocks, tables."""
import contextlib
import datetime
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "release")
NODE_RELAY = os.path.join(ROOT, "tools", "node-relay")
FIGURES = os.path.join(ROOT, "tools", "figures")
SERVER = os.path.join(BUILD, "chatterbox")
# No limit for a user, and nothing but the work itself on the sockets and in the log.
QUIET = ["--bind", "127.0.0.1", "--rate-chat", "0", "--rate-search", "0", "--ping-interval", "10m", "--log-level", "error"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_open(port):
    for _ in range(2000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.005)
    sys.exit("tools/bench: a server does not start")


@contextlib.contextmanager
def process(command, **options):
    child = subprocess.Popen(command, **options)
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


@contextlib.contextmanager
def chatterbox(*flags):
    """A server with its own Redis: port and process."""
    port = free_port()
    with process([SERVER, "--port", str(port), *QUIET, *flags]) as child:
        wait_until_open(port)
        wait_for(lambda: metric(port, "redis_up") == 1)
        yield port, child.pid


@contextlib.contextmanager
def redis():
    """A Redis on a Unix socket: its path and process."""
    with tempfile.TemporaryDirectory(prefix="cbb-") as directory:
        path = os.path.join(directory, "redis.sock")
        with process(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory],
                     stdout=subprocess.DEVNULL) as child:
            wait_for(lambda: os.path.exists(path))
            yield path, child.pid


def wait_for(is_true, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            sys.exit("tools/bench: waited in vain")
        time.sleep(0.02)


def metric(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"chatterbox_{name} "):
                return float(line.split()[1])
    raise KeyError(name)


def load_command(port, pid, *flags):
    return [os.path.join(BUILD, "load"), flags[0], "--port", str(port), "--pid", str(pid), *map(str, flags[1:])]


def load(port, pid, *flags):
    """One run of the load generator: its report. Anything lost or misdelivered ends the benchmark."""
    result = subprocess.run(load_command(port, pid, *flags), capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"tools/bench: {' '.join(map(str, flags))}: {result.stdout}{result.stderr}")
    return json.loads(result.stdout)


def cpu_seconds(pid):
    """By thread name, in clock ticks of 10 ms; "" is the whole process."""
    seconds = {}
    paths = {"": f"/proc/{pid}/stat"}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as file:
            paths[file.read().strip()] = f"/proc/{pid}/task/{task}/stat"
    for name, path in paths.items():
        with open(path) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        seconds[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def spread(values, digits=0):
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def print_table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def print_conditions(text):
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {text}\n")

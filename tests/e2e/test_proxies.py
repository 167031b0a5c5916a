"""Behind nginx, Caddy and HAProxy as tools/proxies has them: people meet, and each address has its own limits. In a network namespace, whose loopback device has
further addresses."""
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import pytest
import websockets

from harness import SLOWNESS, TIMEOUT, Client, close_all, in_thread, running, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.join(HERE, "..", "..", "tools", "proxies")
NAMESPACE = ("unshare", "--net") if os.getuid() == 0 else ("unshare", "--map-root-user", "--net")
PROXY, ONE, OTHER = "203.0.113.1", "203.0.113.2", "203.0.113.3"
PORT = 8080

# How each is started, and what of its file is another here: the ports, and no more descriptors than tests have.
PROXIES = {
    "nginx.conf": (lambda directory, file: ["nginx", "-p", directory, "-c", file, "-e", "stderr", "-g", f"daemon off; user root; pid {directory}/pid;"],
                   [("listen 80;", f"listen {PORT};")]),
    "Caddyfile": (lambda directory, file: ["caddy", "run", "--adapter", "caddyfile", "--config", file],
                  [("chat.example.org {", f"http://{PROXY}:{PORT} {{")]),
    "haproxy.cfg": (lambda directory, file: ["haproxy", "-db", "-f", file], [("bind :80\n", f"bind :{PORT}\n"), ("maxconn 20000", "maxconn 1000")]),
}

# How each writes that it is to connect to a Unix socket.
UNIX = {"nginx.conf": "unix:", "Caddyfile": "unix/", "haproxy.cfg": "unix@"}


@contextlib.contextmanager
def proxy(name, server):
    """server: address:port or a path."""
    command, changes = PROXIES[name]
    if server.startswith("/"):
        server = UNIX[name] + server
    with open(os.path.join(FILES, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in (*changes, ("127.0.0.1:8000", server)):
        assert text.count(old) == 1, (name, old)
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory(prefix="cbt-") as directory:
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        process = subprocess.Popen(command(directory, path), stdout=subprocess.DEVNULL, env={**os.environ, "HOME": directory})
        try:
            yield
        finally:
            process.terminate()
            process.wait(TIMEOUT)


class Behind:
    """The server as its users see it."""
    url = f"ws://{PROXY}:{PORT}/ws/textchat/"


def get(path):
    return urllib.request.urlopen(f"http://{PROXY}:{PORT}{path}", timeout=TIMEOUT)


def connect(address, claimed=None):
    return Client.connect(Behind, local_addr=(address, 0), origin=f"http://{PROXY}:{PORT}",
                          extra_headers=[("X-Forwarded-For", claimed)] if claimed else None)


async def people_meet(server):
    one, other = await connect(ONE), await connect(OTHER)
    for client in (one, other):
        await client.like("proxies")
    await one.search()
    await other.send("start_matching")
    for client in (one, other):
        await client.expect("success_matched")
    await one.send("chat_message", message="through here")
    await other.expect("chat_message", message="through here")

    # Two of an address are let in, whatever the third says of itself.
    second = await connect(ONE)
    for claimed in (None, "198.51.100.9", OTHER):
        with pytest.raises(websockets.InvalidStatusCode) as answer:
            await connect(ONE, claimed)
        assert answer.value.status_code == 429
    assert await in_thread(server.metric, "users") == 3
    await close_all(one, other, second)
    await in_thread(wait_for, lambda: server.metric("users") == 0, "everybody to be gone")


def is_up():
    with contextlib.suppress(OSError):
        return get("/readyz").read() == b"ready\n"


def inside(name, is_unix):
    """What runs in the namespace: this file, as a program."""
    for command in ("link set lo up", *(f"address add {address}/32 dev lo" for address in (PROXY, ONE, OTHER))):
        subprocess.run(["ip", *command.split()], check=True)
    limits = ("--address-connections", 2, "--address-handshakes", 0)
    with contextlib.ExitStack() as stack:
        if is_unix:  # nobody else is to be trusted
            path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory(prefix="cbt-")), "socket")
            server = stack.enter_context(running(*limits, where=("--listen", f"127.0.0.1:0,unix:{path}")))
        else:
            server = stack.enter_context(running("--trusted-proxies", "127.0.0.1", *limits))
        server.wait_ready()
        with proxy(name, path if is_unix else f"127.0.0.1:{server.port}"):
            wait_for(is_up, name)
            page = get("/")
            assert page.status == 200 and b"<title>" in page.read()
            with pytest.raises(urllib.error.HTTPError) as answer:
                get("/metrics")
            assert answer.value.code == 404
            asyncio.run(people_meet(server))


@pytest.mark.parametrize("where", ["tcp", "unix"])
@pytest.mark.parametrize("name", PROXIES)
def test_people_meet_behind(name, where):
    result = subprocess.run([*NAMESPACE, sys.executable, os.path.abspath(__file__), name, where], capture_output=True, text=True, timeout=60 * SLOWNESS, cwd=HERE)
    assert result.returncode == 0, result.stdout + result.stderr


if __name__ == "__main__":
    inside(sys.argv[1], sys.argv[2] == "unix")

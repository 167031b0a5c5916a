"""The page and what it asks for over HTTP: files, encodings, caching, headers, who may connect from where."""
import asyncio
import gzip
import http.client
import json
import os
import re
import socket
import subprocess

import pytest
import websockets

from harness import BINARY, TIMEOUT, Client, close_all, pair, running, settled

WEB = os.path.join(os.path.dirname(__file__), "..", "..", "src", "web")
with open(os.path.join(WEB, "..", "..", "CMakeLists.txt"), encoding="utf-8") as build:
    JOINED = re.findall(r"src/web/(\S+\.js)", re.search(r"set\(PAGE_JOINED(.*?)\)", build.read(), re.DOTALL)[1])
FILES = sorted(name for name in os.listdir(WEB) if not name.endswith(".md") and name not in JOINED[:-1])
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json"}


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def bare(name):
    """A source without what stays at home; tests/web/served.test.js says whether it still means the same."""
    with open(os.path.join(WEB, name), encoding="utf-8") as file:
        text = "\n" + file.read()
    if name.endswith(".js"):
        text = re.sub(r"\n *//.*", "", text)
        text = re.sub(r"([;,{}()]) +// .*", r"\1", text)
    if name.endswith((".js", ".css")):
        text = re.sub(r"\n */\*.*?\*/", "\n", text, flags=re.DOTALL)
    return re.sub(r"\n[ \n]+", "\n", text)


def joined():
    """app.js as visitors get it: with the modules of CMakeLists.txt's PAGE_JOINED, in their order, whose names it exports."""
    text = "".join(re.sub(r"\nimport \{.*", "", bare(name)) for name in JOINED)
    names = re.findall(r"\nexport (?:async )?(?:function|const|class) ([\w$]+)", text)
    text = re.sub(r"\nexport (async )?(function|const|class) ", lambda found: f"\n{found[1] or ''}{found[2]} ", text)
    return re.sub(r"\n+", "\n", text) + f"export {{ {', '.join(names)} }};\n"


def content(name):
    if name.endswith(".png"):
        with open(os.path.join(WEB, name), "rb") as file:
            return file.read()
    text = joined() if name == JOINED[-1] else bare(name)
    for part in JOINED:
        text = text.replace(f"}} from './{part}';", f"}} from './{JOINED[-1]}';")
    return text[1:].encode()


# Files

def test_the_page_is_small():
    assert sum(len(content(name)) for name in FILES) < 106000  # what of it a first visit fetches: tests/web/served.test.js


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_in_both_encodings(server, name):
    tags = set()
    for encoding in (None, "gzip"):
        answer, body = ask(server, "/" + name, Accept_Encoding=encoding or "identity")
        assert answer.status == 200
        assert answer.getheader("Content-Encoding") == encoding
        assert (gzip.decompress(body) if encoding else body) == content(name)
        assert answer.getheader("Content-Type") == TYPES[os.path.splitext(name)[1]]
        assert answer.getheader("Vary") == "Accept-Encoding"
        assert answer.getheader("Cache-Control") == "no-cache"
        assert int(answer.getheader("Content-Length")) == len(body)
        tag = answer.getheader("ETag")
        assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
        tags.add(tag)

        head, nothing = ask(server, "/" + name, "HEAD", Accept_Encoding=encoding or "identity")
        assert head.status == 200 and nothing == b"" and head.getheaders() == answer.getheaders()

        known, nothing = ask(server, "/" + name, Accept_Encoding=encoding or "identity", If_None_Match=f'"other", W/{tag}')
        assert known.status == 304 and nothing == b"" and known.getheader("ETag") == tag
        assert known.getheader("Vary") == "Accept-Encoding" and known.getheader("Cache-Control") == "no-cache"
        assert known.getheader("Content-Length") is None
    assert len(tags) == 2
    assert len(gzip.compress(content(name), 1)) >= len(ask(server, "/" + name, Accept_Encoding="gzip")[1])


def test_a_tag_of_the_other_encoding_is_not_known(server):
    plain = ask(server, "/app.js")[0].getheader("ETag")
    answer, body = ask(server, "/app.js", Accept_Encoding="gzip", If_None_Match=plain)
    assert answer.status == 200 and gzip.decompress(body) == content("app.js")


def test_the_root_is_the_page(server):
    assert ask(server, "/")[1] == content("index.html")
    assert ask(server, "/?utm=1")[1] == content("index.html")


@pytest.mark.parametrize("accepted, is_gzip", [
    ("gzip", True), ("gzip, deflate, br", True), ("*", True), ("gzip;q=0.5", True),
    ("gzip;q=0", False), ("gzip;q=0.0, *", False), ("*;q=0", False), ("br", False), ("identity", False),
])
def test_accept_encoding(server, accepted, is_gzip):
    answer, _ = ask(server, "/style.css", Accept_Encoding=accepted)
    assert (answer.getheader("Content-Encoding") == "gzip") == is_gzip


def test_what_is_not_there_is_404(server):
    for path in ("/nothing.js", "/app.js.gz", "/src/web/app.js", "/../lua/leave.lua", "/web/", "/app.js/", "/%61pp.js", "/dom.js"):
        assert ask(server, path)[0].status == 404, path


def test_only_get_and_head(server):
    for path in ("/", "/app.js", "/stats", "/config"):
        assert ask(server, path, "POST")[0].status == 405


def test_a_page_is_confined(server):
    for path in ("/", "/app.js"):
        answer, _ = ask(server, path)
        policy = dict(rule.split(" ", 1) for rule in answer.getheader("Content-Security-Policy").split("; "))
        assert policy["default-src"] == "'none'"
        assert all(policy[kind] == "'self'" for kind in
                   ("script-src", "style-src", "img-src", "connect-src", "media-src", "manifest-src"))
        assert all(policy[kind] == "'none'" for kind in ("base-uri", "form-action", "frame-ancestors"))
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("Cross-Origin-Opener-Policy") == "same-origin"
        assert answer.getheader("Permissions-Policy") == "camera=(self), microphone=(self)"
    text = content("index.html").decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?://", text)


# What the page asks for

def test_stats():
    async def run():
        with running() as server:
            server.wait_ready()
            a, b = await pair(server)
            c = await (await (await Client.connect(server)).like("nobody else")).search()
            d = await Client.connect(server)
            answer, body = ask(server, "/stats")
            assert answer.status == 200 and answer.getheader("Content-Type") == "application/json"
            assert answer.getheader("Cache-Control") == "no-store"
            assert json.loads(body) == {"online": 4, "searching": 1, "chatting": 2}
            head, nothing = ask(server, "/stats", "HEAD")
            assert nothing == b"" and int(head.getheader("Content-Length")) == len(body)
            await close_all(a, b, c, d)
            await settled(server)
            assert json.loads(ask(server, "/stats")[1]) == {"online": 0, "searching": 0, "chatting": 0}
    asyncio.run(run())


def test_config(server):
    answer, body = ask(server, "/config")
    assert answer.getheader("Content-Type") == "application/json" and answer.getheader("Cache-Control") == "no-store"
    assert json.loads(body) == {"ice_servers": []}
    servers = "stun:stun.example:3478, turn:me:p%2Cw@turn.example?transport=udp"
    with running(env={"CHATTERBOX_ICE_SERVERS": servers}) as other:
        answer, body = ask(other, "/config")
        assert json.loads(body) == {"ice_servers": [
            {"urls": "stun:stun.example:3478"},
            {"urls": "turn:turn.example?transport=udp", "username": "me", "credential": "p,w"}]}
        head, nothing = ask(other, "/config", "HEAD")
        assert nothing == b"" and int(head.getheader("Content-Length")) == len(body)


def test_a_client_that_reads_slowly_gets_all_of_it():
    """More than the sockets' buffers hold, so that it leaves in pieces."""
    servers = ",".join(f"stun:host{i}.example:3478" for i in range(4500))
    with running(env={"CHATTERBOX_ICE_SERVERS": servers}) as server, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(TIMEOUT)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(b"GET /config HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while piece := connection.recv(5000):
            answer += piece
        config = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        assert config == {"ice_servers": [{"urls": url} for url in servers.split(",")]}


# Who may connect

def status_of(server, origin, host=None):
    """Of the handshake of a page; 101 only if a whole session begins."""
    headers = [f"Host: {host or f'127.0.0.1:{server.port}'}"] + ([f"Origin: {origin}"] if origin is not None else [])
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as connection:
        connection.sendall("\r\n".join(
            ["GET /ws/textchat/ HTTP/1.1", *headers, "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]).encode())
        answer = connection.recv(65536)
        return int(answer.split(b" ")[1])


ORIGINS = [
    # origin, Host, whether allowed by: nothing, a list, *
    (None, None, (True, True, True)),
    ("http://chat.example:8000", "chat.example:8000", (True, True, True)),
    ("http://CHAT.example:8000", "chat.EXAMPLE:8000", (True, True, True)),
    ("http://chat.example", "chat.example:80", (True, True, True)),
    ("https://chat.example", "chat.example", (True, True, True)),
    ("https://chat.example:443", "chat.example", (True, True, True)),
    ("https://friend.example", "chat.example", (False, True, True)),
    ("http://localhost:3000", "chat.example", (False, True, True)),
    ("http://friend.example", "chat.example", (False, False, True)),
    ("http://chat.example:8001", "chat.example:8000", (False, False, True)),
    ("http://evil.example", "chat.example", (False, False, True)),
    ("null", "chat.example", (False, False, True)),
    ("", "chat.example", (False, False, False)),
    ("nonsense", "chat.example", (False, False, False)),
]


@pytest.mark.parametrize("column, flags", enumerate([
    [], ["--allowed-origins", "https://friend.example:443, http://localhost:3000"], ["--allowed-origins", "*"]]))
def test_origins(column, flags):
    with running(*flags) as server:
        server.wait_ready()
        for origin, host, allowed in ORIGINS:
            assert status_of(server, origin, host) == (101 if allowed[column] else 403), (origin, host)


def test_a_browser_of_another_origin_is_refused(server):
    async def run():
        with pytest.raises(websockets.InvalidStatusCode) as refusal:
            await websockets.connect(server.url, origin="https://evil.example")
        assert refusal.value.status_code == 403
        async with websockets.connect(server.url, origin=f"http://127.0.0.1:{server.port}") as connection:
            assert "connection_established" in await connection.recv()
    asyncio.run(run())


# Flags

@pytest.mark.parametrize("flags, says", [
    (["--allowed-origins", "example.org"], '--allowed-origins: "example.org" is no origin; expected https://host[:port]'),
    (["--allowed-origins", "https://a,https://b/"], '--allowed-origins: "https://b/" is no origin'),
    (["--ice-servers", "stun.example"], "--ice-servers: server 1 of the list: expected stun:host[:port]"),
    (["--ice-servers", "stun:a,turn:u:secret@b:x"], "--ice-servers: server 2 of the list: the host or the port"),
])
def test_nonsense_gets_one_line(flags, says):
    result = subprocess.run([BINARY, *flags], capture_output=True, text=True, timeout=20)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("chatterbox: " + says), result.stderr
    assert result.returncode == 2
    assert result.stdout == "" and "secret" not in result.stderr

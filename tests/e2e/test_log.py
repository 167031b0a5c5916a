"""What a line of the log looks like to those who read it: journald, and whatever parses JSON."""
import asyncio
import json
import os
import re
import socket
import subprocess

from harness import BINARY, close_all, in_thread, pair
from test_process import run_binary
from test_surroundings import quiet


def refused(server):
    """A handshake of a page that may not connect: what it says of itself is in the log."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: https://a\"b\\c=d.example\r\n\r\n")
        return client.makefile("rb").readline()


def lines_of(*flags, env=None):
    """All that a server writes to a pipe from its start to its end, with a chat and a refusal between."""
    read, write = os.pipe()
    file = os.fstat(write)
    variables = {key: value.format(stream=f"{file.st_dev}:{file.st_ino}") for key, value in (env or {}).items()}
    with open(read, "rb") as reader:
        with quiet("--log-level", "debug", *flags, stderr=write, env={**os.environ, **variables}) as server:
            os.close(write)

            async def chat():
                a, b = await pair(server)
                assert await in_thread(refused, server) == b"HTTP/1.1 403 Forbidden\r\n"
                await close_all(a, b)
            asyncio.run(chat())
        return reader.read().decode().splitlines()


def test_every_line_is_an_object():
    objects = [json.loads(line) for line in lines_of("--log-format", "json", env={"CHATTERBOX_ODD": "x"})]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["ts"]) and each["level"] in ("error", "warn", "info", "debug") for each in objects)
    of = {each["event"]: each for each in objects}
    assert isinstance(of["listening"]["port"], int) and isinstance(of["listening"]["version"], str)
    assert of["handshake_refused"]["status"] == 403 and of["handshake_refused"]["origin"].startswith("https://a?b?c=d")
    assert "CHATTERBOX_ODD" in [each.get("name") for each in objects]
    assert of["stopped"]["status"] == 0


def test_a_start_that_fails_is_an_object():
    result = run_binary("--log-format", "json", "--redis-ca", '/nowhere/"', "--redis", "rediss://127.0.0.1:1")
    assert result.returncode == 2
    said = json.loads(result.stderr)
    assert said["event"] == "fatal" and said["level"] == "error" and '/nowhere/"' in said["text"]


def test_journald_learns_priorities():
    lines = lines_of(env={"JOURNAL_STREAM": "{stream}"})
    levels = {"error": 3, "warn": 4, "info": 6, "debug": 7}
    found = [re.match(r"<(\d)>ts=\S+ level=(\w+) event=", line) for line in lines]
    assert all(found), lines
    assert {int(each[1]) for each in found} >= {4, 6}
    assert all(levels[each[2]] == int(each[1]) for each in found)


def test_none_where_the_log_was_sent_elsewhere():
    assert all(line.startswith("ts=") for line in lines_of(env={"JOURNAL_STREAM": "1:2"}))


def test_a_bad_flag_has_a_priority():
    read, write = os.pipe()
    file = os.fstat(write)
    with open(read) as reader:
        result = subprocess.run([BINARY, "--port", "x"], stderr=write, env={**os.environ, "JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino}"})
        os.close(write)
        assert result.returncode == 2 and reader.read().startswith("<3>chatterbox: --port x: ")

"""The load generator against the server: what it counts as wrong must be nothing."""
import contextlib
import json
import os
import socket
import subprocess

import pytest

from harness import BINARY, running, wait_for

LOAD = os.path.join(os.path.dirname(BINARY), "load")


@pytest.mark.parametrize("flags", [
    ["relay", "--users", "100", "--window", "1"],
    ["relay", "--users", "100", "--window", "16"],
    ["relay", "--users", "20", "--rate", "2000", "--size", "500"],
    ["churn", "--users", "40"],
    ["idle", "--users", "300"],
])
def test_nothing_is_lost_under_load(flags):
    with running("--rate-chat", 0, "--rate-search", 0, "--io-threads", 2, "--session-threads", 2) as server:
        server.wait_ready()
        result = subprocess.run([LOAD, *flags, "--port", str(server.port), "--seconds", "1", "--pid", str(server.process.pid)],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
        report = json.loads(result.stdout)
        assert report["lost"] == report["doubled_or_reordered"] == report["misdelivered"] == report["errors"] == 0
        assert report.get("messages", 1) > 0 and report.get("sessions_per_second", 1) > 0


def test_nonsense_gets_one_line():
    for flags in ([], ["dance"], ["relay", "--users", "x"], ["relay", "--pord", "1"]):
        result = subprocess.run([LOAD, *flags], capture_output=True, text=True, timeout=10)
        assert result.returncode == 2 and result.stderr.startswith("load: ") and result.stderr.count("\n") == 1


def test_the_floor_relays_too():
    floor = os.path.join(os.path.dirname(BINARY), "floor")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([floor, str(port)])
    try:
        wait_for(lambda: is_open(port), "the floor")
        result = subprocess.run([LOAD, "relay", "--protocol", "raw", "--users", "20", "--port", str(port), "--seconds", "1"],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == 0 and json.loads(result.stdout)["messages"] > 0, result.stdout + result.stderr
    finally:
        process.kill()
        process.wait()


def is_open(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False

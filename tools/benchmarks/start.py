"""From exec to the first connection that is accepted and upgraded, with a Redis that is there already."""
import socket
import subprocess
import time

import stage

UPGRADE = (b"GET /ws/textchat/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def wait_until_upgraded(port):
    """When a connection was accepted, and when it was upgraded."""
    begin = time.monotonic()
    while time.monotonic() < begin + 10:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                accepted = time.monotonic()
                connection.send(UPGRADE)
                assert connection.recv(4096).startswith(b"HTTP/1.1 101")
                return accepted, time.monotonic()
        except (ConnectionRefusedError, ConnectionResetError):
            pass  # not yet; reset: it was probing whether the port is free
    raise TimeoutError


def run(options):
    accepted, upgraded = [], []
    with stage.redis() as (path, _):
        for _ in range(max(options.rounds, 5) * 4):
            port = stage.free_port()
            command = [stage.SERVER, "--port", str(port), "--redis", f"unix:{path}", *stage.QUIET]
            begin = time.monotonic()
            child = subprocess.Popen(command)
            try:
                first, done = wait_until_upgraded(port)
            finally:
                child.terminate()
                child.wait()
            accepted.append((first - begin) * 1000)
            upgraded.append((done - begin) * 1000)
    stage.print_conditions(f"{len(accepted)} starts: the median, in brackets the lowest and the highest")
    print(f"Until a connection is accepted: {stage.spread(accepted, 1)} ms. Until it is upgraded: {stage.spread(upgraded, 1)} ms.")

"""The server's certificate: what will not do, when it ends, and that it is changed under those who are connected."""
import asyncio
import datetime
import os
import shutil
import signal
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from harness import BINARY, SLOWNESS, Client, close_all, pair, settled, wait_for
from pairs import talk
from secure import UNLIMITED, USERS, Files, serving


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path))


def served(server):
    """The certificate that a newcomer is shown."""
    return ssl.get_server_certificate(("127.0.0.1", server.port))


def text(path):
    with open(path) as file:
        return file.read()


def reload(server, event):
    before = len(server.log_lines(event))
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(server.log_lines(event)) > before, event)


def test_systemd_hears_when_a_reload_is_over(files, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10 * SLOWNESS)

        def hears():
            return manager.recv(4096).decode().split("\n")
        with serving(files, env={"NOTIFY_SOCKET": path}) as server:
            assert hears() == ["READY=1", "STATUS=Serves"]
            former = served(server)
            for is_good in (True, False):
                if is_good:
                    files.issue()
                else:
                    with open(files.certificate, "w") as file:
                        file.write("nonsense")
                server.process.send_signal(signal.SIGHUP)
                assert hears()[0] == "RELOADING=1"
                assert hears() == ["READY=1", f"STATUS=Serves, with {'a new' if is_good else 'the former'} certificate"]
                wait_for(lambda: served(server) != former, "the new certificate")  # it is on its way to the threads


def test_the_certificate_is_changed_under_many_users(files):
    async def run():
        crowd = []
        for start in range(0, USERS, 100):
            crowd += await asyncio.gather(*(Client.connect(server) for _ in range(start, min(start + 100, USERS))))
        pairs = list(zip(crowd[::2], crowd[1::2]))
        for number, (a, b) in enumerate(pairs):
            await a.like(f"topic {number}")
            await b.like(f"topic {number}")
            await a.search()
            await b.send("start_matching")
            await a.expect("success_matched")
            await b.expect("success_matched")
        talks = asyncio.gather(*(talk(a, b, 20, 0.02) for a, b in pairs))
        for certificate in ("good", "nonsense", "another's key", "good"):
            old = await asyncio.to_thread(served, server)
            if certificate == "good":
                files.issue()
            elif certificate == "nonsense":
                with open(files.certificate, "w") as file:
                    file.write("nonsense")
            else:
                files.issue()
                shutil.copy(files.authority.issue("other")[1], files.key)
            await asyncio.to_thread(reload, server, "certificate_ends" if certificate == "good" else "certificate_refused")
            if certificate == "good":
                def is_served():
                    return served(server).split() == text(files.certificate).split()
                await asyncio.to_thread(wait_for, is_served, "the new certificate")
            else:
                assert await asyncio.to_thread(served, server) == old
        await talks
        await asyncio.gather(*(talk(a, b, 3) for a, b in pairs))
        newcomers = await pair(server, "new")
        await talk(*newcomers)
        await close_all(*crowd, *newcomers)
        await settled(server)

    with serving(files, *UNLIMITED, "--io-threads", 2) as server:
        server.wait_ready()
        asyncio.run(run())
        assert "--tls-certificate" in server.log_lines("certificate_refused")[0]


def test_how_long_a_certificate_holds_is_told(files):
    files.issue(hours=(-1, 24 * 13))
    with serving(files) as server:
        wait_for(lambda: server.log_lines("certificate_ends"), "the warning")
        end = x509.load_pem_x509_certificate(text(files.certificate).encode()).not_valid_after.replace(tzinfo=datetime.timezone.utc)
        assert server.metric("tls_certificate_expiry_seconds") == int(end.timestamp())
        files.issue(hours=(-1, 24 * 30))
        reload(server, "certificate")
        assert server.metric("tls_certificate_expiry_seconds") > int(end.timestamp())
        assert len(server.log_lines("certificate_ends")) == 1


def encrypt(files):
    key = serialization.load_pem_private_key(text(files.key).encode(), None)
    with open(files.key, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"phrase")))


@pytest.mark.parametrize("spoil, says", [
    (lambda files: os.unlink(files.certificate), "chain.pem: expected a certificate in PEM: "),
    (lambda files: os.unlink(files.key), "key.pem: expected the certificate's key in PEM: "),
    (lambda files: shutil.copy(files.key, files.certificate), "chain.pem: expected a certificate in PEM: "),
    (lambda files: shutil.copy(files.authority.issue("other")[1], files.key), "key.pem: expected the certificate's key in PEM: key values mismatch"),
    (encrypt, "key.pem: expected the certificate's key in PEM: "),
    (lambda files: files.issue(hours=(-2, -1)), "chain.pem: expected a certificate that is still good; "),
    (lambda files: files.issue(hours=(1, 2)), "chain.pem: expected a certificate that is good by now; "),
])
def test_files_that_will_not_do(files, spoil, says):
    spoil(files)
    ended = subprocess.run([BINARY, "--port", "0", *files.flags], capture_output=True, text=True, timeout=10 * SLOWNESS, stdin=subprocess.DEVNULL)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and ended.stderr.startswith("chatterbox: --tls-certificate: ") and says in ended.stderr

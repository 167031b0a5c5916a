"""Redis behind TLS: a real one with tls-port, whose certificate is believed or not, and which may want ours."""
import asyncio
import contextlib
import datetime
import ipaddress
import os
import socket
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster import SECRET, wait_for_peers
from harness import BINARY, SLOWNESS, close_all, in_thread, redis_server, running, settled, wait_for
from pairs import meet, pair_across, talk, user
from test_redis import connect, free_port

WITHIN = 2 * SLOWNESS


class Authority:
    """Makes certificates, in files of a directory."""

    def __init__(self, directory, name):
        self.directory = directory
        self.path = os.path.join(directory, f"{name}.pem")
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key.public_key(), True)
        self.write(self.path, self.certificate.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def write(path, data):
        with open(path, "wb") as file:
            file.write(data)

    def sign(self, name, public_key, is_authority, *alternatives, hours=(-1, 1)):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(hours=hours[0])).not_valid_after(now + datetime.timedelta(hours=hours[1]))
                   .add_extension(x509.BasicConstraints(is_authority, None), critical=True))
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, *alternatives, hours=(-1, 1)):
        """Paths of a certificate and its key; it is good from and to so many hours from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key(), False, *alternatives, hours=hours)
        paths = [os.path.join(self.directory, f"{name}.{kind}") for kind in ("crt", "key")]
        self.write(paths[0], certificate.public_bytes(serialization.Encoding.PEM))
        self.write(paths[1], key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return paths


class Files:
    def __init__(self, directory):
        authority = Authority(directory, "authority")
        self.ca = authority.path
        self.stranger = Authority(directory, "stranger").path
        self.certificate, self.key = authority.issue("redis", x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        self.client_certificate, self.client_key = authority.issue("chatterbox")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(str(tmp_path_factory.mktemp("tls")))


@contextlib.contextmanager
def sealed_redis(files, *flags, clients="no"):
    with free_port() as port, redis_server("--tls-port", port, "--tls-cert-file", files.certificate, "--tls-key-file", files.key,
                                           "--tls-ca-cert-file", files.ca, "--tls-auth-clients", clients, *flags) as (path, _):
        yield port, path


def test_users_meet_and_chat_on_two_nodes_and_redis_hangs_up_now_and_then(files, tmp_path):
    async def run():
        a, b = await pair_across(*nodes, "go", "chess")
        await talk(a, b, 200)
        longest = "\u20ac" * 2000  # 16 of them at once are many records
        for _ in range(16):
            await a.send("chat_message", message=longest)
        for _ in range(16):
            await b.expect("chat_message", message=longest)
        store = connect(path)
        for _ in range(3):
            before = [node.metric("redis_connects_total") for node in nodes]
            for kind in ("normal", "pubsub"):
                store.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            await in_thread(wait_for, lambda: all(node.metric("redis_connects_total") > count for node, count in zip(nodes, before)), "new connections")
            for node in nodes:
                await in_thread(node.wait_ready)
            await talk(a, b, 50)
        crowd = [await (await user(nodes[i % 2], f"topic {i}")).search() for i in range(40)]
        for i, waiter in enumerate(crowd):
            seeker = await user(nodes[0], f"topic {i}")
            await meet(waiter, seeker)
            await close_all(waiter, seeker)
        await close_all(a, b)
        await settled(nodes[0], store)

    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with sealed_redis(files, clients="yes") as (port, path), contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(running(
            "--redis", f"rediss://localhost:{port}", "--redis-ca", files.ca, "--redis-certificate", files.client_certificate, "--redis-key", files.client_key,
            "--cluster-secret-file", secret, "--rate-chat", 0, "--rate-search", 0)) for _ in range(2)]
        for node in nodes:
            node.wait_ready()
        wait_for_peers(nodes, 1)
        asyncio.run(run())


def dribble(port_of_redis):
    """A way to it that carries one byte at a time, for the first 3,000 of each direction."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source, target):
        with contextlib.suppress(OSError):
            carried = 0
            while data := source.recv(1 if carried < 3000 else 4096):
                target.sendall(data)
                carried += len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                far = socket.create_connection(("127.0.0.1", port_of_redis))
                far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=carry, args=ends, daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_byte_by_byte(files):
    async def run():
        a, b = await pair_across(server, server, "go")
        await talk(a, b)
        await close_all(a, b)
    with sealed_redis(files) as (port, _), dribble(port) as listener:
        with running("--redis", f"rediss://127.0.0.1:{listener.getsockname()[1]}", "--redis-ca", files.ca, "--redis-timeout", "5s") as server:
            server.wait_ready()
            asyncio.run(run())


def nonsense(answer):
    """A peer that says this to whatever comes, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(answer)
    threading.Thread(target=serve, daemon=True).start()
    return listener


# Flags, and what the log says.
REFUSED = {
    "another authority": (lambda files: ("--redis-ca", files.stranger), "its certificate is not believed", "--redis-ca"),
    "the system's authorities": (lambda files: (), "its certificate is not believed", "--redis-ca"),
    "no certificate of ours": (lambda files: ("--redis-ca", files.ca), "it speaks no TLS that both understand", "tls-auth-clients"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_is_not_believed(files, name):
    flags, what, remedy = REFUSED[name]
    clients = "yes" if name == "no certificate of ours" else "no"  # whom we do not believe would take us
    with sealed_redis(files, clients=clients) as (port, _), running("--redis", f"rediss://127.0.0.1:{port}", "--log-level", "info", *flags(files)) as server:
        begin = time.monotonic()
        lines = wait_for(lambda: [line for line in server.log_lines("redis_lost") if what in line], f"the line {server.log}", WITHIN)
        assert remedy in lines[0] and time.monotonic() - begin < WITHIN and not server.is_ready()


def test_another_name_and_what_is_no_tls(files):
    with contextlib.ExitStack() as stack:
        port, _ = stack.enter_context(sealed_redis(files))
        fakes = [stack.enter_context(nonsense(answer)).getsockname()[1] for answer in (b"-ERR no TLS here\r\n", b"", b"\x16\x03\x03\xff\xff" + bytes(70000))]
        plain = stack.enter_context(free_port())
        stack.enter_context(redis_server("--port", plain))
        cases = [(f"rediss://127.1:{port}", "its certificate is not believed")]  # the same machine by a name that the certificate lacks
        cases += [(f"rediss://127.0.0.1:{fake}", "it speaks no TLS that both understand") for fake in fakes]
        cases += [(f"rediss://127.0.0.1:{plain}", "it speaks no TLS that both understand"), (f"redis://127.0.0.1:{port}", "wants TLS")]
        servers = [(stack.enter_context(running("--redis", url, "--redis-ca", files.ca, "--log-level", "info")), what) for url, what in cases]
        for server, what in servers:
            wait_for(lambda server=server, what=what: any(what in line for line in server.log_lines("redis_lost")), what, WITHIN)


@pytest.mark.parametrize("flags, line", [
    (["--redis-ca", "/nowhere"], "/nowhere: expected certificates of authorities in PEM"),
    (["--redis-key", "/nowhere"], "expected it and --redis-key, or neither"),
])
def test_files_that_will_not_do(flags, line):
    ended = subprocess.run([BINARY, "--port", "0", "--redis", "rediss://127.0.0.1:1", *flags], capture_output=True, text=True, timeout=10 * SLOWNESS)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and line in ended.stderr

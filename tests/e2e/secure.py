"""A server with a certificate, and clients of it that insist on order."""
import contextlib
import ipaddress
import os
import shutil
import socket
import ssl

from cryptography import x509

from harness import TIMEOUT, running
from test_tls import Authority

LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
UNLIMITED = ("--rate-chat", 0, "--rate-search", 0, "--address-connections", 0, "--address-handshakes", 0)
USERS = int(os.environ.get("CHATTERBOX_TLS_USERS", "200"))


class Files:
    """What the server is told to load; issue() puts another certificate there."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = Authority(directory, "authority")
        self.certificate, self.key = (os.path.join(directory, name) for name in ("chain.pem", "key.pem"))
        self.issue()

    def issue(self, **how):
        for source, target in zip(self.authority.issue("chatterbox", *LOCAL, **how), (self.certificate, self.key)):
            shutil.move(source, target)

    @property
    def flags(self):
        return "--tls-certificate", self.certificate, "--tls-key", self.key

    def client(self, **settings):
        context = ssl.create_default_context(cafile=self.authority.path)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # an end without a good-bye is an error
        for name, value in settings.items():
            setattr(context, name, value)
        return context


def serving(files, *flags, **kwargs):
    return running(*files.flags, *flags, tls=files.client(), **kwargs)


@contextlib.contextmanager
def plain_socket(port):
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        yield connection


@contextlib.contextmanager
def secure_socket(server, context=None):
    """One that complains of an end without a good-bye."""
    with plain_socket(server.port) as connection:
        with (context or server.tls).wrap_socket(connection, server_hostname="localhost", suppress_ragged_eofs=False) as secure:
            yield secure


def read_all(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def hello(context, **kwargs):
    """The first flight of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="localhost", **kwargs)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from wire import ECHO, Wire, running  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """The echo with the server's own limits but for the length of a message, which is 16 MiB."""
    with running(binary=ECHO) as server:
        yield server


@pytest.fixture
def wire(server):
    """A connection whose handshake is done, and which still works, or has ended, when the test is over."""
    with Wire(server).upgrade() as wire:
        yield wire

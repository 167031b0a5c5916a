import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from harness import running  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """One server for the tests of a module that do it no harm."""
    with running("--rate-chat", 0, "--rate-search", 0) as server:
        yield server.wait_ready()

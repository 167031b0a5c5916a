"""The file of --config: what it sets, what wins over it, and what nonsense in it is told, wherever that is noticed."""
import pytest

from harness import running
from test_process import run_binary


@pytest.fixture
def write(tmp_path):
    def written(text):
        (tmp_path / "conf").write_text(text)
        return str(tmp_path / "conf")
    return written


def test_a_flag_wins_over_a_variable_and_that_over_the_file(write):
    path = write("# ours\n\nport = 1\nio-threads = 3\nsession-threads = 3\nmax-connections = 7\n")
    with running("--io-threads", 1, env={"CHATTERBOX_CONFIG": path, "CHATTERBOX_IO_THREADS": "2", "CHATTERBOX_SESSION_THREADS": "2"}) as server:
        assert server.port != 1
        assert server.log_value("listening", "io_threads") == "1"
        assert server.log_value("listening", "session_threads") == "2"
        assert server.log_value("listening", "max_connections") == "7"


@pytest.mark.parametrize("text, says", [
    ("port = http\n", "1: port http: expected a whole number from 0 to 65535"),
    ("\nio-treads = 2\n", "2: io-treads: unknown name; did you mean io-threads?"),
    ("#\n#\nbind = localhost\n", "3: bind localhost: expected an IPv4 or IPv6 address"),
    ("redis-password = secret\n", "1: redis-password: unknown name; did you mean redis-password-file?"),
    ("secret\n", "1: expected name = value"),
    # Noticed by whoever uses it.
    ("\nredis = here\n", "2: redis: not understood"),
    ("redis = redis://u:secret@h:p/0\n", "1: redis: not a URL"),
    ("\ntrusted-proxies = all\n", "2: trusted-proxies"),
    ("allowed-origins = example.org\n", '1: allowed-origins: "example.org" is no origin'),
    ("ice-servers = turn:u:secret@b:x\n", "1: ice-servers: server 1 of the list"),
    ("secret-file = /nowhere\n", "1: secret-file /nowhere: No such file"),
    ("\ntls-certificate = /nowhere\ntls-key = /nowhere\n", "2: tls-certificate: "),
    ("\nmax-connections = 1000000\n", "2: max-connections 1000000: the descriptor limit"),
])
def test_nonsense_gets_one_line_with_its_place(write, text, says):
    path = write(text)
    result = run_binary("--config", path)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith(f"chatterbox: {path[:100]}:{says}"), result.stderr
    assert result.returncode == 2
    assert result.stdout == "" and "secret" not in result.stderr.replace("secret-file", "")


def test_a_file_that_cannot_be_read(tmp_path):
    for path, why in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        for flags, env, source in ((["--config", path], {}, "--config"), ([], {"CHATTERBOX_CONFIG": str(path)}, "CHATTERBOX_CONFIG")):
            result = run_binary(*flags, env=env)
            assert result.returncode == 2
            assert result.stderr == f"chatterbox: {source} {path}: {why}; expected a file of lines name = value\n"


def test_a_port_in_use_is_named_with_its_place(write):
    with running() as server:
        path = write(f"\nport = {server.port}\nbind = 127.0.0.1\n")
        result = run_binary("--config", path)
        assert result.returncode == 1 and result.stderr == f"chatterbox: {path}:2: port {server.port}: in use by another program; choose another one\n"


def test_a_password_in_the_file_is_used_and_not_shown(write):
    """It is not on the command line, so nothing is said about it."""
    path = write("redis = redis://:se%23cret@127.0.0.1:1\n")
    with running("--config", path) as server:
        server.log_value("redis_lost", "reason")
        assert not server.log_lines("password_on_command_line")
        assert "cret" not in "\n".join(server.log)

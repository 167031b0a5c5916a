"""The file of --config: what it sets, what wins over it, and what nonsense in it is told, wherever that is noticed. --check: what a start would say, without one."""
import contextlib
import os
import shutil
import socket

import pytest

from harness import running
from secure import Files
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
    ("listen = nonsense\n", "1: listen nonsense: expected address:port, [IPv6 address]:port, unix:PATH or systemd"),
    ("\nlisten = 127.0.0.1:0, nonsense\n", "2: listen nonsense: expected address:port"),
    ("listen = unix:\n", "1: listen unix:: expected a path of 1 to 107 bytes"),
    ("bind = ::1\n#\nlisten = nonsense\n", "1: bind: expected it or --listen, not both"),
    ("\nmax-connections = 1000000\n", "2: max-connections 1000000: the descriptor limit"),
])
def test_nonsense_gets_one_line_with_its_place(write, text, says):
    path = write(text)
    result, checked = run_binary("--config", path), run_binary("--check", "--config", path)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith(f"chatterbox: {path[:100]}:{says}"), result.stderr
    assert result.returncode == 2
    assert result.stdout == "" and "secret" not in result.stderr.replace("secret-file", "")
    assert (checked.returncode, checked.stdout, checked.stderr) == (2, "", result.stderr)


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


def test_a_place_to_listen_at_that_is_in_use_is_named_with_its_place(write):
    with running() as server:
        path = write(f"\nlisten = 127.0.0.1:0, 127.0.0.1:{server.port}\n")
        result = run_binary("--config", path)
        assert result.returncode == 1
        assert result.stderr == f"chatterbox: {path}:2: listen 127.0.0.1:{server.port}: in use by another program; choose another one\n"


def test_a_password_in_the_file_is_used_and_not_shown(write):
    """It is not on the command line, so nothing is said about it."""
    path = write("redis = redis://:se%23cret@127.0.0.1:1\n")
    with running("--config", path) as server:
        server.log_value("redis_lost", "reason")
        assert not server.log_lines("password_on_command_line")
        assert "cret" not in "\n".join(server.log)


def assert_good(*flags, **kwargs):
    result = run_binary("--check", *map(str, flags), **kwargs)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_check_opens_what_is_named_and_makes_nothing(write, tmp_path):
    files = Files(str(tmp_path))
    for name in ("secret", "former", "hashes"):
        (tmp_path / name).write_bytes(os.urandom(32))
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as redis:
        redis.setblocking(False)
        address = f"127.0.0.1:{redis.getsockname()[1]}"
        path = write(f"redis = redis://u:p@{address}\nbus = redis://{address},redis://{address}/1\ncluster-secret-file = {tmp_path}/secret,{tmp_path}/former\n"
                     f"secret-file = {tmp_path}/hashes\ntls-certificate = {files.certificate}\ntls-key = {files.key}\nredirect-port = 1\n"
                     "trusted-proxies = 10.0.0.0/8, ::1\nallowed-origins = https://a.example\nice-servers = stun:a.example\n")
        before = sorted(os.listdir(tmp_path))
        assert_good("--config", path)
        assert_good("--redis", f"redis://u:p@{address}")  # a password on the command line is no error
        with pytest.raises(BlockingIOError):
            redis.accept()  # nobody has come
        assert sorted(os.listdir(tmp_path)) == before
        for broken, says in (("key.pem", "tls-certificate"), ("secret", "cluster-secret-file"), ("hashes", "secret-file")):
            kept = (tmp_path / broken).read_bytes()
            (tmp_path / broken).write_text("short")
            result = run_binary("--check", "--config", path)
            assert result.returncode == 2 and result.stderr.count("\n") == 1 and f": {says}" in result.stderr, result.stderr
            (tmp_path / broken).write_bytes(kept)
        shutil.copy(files.authority.issue("other")[1], files.key)
        result = run_binary("--check", "--config", path)
        assert result.returncode == 2 and "key values mismatch" in result.stderr


def test_a_check_beside_a_server_with_the_same_settings(tmp_path):
    data = tmp_path / "data"
    assert_good("--data-dir", data)
    assert not data.exists()
    with running("--data-dir", data) as server:
        server.wait_ready()
        assert_good("--data-dir", data, "--port", server.port, "--bind", "127.0.0.1")
    (data / "secret").write_text("short")
    result = run_binary("--check", "--data-dir", str(data))
    assert result.returncode == 2 and result.stderr.startswith(f"chatterbox: --secret-file {data}/secret: expected a file of ")
    result = run_binary("--check", "--data-dir", str(data / "secret"))
    assert result.returncode == 2 and result.stderr == f"chatterbox: --data-dir {data}/secret: Not a directory\n"
    assert_good("--port", 1, env={"PATH": "/nowhere"})

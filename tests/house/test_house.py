"""The tree keeps the rules of the house, and house.py notices when it does not: each rule is broken once, in a small tree that is in order."""
import os
import shutil
import subprocess
import sys

import pytest

import house

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

IN_ORDER = {
    "README.md": "The house\n",
    "tools/README.md": "For whom\n" * 100,
    **{f"{room}/README.md": "What lives here\n" * 30 for room in house.ROOMS_WITH_README},
    "src/runtime/mailbox.h": "",
    "src/runtime/ring.c": '#include "runtime/mailbox.h"\n\n#include <ck_ring.h>\n#include <stddef.h>\n#include <uv.h>\n',
    "src/http/request.h": "",
    "src/ws/reader.h": '#include <wslay/wslay.h>\n#include "runtime/mailbox.h"\n',
    "src/wire/request.h": "#include <jansson.h>\n",
    "src/net/connection.h": '#include "ws/reader.h"\n',
    "src/options.h": "",
    "actors/session.h": '#include "runtime/mailbox.h"\n',
    "actors/message.def": "",
    "actors/metrics.def": "",
    "src/redis/stream.h": "#include <hiredis/hiredis.h>\n",
    "src/server.h": '#include "options.h"\n',
    "src/main.c": '#include "server.h"\n',
    "tests/unit/unit.h": "",
    "tools/load/load.h": "#include <wslay/wslay.h>\n",
}


def write(root, files):
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            target.unlink(missing_ok=True)
        else:
            target.write_text(text)


@pytest.fixture
def complaints(tmp_path):
    """Complaints about the tree in order with some of its files replaced; None takes one away."""
    def complain(files):
        write(tmp_path, {**IN_ORDER, **files})
        return house.complaints(tmp_path)
    return complain


def up(where, here, there):
    return f"{where} points up, from {here} to {there}: what is below returns what happened, what is above decides"


BROKEN = {
    "up": (
        {"src/ws/reader.c": '\n#include "net/connection.h"\n'},
        [up('src/ws/reader.c:2: "net/connection.h"', "src/ws (floor 2)", "src/net (floor 4)"),
         "a circle: net/connection -> ws/reader -> net/connection: one of these has to go: src/net/connection.h:1, src/ws/reader.c:2"]),
    "up from actors": (
        {"actors/session.c": '#include "redis/stream.h"\n'},
        [up('actors/session.c:1: "redis/stream.h"', "actors (floor 6)", "src/redis (floor 7)")]),
    "up from a catalogue": (
        {"src/wire/errors.def": '#include "actors/message.def"\n'},
        [up('src/wire/errors.def:1: "actors/message.def"', "src/wire (floor 2)", "actors (floor 6)")]),
    "up from the runtime": (
        {"src/runtime/log.c": '#include "options.h"\n'},
        [up('src/runtime/log.c:1: "options.h"', "src/runtime (floor 1)", "src/options (floor 1.5)")]),
    "the runtime reads more than the catalogues": (
        {"src/runtime/log.c": '#include "actors/store.h"\n', "actors/store.h": ""},
        [up('src/runtime/log.c:1: "actors/store.h"', "src/runtime (floor 1)", "actors (floor 6)")]),
    "up to the server": (
        {"src/threads/io_thread.c": '#include "server.h"\n'},
        [up('src/threads/io_thread.c:1: "server.h"', "src/threads (floor 8)", "src/server (floor 9)")]),
    "siblings": (
        {"src/wire/event.c": '#include "http/request.h"\n'},
        ['src/wire/event.c:1: "http/request.h" points from src/wire to src/http, both of floor 2: what both need belongs on a floor below']),
    "tests from src": (
        {"src/net/listener.c": '#include "unit/unit.h"\n'},
        [up('src/net/listener.c:1: "unit/unit.h"', "src/net (floor 4)", "tests (floor 11)")]),
    "tools from actors": (
        {"actors/tell.c": '#include "load/load.h"\n'},
        [up('actors/tell.c:1: "load/load.h"', "actors (floor 6)", "tools (floor 11)")]),
    "an unknown room": (
        {"src/attic/box.c": '#include "server.h"\n'},
        ["src/attic: a room without a floor: give it a row in FLOORS of tests/house/house.py"]),
    "an unknown module of src": (
        {"src/clock.c": ""},
        ["src/clock: a room without a floor: give it a row in FLOORS of tests/house/house.py"]),
    "from the own folder": (
        {"src/net/listener.c": '#include "connection.h"\n'},
        ['src/net/listener.c:1: "connection.h" is not written from the root of the tree: write "net/connection.h"']),
    "from the folder above": (
        {"src/net/listener.c": '#include "../ws/reader.h"\n'},
        ['src/net/listener.c:1: "../ws/reader.h" is not written from the root of the tree: write "ws/reader.h"']),
    "with src": (
        {"tests/unit/test_options.c": '#include "src/options.h"\n'},
        ['tests/unit/test_options.c:1: "src/options.h" is not written from the root of the tree: write "options.h"']),
    "with tests": (
        {"tests/unit/test_options.c": '#include "tests/unit/unit.h"\n'},
        ['tests/unit/test_options.c:1: "tests/unit/unit.h" is not written from the root of the tree: write "unit/unit.h"']),
    "actors without actors": (
        {"actors/session.c": '#include "session.h"\n'},
        ['actors/session.c:1: "session.h" is not written from the root of the tree: write "actors/session.h"']),
    "ours in <>": (
        {"src/net/listener.c": "#include <ws/reader.h>\n"},
        ['src/net/listener.c:1: <ws/reader.h> is not written from the root of the tree: write "ws/reader.h"']),
    "an arrow up in <>": (
        {"src/http/reply.c": "  #  include <server.h>\n"},
        [up('src/http/reply.c:1: "server.h"', "src/http (floor 2)", "src/server (floor 9)"),
         'src/http/reply.c:1: <server.h> is not written from the root of the tree: write "server.h"']),
    "no such file": (
        {"tools/floor.c": '#include "load/floor.h"\n'},
        ['tools/floor.c:1: "load/floor.h" is no file of the tree: write it from the root, or in <> if it is not ours']),
    "theirs in quotes": (
        {"src/http/reply.c": '#include "uv.h"\n'},
        ['src/http/reply.c:1: "uv.h" is no file of the tree: write it from the root, or in <> if it is not ours',
         "src/http/reply.c:1: <uv.h> is never included in src/http"]),
    "a name behind a macro": (
        {"src/net/listener.c": "#include HEADER\n"},
        ["src/net/listener.c:1: an include that names no file: write the name into it"]),
    "a circle of two": (
        {"actors/tell.h": '#include "actors/session.h"\n', "actors/session.c": '#include "actors/tell.h"\n'},
        ["a circle: actors/session -> actors/tell -> actors/session: one of these has to go: actors/session.c:1, actors/tell.h:1"]),
    "a circle of three, by a catalogue": (
        {"src/net/a.c": '#include "net/b.def"\n', "src/net/b.def": '\n#include "net/c.h"\n', "src/net/c.h": '#include "net/a.h"\n',
         "src/net/c.c": '#include "net/c.h"\n#include "net/a.h"\n', "src/net/a.h": ""},
        ["a circle: net/a -> net/b -> net/c -> net/a: one of these has to go: "
         "src/net/a.c:1, src/net/b.def:2, src/net/c.c:2 and src/net/c.h:1"]),
    "two circles through one module": (
        {"tests/sim/a.h": '#include "sim/b.h"\n#include "sim/c.h"\n', "tests/sim/b.h": '#include "sim/a.h"\n',
         "tests/sim/c.h": '#include "sim/a.h"\n'},
        ["a circle: tests/sim/a -> tests/sim/b -> tests/sim/a: one of these has to go: tests/sim/a.h:1, tests/sim/b.h:1",
         "a circle: tests/sim/a -> tests/sim/c -> tests/sim/a: one of these has to go: tests/sim/a.h:2, tests/sim/c.h:1"]),
    "ck elsewhere": (
        {"src/runtime/pool.c": "#include <ck_ring.h>\n"},
        ["src/runtime/pool.c:1: <ck_ring.h> is included only in src/runtime/ring.c"]),
    "hiredis in actors": (
        {"actors/matcher.c": "#include <hiredis/async.h>\n"},
        ["actors/matcher.c:1: <hiredis/async.h> is included only in src/redis/"]),
    "wslay in net": (
        {"src/net/connection.c": "#include <wslay/wslay.h>\n"},
        ["src/net/connection.c:1: <wslay/wslay.h> is included only in src/ws/, tests/, tools/"]),
    "libssl in redis": (
        {"src/redis/stream.c": "#include <openssl/ssl.h>\n"},
        ["src/redis/stream.c:1: <openssl/ssl.h> is included only in src/tls/"]),
    **{f"a loop in {room}": (
        {f"{room}/some.c": "#include <uv.h>\n"},
        [f"{room}/some.c:1: <uv.h> is never included in {room}"])
        for room in ("src/http", "src/ws", "src/wire", "src/tls", "src/admission", "actors")},
    **{f"JSON in {room}": (
        {f"{room}/some.c": "#include <jansson.h>\n"},
        [f"{room}/some.c:1: <jansson.h> is never included in {room}"])
        for room in ("src/net", "src/threads", "src/ws")},
    **{f"a long file: {path}": (
        {path: "\n" * 451},
        [f"{path}: 451 lines, at most 450: a file has one job, make it two"])
        for path in ("src/net/listener.c", "src/web/style.css", "actors/message.def", "lua/block.lua", "tests/model/wakeup.pml",
                     "tests/web/chat.test.js", "tests/e2e/test_chat.py")},
    **{f"{room} does not say what it is": (
        {f"{room}/README.md": None},
        [f"{room}/README.md: missing: it says what lives in {room} and what never does"])
        for room in ("src/net", "src/web", "src/wire", "actors", "lua", "tools")},
    "a room says too much": (
        {"src/net/README.md": "\n" * 31},
        ["src/net/README.md: 31 lines, at most 30"]),
    "the house says too much": (
        {"README.md": "x" * 16385},
        ["README.md: 16385 bytes, at most 16384: what is of a room belongs into the room's README.md"]),
    "the house says nothing": (
        {"README.md": None},
        ["README.md: missing"]),
}

KEPT = {
    "nothing changed": {},
    "the runtime reads the catalogues": {"src/runtime/message.h": '#include "actors/message.def"\n',
                                         "src/runtime/metrics.h": '#include "actors/metrics.def"\n'},
    "a module includes itself": {"src/options.c": '#include "options.h"\n#include "options.def"\n#include "options.def"\n',
                                 "src/options.def": ""},
    "one name in two rooms is two modules": {"actors/message.def": "", "actors/request.c": '#include "wire/request.h"\n#include "http/request.h"\n',
                                             "actors/request.h": "", "src/wire/request.c": '#include "wire/request.h"\n'},
    "down over many floors": {"src/threads/io_thread.c": '#include "actors/session.h"\n#include "net/connection.h"\n#include "options.h"\n'},
    "a diamond is no circle": {"src/net/a.h": '#include "net/b.h"\n#include "net/c.h"\n', "src/net/b.h": '#include "net/d.h"\n',
                               "src/net/c.h": '#include "net/d.h"\n', "src/net/d.h": ""},
    "tests and tools include anything": {
        "tests/unit/ws/test_reader.c": '#include "unit/unit.h"\n#include "ws/reader.h"\n#include "actors/session.h"\n#include <jansson.h>\n',
        "tools/sizes.c": '#include "load/load.h"\n#include "server.h"\n#include "actors/message.def"\n#include <uv.h>\n'},
    "an include that is only mentioned": {"src/ws/reader.c": '/* not #include "net/connection.h" */\n// #include "net/connection.h"\n'},
    "as long as may be": {"src/net/listener.c": "\n" * 450, "README.md": "x" * 16384},
    "long, but not ours": {"tests/fuzz/corpus/frames/long.h": "\n" * 451, "tests/web/node_modules/axe/axe.js": "\n" * 451,
                           "tests/web/package-lock.json": "\n" * 451, "build/release/embedded.c": '#include "nothing.h"\n'},
    "the protocol and the architecture are long": {"src/wire/README.md": "\n" * 500, "actors/README.md": "\n" * 500},
}


def test_the_tree_is_in_order():
    found = house.complaints(ROOT)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named(complaints, case):
    files, expected = BROKEN[case]
    assert complaints(files) == expected


@pytest.mark.parametrize("case", KEPT)
def test_what_is_kept_is_not_complained_about(complaints, case):
    assert complaints(KEPT[case]) == []


# The floors once more, from the bottom up, independent of the table: a file of each.
ORDER = [["runtime/a.h"], ["options.h"], ["http/a.h", "ws/a.h", "wire/a.h", "tls/a.h"], ["admission/a.h"], ["net/a.h"], ["actors/a.h"], ["redis/a.h"],
         ["threads/a.h"], ["server.h"], ["main.h"], ["tests/unit/a.h", "tools/load/a.h"]]


def test_every_room_includes_all_below_it_and_nothing_else(complaints):
    placed = [(floor, name) for floor, names in enumerate(ORDER) for name in names]
    paths = {name: name if name.startswith(("actors", "tests", "tools")) else f"src/{name}" for _, name in placed}
    def include(names):
        return "".join(f'#include "{house.spelling(paths[name])}"\n' for name in names)
    below = {paths[name]: include(other for lower, other in placed if lower < floor) for floor, name in placed}
    assert complaints(below) == []
    others = {name: [other for higher, other in placed if higher >= floor and other != name] for floor, name in placed}
    found = [complaint.split(" points ")[0] for complaint in complaints({paths[name]: include(others[name]) for name in others})
             if " points " in complaint]
    assert sorted(found) == sorted(f'{paths[name]}:{line}: "{house.spelling(paths[other])}"'
                                   for name in others for line, other in enumerate(others[name], 1))


def test_a_reader_that_knows_connections_is_found_in_the_real_tree(tmp_path):
    for folder in ("src", "actors"):
        shutil.copytree(os.path.join(ROOT, folder), tmp_path / folder)
    before = house.complaints(tmp_path)
    reader = tmp_path / "src/ws/reader.c"
    line = reader.read_text().count("\n") + 1
    with open(reader, "a", encoding="utf-8") as file:
        file.write('#include "net/connection.h"\n')
    complaint = up(f'src/ws/reader.c:{line}: "net/connection.h"', "src/ws (floor 2)", "src/net (floor 4)")
    assert complaint not in before
    assert complaint in house.complaints(tmp_path)


@pytest.mark.skipif(not shutil.which("git"), reason="without git everything that is there is listed")
def test_what_git_ignores_is_not_looked_at_and_what_is_new_is(tmp_path):
    write(tmp_path, {**IN_ORDER, ".gitignore": "made.c\n", "src/net/made.c": "#include <jansson.h>\n", "src/net/new.c": "#include <jansson.h>\n"})
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert house.complaints(tmp_path) == ["src/net/new.c:1: <jansson.h> is never included in src/net"]


def test_the_command_line_prints_complaints_and_has_a_status(tmp_path):
    def run():
        done = subprocess.run([sys.executable, os.path.join(HERE, "house.py"), str(tmp_path)], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr
    write(tmp_path, IN_ORDER)
    assert run() == (0, "", "")
    write(tmp_path, {"lua/README.md": None})
    assert run() == (1, "lua/README.md: missing: it says what lives in lua and what never does\n", "")

"""house.py: what keeps the house in order. It reads the tree and builds nothing.

    python3 tests/house/house.py [ROOT]     prints what is wrong, a line each; the status is 1 if anything is

complaints() returns the same as a list. test_house.py holds the tree to it, and it to its rules.
"""
import collections
import os
import re
import shutil
import subprocess
import sys

# A room is a folder of src/ (or a module that lies in src/ itself), or a folder of the root. Its files include from their own room and from
# rooms of lower floors. Rooms of one floor do not know each other. A room that is not here has no place yet: give it a row.
FLOORS = {
    "src/runtime": 1,
    "src/options": 1.5,
    "src/http": 2, "src/ws": 2, "src/wire": 2, "src/tls": 2,
    "src/admission": 3,
    "src/net": 4,
    "src/bus": 5,
    "actors": 6,
    "src/redis": 7,
    "src/threads": 8,
    "src/server": 9,
    "src/main": 10,
    "tests": 11, "tools": 11,
}
# The runtime is generic; the catalogues say what it carries.
MAY_POINT_UP = {("src/runtime", "actors/message.def"), ("src/runtime", "actors/metrics.def")}

# Other people's headers, by the start of their names: where they are at home, or where they never are. Starts of paths.
ONLY_IN = {
    "ck_ring.h": ("src/runtime/ring.c",),
    "ck_hs.h": ("src/admission/address_limits.c", "actors/ends.c"),
    "hiredis/": ("src/redis/",),
    "wslay/": ("src/ws/", "tests/", "tools/"),
    "openssl/ssl.h": ("src/tls/",),
}
NEVER_IN = {
    "uv": ("src/http/", "src/ws/", "src/wire/", "src/tls/", "src/admission/", "src/bus/", "actors/"),
    "jansson.h": ("src/net/", "src/threads/", "src/ws/"),
}

ROOMS_WITH_README = ("src/runtime", "src/options", "src/http", "src/ws", "src/wire", "src/tls", "src/admission", "src/net", "src/bus", "src/redis", "src/threads", "src/web",
                     "actors", "lua")
README_LINES = 30
MAY_BE_LONGER = ("src/wire", "actors") # the protocol and the architecture are told there
ROOT_README_BYTES = 16384

CODE_LINES = 450
CODE = (".c", ".h", ".def", ".lua", ".js", ".py", ".css", ".html", ".pml")
CODE_FOLDERS = ("src/", "actors/", "lua/", "tests/")
NOT_OURS = {"corpus", "node_modules"}
NOT_LISTED = {"build", "node_modules", "__pycache__"}

INCLUDING = (".c", ".h", ".def")
INCLUDING_FOLDERS = ("src/", "actors/", "tests/", "tools/")
INCLUDE = re.compile(r'\s*#\s*include\b\s*(?:"([^"]+)"|<([^>]+)>)?')

Include = collections.namedtuple("Include", "path line name is_quoted target") # target: path in the tree, or None
Tree = collections.namedtuple("Tree", "root files includes")


def files_of(root):
    """What is in git or could be added to it; where there is no git, what is there."""
    if os.path.exists(os.path.join(root, ".git")) and shutil.which("git"):
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True)
        if listed.returncode == 0:
            paths = map(os.fsdecode, listed.stdout.split(b"\0"))
            return {path for path in paths if os.path.isfile(os.path.join(root, path))} # git also lists what has been deleted
    paths = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in NOT_LISTED]
        paths.update(os.path.relpath(os.path.join(folder, name), root) for name in names)
    return paths


def read(root, path):
    with open(os.path.join(root, path), "rb") as file:
        return file.read()


def room(path):
    """src/net/opening.c: src/net; src/server.h: src/server; tests/unit/unit.h: tests."""
    parts = path.split("/")
    return "/".join([parts[0], parts[1].split(".")[0]]) if parts[0] == "src" else parts[0]


def module(path):
    """x.c, x.h and x.def of one folder are one module."""
    return os.path.splitext(path)[0]


def spelling(path):
    """How an include of this file is written."""
    return re.sub("^(src|tests|tools)/", "", path)


def target_of(path, name, is_quoted, files):
    """The file that is meant, however it is written, so that a wrong spelling hides no wrong arrow."""
    nearby = [os.path.normpath(os.path.join(os.path.dirname(path), name))] if is_quoted else []
    own = path.split("/")[0] + "/" + name
    for candidate in (*nearby, own, "src/" + name, name, "tests/" + name, "tools/" + name):
        if candidate in files:
            return candidate
    return None


def includes_of(root, files):
    for path in sorted(files):
        if path.endswith(INCLUDING) and path.startswith(INCLUDING_FOLDERS):
            for line, text in enumerate(read(root, path).decode(errors="replace").splitlines(), 1):
                if found := INCLUDE.match(text):
                    quoted, angled = found.groups()
                    name = quoted or angled
                    yield Include(path, line, name, bool(quoted), name and target_of(path, name, bool(quoted), files))


def wrong_names(tree):
    for include in tree.includes:
        where = f"{include.path}:{include.line}"
        if include.name is None:
            yield f"{where}: an include that names no file: write the name into it"
        elif include.target and (not include.is_quoted or include.name != spelling(include.target)):
            written = f'"{include.name}"' if include.is_quoted else f"<{include.name}>"
            yield f'{where}: {written} is not written from the root of the tree: write "{spelling(include.target)}"'
        elif include.is_quoted and not include.target:
            yield f'{where}: "{include.name}" is no file of the tree: write it from the root, or in <> if it is not ours'


def wrong_arrows(tree):
    rooms = {room(path) for path in tree.files if path.startswith("src/")}
    for name in sorted(rooms - FLOORS.keys() - {"src/web"}):
        yield f"{name}: a room without a floor: give it a row in FLOORS of tests/house/house.py"
    for include in tree.includes:
        if not include.target:
            continue
        here, there = room(include.path), room(include.target)
        if here == there or not {here, there} <= FLOORS.keys() or (here, include.target) in MAY_POINT_UP:
            continue
        where = f'{include.path}:{include.line}: "{include.name}"'
        if FLOORS[there] > FLOORS[here]:
            yield (f"{where} points up, from {here} (floor {FLOORS[here]}) to {there} (floor {FLOORS[there]}): "
                   "what is below returns what happened, what is above decides")
        elif FLOORS[there] == FLOORS[here]:
            yield f"{where} points from {here} to {there}, both of floor {FLOORS[here]}: what both need belongs on a floor below"


def shortest_way(arrows, start, end):
    """Modules from start to end, both among them; None if no arrows lead there."""
    came_from, waiting = {start: None}, collections.deque([start])
    while waiting:
        current = waiting.popleft()
        if current == end:
            way = [end]
            while came_from[way[-1]]:
                way.append(came_from[way[-1]])
            return way[::-1]
        for following in sorted(arrows[current]):
            if following not in came_from:
                came_from[following] = current
                waiting.append(following)
    return None


def circles(tree):
    """For every arrow that is part of a circle the shortest such circle; each once."""
    arrows = collections.defaultdict(dict)
    for include in tree.includes:
        if include.target and module(include.path) != module(include.target):
            arrows[module(include.path)].setdefault(module(include.target), []).append(f"{include.path}:{include.line}")
    rings = set()
    for start in sorted(arrows):
        for following in arrows[start]:
            if ring := shortest_way(arrows, following, start):
                first = ring.index(min(ring))
                rings.add(tuple(ring[first:] + ring[:first]))
    for ring in sorted(rings, key=lambda ring: (len(ring), ring)):
        drawn = " -> ".join(re.sub("^src/", "", name) for name in ring + ring[:1])
        steps = (" and ".join(arrows[here][there]) for here, there in zip(ring, ring[1:] + ring[:1]))
        yield f"a circle: {drawn}: one of these has to go: {', '.join(steps)}"


def strangers(tree):
    for include in tree.includes:
        if include.target or include.name is None:
            continue
        where = f"{include.path}:{include.line}: <{include.name}>"
        for start, homes in ONLY_IN.items():
            if include.name.startswith(start) and not include.path.startswith(homes):
                yield f"{where} is included only in {', '.join(homes)}"
        for start, closed in NEVER_IN.items():
            if include.name.startswith(start) and include.path.startswith(closed):
                yield f"{where} is never included in {room(include.path)}"


def long_files(tree):
    for path in sorted(tree.files):
        if path.endswith(CODE) and path.startswith(CODE_FOLDERS) and not NOT_OURS & set(path.split("/")):
            lines = read(tree.root, path).count(b"\n")
            if lines > CODE_LINES:
                yield f"{path}: {lines} lines, at most {CODE_LINES}: a file has one job, make it two"


def readmes(tree):
    for name in (*ROOMS_WITH_README, "tools"):
        path = name + "/README.md"
        if path not in tree.files:
            yield f"{path}: missing: it says what lives in {name} and what never does"
        elif name not in (*MAY_BE_LONGER, "tools") and (lines := read(tree.root, path).count(b"\n")) > README_LINES:
            yield f"{path}: {lines} lines, at most {README_LINES}"
    if "README.md" not in tree.files:
        yield "README.md: missing"
    elif (size := len(read(tree.root, "README.md"))) > ROOT_README_BYTES:
        yield f"README.md: {size} bytes, at most {ROOT_README_BYTES}: what is of a room belongs into the room's README.md"


def complaints(root):
    files = files_of(root)
    tree = Tree(root, files, list(includes_of(root, files)))
    return [complaint for rule in (wrong_arrows, circles, wrong_names, strangers, long_files, readmes) for complaint in rule(tree)]


if __name__ == "__main__":
    found = complaints(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)

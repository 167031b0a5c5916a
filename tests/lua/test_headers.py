"""The header of each script, and of their common head, says what it takes and gives: compared with the C table and with its own body."""
import os
import re

from conftest import BINARY, ROOT, SCRIPTS, embedded


def numbered(line):
    """'1 epoch 2 prefix 3.. topic' as (2, True)."""
    if line == "none":
        return 0, False
    numbers = re.findall(r"(\d+)(\.\.)? \w+", line)
    assert [int(number) for number, _ in numbers] == list(range(1, len(numbers) + 1)), line
    assert all(not dots for _, dots in numbers[:-1]), line
    is_variadic = bool(numbers[-1][1])
    return len(numbers) - is_variadic, is_variadic


def header(text):
    found = dict(re.findall(r"^-- (KEYS|ARGV|RETURN|COST|HEAD) +(.+)$", text, re.M))
    assert set(found) - {"HEAD"} == {"KEYS", "ARGV", "RETURN", "COST"}
    return found


def body(text):
    return re.sub(r"--.*", "", text)


def source(name):
    with open(os.path.join(ROOT, "lua", f"{name}.lua")) as file:
        return file.read()


def files():
    return [(name, source(name)) for name in ["head", *SCRIPTS]]


def scripts():
    return [(name, source(name)) for name in SCRIPTS]


def test_headers_agree_with_the_table_in_c():
    with open(os.path.join(ROOT, "src/redis/scripts.def")) as file:
        rows = re.findall(r'^SCRIPT\( \w+,\s*"(\w+)",\s*(\d+), (\d+), (\w+),\s*(\w+)\s*\)', file.read(), re.M)
    table = {name: ((int(keys), more_keys == "VARIADIC"), (int(arguments), more_arguments == "VARIADIC"))
             for name, keys, arguments, more_keys, more_arguments in rows}
    assert table == {name: (numbered(header(text)["KEYS"]), numbered(header(text)["ARGV"])) for name, text in scripts()}


def test_bodies_use_no_more_than_their_headers_name():
    for name, text in files():
        assert text.startswith(f"-- {name}: "), name
        for kind in ("KEYS", "ARGV"):
            fixed, is_variadic = numbered(header(text)[kind])
            used = [int(number) for number in re.findall(kind + r"\[(\d+)\]", body(text))]
            assert max(used, default=0) <= fixed, (name, kind)
            assert is_variadic or not re.search(f"#{kind}(?!\\[)", body(text)), (name, kind)


def test_every_word_that_is_returned_is_in_the_header():
    for name, text in files():
        returned = set(re.findall(r"return \{'(\w+)'", body(text)))
        assert returned == set(re.findall(r'\{"(\w+)"', header(text)["RETURN"])), name


def test_who_calls_a_function_of_the_head_says_so():
    functions = set(re.findall(r"^local function (\w+)", source("head"), re.M))
    assert not re.search(r"^(?!local function |  |end$)\S", body(source("head")), re.M)  # nothing runs, nothing is global
    for name, text in scripts():
        called = {function for function in functions if re.search(rf"\b{function}\b", body(text))}
        assert called == set(header(text).get("HEAD", "").split()), name
        assert not re.search(rf"function ({'|'.join(functions)})\b", body(text)), name


def test_every_script_is_embedded():
    with open(os.path.join(ROOT, "CMakeLists.txt")) as file:
        assert set(re.findall(r"lua/(\w+)\.lua", file.read())) == {name for name, _ in files()}
    with open(BINARY, "rb") as file:
        binary = file.read()
    for name, text in scripts():
        assert embedded(name) == (source("head") if "HEAD" in header(text) else "") + text, name
        assert embedded(name).encode() in binary, name

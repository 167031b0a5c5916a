"""The header of each script says what it takes and gives: compared with the C table and with the script's own body."""
import os
import re

from conftest import ROOT


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
    found = dict(re.findall(r"^-- (KEYS|ARGV|RETURN|COST) +(.+)$", text, re.M))
    assert set(found) == {"KEYS", "ARGV", "RETURN", "COST"}
    return found


def files():
    for name in sorted(os.listdir(os.path.join(ROOT, "lua"))):
        with open(os.path.join(ROOT, "lua", name)) as file:
            yield name.removesuffix(".lua"), file.read()


def test_headers_agree_with_the_table_in_c():
    with open(os.path.join(ROOT, "src/redis/scripts.def")) as file:
        rows = re.findall(r'^SCRIPT\( \w+,\s*"(\w+)",\s*(\d+), (\d+), (\w+),\s*(\w+)\s*\)', file.read(), re.M)
    table = {name: ((int(keys), more_keys == "VARIADIC"), (int(arguments), more_arguments == "VARIADIC"))
             for name, keys, arguments, more_keys, more_arguments in rows}
    assert table == {name: (numbered(header(text)["KEYS"]), numbered(header(text)["ARGV"])) for name, text in files()}


def test_bodies_use_no_more_than_their_headers_name():
    for name, text in files():
        assert text.startswith(f"-- {name}: "), name
        body = re.sub(r"--.*", "", text)
        for kind in ("KEYS", "ARGV"):
            fixed, is_variadic = numbered(header(text)[kind])
            used = [int(number) for number in re.findall(kind + r"\[(\d+)\]", body)]
            assert max(used, default=0) <= fixed, (name, kind)
            assert is_variadic or not re.search(f"#{kind}(?!\\[)", body), (name, kind)


def test_every_word_that_is_returned_is_in_the_header():
    for name, text in files():
        body = re.sub(r"--.*", "", text)
        returned = set(re.findall(r"return \{'(\w+)'", body))
        assert returned == set(re.findall(r'\{"(\w+)"', header(text)["RETURN"])), name


def test_every_script_is_embedded():
    with open(os.path.join(ROOT, "CMakeLists.txt")) as file:
        embedded = set(re.findall(r"lua/(\w+)\.lua", file.read()))
    assert embedded == {name for name, _ in files()}

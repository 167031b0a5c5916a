"""RFC 6455, section 8.1 (and 5.6, 7.1.6): text is UTF-8, and what is not fails the connection, at once."""
import pytest

from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, fragmented

VALID = {
    "empty": b"", "ASCII": b"Hello", "Greek": "κόσμε".encode(), "mixed": "Hello-µ@ßöäüàá-UTF-8!!".encode(),
    "first of 1": b"\x00", "first of 2": b"\xc2\x80", "first of 3": b"\xe0\xa0\x80", "first of 4": b"\xf0\x90\x80\x80",
    "last of 1": b"\x7f", "last of 2": b"\xdf\xbf", "last of 3": b"\xef\xbf\xbf", "last of 4": b"\xf4\x8f\xbf\xbf",
    "before the surrogates": b"\xed\x9f\xbf", "after the surrogates": b"\xee\x80\x80", "replacement": b"\xef\xbf\xbd",
    "U+FFFE": b"\xef\xbf\xbe", "U+1FFFE": b"\xf0\x9f\xbf\xbe", "U+10FFFE": b"\xf4\x8f\xbf\xbe", "emoji": "👩‍👩‍👧‍👦".encode(),
    "byte order mark": b"\xef\xbb\xbf*", "all of planes 0 and 1": "".join(map(chr, [*range(0xD800), *range(0xE000, 0x20000)])).encode(),
}
INVALID = {
    "lone continuation 80": b"\x80", "lone continuation BF": b"\xbf", "two continuations": b"\x80\xbf", "all continuations": bytes(range(0x80, 0xC0)),
    "lone start of 2": b"\xc2 ", "lone start of 3": b"\xe0 ", "lone start of 4": b"\xf0 ",
    "3 cut to 2": b"\xe2\x82 ", "4 cut to 3": b"\xf0\x9f\x98 ", "starts only": bytes(range(0xC2, 0xF5)),
    "C0": b"\xc0", "C1": b"\xc1", "F5": b"\xf5", "FE": b"\xfe", "FF": b"\xff", "FE FE FF FF": b"\xfe\xfe\xff\xff",
    "overlong / in 2": b"\xc0\xaf", "overlong / in 3": b"\xe0\x80\xaf", "overlong / in 4": b"\xf0\x80\x80\xaf",
    "overlong / in 5": b"\xf8\x80\x80\x80\xaf", "overlong / in 6": b"\xfc\x80\x80\x80\x80\xaf",
    "overlong NUL in 2": b"\xc0\x80", "overlong NUL in 3": b"\xe0\x80\x80", "overlong NUL in 4": b"\xf0\x80\x80\x80",
    "largest overlong of 2": b"\xc1\xbf", "largest overlong of 3": b"\xe0\x9f\xbf", "largest overlong of 4": b"\xf0\x8f\xbf\xbf",
    "surrogate D800": b"\xed\xa0\x80", "surrogate DBFF": b"\xed\xaf\xbf", "surrogate DC00": b"\xed\xb0\x80", "surrogate DFFF": b"\xed\xbf\xbf",
    "surrogate pair": b"\xed\xa0\x80\xed\xb0\x80", "U+110000": b"\xf4\x90\x80\x80", "U+1FFFFF": b"\xf7\xbf\xbf\xbf",
    "5 bytes": b"\xf8\x88\x80\x80\x80", "6 bytes": b"\xfc\x84\x80\x80\x80\x80",
    "Greek, then a surrogate": "κόσμε".encode() + b"\xed\xa0\x80" + b"edited",
}
valid = pytest.mark.parametrize("text", VALID.values(), ids=VALID)
invalid = pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)


@valid
def test_8_1_valid(wire, text):
    wire.echoes(text)


@pytest.mark.parametrize("name", [name for name, text in VALID.items() if 0 < len(text) <= 30])
@pytest.mark.parametrize("way", ["a frame for each byte", "a segment for each byte", "both"])
def test_5_6_valid_and_split_anywhere(wire, name, way):
    """A fragment may end within a code point."""
    text = VALID[name]
    data = frame(TEXT, text) if way == "a segment for each byte" else b"".join(fragmented(TEXT, [bytes([b]) for b in text]))
    wire.drip(data, len(data) if way == "a frame for each byte" else 1)
    wire.expect(TEXT, text)


def test_5_6_valid_with_pings_within_a_code_point(wire):
    first, second, third = "€".encode()[:1], "€".encode()[1:2], "€".encode()[2:]
    wire.send(frame(TEXT, first, fin=False), frame(PING, b"\xff"), frame(CONTINUATION, second, fin=False), frame(PING, b"\x80"),
              frame(CONTINUATION, third))
    frames = sorted(wire.read_frame() for _ in range(3))
    assert frames == [(TEXT, True, "€".encode()), (PONG, True, b"\x80"), (PONG, True, b"\xff")]


@invalid
def test_8_1_invalid(wire, text):
    wire.send(frame(TEXT, text))
    wire.expect_end(1007)


@invalid
def test_8_1_invalid_amid_valid(wire, text):
    wire.send(frame(TEXT, b"before " + text + b" after"))
    wire.expect_end(1007)


@invalid
def test_8_1_invalid_byte_by_byte(wire, text):
    wire.drip(frame(TEXT, b"before " + text + b" after"))
    wire.expect_end(1007)


@invalid
def test_8_1_invalid_split_into_frames(wire, text):
    wire.send(*fragmented(TEXT, [bytes([b]) for b in (text + b" ")[:60]]))
    wire.expect_end(1007)


@invalid
def test_8_1_invalid_is_failed_before_the_message_is_complete(wire, text):
    wire.send(frame(TEXT, b"before " + text + b" ", fin=False))
    wire.expect_end(1007)


@invalid
def test_8_1_invalid_is_failed_before_the_frame_is_complete(wire, text):
    wire.send(frame(TEXT, b"before " + text + b" " + b"*" * 1000)[:-500])
    wire.expect_end(1007)


def test_8_1_invalid_is_failed_at_the_first_byte_that_cannot_be(wire):
    """F4 90 is beyond U+10FFFF whatever follows."""
    wire.send(frame(TEXT, "κόσμε".encode() + b"\xf4", fin=False), frame(CONTINUATION, b"\x90", fin=False))
    wire.expect_end(1007)


@pytest.mark.parametrize("text", ["ä", "€", "😀"])
def test_8_1_cut_off_at_the_end_of_the_message(wire, text):
    wire.send(frame(TEXT, text.encode()[:-1]))
    wire.expect_end(1007)


@pytest.mark.parametrize("text", ["ä", "€", "😀"])
def test_8_1_cut_off_at_the_end_of_the_last_fragment(wire, text):
    wire.send(frame(TEXT, text.encode()[:1], fin=False), frame(CONTINUATION, b""))
    wire.expect_end(1007)


def test_8_1_what_came_before_is_answered(wire):
    wire.send(frame(TEXT, "good"), frame(TEXT, b"\xff"))
    wire.expect(TEXT, "good")
    wire.expect_end(1007)


@pytest.mark.parametrize("length", [511, 512, 513, 1023, 4095, 4096, 4097, 65535, 65536])
def test_8_1_code_point_across_buffers(wire, length):
    wire.echoes(b"*" * (length - 2) + "😀".encode() + b"*")


@invalid
def test_8_1_binary_is_not_looked_at(wire, text):
    wire.echoes(text, BINARY)


@pytest.mark.parametrize("name", [name for name, text in VALID.items() if 0 < len(text) <= 123])
def test_7_1_6_valid_reason(wire, name):
    wire.send(frame(CLOSE, b"\x03\xe8" + VALID[name]))
    wire.expect_end(1000)


@pytest.mark.parametrize("name", [name for name, text in INVALID.items() if len(text) <= 123])
def test_7_1_6_invalid_reason(wire, name):
    wire.send(frame(CLOSE, b"\x03\xe8" + INVALID[name] + b" "))
    wire.expect_end(1007)


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("reason", ["ä", "€uro", "😀", "κόσμε"])
def test_7_1_6_valid_reason_in_pieces(wire, reason, step):
    wire.drip(frame(CLOSE, b"\x03\xe8" + reason.encode()), step)
    wire.expect_end(1000)


@pytest.mark.parametrize("step", [1, 2, 3])
@invalid
def test_7_1_6_invalid_reason_in_pieces(wire, text, step):
    wire.drip(frame(CLOSE, b"\x03\xe8" + text + b" "), step)
    wire.expect_end(1007)


def test_7_1_6_reason_cut_off(wire):
    wire.send(frame(CLOSE, b"\x03\xe8" + "ä".encode()[:1]))
    wire.expect_end(1007)

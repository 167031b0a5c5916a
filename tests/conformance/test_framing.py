"""RFC 6455, sections 5.1 to 5.3, 5.6 and 10.4: masks, lengths, reserved bits and opcodes, limits."""
import pytest

from wire import BINARY, CLOSE, CONTINUATION, ECHO, PING, PONG, TEXT, Wire, frame, running

LENGTHS = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 129, 255, 256, 511, 512, 513, 4095, 4096, 4097, 65534, 65535, 65536, 65537, 100000]
OPCODES = pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])


# 5.2: lengths

@OPCODES
@pytest.mark.parametrize("length", LENGTHS)
def test_5_2_length(wire, opcode, length):
    wire.echoes(b"*" * length, opcode)


@OPCODES
@pytest.mark.parametrize("length", [1 << 20, (1 << 24) - 1, 1 << 24])
def test_5_2_long_message(wire, opcode, length):
    payload = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    wire.echoes(payload, opcode)


@OPCODES
@pytest.mark.parametrize("length, form", [(0, 16), (1, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64)])
def test_5_2_length_must_be_minimal(wire, opcode, length, form):
    wire.send(frame(opcode, b"*" * length, form=form))
    wire.expect_end(1002)


@pytest.mark.parametrize("length", [1 << 63, (1 << 63) + 5, (1 << 64) - 1])
def test_5_2_most_significant_bit_must_be_0(wire, length):
    wire.send(frame(BINARY, b"*", form=64, length=length))
    wire.expect_end(1002)


@pytest.mark.parametrize("length", [(1 << 24) + 1, 1 << 31, (1 << 32) + 5, (1 << 63) - 1])
def test_10_4_length_beyond_the_limit_is_1009_at_once(wire, length):
    """7.4.1: not only when all of it has come."""
    wire.send(frame(BINARY, b"*", form=64, length=length))
    wire.expect_end(1009)


# 5.1, 5.3: masks

@OPCODES
@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0", b"\x81\x8a\x88\x89"], ids=bytes.hex)
def test_5_3_any_mask(wire, opcode, mask):
    for length in (0, 1, 3, 4, 5, 126, 70000):
        wire.send(frame(opcode, b"*" * length, mask=mask))
        wire.expect(opcode, b"*" * length)


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE], ids=["text", "binary", "ping", "pong", "close"])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8*"], ids=["empty", "not empty"])
def test_5_1_unmasked_frame(wire, opcode, payload):
    wire.send(frame(opcode, payload, mask=None))
    wire.expect_end(1002)


def test_5_1_unmasked_frame_after_good_ones(wire):
    wire.echoes("hello")
    wire.send(frame(TEXT, "masked", fin=False), frame(CONTINUATION, "not masked", mask=None))
    wire.expect_end(1002)


# 5.2: reserved bits

@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE], ids=["text", "binary", "ping", "pong", "close"])
def test_5_2_reserved_bit(wire, opcode, rsv):
    wire.send(frame(opcode, b"\x03\xe8", rsv=rsv))
    wire.expect_end(1002)


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_5_2_reserved_bit_in_a_continuation(wire, rsv):
    wire.send(frame(TEXT, "a", fin=False), frame(CONTINUATION, "b", rsv=rsv))
    wire.expect_end(1002)


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("step", [None, 1], ids=["one segment", "byte by byte"])
def test_5_2_reserved_bit_what_came_before_is_answered(wire, rsv, step):
    data = frame(TEXT, "before") + frame(TEXT, "bad", rsv=rsv) + frame(PING, "after")
    wire.drip(data, step or len(data))
    wire.expect(TEXT, "before")
    wire.expect_end(1002)


# 5.2: reserved opcodes

@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"reserved"], ids=["empty", "not empty"])
def test_5_2_reserved_opcode(wire, opcode, payload):
    wire.send(frame(opcode, payload))
    wire.expect_end(1002)


@pytest.mark.parametrize("opcode", [3, 7, 11, 15])
def test_5_2_reserved_opcode_what_came_before_is_answered(wire, opcode):
    wire.send(frame(TEXT, "before"), frame(PING, "before"), frame(opcode, "bad"), frame(PING, "after"))
    frames = sorted(wire.read_frame() for _ in range(2))
    assert frames == [(TEXT, True, b"before"), (PONG, True, b"before")]
    wire.expect_end(1002)


@pytest.mark.parametrize("opcode", [3, 7, 11, 15])
def test_5_2_reserved_opcode_amid_a_message(wire, opcode):
    wire.send(frame(TEXT, "a", fin=False), frame(opcode, "b"), frame(CONTINUATION, "c"))
    wire.expect_end(1002)


# 5.6: data

def test_5_6_binary_is_any_bytes(wire):
    wire.echoes(bytes(range(256)) * 17, BINARY)
    wire.echoes(b"\xff\xfe\xc0\x80\xed\xa0\x80", BINARY)


def test_5_6_text_may_hold_nul(wire):
    wire.echoes("a\0b\0")


def test_5_6_text_and_binary_in_turn(wire):
    for i in range(20):
        wire.echoes(f"text {i}")
        wire.echoes(b"\xff%d" % i, BINARY)


# 10.4: limits

@pytest.fixture(scope="module")
def limited():
    with running("--max-message", 65536, binary=ECHO) as server:
        yield server


@OPCODES
def test_10_4_limit(limited, opcode):
    with Wire(limited).upgrade() as wire:
        wire.echoes(b"*" * 65536, opcode)
        wire.send(frame(opcode, b"*" * 65537))
        wire.expect_end(1009)


@OPCODES
@pytest.mark.parametrize("sizes", [(65536, 1), (1, 65536), (40000, 40000), (65536, 0, 1)])
def test_10_4_limit_holds_for_the_message_not_the_frame(limited, opcode, sizes):
    with Wire(limited).upgrade() as wire:
        wire.send(frame(opcode, b"*" * sizes[0], fin=False), *(frame(CONTINUATION, b"*" * size, fin=False) for size in sizes[1:]))
        wire.expect_end(1009)


def test_10_4_limit_in_pieces_is_reached(limited):
    with Wire(limited).upgrade() as wire:
        wire.send(frame(TEXT, b"*" * 65535, fin=False), frame(CONTINUATION, b"", fin=False), frame(CONTINUATION, b"*"))
        wire.expect(TEXT, b"*" * 65536)


def test_10_4_control_frames_do_not_count(limited):
    with Wire(limited).upgrade() as wire:
        wire.send(frame(TEXT, b"*" * 65536, fin=False), frame(PING, b"*" * 125), frame(CONTINUATION, b""))
        frames = sorted(wire.read_frame() for _ in range(2))
        assert frames == [(TEXT, True, b"*" * 65536), (PONG, True, b"*" * 125)]

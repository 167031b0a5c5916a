"""RFC 6455, section 5.4: fragmentation."""
import pytest

from wire import BINARY, CONTINUATION, PING, PONG, TEXT, frame, fragmented

OPCODES = pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
STEPS = pytest.mark.parametrize("step", [1 << 30, 1, 3], ids=["one segment", "byte by byte", "three bytes"])


@OPCODES
@STEPS
@pytest.mark.parametrize("pieces", [
    ["", ""], ["", "", ""], ["a", ""], ["", "a"], ["", "middle", ""], ["fragment1", "fragment2"], list("0123456789"),
    ["a" * 125, "b" * 126, "c" * 127], ["x"] * 64], ids=lambda pieces: "-".join(str(len(piece)) for piece in pieces)[:20])
def test_5_4_fragments_make_one_message(wire, opcode, step, pieces):
    wire.drip(b"".join(fragmented(opcode, pieces)), step)
    wire.expect(opcode, "".join(pieces))


@OPCODES
@pytest.mark.parametrize("size", [64, 256, 1024, 1300, 4096, 65536, 262144])
def test_5_4_four_megabytes_in_fragments(wire, opcode, size):
    message = b"0123456789abcdef" * (1 << 18)
    wire.send(*fragmented(opcode, [message[i:i + size] for i in range(0, len(message), size)]))
    wire.expect(opcode, message)


@OPCODES
def test_5_4_messages_follow_each_other(wire, opcode):
    wire.send(*fragmented(opcode, ["a", "b"]), frame(opcode, "c"), *fragmented(opcode, ["d", "e", "f"]), frame(opcode, "g"))
    for message in ("ab", "c", "def", "g"):
        wire.expect(opcode, message)


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("payload", ["", "orphan"], ids=["empty", "not empty"])
def test_5_4_continuation_of_nothing(wire, fin, payload):
    wire.send(frame(CONTINUATION, payload, fin=fin))
    wire.expect_end(1002)


@STEPS
def test_5_4_continuation_of_a_message_that_is_complete(wire, step):
    data = b"".join(fragmented(TEXT, ["fragment1", "fragment2"])) + frame(CONTINUATION, "fragment3", fin=False) + frame(TEXT, "late")
    wire.drip(data, step)
    wire.expect(TEXT, "fragment1fragment2")
    wire.expect_end(1002)


def test_5_4_continuation_after_a_whole_message(wire):
    wire.send(frame(TEXT, "whole"), frame(CONTINUATION, "orphan"))
    wire.expect(TEXT, "whole")
    wire.expect_end(1002)


@OPCODES
@pytest.mark.parametrize("other", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("payload", ["", "inner"], ids=["empty", "not empty"])
def test_5_4_fragments_of_two_messages_must_not_be_interleaved(wire, opcode, other, fin, payload):
    wire.send(frame(opcode, "outer", fin=False), frame(other, payload, fin=fin))
    wire.expect_end(1002)


def test_5_4_control_frames_do_not_end_a_message(wire):
    wire.send(frame(TEXT, "a", fin=False), frame(PING), frame(PONG), frame(TEXT, "b"))
    wire.expect(PONG)
    wire.expect_end(1002)


def test_10_4_fragments_that_carry_nothing(wire):
    """No limit of the RFC's: whoever needs thousands of frames for a few bytes is attacking."""
    wire.send(frame(TEXT, "a", fin=False), frame(CONTINUATION, "", fin=False) * 1000)
    wire.expect_end(1008)

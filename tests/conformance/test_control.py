"""RFC 6455, section 5.5: control frames."""
import pytest

from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

PAYLOADS = [b"", b"*", b"Hello", bytes(range(125)), b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"*" * 125]


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
def test_5_5_3_pong_has_the_payload_of_the_ping(wire, payload):
    wire.send(frame(PING, payload))
    wire.expect(PONG, payload)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_5_5_2_ping_in_pieces(wire, step):
    wire.drip(frame(PING, b"*" * 125), step)
    wire.expect(PONG, b"*" * 125)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE], ids=["ping", "pong", "close"])
@pytest.mark.parametrize("length", [126, 127, 1000, 65535, 65536])
def test_5_5_payload_of_126_or_more(wire, opcode, length):
    wire.send(frame(opcode, b"\x03\xe8" + b"*" * (length - 2)))
    wire.expect_end(1002)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE], ids=["ping", "pong", "close"])
@pytest.mark.parametrize("payload", [b"", b"\x03\xe8"], ids=["empty", "not empty"])
def test_5_5_must_not_be_fragmented(wire, opcode, payload):
    wire.send(frame(opcode, payload, fin=False))
    wire.expect_end(1002)


def test_5_5_must_not_be_fragmented_continued(wire):
    wire.send(frame(PING, "a", fin=False), frame(CONTINUATION, "b"))
    wire.expect_end(1002)


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
def test_5_5_3_unsolicited_pong_is_ignored(wire, payload):
    wire.send(frame(PONG, payload))
    wire.send(frame(PONG, payload), frame(PING, "mine"))
    wire.expect(PONG, "mine")
    assert wire.is_silent()


@pytest.mark.parametrize("count", [10, 1000])
def test_5_5_2_many_pings_in_one_segment(wire, count):
    """5.5.3 would let the latest pong answer for all; ours are all answered, in order."""
    wire.send(b"".join(frame(PING, b"ping %d" % i) for i in range(count)))
    for i in range(count):
        wire.expect(PONG, b"ping %d" % i)


def test_5_5_2_many_pings_in_pieces(wire):
    wire.drip(b"".join(frame(PING, b"ping %d" % i) for i in range(20)))
    for i in range(20):
        wire.expect(PONG, b"ping %d" % i)


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("step", [1, 5, 1 << 20], ids=["byte by byte", "five bytes", "one segment"])
def test_5_4_control_frames_amid_a_message(wire, opcode, step):
    wire.drip(frame(opcode, "frag", fin=False) + frame(PING, "one") + frame(CONTINUATION, "men", fin=False) + frame(PONG, "none") +
              frame(PING, "two") + frame(CONTINUATION, "ted"), step)
    frames = [wire.read_frame() for _ in range(3)]
    assert [f for f in frames if f[0] == PONG] == [(PONG, True, b"one"), (PONG, True, b"two")]
    assert [f for f in frames if f[0] == opcode] == [(opcode, True, b"fragmented")]


def test_5_4_a_ping_amid_a_message_is_answered_before_its_end(wire):
    wire.send(frame(TEXT, "frag", fin=False), frame(PING, "now"))
    wire.expect(PONG, "now")
    wire.send(frame(CONTINUATION, "mented"))
    wire.expect(TEXT, "fragmented")


def test_5_4_a_close_amid_a_message(wire):
    wire.send(frame(TEXT, "frag", fin=False), frame(CLOSE, b"\x03\xe8"), frame(CONTINUATION, "mented"))
    wire.expect_end(1000)


def test_5_5_2_pings_are_answered_before_what_fails_the_connection(wire):
    wire.send(frame(PING, "one"), frame(PING, "two"), frame(TEXT, "bad", rsv=1))
    wire.expect(PONG, "one")
    wire.expect(PONG, "two")
    wire.expect_end(1002)


def test_5_5_2_pings_are_answered_before_a_close(wire):
    wire.send(frame(PING, "one"), frame(CLOSE, b"\x03\xe8"), frame(PING, "late"))
    wire.expect(PONG, "one")
    wire.expect_end(1000)

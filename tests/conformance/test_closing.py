"""RFC 6455, sections 5.5.1, 7.1 and 7.4: the closing handshake."""
import struct

import pytest

from wire import BINARY, CLOSE, CONTINUATION, ECHO, PING, TEXT, Wire, close, frame, running

# 7.4.1 and the IANA registry (7.4.2: WebSocket Close Code Number Registry), and the ranges for libraries and applications.
VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999]
# Not used, reserved for what never is on the wire, not registered, or outside of all ranges.
INVALID = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535]
STEPS = pytest.mark.parametrize("step", [1 << 20, 1], ids=["one segment", "byte by byte"])


@STEPS
def test_5_5_1_without_a_body(wire, step):
    wire.drip(close(), step)
    wire.expect_end(None)


@STEPS
@pytest.mark.parametrize("code", VALID)
def test_7_4_valid_code(wire, code, step):
    wire.drip(close(code), step)
    wire.expect_end(code)


@pytest.mark.parametrize("code", VALID)
@pytest.mark.parametrize("reason", [b"ok", b"*" * 123, "ä€😀".encode()], ids=len)
def test_7_4_valid_code_with_a_reason(wire, code, reason):
    wire.send(close(code, reason))
    wire.expect_end(code)


@STEPS
@pytest.mark.parametrize("code", INVALID)
def test_7_4_invalid_code(wire, code, step):
    wire.drip(close(code), step)
    wire.expect_end(1002)


@pytest.mark.parametrize("code", INVALID)
@pytest.mark.parametrize("reason", [b"why", b"*" * 123], ids=len)
def test_7_4_invalid_code_with_a_reason(wire, code, reason):
    wire.send(close(code, reason))
    wire.expect_end(1002)


@STEPS
@pytest.mark.parametrize("byte", [0x03, 0x00, 0xFF])
def test_5_5_1_half_a_code(wire, byte, step):
    wire.drip(frame(CLOSE, bytes([byte])), step)
    wire.expect_end(1002)


@pytest.mark.parametrize("code", [1012, 1013, 1014])
def test_7_1_6_invalid_reason_of_a_later_code(wire, code):
    wire.send(close(code, b"\xff"))
    wire.expect_end(1007)


def test_5_5_reason_too_long(wire):
    wire.send(close(1000, b"*" * 124))
    wire.expect_end(1002)


@STEPS
def test_1_4_what_was_sent_before_a_close_is_answered_before_it(wire, step):
    wire.drip(frame(TEXT, "last words") + close(1000), step)
    wire.expect(TEXT, "last words")
    wire.expect_end(1000)


def test_1_4_many_messages_before_a_close(wire):
    """More than may be on their way to the actor at once."""
    wire.send(*(frame(TEXT, f"message {i}") for i in range(100)), close(1001))
    for i in range(100):
        wire.expect(TEXT, f"message {i}")
    wire.expect_end(1001)


def test_1_4_a_long_message_before_a_close(wire):
    message = b"*" * (1 << 20)
    wire.send(frame(BINARY, message), close(1000))
    wire.expect(BINARY, message)
    wire.expect_end(1000)


@pytest.mark.parametrize("late", [frame(TEXT, "late"), frame(PING, "late"), close(1000), close(), frame(TEXT, b"\xff"), b"\xff" * 100,
                                  frame(TEXT, b"*" * 200000)],
                         ids=["text", "ping", "close", "close without a body", "invalid UTF-8", "garbage", "a long text"])
def test_1_4_what_follows_a_close_is_discarded(wire, late):
    wire.send(close(1000), late)
    wire.expect_end(1000)


def test_5_5_1_a_close_ends_a_message_that_is_not_complete(wire):
    wire.send(frame(TEXT, "frag", fin=False), close(1000), frame(CONTINUATION, "ment"))
    wire.expect_end(1000)


def test_7_1_1_the_client_may_end_tcp_at_once(server):
    for data in (b"", frame(TEXT, "half")[:5], close(1000)):
        with Wire(server).upgrade() as wire:
            wire.send(data)
    with Wire(server).upgrade() as wire:
        wire.echoes("still there")


def test_7_1_7_nothing_is_understood_after_a_failure(wire):
    wire.send(frame(3, "bad"), frame(TEXT, "late"), frame(PING, "late"), close(1000))
    wire.expect_end(1002)


# The server begins

def going_away():
    return running(binary=ECHO)


def begin_stop(server, wire):
    server.begin_stop()
    opcode, _, payload = wire.read_frame()
    assert (opcode, payload) == (CLOSE, struct.pack("!H", 1001))


@pytest.mark.parametrize("answer", [close(1001), close(), close(1000, b"bye"), frame(TEXT, "late") + frame(PING, "late") + close(1001)],
                         ids=["the same code", "no code", "another code", "after more data"])
def test_7_1_1_server_ends_tcp_when_its_close_is_answered(answer):
    with going_away() as server, Wire(server).upgrade() as wire:
        wire.echoes("hello")
        begin_stop(server, wire)
        wire.send(answer)
        wire.expect_eof()


@pytest.mark.parametrize("bad", [frame(3, "bad"), frame(CLOSE, b"\x03"), close(999), frame(TEXT, b"\xff"), frame(TEXT, "x", mask=None)],
                         ids=["opcode", "half a code", "code", "UTF-8", "unmasked"])
def test_7_1_7_a_failure_while_closing_ends_tcp(bad):
    with going_away() as server, Wire(server).upgrade() as wire:
        begin_stop(server, wire)
        wire.send(bad)
        wire.expect_eof()

"""Section 5 as a whole: where TCP cuts the stream must not matter. Random conversations, cut at random places, by seed."""
import asyncio
import random

import pytest
import websockets

from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, TIMEOUT, frame

ALPHABET = "aZ 0\n\0äß€κ😀"


def conversation(chance):
    """Frames, and what must come back: messages in order, pongs in order."""
    frames, messages, pongs = [], [], []

    def maybe_ping():
        while chance.random() < 0.2:
            payload = chance.randbytes(chance.choice([0, 1, 5, 125]))
            frames.append(frame(PING, payload, mask=chance.randbytes(4)))
            pongs.append(payload)
        if chance.random() < 0.1:
            frames.append(frame(PONG, chance.randbytes(chance.randrange(126)), mask=chance.randbytes(4)))

    for _ in range(chance.randrange(1, 40)):
        opcode = chance.choice([TEXT, BINARY])
        length = chance.choice([0, 1, 5, 125, 126, 127, 400, 513, 4096, 66000]) if chance.random() < 0.7 else chance.randrange(3000)
        payload = chance.randbytes(length) if opcode == BINARY else "".join(chance.choices(ALPHABET, k=length // 2)).encode()
        messages.append((opcode, payload))
        pieces = chance.choice([1, 1, 2, 3, 10])
        cuts = sorted(chance.randrange(len(payload) + 1) for _ in range(pieces - 1))
        for i, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(payload)])):
            maybe_ping()
            frames.append(frame(opcode if i == 0 else CONTINUATION, payload[begin:end], fin=i == pieces - 1, mask=chance.randbytes(4)))
    maybe_ping()
    return frames, messages, pongs


def expect_all(wire, messages, pongs):
    messages, pongs = list(messages), list(pongs)
    while messages or pongs:
        opcode, fin, payload = wire.read_frame()
        assert fin
        if opcode == PONG:
            assert payload == pongs.pop(0)
        else:
            assert (opcode, payload) == messages.pop(0)


@pytest.mark.parametrize("seed", range(20))
def test_5_cut_at_random(wire, seed):
    chance = random.Random(seed)
    frames, messages, pongs = conversation(chance)
    data = b"".join(frames)
    while data:
        size = chance.choice([1, 2, 3, 7, 100, 511, 512, 513, 5000, 65536])
        wire.send(data[:size])
        data = data[size:]
    expect_all(wire, messages, pongs)
    assert wire.is_silent(0.02)
    wire.send(frame(CLOSE, b"\x03\xe8"))
    wire.expect_end(1000)


@pytest.mark.parametrize("seed", range(100, 105))
def test_5_all_in_one(wire, seed):
    frames, messages, pongs = conversation(random.Random(seed))
    wire.send(b"".join(frames), frame(CLOSE, b"\x03\xe8"))
    expect_all(wire, messages, pongs)
    wire.expect_end(1000)


def test_5_byte_by_byte(wire):
    data = b"".join([frame(TEXT, "ä" * 100), frame(PING, "ping"), frame(BINARY, b"\xff" * 130, fin=False), frame(PING),
                     frame(CONTINUATION, b"\xfe"), frame(TEXT, ""), frame(CLOSE, b"\x0f\xa0bye")])
    wire.drip(data)
    expect_all(wire, [(TEXT, ("ä" * 100).encode()), (BINARY, b"\xff" * 130 + b"\xfe"), (TEXT, b"")], [b"ping", b""])
    wire.expect_end(4000)


def test_5_a_thousand_frames_in_one_segment(wire):
    wire.send(b"".join(frame(TEXT, f"{i}") for i in range(1000)))
    for i in range(1000):
        wire.expect(TEXT, f"{i}")


def test_a_client_library_agrees(server):
    """python3-websockets checks what it is sent by itself."""
    async def run():
        async with websockets.connect(server.url, max_size=None, open_timeout=TIMEOUT) as socket:
            for message in ["", "hello", "äöü€😀", "x" * 200000, b"", b"\xff\x00", bytes(range(256)) * 1000]:
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), TIMEOUT) == message
            await socket.send(["frag", "men", "ted"])
            assert await asyncio.wait_for(socket.recv(), TIMEOUT) == "fragmented"
            await asyncio.wait_for(await socket.ping(b"payload"), TIMEOUT)
            await socket.close(4321, "enough")
            assert (socket.close_code, socket.protocol.close_rcvd.code if hasattr(socket, "protocol") else 4321) == (4321, 4321)
    asyncio.run(run())


def test_many_clients_at_once(server):
    async def one(number):
        async with websockets.connect(server.url, open_timeout=TIMEOUT * 2) as socket:
            for i in range(50):
                await socket.send(f"{number}:{i}")
            for i in range(50):
                assert await asyncio.wait_for(socket.recv(), TIMEOUT) == f"{number}:{i}"

    async def run():
        await asyncio.gather(*(one(number) for number in range(20)))
    asyncio.run(run())

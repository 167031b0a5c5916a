"""Who comes back to its session: tokens, what is kept, what is acknowledged, and what a partner sees of it."""
import asyncio
import json

import pytest
from harness import SLOWNESS, Client, close_all, in_thread, pair, running, settled, wait_for
from returning import Returning, returning_pair


def test_comes_back(server):
    async def run():
        a, b = await returning_pair(server)
        assert a.for_ms == 30000 and a.resumed is None
        await a.cut()
        await b.expect("partner_away", match_id=b.match)
        for number in range(5):
            await b.write(f"while you were away {number}")
        data = await a.come_back(server)
        assert data == {"state": "chatting", "match_id": a.match, "n": 0, "token": a.token}
        await a.write("I am back")
        for number in range(5):
            await a.expect("chat_message", message=f"while you were away {number}")
        await b.expect("ack")
        while b.acked_n < 5:
            await b.expect("ack")
        await b.expect("partner_back", match_id=b.match)
        await b.expect("chat_message", message="I am back")
        await a.expect("ack", n=1)
        await close_all(a, b)
        await settled(server)
    asyncio.run(run())

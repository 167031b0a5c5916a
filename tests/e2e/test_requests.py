"""Every request in every state, and every way to get one wrong."""
import asyncio
import json

import pytest

from harness import Client, close_all, pair, running, settled

REQUESTS = ["submit_interests", "start_matching", "end_matching", "chat_message", "webrtc_signal", "end_chat", "next", "typing", "block",
            "report"]
DATA = {
    "submit_interests": {"interests": ["later"]},
    "chat_message": {"message": "hi"},
    "webrtc_signal": {"sdp": "v=0"},
    "typing": {"active": True},
    "report": {"reason": "spam"},
}
# What the client gets: the table of the protocol, row by row: new, idle, searching, chatting.
STATES = ["new", "idle", "searching", "chatting"]
TABLE = {
    "submit_interests": ["success", "success", "success", "success"],
    "start_matching": ["no_interests", "no_match", "no_match", "already_chatting"],
    "end_matching": ["success", "success", "success", "already_chatting"],
    "chat_message": ["not_in_chat", "not_in_chat", "not_in_chat", "relayed"],
    "webrtc_signal": ["not_in_chat", "not_in_chat", "not_in_chat", "relayed"],
    "end_chat": ["not_in_chat", "not_in_chat", "not_in_chat", "success"],
    "next": ["no_interests", "no_match", "no_match", "no_match"],
    "typing": ["not_in_chat", "not_in_chat", "not_in_chat", "relayed"],
    "block": ["not_in_chat", "not_in_chat", "not_in_chat", "success"],
    "report": ["not_in_chat", "not_in_chat", "not_in_chat", "success"],
}
ENDS_A_CHAT = ("end_chat", "next", "block", "report")


async def in_state(server, state, topic):
    if state == "chatting":
        return await pair(server, topic)
    client = await Client.connect(server)
    if state != "new":
        await client.like(topic)
    if state == "searching":
        await client.search()
    return client, None


async def state_of(client):
    """Ask for the state by requests that change nothing but a search."""
    await client.send("webrtc_signal", probe=True)
    await client.send("start_matching")
    event = await client.event()
    if event["type"] == "error" and event["data"]["code"] == "not_in_chat":
        event = await client.event()
    if event["type"] == "no_match":
        await client.ask("end_matching")
        return "idle or searching"
    return {"no_interests": "new", "already_chatting": "chatting"}[event["data"]["code"]]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("request_type", REQUESTS)
def test_table(server, state, request_type):
    async def run():
        client, partner = await in_state(server, state, f"table {state} {request_type}")
        await client.send(request_type, **DATA.get(request_type, {}))
        expected = TABLE[request_type][STATES.index(state)]
        if expected == "relayed":
            assert await partner.expect(request_type) == DATA[request_type]
            await client.silence()
        elif expected in ("success", "no_match"):
            await client.expect(expected)
        else:
            await client.expect_error(expected, request_type)
        if request_type in ENDS_A_CHAT and state == "chatting":
            await partner.expect("partner_left_chat", match_id=client.match)
        after = {"new": "new", "chatting": "chatting"}.get(state, "idle or searching")
        if (request_type, state) == ("submit_interests", "new") or (request_type in ENDS_A_CHAT and state == "chatting"):
            after = "idle or searching"
        assert await state_of(client) == after
        await close_all(*filter(None, (client, partner)))
    asyncio.run(run())


RAW = [
    ("", "invalid_json", None),
    ("hello", "invalid_json", None),
    ('{"type":"end_chat"', "invalid_json", None),
    ('{"type":"end_chat"}}', "invalid_json", None),
    ('{"type":"end_chat","type":"end_chat"}', "invalid_json", None),
    ('{"type":"chat_message","data":{"message":"\\u0000"}}', "invalid_json", "chat_message"),
    ('{"data":{"message":"half \\ud83d"},"n":1,"type":"chat_message"}', "invalid_json", "chat_message"),
    ('{"type":"chat_message","data":{"message":"\\x"}}', "invalid_json", "chat_message"),
    ('{"type":"chat_message","data":{"message":"x"},"data":{"message":"y"}}', "invalid_json", None),
    ('{"type":"chat_message","description":"\\u0000","data":{"message":"x"}}', "invalid_json", None),
    ("[]", "invalid_request", None),
    ("17", "invalid_request", None),
    ("{}", "invalid_request", None),
    ('{"type":5}', "invalid_request", None),
    ('{"type":"chat_message"}', "invalid_request", "chat_message"),
    ('{"type":"chat_message","data":7}', "invalid_request", "chat_message"),
    ('{"type":"chat_message","data":{"message":["x"]}}', "invalid_request", "chat_message"),
    ('{"type":"webrtc_signal","data":"x"}', "invalid_request", "webrtc_signal"),
    ('{"type":"submit_interests","data":{}}', "invalid_request", "submit_interests"),
    ('{"type":"submit_interests","data":{"interests":"go"}}', "invalid_request", "submit_interests"),
    ('{"type":"submit_interests","data":{"interests":["go",1]}}', "invalid_request", "submit_interests"),
    ('{"type":"submit_interests","data":{"interests":[]}}', "invalid_interests", "submit_interests"),
    ('{"type":"submit_interests","data":{"interests":[" ",""]}}', "invalid_interests", "submit_interests"),
    ('{"type":"submit_interests","data":{"interests":["' + "x" * 65 + '"]}}', "invalid_interests", "submit_interests"),
    (json.dumps({"type": "submit_interests", "data": {"interests": list(map(str, range(11)))}}),
     "invalid_interests", "submit_interests"),
    ('{"type":"next","data":{"fallback_after_ms":-2}}', "invalid_request", "next"),
    ('{"type":"next","data":{"fallback_after_ms":3600001}}', "invalid_request", "next"),
    ('{"type":"next","data":{"fallback_after_ms":1.5}}', "invalid_request", "next"),
    ('{"type":"start_matching","data":{"fallback_after_ms":"soon"}}', "invalid_request", "start_matching"),
    ('{"type":"typing"}', "invalid_request", "typing"),
    ('{"type":"typing","data":{"active":1}}', "invalid_request", "typing"),
    ('{"type":"report"}', "invalid_request", "report"),
    ('{"type":"report","data":{"reason":"boring"}}', "invalid_request", "report"),
    ('{"type":"report","data":{"reason":["spam"]}}', "invalid_request", "report"),
    ('{"type":"dance"}', "unknown_type", "dance"),
    ('{"type":"' + "x" * 1000 + '"}', "unknown_type", None),
    ('{"type":"connection_established"}', "unknown_type", "connection_established"),
]


def test_wrong_requests_are_refused_and_change_nothing(server):
    async def run():
        a, b = await pair(server, "wrong")
        for text, code, request in RAW:
            await a.socket.send(text)
            await a.expect_error(code, request)
        await a.send("chat_message", message="still here")
        await b.expect("chat_message", message="still here")
        await b.silence()
        await close_all(a, b)
    asyncio.run(run())


def test_message_length_is_counted_in_code_points(server):
    async def run():
        a, b = await pair(server, "length")
        for message in ("x", "x" * 2000, "\U0001F600" * 2000, "e\u0301" * 1000, "\x01" * 2000):
            await a.send("chat_message", message=message)
            await b.expect("chat_message", message=message)
        await a.send("chat_message", message="")
        await a.expect_error("message_empty", "chat_message")
        for message in ("x" * 2001, "\U0001F600" * 2001):
            await a.send("chat_message", message=message)
            await a.expect_error("message_too_long", "chat_message")
        await b.silence()
        await close_all(a, b)
    asyncio.run(run())


def test_unknown_members_are_ignored(server):
    async def run():
        client = await Client.connect(server)
        await client.socket.send(json.dumps({
            "type": "submit_interests", "data": {"interests": ["x"], "mood": 1}, "timestamp": 5, "description": None,
            "extra": {"deep": [[]]}}))
        await client.expect("success")
        await client.close()
    asyncio.run(run())


def test_searches_are_limited(server):
    async def run():
        with running("--rate-search", 1) as limited:
            limited.wait_ready()
            client = await (await Client.connect(limited)).like("x")
            for _ in range(2):
                await client.search()
                await client.ask("end_matching")
            await client.send("start_matching")
            await client.expect_error("rate_limited", "start_matching")
            await client.send("submit_interests", interests=["y"])
            await client.expect_error("rate_limited", "submit_interests")
            await client.close()
            await settled(limited)
    asyncio.run(run())


def test_messages_are_limited_and_who_does_not_heed_is_closed(server):
    async def run():
        with running("--rate-chat", 1) as limited:
            limited.wait_ready()
            a, b = await pair(limited)
            for i in range(3):
                await a.send("chat_message", message=str(i))
                await b.expect("chat_message", message=str(i))
            for _ in range(5):
                await a.send("chat_message", message="more")
                await a.expect_error("rate_limited", "chat_message")
            await b.silence()
            for _ in range(80):
                await a.send("chat_message", message="more and more")
            await a.expect_close(1008)
            while (await b.event())["type"] != "partner_left_chat":
                pass
            await b.close()
            await settled(limited)
    asyncio.run(run())

"""Two people, perhaps on two nodes, who meet and talk."""
import asyncio

from harness import Client


async def user(node, *interests, path=""):
    return await (await Client.connect(node, path)).like(*interests)


async def meet(waiter, seeker):
    """One searches already."""
    await seeker.send("start_matching")
    found = await seeker.expect("success_matched", role="caller")
    heard = await waiter.expect("success_matched", role="callee", match_id=found["match_id"])
    assert heard["common_interests"] == found["common_interests"]
    return found


async def pair_across(one, two, *interests):
    waiter = await (await user(one, *interests)).search()
    seeker = await user(two, *interests)
    await meet(waiter, seeker)
    return waiter, seeker


async def write(writer, name, count, pause=0):
    for number in range(count):
        await writer.send("chat_message", message=f"{name} {number}")
        await asyncio.sleep(pause)


async def read(reader, name, count, timeout=None):
    for number in range(count):
        await reader.expect("chat_message", timeout, message=f"{name} {number}")


async def talk(a, b, count=3, pause=0, timeout=None):
    """Both ways at once: all, in order, and nothing else."""
    await asyncio.gather(write(a, "a", count, pause), write(b, "b", count, pause), read(b, "a", count, timeout), read(a, "b", count, timeout))

"""Nothing is lost, doubled or reordered where connections are cut again and again, and come back by the same node or another one. With
CHATTERBOX_DROP_SECONDS it is 200 users for so long."""
import contextlib
import os

import drop
from cluster import Cluster
from harness import SLOWNESS, running, wait_for

FLAGS = ("--io-threads", 2, "--session-threads", 2, "--resume-time", "20s", "--rate-chat", 0)  # what is said again comes all at once


def cut(ports, users, seconds):
    if "CHATTERBOX_DROP_SECONDS" in os.environ:
        users, seconds = 200, int(os.environ["CHATTERBOX_DROP_SECONDS"])
    result = drop.run(ports, users=users, rate=50, cut_every=2, seconds=seconds)
    print(result)
    for name in ("lost", "doubled", "reordered", "misdelivered", "events_out_of_order", "chats_ended", "unacknowledged"):
        assert result[name] == 0, result
    assert not result["errors"], result
    # And it was what it says.
    assert result["cuts"] > users * seconds / 8 and result["cut_amid_frames"] > result["cuts"] / 4, result
    assert result["sent"] > users * seconds * 15 and result["said_again"] > 0, result
    return result


def test_connections_are_cut():
    with running(*FLAGS) as server:
        server.wait_ready()
        result = cut([server.port], *((60, 12) if SLOWNESS == 1 else (20, 15)))
        assert server.metric("resumed_total") >= result["resumed"]


def test_connections_are_cut_and_come_back_by_another_node():
    with contextlib.ExitStack() as stack:
        nodes = Cluster(stack, shared=True).nodes(2, *FLAGS)
        result = cut([node.port for node in nodes], *((40, 8) if SLOWNESS == 1 else (12, 12)))
        assert result["resumed_elsewhere"] > result["resumed"] / 3, result
        assert sum(node.metric("resumed_total") for node in nodes) >= result["resumed"]
        wait_for(lambda: all(node.metric(name) == 0 for node in nodes for name in ("users", "afar", "websockets")), "everybody to leave")

"""Nothing is lost, doubled or reordered where connections are cut again and again. With CHATTERBOX_DROP_SECONDS it is 200 users for so long."""
import os

import drop
from harness import SLOWNESS, running


def test_connections_are_cut():
    users, seconds = (60, 12) if SLOWNESS == 1 else (20, 15)
    if "CHATTERBOX_DROP_SECONDS" in os.environ:
        users, seconds = 200, int(os.environ["CHATTERBOX_DROP_SECONDS"])
    with running("--io-threads", 2, "--session-threads", 2, "--resume-time", "20s") as server:
        server.wait_ready()
        result = drop.run(server.port, users=users, rate=50, cut_every=2, seconds=seconds)
        print(result)
        for name in ("lost", "doubled", "reordered", "misdelivered", "events_out_of_order", "chats_ended", "unacknowledged"):
            assert result[name] == 0, result
        assert not result["errors"], result
        # And it was what it says.
        assert result["cuts"] > users * seconds / 8 and result["cut_amid_frames"] > result["cuts"] / 4, result
        assert result["sent"] > users * seconds * 15 and result["said_again"] > 0, result
        assert server.metric("resumed_total") >= result["resumed"]

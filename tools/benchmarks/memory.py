"""Where the bytes of an idle user are."""
import json
import os
import statistics
import subprocess

import stage

USERS = 15000


def run(options):
    sizes = json.loads(subprocess.run([os.path.join(stage.BUILD, "sizes")], capture_output=True, text=True, check=True).stdout)
    measured = []
    for number in range(options.rounds):
        stage.say(f"round {number + 1} of {options.rounds}")
        with stage.chatterbox() as (port, pid):
            stage.load(port, pid, "idle", "--users", 200, "--seconds", 1)  # the first users pay for what all share
            measured.append(stage.load(port, pid, "idle", "--users", USERS, "--seconds", 1)["pss_bytes_per_user"])
    watchers = 8 * (1 << (USERS + 16).bit_length()) / USERS
    parts = [
        (f"connection (of it {sizes['of it uv_tcp_t']} libuv's handle)", sizes["connection"]),
        ("its place in the slab: generation, free list, alignment", sizes["connection slab"]),
        ("session actor", sizes["session actor"]),
        ("its place in the slab", sizes["actor slab"]),
        ("three interests, with malloc's header", sizes["interests"]),
        ("libuv's table of descriptors", watchers),
    ]
    total = statistics.median(measured)
    parts.append(("buffers that the threads keep for the next burst (outputs, payloads, readers), allocator", total - sum(part[1] for part in parts)))
    stage.print_conditions(f"{USERS:,} users with three interests each, {options.rounds} rounds; the first 200 users came before the measurement")
    stage.print_table(["per idle user", "bytes"], [[name, f"{size:,.0f}"] for name, size in parts] + [["measured (PSS)", stage.spread(measured)]])

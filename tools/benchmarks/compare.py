"""ChatterBox beside the least that a relay can do and beside Node's ws, in turns, on the same cores."""
import os
import shutil
import statistics
import subprocess

import spellings
import stage

PROTOCOL = {"floor": ["raw"], "node ws": ["websocket"], "chatterbox": ["chatterbox", "--spelling", "readme"]}  # as README.md tells to write


def relays():
    names = ["floor", "node ws", "chatterbox"]
    if shutil.which("node") is None or shutil.which("npm") is None:
        stage.say("node or npm is missing: without Node's ws")
        names.remove("node ws")
    elif not os.path.isdir(os.path.join(stage.NODE_RELAY, "node_modules")):
        subprocess.run(["npm", "ci", "--silent"], cwd=stage.NODE_RELAY, check=True)
    return names


def measure(name, port, pid, options, rows, limited):
    def load(*flags):
        return stage.load(port, pid, "relay", "--protocol", *PROTOCOL[name], "--users", options.users, "--seconds", options.seconds, *flags)

    for window in (16, 1):
        got = load("--window", window)
        rows[name, f"window {window}"].append(got["messages_per_cpu_second"])
        if got["load_is_bottleneck"]:
            limited.add((name, f"window {window}"))
    half_of_peak = got["messages_per_second"] / 2
    rows[name, "rate"].append(half_of_peak)
    got = load("--rate", half_of_peak)
    rows[name, "p50"].append(got["latency_us"]["p50"])
    rows[name, "p99"].append(got["latency_us"]["p99"])
    return half_of_peak


def run(options):
    names = relays()
    labels = {"window 1": "messages, window 1", "window 16": "messages, window 16", "rate": "half of its peak, messages/s",
              "p50": "latency at that rate, p50, us", "p99": "latency at that rate, p99, us"}
    rows = {(name, what): [] for name in names for what in labels}
    floor_p99 = []
    limited = set()
    for number in range(options.rounds):
        stage.say(f"round {number + 1} of {options.rounds}")
        for name in names:
            if name == "chatterbox":
                with stage.chatterbox() as (port, pid):
                    rate = measure(name, port, pid, options, rows, limited)
                continue
            port = stage.free_port()
            command = [os.path.join(stage.BUILD, "floor"), str(port)] if name == "floor" \
                else ["node", os.path.join(stage.NODE_RELAY, "relay.js"), str(port)]
            with stage.process(command) as child:
                stage.wait_until_open(port)
                measure(name, port, child.pid, options, rows, limited)
        # The floor once more, at ChatterBox's rate.
        port = stage.free_port()
        with stage.process([os.path.join(stage.BUILD, "floor"), str(port)]) as child:
            stage.wait_until_open(port)
            got = stage.load(port, child.pid, "relay", "--protocol", "raw", "--users", options.users, "--seconds", options.seconds, "--rate", rate)
            floor_p99.append(got["latency_us"]["p99"])

    memory = []
    for _ in range(min(options.rounds, 3)):
        with stage.chatterbox() as (port, pid):
            stage.load(port, pid, "idle", "--users", 200, "--seconds", 1)  # the first users pay for what all share
            memory.append(stage.load(port, pid, "idle", "--users", 15000, "--seconds", 1)["pss_bytes_per_user"])

    stage.print_conditions(f"{options.users} users in pairs, 64-byte messages, {options.rounds} rounds of {options.seconds:g} s each: the "
                           "median of the rounds, in brackets the lowest and the highest")
    table = []
    for what, label in labels.items():
        row = [label] + [stage.spread(rows[name, what]) + (" *" if (name, what) in limited else "") for name in names]
        for other in names[:-1]:
            ratios = [a / b for a, b in zip(rows["chatterbox", what], rows[other, what])]
            row.append(stage.spread(ratios, 2))
        table.append(row)
    stage.print_table(["per server-CPU-second", *names, *(f"chatterbox / {other}" for other in names[:-1])], table)
    ratios = [a / b for a, b in zip(rows["chatterbox", "p99"], floor_p99)]
    print(f"\nAt ChatterBox's rate the floor's p99 is {statistics.median(floor_p99):,.0f} us; ChatterBox's is {stage.spread(ratios, 2)} times that.")
    print(f"\nAn idle user with interests, of 15,000: {stage.spread(memory)} bytes of the server (PSS).")
    if limited:
        print("\n\\* the load generator was the limit of the rate; what a message costs the server is measured all the same.")
    print()
    spellings.run(options)

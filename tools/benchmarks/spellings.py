"""What a chat message costs, in each way that clients write its JSON. Fails if one costs much more than the cheapest."""
import statistics
import sys

import stage

SPELLINGS = ["stringify", "python", "readme", "shuffled", "escaped"]
WINDOWS = [1, 16]
LEAST = 0.9  # of the best, as messages per CPU-second


def run(options):
    rows = {(spelling, window): [] for spelling in SPELLINGS for window in WINDOWS}
    for number in range(options.rounds):
        stage.say(f"spellings: round {number + 1} of {options.rounds}")
        with stage.chatterbox() as (port, pid):
            for window in WINDOWS:
                # Each round begins with another one, so that none is always first.
                for spelling in SPELLINGS[number % len(SPELLINGS):] + SPELLINGS[:number % len(SPELLINGS)]:
                    got = stage.load(port, pid, "relay", "--users", options.users, "--seconds", options.seconds, "--window", window,
                                     "--spelling", spelling)
                    rows[spelling, window].append(got["messages_per_cpu_second"])
    stage.print_conditions(f"{options.users} users in pairs, 64-byte messages, {options.rounds} rounds of {options.seconds:g} s each: messages per "
                           "server-CPU-second, the median of the rounds, in brackets the lowest and the highest; and the median in parts of the best spelling's")
    table, shares = [], []
    # A machine whose clock or neighbours change takes from one round and gives to another, up to 40 % at once: no single round says what a spelling costs.
    medians = {key: statistics.median(values) for key, values in rows.items()}
    for spelling in SPELLINGS:
        row = [spelling]
        for window in WINDOWS:
            share = medians[spelling, window] / max(medians[other, window] for other in SPELLINGS)
            shares.append((share, spelling, window))
            row += [stage.spread(rows[spelling, window]), f"{share:.2f}"]
        table.append(row)
    stage.print_table(["spelling", "window 1", "of the best", "window 16", "of the best"], table)
    share, spelling, window = min(shares)
    if share < LEAST:
        sys.exit(f"tools/bench: {spelling} at window {window}: {share:.2f} of the best, expected {LEAST}")

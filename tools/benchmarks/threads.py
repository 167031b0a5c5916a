"""What --io-threads and --session-threads do on this machine."""
import itertools
import statistics

import stage

COUNTED = ("ring_messages_total", "wakeups_total", "relayed_total")
IO, SESSION, WINDOWS = (1, 2, 4), (0, 1, 2, 4), (1, 16)
COLUMNS = {"rate": ("messages/s", "{:,.0f}"), "cost": ("per server-CPU-second", "{:,.0f}"),
           "hops": ("ring messages each", "{:.2f}"), "woken": ("wake-ups per 1,000", "{:.1f}")}


def measure(port, pid, options, window):
    before = [stage.metric(port, name) for name in COUNTED]
    got = stage.load(port, pid, "relay", "--users", options.users, "--window", window, "--seconds", options.seconds)
    hops, woken, relayed = (stage.metric(port, name) - early for name, early in zip(COUNTED, before))
    return {"rate": got["messages_per_second"], "cost": got["messages_per_cpu_second"], "hops": hops / relayed, "woken": 1000 * woken / relayed}


def run(options):
    rows = {}
    for number in range(options.rounds):
        stage.say(f"round {number + 1} of {options.rounds}")
        for io, session in itertools.product(IO, SESSION):
            with stage.chatterbox("--io-threads", str(io), "--session-threads", str(session)) as (port, pid):
                for window in WINDOWS:
                    rows.setdefault((io, session, window), []).append(measure(port, pid, options, window))
    stage.print_conditions(f"{options.users} users in pairs, {options.rounds} rounds of {options.seconds:g} s each: the median of the rounds")
    cells = [(window, what) for window in WINDOWS for what in COLUMNS]
    stage.print_table(["I/O threads", "session threads", *(f"window {window}: {COLUMNS[what][0]}" for window, what in cells)],
                      [[str(io), str(session), *(COLUMNS[what][1].format(statistics.median(row[what] for row in rows[io, session, window]))
                                                 for window, what in cells)] for io, session in itertools.product(IO, SESSION)])

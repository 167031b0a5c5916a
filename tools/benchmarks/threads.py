"""What --io-threads and --session-threads do on this machine."""
import itertools

import stage

IO, SESSION = (1, 2, 4), (0, 1, 2, 4)


def run(options):
    rows = {}
    for number in range(options.rounds):
        stage.say(f"round {number + 1} of {options.rounds}")
        for io, session in itertools.product(IO, SESSION):
            with stage.chatterbox("--io-threads", str(io), "--session-threads", str(session)) as (port, pid):
                for window in (1, 16):
                    got = stage.load(port, pid, "relay", "--users", options.users, "--window", window, "--seconds", options.seconds)
                    rows.setdefault((io, session, window, "rate"), []).append(got["messages_per_second"])
                    rows.setdefault((io, session, window, "cost"), []).append(got["messages_per_cpu_second"])
    stage.print_conditions(f"{options.users} users in pairs, {options.rounds} rounds of {options.seconds:g} s each: the median of the rounds")
    stage.print_table(
        ["I/O threads", "session threads", "window 1: messages/s", "per server-CPU-second", "window 16: messages/s", "per server-CPU-second"],
        [[str(io), str(session), *(f"{sorted(rows[io, session, window, what])[options.rounds // 2]:,.0f}"
                                   for window in (1, 16) for what in ("rate", "cost"))] for io, session in itertools.product(IO, SESSION)])

"""Who limits sessions: Redis or the server?

Records what a server under load really sends to Redis, gives the same calls to a fresh Redis from a bare pipelining client (redis-cli
--pipe), and sets what a session costs Redis then beside what it costs Redis and each thread of the server in the live run.
"""
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time

import stage

ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
SESSION_ENDS = "leave"


def record(path, file):
    """MONITOR to a file while a server runs; the whole of what it sent, without what the scripts did."""
    return stage.process(["redis-cli", "-s", path, "monitor"], stdout=file)


def unquote(text):
    return re.sub(rb'\\(x[0-9a-f]{2}|.)', lambda m: bytes([int(m[1][1:], 16)]) if m[1][:1] == b"x" and len(m[1]) == 3 else
                  {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}.get(m[1], m[1]), text)


def calls_of(file):
    for line in file:
        _, _, call = line.partition(b"] ")
        if b" lua] " in line[:40] or not call:
            continue
        yield [unquote(argument) for argument in ARGUMENT.findall(call)]


def as_protocol(calls):
    return b"".join(b"*%d\r\n" % len(call) + b"".join(b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in call) for call in calls)


def replay(calls):
    """Seconds of Redis' CPU, and of the clock, for all calls, pipelined."""
    scripts = as_protocol(call for call in calls if call[0].upper() == b"SCRIPT")
    work = as_protocol(call for call in calls if call[0].upper() == b"EVALSHA")
    with stage.redis() as (path, pid):
        pipe = ["redis-cli", "-s", path, "--pipe"]
        subprocess.run(pipe, input=scripts, check=True, stdout=subprocess.DEVNULL)
        before, begin = stage.cpu_seconds(pid)[""], time.monotonic()
        result = subprocess.run(pipe, input=work, capture_output=True)
        seconds = time.monotonic() - begin
        if b"errors: 0," not in result.stdout:
            sys.exit(f"tools/bench: the replay failed: {result.stdout.decode()[-200:]}")
        return stage.cpu_seconds(pid)[""] - before, seconds


def run(options):
    with open(os.path.join(stage.BUILD, "lua", f"{SESSION_ENDS}.lua"), "rb") as file:
        leave = hashlib.sha1(file.read()).hexdigest().encode()
    rows = {name: [] for name in ("alone", "alone, rate", "redis", "server", "matcher", "io", "sessions")}
    for number in range(options.rounds):
        stage.say(f"round {number + 1} of {options.rounds}")
        with tempfile.TemporaryFile() as file:
            with stage.redis() as (path, _), record(path, file):
                time.sleep(0.3)
                with stage.chatterbox("--redis", f"unix:{path}") as (port, pid):
                    stage.load(port, pid, "churn", "--users", 100, "--seconds", min(options.seconds, 2))
                time.sleep(0.3)
            file.seek(0)
            calls = list(calls_of(file))
        sessions = sum(1 for call in calls if call[0].upper() == b"EVALSHA" and call[1] == leave)
        cpu, seconds = replay(calls)
        rows["alone"].append(cpu * 1e6 / sessions)
        rows["alone, rate"].append(sessions / seconds)

        with stage.redis() as (path, redis_pid), stage.chatterbox("--redis", f"unix:{path}", "--session-threads", "0") as (port, pid):
            before, redis_before = stage.cpu_seconds(pid), stage.cpu_seconds(redis_pid)[""]
            got = stage.load(port, pid, "churn", "--users", 100, "--seconds", options.seconds)
            sessions = 2 * stage.metric(port, "matches_total")
            spent = stage.cpu_seconds(pid)
            rows["redis"].append((stage.cpu_seconds(redis_pid)[""] - redis_before) * 1e6 / sessions)
            for thread, name in (("server", ""), ("matcher", "matcher"), ("io", "io-0")):
                rows[thread].append((spent[name] - before[name]) * 1e6 / sessions)
            rows["sessions"].append(got["sessions_per_second"])

    stage.print_conditions(f"100 users who come, match, write three messages, leave and come again; {options.rounds} rounds of "
                           f"{options.seconds:g} s each: the median, in brackets the lowest and the highest")
    stage.print_table(["us of CPU per session", ""], [
        ["Redis, the same calls pipelined by redis-cli", stage.spread(rows["alone"])],
        ["Redis, under the server", stage.spread(rows["redis"])],
        ["server, all threads", stage.spread(rows["server"])],
        ["matcher thread", stage.spread(rows["matcher"])],
        ["I/O thread, with the session actors", stage.spread(rows["io"])]])
    print(f"\nredis-cli gets {stage.spread(rows['alone, rate'])} sessions per second out of a Redis that has a core of its own. Load generator, "
          f"server and Redis together on {os.cpu_count()} cores: {stage.spread(rows['sessions'])}; {1e6 / sorted(rows['server'])[len(rows['server']) // 2]:,.0f} "
          "per server-CPU-second.")

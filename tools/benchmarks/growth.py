"""What a message costs with ever more users, and a match with ever more people waiting. Draws a curve of each."""
import subprocess

import plot
import stage

USERS = (10, 100, 1000, 5000, 15000)
WAITING = (10, 100, 1000, 5000, 15000)


def cost_of_messages(options):
    """us of server CPU for each message: one in flight per direction, which is the dearest; and 16."""
    costs = {1: {}, 16: {}}
    for users in USERS:
        stage.say(f"messages: {users} users")
        for window in costs:
            costs[window][users] = []
            for _ in range(options.rounds):
                with stage.chatterbox() as (port, pid):
                    got = stage.load(port, pid, "relay", "--users", users, "--window", window, "--seconds", options.seconds)
                    costs[window][users].append(1e6 / got["messages_per_cpu_second"])
    return costs


def cost_of_matches(options):
    """us of the CPU of Redis and of the server for one whole session, while others wait for somebody who never comes."""
    costs = {"Redis": {}, "server": {}}
    for waiting in WAITING:
        stage.say(f"matches: {waiting} waiting")
        costs["Redis"][waiting], costs["server"][waiting] = [], []
        for _ in range(options.rounds):
            with stage.redis() as (path, redis_pid), stage.chatterbox("--redis", f"unix:{path}") as (port, pid):
                with stage.process(stage.load_command(port, pid, "wait", "--users", waiting, "--seconds", 600),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                    stage.wait_for(lambda: stage.metric(port, "searching") == waiting)
                    before = stage.cpu_seconds(redis_pid)[""]
                    begin = stage.metric(port, "matches_total")
                    got = stage.load(port, pid, "churn", "--users", 100, "--seconds", options.seconds)
                    sessions = 2 * (stage.metric(port, "matches_total") - begin)
                    costs["Redis"][waiting].append((stage.cpu_seconds(redis_pid)[""] - before) * 1e6 / sessions)
                    costs["server"][waiting].append(1e6 / got["sessions_per_cpu_second"])
    return costs


def print_costs(head, costs, labels):
    print()
    columns = sorted(next(iter(costs.values())))
    stage.print_table([head, *(f"{n:,}" for n in columns)],
                      [[labels[key], *(stage.spread(costs[key][n], 1) for n in columns)] for key in costs])


def run(options):
    messages = cost_of_messages(options)
    matches = cost_of_matches(options)
    stage.print_conditions(f"{options.rounds} rounds of {options.seconds:g} s each: the median, in brackets the lowest and the highest")
    labels = {1: "one in flight each way", 16: "16 in flight each way"}
    print_costs("us of server CPU per message, users:", messages, labels)
    plot.curves("cost-per-message.svg", "Server CPU per message", "users", "µs", {labels[key]: messages[key] for key in messages})
    print_costs("us of CPU per session, others waiting:", matches, {"Redis": "Redis", "server": "server"})
    plot.curves("cost-per-session.svg", "CPU per session while others wait", "others who wait", "µs", matches)

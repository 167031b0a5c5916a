"""What tools/prometheus has, with a Prometheus of its own that scrapes the real server."""
import contextlib
import json
import os
import re
import subprocess
import tempfile
import urllib.parse
import urllib.request

import pytest

from harness import SLOWNESS, TIMEOUT, running, unused_port, wait_for

FOLDER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../tools/prometheus"))
ALERTS = os.path.join(FOLDER, "alerts.yml")


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started.wait_ready()


def promtool(*arguments, **kwargs):
    result = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, cwd=FOLDER, **kwargs)
    return result.returncode, result.stdout + result.stderr


def expressions_of_dashboard():
    """As Grafana would ask them: its variables are replaced."""
    with open(os.path.join(FOLDER, "dashboard.json")) as file:
        panels = json.load(file)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*") for panel in panels for target in panel["targets"]]


def rules_in_use():
    with open(ALERTS) as file:
        return file.read()


def families(server):
    """What /metrics has, and what Prometheus makes of a histogram."""
    found = dict(re.findall(r"^# TYPE (\S+) (\S+)$", server.get("/metrics"), re.M))
    return {name + suffix for name, kind in found.items() for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}


def names_in(text):
    return set(re.findall(r"\b(?:chatterbox|process)_\w+", text))


def test_promtool_has_no_complaint(server):
    assert promtool("check", "metrics", input=server.get("/metrics")) == (0, "")
    status, said = promtool("check", "rules", "alerts.yml")
    assert status == 0 and "6 rules found" in said, said


def test_the_rules_fire_when_they_should_and_not_else():
    status, said = promtool("test", "rules", "alerts_test.yml")
    assert status == 0 and "SUCCESS" in said, said
    with open(os.path.join(FOLDER, "alerts_test.yml")) as file:
        tested = file.read()
    for rule in re.findall(r"- alert: (\w+)", rules_in_use()):
        assert re.search(rf"alertname: {rule}\n +exp_alerts:", tested), f"nothing shows that {rule} fires"


def test_rules_and_the_dashboard_name_only_what_there_is(server):
    expressions = "\n".join(re.findall(r"expr: (?:\|\n)?((?:.|\n)*?)\n +for:", rules_in_use()))
    assert len(names_in(expressions)) >= 7
    assert names_in(expressions) <= families(server)
    shown = names_in("\n".join(expressions_of_dashboard()))
    assert len(shown) > 20 and shown <= families(server)


@contextlib.contextmanager
def prometheus(server):
    """One that scrapes the server each second. Yields what asks it."""
    port = unused_port()
    with tempfile.TemporaryDirectory(prefix="cbt-") as directory:
        path = os.path.join(directory, "prometheus.yml")
        with open(path, "w") as file:
            json.dump({  # which is YAML, too
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [ALERTS],
                "scrape_configs": [{"job_name": "chatterbox", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}]}, file)
        process = subprocess.Popen(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])

        def ask(what, **parameters):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}", timeout=TIMEOUT) as answer:
                return json.load(answer)["data"]

        try:
            yield ask
        finally:
            process.kill()
            process.wait()


def test_a_prometheus_scrapes_it(server):
    with prometheus(server) as ask:
        def value(query):
            with contextlib.suppress(OSError):
                found = ask("query", query=query)["result"]
                return float(found[0]["value"][1]) if found else None
            return None

        wait_for(lambda: value("up") == 1 and value("chatterbox_redis_up") == 1, "a scrape", 60 * SLOWNESS)
        samples = len(re.findall(r"^[^#]", server.get("/metrics"), re.M))
        assert value("scrape_samples_scraped") == samples
        assert value('sum(chatterbox_closes_total)') == 0 and value('count(chatterbox_redis_call_seconds_bucket{script="leave"})') == 13
        assert [target["lastError"] for target in ask("targets")["activeTargets"]] == [""]

        expressions = expressions_of_dashboard()
        assert len(expressions) > 20
        for expression in expressions:
            assert "$" not in expression
            ask("query", query=expression)  # or it is answered with 400

        def are_healthy():
            rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
            return len(rules) == 6 and all(rule["health"] == "ok" for rule in rules)
        wait_for(are_healthy, "rules that can be evaluated", 30 * SLOWNESS)

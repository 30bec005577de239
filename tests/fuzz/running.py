"""One caller's run of schemathesis against a web server: all checks, all phases."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from tests.fuzz.reasons import accepts

MOST_SHOWN = 1_000
"""Bytes of an answer."""
PHASES = ("examples", "coverage", "fuzzing", "stateful")
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]
"""How what is malformed may be refused: schemathesis knows all of them but 412 and 413, which come before anybody looks
at the content of a request (RFC 9110, 13.2.1 and 15.5.14)."""


@dataclass(frozen=True)
class Plan:
    """How much is tried.

    Attributes:
        seed: of everything that is drawn.
        examples: of each operation, for the phase "fuzzing".
        scenarios: for the phase "stateful".
        steps: of each scenario at most.
        phases: which are run.
    """

    seed: int
    examples: int
    scenarios: int
    steps: int = 15
    phases: tuple[str, ...] = PHASES


@dataclass
class Outcome:
    """What came of it: requests by phase, checks by name, answers by status, links that were followed and those of them
    that led to a success, and what was found."""

    examples: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """All requests."""
        return self.examples.total()


def read_document() -> dict[str, Any]:
    """The OpenAPI document, as ``/schema`` gives it."""
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiJsonRenderer

    document: dict[str, Any] = json.loads(
        OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True))
    )
    return document


def run(url: str, authorization: str | None, document: dict[str, Any], plan: Plan) -> Outcome:
    """Try the API at ``url``, which ``document`` describes, as the caller whom ``authorization`` names."""
    schema = schemathesis.openapi.from_dict(document, config=_config(url, authorization, plan))
    schema.hooks.hook("filter_failure")(accepts)
    outcome = Outcome()
    for event in from_schema(schema).execute():
        _note(event, outcome)
    return outcome


def _config(url: str, authorization: str | None, plan: Plan) -> SchemathesisConfig:
    phases: dict[str, Any] = {name: {"enabled": name in plan.phases} for name in PHASES}
    phases["fuzzing"]["generation"] = {"max-examples": plan.examples}
    # Only well-formed requests get far: the document's own links, and nothing that is refused on the way.
    following = {"max-examples": plan.scenarios, "mode": "positive"}
    phases["stateful"] |= {"max-steps": plan.steps, "generation": following, "inference": {"algorithms": []}}
    return SchemathesisConfig.from_dict(
        {
            "base-url": url,
            "request-timeout": 30,
            "seed": plan.seed,
            "headers": {"Authorization": authorization} if authorization else {},
            "continue-on-failure": True,
            "generation": {"database": "none"},
            "cache": {"enabled": False},
            "suppress-health-check": ["all"],
            "phases": phases,
            "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
            # Without it the answer is a stream of events that ends after ten minutes.
            "operations": [{"include-path-regex": "/events$", "headers": {"Accept": "application/json"}}],
        }
    )


def _note(event: events.EngineEvent, outcome: Outcome) -> None:
    match event:
        case events.ScenarioFinished():
            _note_scenario(event, outcome)
        case events.NonFatalError():
            outcome.findings.append(f"{event.label}: {event.info.title}: {event.info.message}")
        case events.FatalError():
            outcome.findings.append(f"schemathesis: {event.exception!r}")


def _note_scenario(event: events.ScenarioFinished, outcome: Outcome) -> None:
    recorder = event.recorder
    outcome.examples[event.phase.value] += len(recorder.interactions)
    outcome.operations |= {node.value.operation.label for node in recorder.cases.values()}
    _note_links(recorder, outcome)
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            outcome.statuses[interaction.response.status_code] += 1
    for case_id, nodes in recorder.checks.items():
        for node in nodes:
            outcome.checks[node.name] += 1
            if node.status != Status.SUCCESS:
                answered = recorder.interactions.get(case_id)
                outcome.findings.append(_told(event, node, answered))


def _note_links(recorder: Any, outcome: Outcome) -> None:
    """Count the links that OpenAPI declares or schemathesis infers, by what they lead from and to."""
    for case_id, node in recorder.cases.items():
        answered = recorder.interactions.get(case_id)
        if node.transition is None or not node.is_transition_applied or answered is None:
            continue
        parent = recorder.cases[node.parent_id].value.operation
        name = (
            f"{parent.definition.raw['operationId']} -> {node.value.operation.definition.raw['operationId']}"
        )
        outcome.links[name] += 1
        if answered.response is not None and answered.response.status_code < 400:
            outcome.arrived[name] += 1


def _told(event: events.ScenarioFinished, node: Any, answered: Any) -> str:
    """A finding with what shows it again."""
    if node.failure_info is None:
        return f"{event.label}: the check {node.name} broke"
    failure = node.failure_info.failure
    response = answered.response if answered is not None else None
    said = "" if response is None else f"{response.status_code} {(response.content or b'')[:MOST_SHOWN]!r}"
    first = f"{event.phase.value}, {failure.operation}, {node.name}: {failure.title}"
    return "\n".join([first, failure.message, node.failure_info.code_sample, said])
